/**
 * What stands beside a `.part` file so that a download goes on where it was: which blocks are there, and the
 * layer of 1 MiB hashes by which blocks are checked.
 *
 * Its parts, each at a place that follows from the file's size: a head in JSON, a stamp in JSON, one bit for
 * each block, and one record for each piece of the layer. A piece's record holds its hashes and its proof and
 * is verified against the root whenever it is read, so that no damage to this file is ever believed. A bit
 * is set only when its block is durable, and bits are never unset while they are right, so that a write torn
 * by a power cut leaves a mixture of old and new bits that is true as well.
 */
import { constants } from 'node:fs'
import {
  type ContentId,
  HASH_BYTES,
  LAYER_HEIGHT,
  layerCount,
  proofCount,
  treeHeight,
  verifyHashes
} from '@servent/overlay'
import { BlockSet } from './block-set.ts'
import { onDisk } from './disk.ts'
import { FILES, type OpenFile } from './files.ts'
import { sha256 } from './hash.ts'
import { SERVER_LIMITS } from './limits.ts'

const VERSION = 1
const HEAD_BYTES = 2048
const STAMP_BYTES = 2048
const PAGE_BYTES = 4096
/** Hashes in a piece of the layer: what a server gives at a time. */
export const PIECE_HASHES = SERVER_LIMITS.hashesMax
/** A tree of 4 TiB is 28 levels high. */
const PROOF_HASHES_MAX = 32

/** What a `.part` file looked like when it was closed in good order. */
export interface Stamp {
  readonly mtimeNs: string
  readonly size: number
}

export class Sidecar {
  readonly path: string
  readonly id: ContentId
  /** Bytes of the whole file. */
  readonly size: number
  readonly blocks: BlockSet
  readonly stamp: Stamp | undefined
  readonly #file: OpenFile
  /** The piece that was read last: blocks come in order. */
  #piece: { index: number; hashes: Uint8Array } | undefined

  private constructor(
    path: string,
    file: OpenFile,
    id: ContentId,
    size: number,
    blocks: BlockSet,
    stamp?: Stamp
  ) {
    this.path = path
    this.#file = file
    this.id = id
    this.size = size
    this.blocks = blocks
    this.stamp = stamp
  }

  /** Makes the file, which must not be there. Its head is durable then; its name is when the folder is synced. */
  static async create(path: string, id: ContentId, size: number, files = FILES): Promise<Sidecar> {
    const file = await files.open(path, flags(constants.O_CREAT | constants.O_EXCL), 0o600)
    try {
      const head = Buffer.alloc(HEAD_BYTES, ' ')
      head.write(JSON.stringify({ servent: 'part', version: VERSION, id, size }))
      await file.write(head, 0, head.length, 0)
      await file.sync()
    } catch (error) {
      await file.close()
      throw error
    }
    return new Sidecar(path, file, id, size, new BlockSet(layerCount(size)))
  }

  /** Nothing where there is none, or none of this id and version. A disk that cannot be read is no answer to that. */
  static async open(path: string, id: ContentId, files = FILES): Promise<Sidecar | undefined> {
    const file = await files.open(path, flags(0)).catch(error => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    if (file === undefined) return undefined
    try {
      const head = await readJson(file, 0, HEAD_BYTES)
      const { version, size } = head ?? {}
      if (version !== VERSION || head?.id !== id.toString() || typeof size !== 'number') throw new Error()
      id.checkSize(size)
      const bits = new BlockSet(layerCount(size)).bytes
      await file.read(bits, 0, bits.length, HEAD_BYTES + STAMP_BYTES)
      const stamp = (await readJson(file, HEAD_BYTES, STAMP_BYTES)) as Stamp | undefined
      return new Sidecar(path, file, id, size, new BlockSet(layerCount(size), bits), stamp)
    } catch (error) {
      await file.close()
      if ((error as NodeJS.ErrnoException).code !== undefined) throw error
      return undefined
    }
  }

  /** Of a layer's piece: how many hashes its request asks for. A power of two. */
  get pieceHashes(): number {
    return Math.min(PIECE_HASHES, 2 ** (treeHeight(this.size) - LAYER_HEIGHT))
  }

  /**
   * The hash of one block, or nothing where its piece of the layer is not there yet.
   *
   * @throws DiskError
   */
  async hashOf(block: number): Promise<Uint8Array | undefined> {
    // Of one block the layer is the root itself, whose length the id's kind does not tell.
    if (this.blocks.count === 1) return this.id.digest
    const index = Math.floor(block / this.pieceHashes)
    const hashes =
      this.#piece?.index === index
        ? this.#piece.hashes
        : await onDisk(this.path, () => this.#readHashes(index))
    const at = (block % this.pieceHashes) * HASH_BYTES
    return hashes?.subarray(at, at + HASH_BYTES)
  }

  /**
   * Keeps a piece that was verified: its hashes, then its proof. It is durable before any block of its own is: without
   * it they could not be told from garbage after a power cut, and would be fetched again. One sync for 8 GiB.
   */
  async savePiece(index: number, hashesAndProof: Uint8Array): Promise<void> {
    await this.#file.write(hashesAndProof, 0, hashesAndProof.length, this.#pieceAt(index))
    await this.sync()
    this.#piece = { index, hashes: hashesAndProof.slice(0, this.pieceHashes * HASH_BYTES) }
  }

  /**
   * Writes the bits of these blocks, and makes them durable. The blocks' bytes must be durable. Called at checkpoints only: a sync costs a turn of the disk.
   */
  async saveBits(blocks: readonly number[]): Promise<void> {
    const { bytes } = this.blocks
    const from = Math.min(...blocks) >>> 3
    const to = (Math.max(...blocks) >>> 3) + 1
    await this.#file.write(bytes, from, to - from, HEAD_BYTES + STAMP_BYTES + from)
    await this.sync()
  }

  async saveStamp(stamp: Stamp): Promise<void> {
    const text = Buffer.alloc(STAMP_BYTES, ' ')
    text.write(JSON.stringify(stamp))
    await this.#file.write(text, 0, text.length, HEAD_BYTES)
  }

  async sync(): Promise<void> {
    await this.#file.datasync()
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  /**
   * The hashes of one piece, then its proof, as `savePiece` was given them. Nothing where it is not there yet, or where
   * it is not what it was, unless it is known to be.
   */
  async piece(index: number, isKnown = false): Promise<Uint8Array | undefined> {
    const run = {
      size: this.size,
      height: LAYER_HEIGHT,
      index: index * this.pieceHashes,
      count: this.pieceHashes
    }
    const record = new Uint8Array((run.count + proofCount(run)) * HASH_BYTES)
    const { bytesRead } = await this.#file.read(record, 0, record.length, this.#pieceAt(index))
    if (bytesRead < record.length) return undefined
    if (isKnown) return record
    const hashes = record.subarray(0, run.count * HASH_BYTES)
    const proof = record.subarray(hashes.length)
    return verifyHashes({ ...run, root: this.id.digest, hashes, proof }, sha256) ? record : undefined
  }

  async #readHashes(index: number): Promise<Uint8Array | undefined> {
    const hashes = (await this.piece(index))?.subarray(0, this.pieceHashes * HASH_BYTES)
    if (hashes !== undefined) this.#piece = { index, hashes }
    return hashes
  }

  #pieceAt(index: number): number {
    const bitsEnd = HEAD_BYTES + STAMP_BYTES + this.blocks.bytes.length
    const layerAt = Math.ceil(bitsEnd / PAGE_BYTES) * PAGE_BYTES
    return layerAt + index * (PIECE_HASHES + PROOF_HASHES_MAX) * HASH_BYTES
  }
}

/** A link in the folder is never followed; Windows has no such flag, and makes links only for administrators. */
export function flags(more: number): number {
  return constants.O_RDWR | (constants.O_NOFOLLOW ?? 0) | more
}

async function readJson(
  file: OpenFile,
  at: number,
  length: number
): Promise<Record<string, unknown> | undefined> {
  const bytes = Buffer.alloc(length)
  const { bytesRead } = await file.read(bytes, 0, length, at)
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8', 0, bytesRead))
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
