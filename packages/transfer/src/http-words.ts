/** What HTTP's headers and errors of a source mean to a download. Pure. */
import type { IncomingHttpHeaders } from 'node:http'
import { SourceBusyError, SourceLiedError, SourceLostError } from './errors.ts'

const RETRY_MS_DEFAULT = 10_000

/** A 503: by Gnutella's `X-Queue` where there is one, else by `Retry-After`. */
export function busyFrom(headers: IncomingHttpHeaders): SourceBusyError {
  const queue = new Map(
    String(headers['x-queue'] ?? '')
      .split(',')
      .map(part => part.trim().split('=', 2) as [string, string | undefined])
  )
  const position = seconds(queue.get('position'))
  const length = seconds(queue.get('length'))
  const wait = seconds(queue.get('pollMin')) ?? seconds(headers['retry-after'])
  const place =
    position === undefined ? '' : `: place ${position}${length === undefined ? '' : ` of ${length}`}`
  return new SourceBusyError(
    `It has no free upload slot${place}${standingFrom(headers)}${levelFrom(headers)}.`,
    wait === undefined ? RETRY_MS_DEFAULT : wait * 1000,
    position,
    length
  )
}

/** How this peer stands with the source, as that says. */
function standingFrom(headers: IncomingHttpHeaders): string {
  const text = String(headers['x-servent-standing'] ?? '')
  const match = /^(giver|newcomer|freeloader); given=(\d{1,16}); taken=(\d{1,16})$/.exec(text)
  if (match === null) return ''
  const [given, taken] = match.slice(2).map(bytes => (Number(bytes) / 2 ** 20).toFixed(1))
  return `, as a ${match[1]} that gave it ${given} MiB and took ${taken}`
}

/** The participation level that the source gives this peer, and what that is called. */
function levelFrom(headers: IncomingHttpHeaders): string {
  const match = /^(\d{1,4}); band=([A-Za-z ]{1,32})$/.exec(String(headers['x-servent-level'] ?? ''))
  return match === null ? '' : `, at level ${match[1]} (${match[2]})`
}

function seconds(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text.trim()) ? Number(text) : undefined
}

/** The file's name of `Content-Disposition: …; filename*=UTF-8''…` (RFC 6266). */
export function nameFrom(header: string | undefined): string | undefined {
  const match = /;\s*filename\*=UTF-8''([^;\s]{1,2048})/i.exec(header ?? '')
  try {
    return match === null ? undefined : decodeURIComponent(match[1]!)
  } catch {
    return undefined
  }
}

const OURS = new Set([
  'SourceLiedError',
  'SourceLostError',
  'SourceBusyError',
  'SourceLacksError',
  'SourceGoneError',
  'DiskError'
])

/** What `node:http` or a stream throws, as a fault of the source. */
export function translate(error: Error): Error {
  if (OURS.has(error.name)) return error
  const { code = '' } = error as NodeJS.ErrnoException
  if (code.startsWith('HPE_')) {
    return new SourceLiedError(`It does not speak HTTP as it should: ${error.message}.`, { cause: error })
  }
  return new SourceLostError(`The connection was lost: ${error.message}.`, { cause: error })
}
