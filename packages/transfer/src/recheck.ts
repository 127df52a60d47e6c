/** Hashes what stands on the disk: a `.part` file that a killed process left, or a file under its final name. */
import { constants } from 'node:fs'
import { type ContentId, LAYER_BLOCK_BYTES, TreeHasher } from '@servent/overlay'
import { pipe } from 'it-pipe'
import { onDisk } from './disk.ts'
import { matches } from './fetch.ts'
import { FILES, standing } from './files.ts'
import { sha256 } from './hash.ts'
import type { PartFile } from './part-file.ts'

/** Blocks after a marked one that are looked at too: more than can be written between two marks. */
export const LOOK_AHEAD_BLOCKS = 256

/**
 * Reads a `.part` file through, block by block, and makes its marks true: blocks that hash right are marked,
 * those that do not are forgotten. Blocks were written before the process was killed that are not marked yet;
 * they lie after marked ones, and are found here instead of being fetched again.
 *
 * @throws DiskError
 */
export async function recheck(
  part: PartFile,
  signal: AbortSignal,
  onProgress: (verifiedBlocks: number) => void
): Promise<void> {
  const wrong: number[] = []
  const right: number[] = []
  await pipe(
    candidates(part),
    source => readBlocks(part, source, signal),
    source => checkBlocks(part, source),
    async source => {
      for await (const { block, isRight } of source) {
        if (isRight) right.push(block)
        else wrong.push(block)
        onProgress(right.length)
      }
    }
  )
  await part.forget(wrong)
  await part.commit(right)
}

/** Marked blocks, and those that may have been written after them. */
function* candidates(part: PartFile): Iterable<number> {
  const { blocks } = part
  let lookUntil = LOOK_AHEAD_BLOCKS
  for (let block = 0; block < blocks.count; block += 1) {
    if (blocks.has(block)) lookUntil = block + 1 + LOOK_AHEAD_BLOCKS
    const isWritten = (block + 1) * LAYER_BLOCK_BYTES <= part.writtenBytes || block === blocks.count - 1
    if (blocks.has(block) || (block < lookUntil && isWritten)) yield block
  }
}

interface ReadBlock {
  readonly block: number
  readonly bytes: Uint8Array
}

/** One buffer for all: each block is checked before the next is read. */
async function* readBlocks(
  part: PartFile,
  blocks: Iterable<number>,
  signal: AbortSignal
): AsyncGenerator<ReadBlock> {
  const buffer = Buffer.allocUnsafeSlow(LAYER_BLOCK_BYTES)
  for (const block of blocks) {
    signal.throwIfAborted()
    yield { block, bytes: buffer.subarray(0, await part.read(block, buffer)) }
  }
}

async function* checkBlocks(
  part: PartFile,
  blocks: AsyncIterable<ReadBlock>
): AsyncGenerator<{ block: number; isRight: boolean }> {
  for await (const { block, bytes } of blocks) {
    const expected = await part.sidecar.hashOf(block)
    const isWhole = bytes.length === part.blockBytes(block)
    yield { block, isRight: isWhole && expected !== undefined && matches(bytes, part.size, expected) }
  }
}

/** Whether the file under this path is the content with this id. Nothing there, or a link, is not. */
export async function isContent(
  path: string,
  id: ContentId,
  signal: AbortSignal,
  files = FILES
): Promise<boolean> {
  return onDisk(path, async () => {
    const found = await standing(path, files)
    if (found === undefined || !found.isFile()) return false
    try {
      id.checkSize(Number(found.size))
    } catch {
      return false
    }
    const hasher = new TreeHasher(sha256)
    const file = await files.open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0))
    try {
      for (const buffer = Buffer.allocUnsafeSlow(LAYER_BLOCK_BYTES); ; ) {
        signal.throwIfAborted()
        const { bytesRead } = await file.read(buffer, 0, buffer.length, null)
        if (bytesRead === 0) break
        hasher.update(buffer.subarray(0, bytesRead))
      }
    } finally {
      await file.close()
    }
    return Buffer.compare(hasher.finish().root, id.digest) === 0
  })
}
