/** What a folder lacks of its listing: what was whole and stands is not fetched again. */
import { join } from 'node:path'
import type { ContentId, FolderEntry } from '@servent/overlay'
import { onDisk } from './disk.ts'
import { type Files, standing } from './files.ts'
import { partPath } from './part-file.ts'

/** A content that has to come, once, to all of its paths. */
export interface Missing {
  readonly id: ContentId
  /** Bytes. */
  readonly size: number
  /** Places of its entries. */
  readonly numbers: number[]
  /** Where it stands already, as far as its size tells. */
  from: string | undefined
}

export interface FolderTodo {
  /** In the order of the listing. */
  readonly todo: readonly Missing[]
  /** Places of entries that were whole, and are gone or have another size: they come again. */
  readonly lost: readonly number[]
  /** Entries that stand, and their bytes. */
  readonly files: number
  readonly bytes: number
}

/** @throws DiskError  it cannot be told what stands: nothing is taken for gone then */
export async function folderTodo(
  folder: string,
  entries: readonly FolderEntry[],
  finished: ReadonlyMap<number, string>,
  files: Files
): Promise<FolderTodo> {
  const contents = new Map<string, Missing>()
  const lost: number[] = []
  let bytes = 0
  let count = 0
  for (const [number, { id, size }] of entries.entries()) {
    const key = id.toString()
    const content = contents.get(key) ?? { id, size, numbers: [], from: undefined }
    contents.set(key, content)
    const below = finished.get(number)
    if (below !== undefined) {
      const path = join(folder, below)
      const found = await onDisk(path, () => standing(path, files))
      if (found?.isFile() === true && found.size === BigInt(size)) {
        content.from = path
        bytes += size
        count += 1
        continue
      }
      lost.push(number)
    }
    content.numbers.push(number)
  }
  const todo = [...contents.values()]
    .filter(({ numbers }) => numbers.length > 0)
    .sort((a, b) => a.numbers[0]! - b.numbers[0]!)
  return { todo, lost, files: count, bytes }
}

/**
 * Bytes of disk that are still to come, less those that parts on their way have got already.
 *
 * @throws DiskError
 */
export async function bytesToCome(
  folder: string,
  todo: readonly Missing[],
  paths: readonly (readonly string[])[],
  files: Files
): Promise<number> {
  let bytes = 0
  for (const { id, size, numbers, from } of todo) {
    if (from !== undefined) continue
    const [number] = numbers
    const path = paths[number!]!
    const part = partPath(join(folder, ...path.slice(0, -1)), path.at(-1)!, id, number)
    const found = await onDisk(part, () => standing(part, files))
    bytes += Math.max(0, size - Number(found?.blocks ?? 0n) * STAT_BLOCK_BYTES)
  }
  return bytes
}

/** In which `stat` counts what a file takes of the disk. */
const STAT_BLOCK_BYTES = 512
