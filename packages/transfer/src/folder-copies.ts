/**
 * One content that has several paths in a folder is fetched once. Its other paths are hard links to it, or copies
 * where the file system has no links; what is copied is held against the id again before it has its final name.
 */
import { constants } from 'node:fs'
import { dirname, join } from 'node:path'
import { type ContentId, LAYER_BLOCK_BYTES, TreeHasher } from '@servent/overlay'
import { checkSpace, onDisk } from './disk.ts'
import { DiskError } from './errors.ts'
import type { Files } from './files.ts'
import { sha256 } from './hash.ts'
import { PartFile } from './part-file.ts'
import { hasNoLinks, place, syncFolder } from './place.ts'
import { isContent } from './recheck.ts'
import { flags } from './sidecar.ts'

export interface CopyTarget {
  readonly folder: string
  readonly name: string
  /** Where it stands until it has its name. */
  readonly part: string
  readonly id: ContentId
  /** Bytes. */
  readonly size: number
}

/**
 * Gives a content that stands at `from` another path, or the next free one after it, and says which.
 *
 * @throws DiskError    also where `from` was changed meanwhile
 * @throws OutputError  thousands of names are taken
 */
export async function placeCopy(
  from: string,
  target: CopyTarget,
  signal: AbortSignal,
  files: Files
): Promise<string> {
  const { folder, name, part, id } = target
  const path = join(folder, name)
  await PartFile.remove(part, files)
  return onDisk(path, async () => {
    if (await isContent(path, id, signal, files)) {
      // A run before this one was killed before it could say so.
      await syncFolder(folder, files)
      return path
    }
    try {
      await files.link(from, part)
    } catch (error) {
      if (!hasNoLinks(error) && (error as NodeJS.ErrnoException).code !== 'EXDEV') throw error
      await copy(from, target, signal, files)
    }
    return place(part, folder, name, () => {}, { isAlone: true, files })
  })
}

async function copy(from: string, { part, id, size }: CopyTarget, signal: AbortSignal, files: Files) {
  await checkSpace(dirname(part), size, files)
  const hasher = new TreeHasher(sha256)
  const source = await files.open(from, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0))
  try {
    const target = await files.open(part, flags(constants.O_CREAT | constants.O_EXCL), 0o666)
    try {
      const buffer = Buffer.allocUnsafeSlow(LAYER_BLOCK_BYTES)
      for (let at = 0; ; ) {
        signal.throwIfAborted()
        const { bytesRead } = await source.read(buffer, 0, buffer.length, at)
        if (bytesRead === 0) break
        hasher.update(buffer.subarray(0, bytesRead))
        for (let done = 0; done < bytesRead; )
          done += (await target.write(buffer, done, bytesRead - done, at + done)).bytesWritten
        at += bytesRead
      }
      await target.sync()
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
  const { size: copied, root } = hasher.finish()
  if (copied === size && Buffer.compare(root, id.digest) === 0) return
  await PartFile.remove(part, files)
  throw new DiskError(`${from} was changed while it was copied. Resume: it is fetched again.`)
}
