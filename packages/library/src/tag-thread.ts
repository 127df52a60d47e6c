/**
 * The thread that parses media files of strangers. It has no file, no database and no secret: it is given pieces of one
 * file at a time and gives its tags. A file that makes the parser loop or fill the memory ends this thread, and nothing
 * else.
 */
import type { MessagePort } from 'node:worker_threads'
import type { parseBlob } from 'music-metadata'
import { type Chunk, RangedBlob } from './ranged-blob.ts'
import { type Tags, tagsOf } from './tags.ts'

/** What a thread is started with to be this one. */
export const TAG_THREAD = 'tags'

export type ToTagThread =
  | {
      readonly type: 'file'
      readonly size: number
      readonly mediaType: string
      readonly given: readonly Chunk[]
    }
  /** What was wanted; nothing where it cannot be read. */
  | { readonly type: 'bytes'; readonly bytes: Uint8Array | undefined }

export type FromTagThread =
  | { readonly type: 'ready' }
  | { readonly type: 'want'; readonly position: number }
  /** `reason`: why there are none, where the file is not as it should be. */
  | { readonly type: 'tags'; readonly tags: Tags; readonly reason?: string }

/**
 * `skipCovers`: pictures are of no use here. `mkvUseIndex`: the clusters of a film are passed over. Nothing is read for
 * the exact length of a file without an index: an estimate is enough.
 */
const OPTIONS = { skipCovers: true, mkvUseIndex: true, duration: false } as const

export async function serveTags(port: MessagePort): Promise<void> {
  const { parseBlob } = await import('music-metadata')
  let onBytes = (_: Uint8Array | undefined): void => {}
  const read = (position: number): Promise<Uint8Array> => {
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
    onBytes = bytes => (bytes === undefined ? reject(new Error('It cannot be read.')) : resolve(bytes))
    say({ type: 'want', position })
    return promise
  }
  const say = (message: FromTagThread): void => port.postMessage(message)
  port.on('message', (message: ToTagThread) => {
    if (message.type === 'bytes') return onBytes(message.bytes)
    const { size, mediaType, given } = message
    const blob = new RangedBlob(size, mediaType, given, read)
    readTags(parseBlob, blob).then(
      tags => say({ type: 'tags', tags }),
      (error: Error) => say({ type: 'tags', tags: {}, reason: error.message })
    )
  })
  say({ type: 'ready' })
}

export async function readTags(parse: typeof parseBlob, blob: RangedBlob): Promise<Tags> {
  // Of a blob the parser knows the size, the type and how to read a part of it: no more is to be had here.
  return tagsOf(await parse(blob as unknown as Blob, OPTIONS))
}
