/**
 * What a download asks one source for, and how it is verified: first the file's size, then pieces of the hash
 * layer, then blocks. Nothing leaves this file that was not held against the id.
 */
import {
  blockHash,
  type ContentId,
  HASH_BYTES,
  type HashRun,
  LAYER_BLOCK_BYTES,
  LAYER_HEIGHT,
  layerCount,
  treeHeight,
  verifyHashes
} from '@servent/overlay'
import type { BlockWriter } from './block-writer.ts'
import { SourceLiedError } from './errors.ts'
import { sha256 } from './hash.ts'
import type { HttpSource } from './http-source.ts'
import type { PartFile } from './part-file.ts'
import type { Run } from './scheduler.ts'
import { PIECE_HASHES } from './sidecar.ts'

/** A size that the id proves, with what was fetched to prove it. */
export interface ProvenSize {
  readonly size: number
  /** Of the layer's last piece: hashes and proof. Absent where the file has one block. */
  readonly piece?: { readonly index: number; readonly bytes: Uint8Array }
  readonly lastBlock: Uint8Array
}

/**
 * Proves the size that a source claims. The tree says how many blocks there are, and the last block how long
 * it is itself, so the last block comes first: a size that a hit or a source made up costs 1 MiB at most.
 *
 * @throws SourceLiedError
 */
export async function proveSize(
  source: HttpSource,
  id: ContentId,
  size: number,
  signal: AbortSignal
): Promise<ProvenSize> {
  try {
    id.checkSize(size)
  } catch (error) {
    throw new SourceLiedError(`It says that the file has ${size} bytes. ${(error as Error).message}`)
  }
  const last = layerCount(size) - 1
  const start = last * LAYER_BLOCK_BYTES
  let expected = id.digest
  let piece: ProvenSize['piece']
  if (last > 0) {
    const run = pieceOf(size, last)
    const bytes = await fetchPiece(source, id, run, signal)
    piece = { index: run.index / run.count, bytes }
    const at = (last - run.index) * HASH_BYTES
    expected = bytes.subarray(at, at + HASH_BYTES)
  }
  const lastBlock = new Uint8Array(size - start)
  let filled = 0
  // An empty file has nothing to ask for.
  if (size > 0) {
    for await (const chunk of source.range(start, size, size, signal)) {
      lastBlock.set(chunk, filled)
      filled += chunk.length
    }
  }
  if (!matches(lastBlock, size, expected)) throw wrongBlock(last)
  return { size, ...(piece === undefined ? {} : { piece }), lastBlock }
}

/** The run of hashes that one piece of the layer has. */
export function pieceOf(size: number, block: number): HashRun {
  const count = Math.min(PIECE_HASHES, 2 ** (treeHeight(size) - LAYER_HEIGHT))
  return { size, height: LAYER_HEIGHT, index: Math.floor(block / count) * count, count }
}

/** @throws SourceLiedError  the hashes do not lie in the tree */
export async function fetchPiece(
  source: HttpSource,
  id: ContentId,
  run: HashRun,
  signal: AbortSignal
): Promise<Uint8Array> {
  const bytes = await source.hashes(run, signal)
  const hashes = bytes.subarray(0, run.count * HASH_BYTES)
  const proof = bytes.subarray(hashes.length)
  if (verifyHashes({ ...run, root: id.digest, hashes, proof }, sha256)) return bytes
  throw new SourceLiedError('Its hashes are not those of the file.')
}

export interface FetchInit {
  readonly source: HttpSource
  readonly part: PartFile
  readonly writer: BlockWriter
  /** Gets shorter while it is fetched, where others take blocks from its end. */
  readonly run: Run
  readonly signal: AbortSignal
  /** Called for each block when it is verified. False: somebody else brought it, and it is not written. */
  readonly take: (block: number) => boolean
}

/**
 * Fetches a run of blocks in one request. Each is verified when it is whole, and written while the next one
 * comes in.
 *
 * @throws SourceLiedError  a block or the hashes are wrong; the blocks before were right
 * @throws DiskError
 */
export async function fetchRun(init: FetchInit): Promise<void> {
  const { source, part, writer, run, signal } = init
  await ensurePiece(init)
  const asked = run.end
  const start = run.next * LAYER_BLOCK_BYTES
  const end = Math.min(part.size, asked * LAYER_BLOCK_BYTES)
  let filled = 0
  let buffer: Uint8Array | undefined
  try {
    for await (const chunk of source.range(start, end, part.size, signal)) {
      for (let offset = 0; offset < chunk.length; ) {
        // Others brought the rest meanwhile.
        if (run.left === 0) return
        buffer ??= await writer.buffer()
        const block = run.next
        const length = part.blockBytes(block)
        const taken = Math.min(chunk.length - offset, length - filled)
        buffer.set(chunk.subarray(offset, offset + taken), filled)
        offset += taken
        filled += taken
        if (filled < length) continue
        const expected = await part.sidecar.hashOf(block)
        if (expected === undefined || !matches(buffer.subarray(0, length), part.size, expected)) {
          throw wrongBlock(block)
        }
        if (!init.take(block)) return
        writer.write(block, buffer)
        buffer = undefined
        filled = 0
        // What is left of the answer is of no use any more, and costs its stream.
        if (run.left === 0 && run.end < asked) return
      }
    }
  } finally {
    if (buffer !== undefined) writer.free(buffer)
  }
}

/** Whether these bytes are the block that has this hash in a file of this size. */
export function matches(bytes: Uint8Array, size: number, expected: Uint8Array): boolean {
  return Buffer.compare(blockHash(bytes, size, sha256), expected) === 0
}

async function ensurePiece({ source, part, run, signal }: FetchInit): Promise<void> {
  if ((await part.sidecar.hashOf(run.next)) !== undefined) return
  const piece = pieceOf(part.size, run.next)
  const bytes = await fetchPiece(source, part.id, piece, signal)
  await part.savePiece(piece.index / piece.count, bytes)
}

function wrongBlock(block: number): SourceLiedError {
  return new SourceLiedError(`Its bytes of block ${block} do not hash to what the file's tree says.`)
}
