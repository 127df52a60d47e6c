/**
 * Reads a shared file so that nobody ever gets bytes that were not hashed: each block of 1 MiB is held
 * against the kept layer before any of it is given away, whatever happened to the file meanwhile.
 */
import type { FileHandle } from 'node:fs/promises'
import {
  type BlockReader,
  blockHash,
  ContentChangedError,
  HASH_BYTES,
  LAYER_BLOCK_BYTES,
  layerHeight,
  leafHashes,
  nodeCount,
  padding,
  type SharedFile,
  treeHeight
} from '@servent/overlay/machine'
import { fill, type ReadAt } from './hash-file.ts'
import { fold, type LayerParts, slice, upperHash } from './layer.ts'
import { Pacer } from './pacer.ts'
import { sha256 } from './sha256.ts'
import { type Stamp, stampOf } from './stamp.ts'

export interface FileBlockReaderInit {
  readonly file: SharedFile
  /** Open on the file's first byte. */
  readonly handle: FileHandle
  /** A call to the disk that the file is on. */
  readonly disk: <T>(work: () => Promise<T>) => Promise<T>
  readonly close: () => Promise<void>
  /** What the file looked like when it was hashed. */
  readonly stamp: Stamp
  readonly layer: LayerParts
  /** The file is not what was hashed. */
  readonly onChanged: () => void
}

export class FileBlockReader implements BlockReader {
  readonly file: SharedFile
  readonly #init: FileBlockReaderInit
  /** The block that was read last: readers of less than a block come back for the rest of it. */
  #held: { index: number; bytes: Promise<Uint8Array> } | undefined

  constructor(init: FileBlockReaderInit) {
    this.file = init.file
    this.#init = init
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const { size } = this.file
    if (
      !Number.isSafeInteger(offset) ||
      !Number.isSafeInteger(length) ||
      offset < 0 ||
      length < 0 ||
      offset + length > size
    ) {
      throw new RangeError(`A file of ${size} bytes has no ${length} bytes from ${offset} on.`)
    }
    if (length === 0) return new Uint8Array(0)
    const first = Math.floor(offset / LAYER_BLOCK_BYTES)
    const start = offset - first * LAYER_BLOCK_BYTES
    if (start + length <= LAYER_BLOCK_BYTES) return (await this.#block(first)).subarray(start, start + length)
    const bytes = new Uint8Array(length)
    for (let filled = 0, index = first; filled < length; index += 1) {
      const block = await this.#block(index)
      const from = index === first ? start : 0
      const piece = block.subarray(from, from + length - filled)
      bytes.set(piece, filled)
      filled += piece.length
    }
    return bytes
  }

  async hashes(height: number, index: number, count: number): Promise<Uint8Array> {
    const { size } = this.file
    if (!isWhole(height) || !isWhole(index) || !isWhole(count) || height > treeHeight(size)) {
      throw new RangeError(
        `The tree of ${size} bytes has no ${count} hashes from ${index} on at height ${height}.`
      )
    }
    const hashes = new Uint8Array(count * HASH_BYTES)
    const pacer = new Pacer()
    for (let place = 0; place < count; place += 1) {
      hashes.set(await this.#hash(height, index + place), place * HASH_BYTES)
      await pacer.turn()
    }
    return hashes
  }

  async close(): Promise<void> {
    this.#held = undefined
    await this.#init.close()
  }

  /** One node of the tree: kept ones are looked up, those below are made from the block's verified bytes. */
  async #hash(height: number, index: number): Promise<Uint8Array> {
    const { size } = this.file
    const base = layerHeight(size)
    if (height >= base) return upperHash(this.#init.layer, size, height, index)
    if (index >= nodeCount(size, height)) return padding(height, sha256)
    const nodesInBlock = 2 ** (base - height)
    const leaves = await this.#leaves(Math.floor(index / nodesInBlock))
    const width = 2 ** height
    return fold(slice(leaves, (index % nodesInBlock) * width, width), 0, height)
  }

  #leavesHeld: { index: number; hashes: Uint8Array } | undefined

  async #leaves(index: number): Promise<Uint8Array> {
    if (this.#leavesHeld?.index !== index) {
      this.#leavesHeld = { index, hashes: leafHashes(await this.#block(index), sha256) }
    }
    return this.#leavesHeld.hashes
  }

  /** A block of 1 MiB, the last one shorter, that has the kept hash. */
  #block(index: number): Promise<Uint8Array> {
    if (this.#held?.index === index) return this.#held.bytes
    const bytes = this.#load(index)
    this.#held = { index, bytes }
    // A read that failed is tried anew by the next one. Whoever waits for it hears of the failure itself.
    bytes.catch(() => {
      if (this.#held?.bytes === bytes) this.#held = undefined
    })
    return bytes
  }

  async #load(index: number): Promise<Uint8Array> {
    const { handle, disk, layer, stamp } = this.#init
    const { size } = this.file
    const position = index * LAYER_BLOCK_BYTES
    const length = Math.min(LAYER_BLOCK_BYTES, size - position)
    // Readers keep what they are given for as long as they like, so each block has memory of its own.
    const readAt: ReadAt = async (...args) => (await handle.read(...args)).bytesRead
    const bytes = await disk(() => fill(readAt, Buffer.allocUnsafeSlow(length), position))
    const now = stampOf(await disk(() => handle.stat({ bigint: true })))
    const expected = upperHash(layer, size, layerHeight(size), index)
    const isIntact =
      bytes.length === length &&
      now.size === size &&
      now.written === stamp.written &&
      Buffer.compare(blockHash(bytes, size, sha256), expected) === 0
    if (isIntact) return bytes
    this.#init.onChanged()
    throw new ContentChangedError(
      `${this.file.name} was changed since it was shared. It is hashed again; ask for it by its new id.`
    )
  }
}

function isWhole(number: number): boolean {
  return Number.isSafeInteger(number) && number >= 0
}
