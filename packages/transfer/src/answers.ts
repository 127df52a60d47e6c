/** Answers of the file server that need no file's bytes: statuses, and the headers that go with a file. */
import type { ServerResponse } from 'node:http'
import { isPartial, type PartialFile, type SharedFile } from '@servent/overlay'
import type { ByteRange } from './range.ts'
import { sha1Urn } from './request-target.ts'
import type { UploadAccount } from './types.ts'
import type { QueueAnswer } from './upload-queue.ts'

/** Type and subtype of RFC 9110, 8.3.1, without parameters. */
const MEDIA_TYPE = /^[\w!#$&^.+-]{1,63}\/[\w!#$&^.+-]{1,63}$/

/** A shared one, or one that is being fetched. */
export type ServedFile = SharedFile | PartialFile

/** A status with one sentence. */
export function sendStatus(response: ServerResponse, status: number, sentence: string): void {
  if (response.headersSent || response.destroyed) return
  const body = Buffer.from(`${sentence}\n`)
  response.writeHead(status, {
    'Content-Type': 'text/plain; charset=utf-8',
    'X-Content-Type-Options': 'nosniff',
    'Content-Length': body.length
  })
  response.end(response.req.method === 'HEAD' ? undefined : body)
}

export function etagOf(file: ServedFile): string {
  return `"${file.id}"`
}

/** What is said of a file with a whole or partial answer. */
export function sendFileHead(
  response: ServerResponse,
  status: 200 | 206 | 304,
  file: ServedFile,
  range: ByteRange
): void {
  const headers: Record<string, string | number> = {
    ETag: etagOf(file),
    'Accept-Ranges': 'bytes',
    // The bytes of an id never change.
    'Cache-Control': 'public, max-age=31536000, immutable',
    'X-Servent-Size': file.size
  }
  if (!isPartial(file)) headers['X-Gnutella-Content-URN'] = sha1Urn(file.sha1)
  if (status !== 304) {
    headers['Content-Type'] = MEDIA_TYPE.test(file.type) ? file.type : 'application/octet-stream'
    headers['Content-Length'] = range.end - range.start
    headers['X-Content-Type-Options'] = 'nosniff'
    headers['Content-Disposition'] = `attachment; filename*=UTF-8''${extValue(file.name)}`
  }
  if (status === 206) headers['Content-Range'] = `bytes ${range.start}-${range.end - 1}/${file.size}`
  response.writeHead(status, headers)
}

export function sendUnsatisfiable(
  response: ServerResponse,
  file: ServedFile,
  why = 'the range lies beyond them'
): void {
  response.setHeader('Content-Range', `bytes */${file.size}`)
  response.setHeader('X-Servent-Size', file.size)
  sendStatus(response, 416, `This file has ${file.size} bytes, and ${why}.`)
}

export interface QueueHeaderLimits {
  readonly slotsMax: number
  readonly queuePollMinMs: number
  readonly queuePollMaxMs: number
}

/** Gnutella's active queue: `X-Queue` with 503, its times in seconds. */
export function sendBusy(
  response: ServerResponse,
  answer: Exclude<QueueAnswer, { type: 'granted' }>,
  limits: QueueHeaderLimits,
  { standing, givenBytes, takenBytes, level, band }: UploadAccount
): void {
  response.setHeader('X-Servent-Standing', `${standing}; given=${givenBytes}; taken=${takenBytes}`)
  if (level !== undefined) response.setHeader('X-Servent-Level', `${level}; band=${band}`)
  const pollMin = Math.ceil(limits.queuePollMinMs / 1000)
  const pollMax = Math.ceil(limits.queuePollMaxMs / 1000)
  if (answer.type === 'full') {
    response.setHeader('Retry-After', pollMax)
    sendStatus(response, 503, 'All upload slots and all places in the queue are taken. Try later.')
    return
  }
  response.setHeader('Retry-After', pollMin)
  response.setHeader(
    'X-Queue',
    `position=${answer.position},length=${answer.length},limit=${limits.slotsMax},pollMin=${pollMin},pollMax=${pollMax}`
  )
  sendStatus(
    response,
    503,
    `All upload slots are taken. You have place ${answer.position}; ask again in ${pollMin} to ${pollMax} seconds.`
  )
}

/** RFC 8187's `ext-value` characters; names of files are any text. */
function extValue(name: string): string {
  return encodeURIComponent(name.toWellFormed()).replace(
    /['()*]/g,
    character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`
  )
}
