/**
 * One file, read once: file -> blocks -> hashes. The tree gives the id and the 1 MiB layer (BEP 52), and
 * SHA-1 over the same bytes gives the name that HUGE speaks.
 */
import { createHash } from 'node:crypto'
import { type HashedTree, LAYER_BLOCK_BYTES, TreeHasher } from '@servent/overlay/machine'
import { pipe } from 'it-pipe'
import { sha256 } from './sha256.ts'

export interface HashedFile extends HashedTree {
  /** 20 bytes. */
  readonly sha1: Uint8Array
}

/** Reads into a part of a buffer from a position of a file on. Gives how many bytes: 0 at the end. */
export type ReadAt = (
  buffer: Uint8Array,
  offset: number,
  length: number,
  position: number
) => Promise<number> | number

/**
 * Hashes the first `size` bytes of a file, or what is there of them. `onBlock` is told the bytes of each
 * block, and may throw to end it, or wait.
 */
export async function hashFile(
  readAt: ReadAt,
  size: number,
  onBlock: (bytes: number) => Promise<void> | void = () => {}
): Promise<HashedFile> {
  const sha1 = createHash('sha1')
  const tree = new TreeHasher(sha256)
  await pipe(
    readBlocks(readAt, size),
    async function* (blocks) {
      for await (const block of blocks) {
        sha1.update(block)
        yield block
      }
    },
    async blocks => {
      for await (const block of blocks) {
        tree.update(block)
        await onBlock(block.length)
      }
    }
  )
  return { ...tree.finish(), sha1: sha1.digest() }
}

/**
 * Blocks of 1 MiB, the last one shorter. The next one is read while the one at hand is hashed, into the
 * other of two buffers: a block is valid until the next one is asked for.
 */
async function* readBlocks(readAt: ReadAt, size: number): AsyncGenerator<Uint8Array> {
  const bufferBytes = Math.min(LAYER_BLOCK_BYTES, size)
  const buffers = [Buffer.allocUnsafe(bufferBytes), Buffer.allocUnsafe(size > bufferBytes ? bufferBytes : 0)]
  const read = (position: number, turn: number): Promise<Uint8Array> =>
    fill(readAt, buffers[turn % 2]!.subarray(0, size - position), position)
  let position = 0
  let waiting = read(0, 0)
  try {
    for (let turn = 1; position < size; turn += 1) {
      const block = await waiting
      if (block.length === 0) return
      position += block.length
      waiting = read(position, turn)
      yield block
    }
  } finally {
    // Whoever stopped reading closes the file next: no read may be under way then, nor fail unheard.
    await waiting.catch(() => {})
  }
}

/** Reads until the buffer is full or the file ends: one read may give less. */
export async function fill(readAt: ReadAt, buffer: Uint8Array, position: number): Promise<Uint8Array> {
  let filled = 0
  while (filled < buffer.length) {
    const bytesRead = await readAt(buffer, filled, buffer.length - filled, position + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return buffer.subarray(0, filled)
}
