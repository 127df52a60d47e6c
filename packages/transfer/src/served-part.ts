/**
 * A `.part` file as others are given it while it is fetched: blocks that are marked, each held against the hash layer
 * again before any of it leaves. It has file descriptors of its own, so what goes out when the file gets its final name
 * goes on.
 */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import {
  ContentChangedError,
  type HashRun,
  LAYER_BLOCK_BYTES,
  LAYER_HEIGHT,
  type PartialFile
} from '@servent/overlay'
import { availableRanges } from './available-ranges.ts'
import type { BlockSet } from './block-set.ts'
import { matches } from './fetch.ts'
import type { PartFile } from './part-file.ts'
import type { ByteRange } from './range.ts'
import { Sidecar } from './sidecar.ts'

/** Of one answer. */
export interface PartReader {
  /**
   * Reads a range of blocks that are there.
   *
   * @throws ContentChangedError  it is not given any more, or is not what was verified; nothing of it is given
   */
  read(offset: number, length: number): Promise<Uint8Array>
  close(): Promise<void>
}

export class ServedPart {
  readonly file: PartialFile
  /** Marked ones: the run that fetches them adds to it. */
  readonly #blocks: BlockSet
  readonly #handle: FileHandle
  readonly #sidecar: Sidecar
  #readers = 0
  #isEnded = false
  /** Pieces of the layer that were verified for somebody: 8,191 hashes of each are not made for everybody. */
  readonly #pieces = new Set<number>()
  #ranges = { size: -1, text: '' }

  private constructor(file: PartialFile, blocks: BlockSet, handle: FileHandle, sidecar: Sidecar) {
    this.file = file
    this.#blocks = blocks
    this.#handle = handle
    this.#sidecar = sidecar
  }

  /** @throws an error of the file system  there are no descriptors left, or the files are gone */
  static async open(part: PartFile, file: PartialFile): Promise<ServedPart> {
    const sidecar = await Sidecar.open(part.sidecar.path, part.id)
    if (sidecar === undefined) throw new Error('Its sidecar is gone.')
    try {
      const handle = await open(part.path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0))
      return new ServedPart(file, part.blocks, handle, sidecar)
    } catch (error) {
      await sidecar.close()
      throw error
    }
  }

  /** Whether there is anything to give. */
  get hasBlocks(): boolean {
    return this.#blocks.size > 0
  }

  get isWhole(): boolean {
    return this.#blocks.isFull
  }

  /** What there is, as `X-Available-Ranges` has it; nothing where there is all. */
  get ranges(): string | undefined {
    if (this.isWhole) return undefined
    const { size } = this.#blocks
    // Blocks are only added while it is served, so their number tells whether the text is still true.
    if (this.#ranges.size !== size)
      this.#ranges = { size, text: availableRanges(this.#blocks, this.file.size) }
    return this.#ranges.text
  }

  /** Whether all of these bytes can be given. */
  has({ start, end }: ByteRange): boolean {
    const first = Math.floor(start / LAYER_BLOCK_BYTES)
    const after = Math.ceil(end / LAYER_BLOCK_BYTES)
    return this.#blocks.nextMissing(first) >= after
  }

  /** Whether the user has removed the file: it is given no longer than it stands. */
  async isRemoved(): Promise<boolean> {
    return (await this.#handle.stat()).nlink === 0
  }

  /**
   * Hashes of a piece of the layer, then their proof. Nothing where they are not here, or of any other run. Whoever asks
   * verifies them, so it is done here once, when it is not known yet whether they are here.
   */
  async piece({ height, index, count }: HashRun): Promise<Uint8Array | undefined> {
    const { pieceHashes } = this.#sidecar
    if (this.#isEnded || height !== LAYER_HEIGHT || count !== pieceHashes) return undefined
    const piece = index / count
    return this.#using(async () => {
      const record = await this.#sidecar.piece(piece, this.#pieces.has(piece))
      if (record !== undefined) this.#pieces.add(piece)
      return record
    })
  }

  /** Nothing where it ended. */
  reader(): PartReader | undefined {
    if (this.#isEnded) return undefined
    this.#readers += 1
    let held: { block: number; bytes: Uint8Array } | undefined
    return {
      read: async (offset, length) => {
        const block = Math.floor(offset / LAYER_BLOCK_BYTES)
        if (held?.block !== block) held = { block, bytes: await this.#load(block) }
        if (this.#isEnded) throw ended()
        const from = offset - block * LAYER_BLOCK_BYTES
        return held.bytes.subarray(from, from + length)
      },
      close: () => this.#leave()
    }
  }

  /** Nothing more of it is given. */
  async end(): Promise<void> {
    if (this.#isEnded) return
    this.#isEnded = true
    if (this.#readers === 0) await this.#close()
  }

  async #load(block: number): Promise<Uint8Array> {
    if (this.#isEnded || !this.#blocks.has(block)) throw ended()
    const start = block * LAYER_BLOCK_BYTES
    // Whoever sends keeps what it was given for as long as it likes, so each block has memory of its own.
    const bytes = Buffer.allocUnsafeSlow(Math.min(LAYER_BLOCK_BYTES, this.file.size - start))
    let filled = 0
    while (filled < bytes.length) {
      const { bytesRead } = await this.#handle.read(bytes, filled, bytes.length - filled, start + filled)
      if (bytesRead === 0) break
      filled += bytesRead
    }
    const expected = await this.#sidecar.hashOf(block)
    if (filled === bytes.length && expected !== undefined && matches(bytes, this.file.size, expected))
      return bytes
    throw new ContentChangedError(`Block ${block} of ${this.file.id} is not what was verified.`)
  }

  async #using<T>(work: () => Promise<T>): Promise<T> {
    this.#readers += 1
    try {
      return await work()
    } finally {
      await this.#leave()
    }
  }

  async #leave(): Promise<void> {
    this.#readers -= 1
    if (this.#isEnded && this.#readers === 0) await this.#close()
  }

  async #close(): Promise<void> {
    await this.#handle.close().finally(() => this.#sidecar.close())
  }
}

function ended(): ContentChangedError {
  return new ContentChangedError('This file is not given any more.')
}
