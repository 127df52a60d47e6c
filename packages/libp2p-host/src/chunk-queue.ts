/**
 * Bytes that came in and wait to be decoded. Small pieces that queue up are merged, so that a peer which
 * sends byte by byte makes no more pieces of the same bytes than any other.
 */
import { CHUNK_MERGE_BYTES_MAX, DECODE_BYTES_MAX } from './limits.ts'

/** Handed-out places are cut off when they are this many, and half of all. */
const COMPACT_MIN = 64

export class ChunkQueue {
  #chunks: Uint8Array[] = []
  #head = 0
  #bytes = 0
  /** What the last chunk is a part of, where small pieces are merged into that one. */
  #tail: Uint8Array | undefined

  get bytes(): number {
    return this.#bytes
  }

  /** Pieces that wait: no more than two for each `CHUNK_MERGE_BYTES_MAX` bytes, and one. */
  get length(): number {
    return this.#chunks.length - this.#head
  }

  push(piece: Uint8Array): void {
    if (piece.length === 0) return
    this.#bytes += piece.length
    const last = this.length === 0 ? undefined : this.#chunks.at(-1)!
    // A piece that is alone, as most are, is not copied.
    if (last === undefined || last.length + piece.length > CHUNK_MERGE_BYTES_MAX) {
      this.#chunks.push(piece)
      this.#tail = undefined
      return
    }
    if (this.#tail === undefined) {
      this.#tail = new Uint8Array(CHUNK_MERGE_BYTES_MAX)
      this.#tail.set(last)
    }
    this.#tail.set(piece, last.length)
    this.#chunks[this.#chunks.length - 1] = this.#tail.subarray(0, last.length + piece.length)
  }

  /** The next bytes, `DECODE_BYTES_MAX` at most. */
  take(): Uint8Array | undefined {
    const chunk = this.#chunks[this.#head]
    if (chunk === undefined) return undefined
    const piece = chunk.subarray(0, DECODE_BYTES_MAX)
    this.#bytes -= piece.length
    // What is left of a chunk is no longer at the start of what it was merged into.
    if (this.length === 1) this.#tail = undefined
    if (piece.length < chunk.length) this.#chunks[this.#head] = chunk.subarray(DECODE_BYTES_MAX)
    else this.#head += 1
    if (
      this.#head === this.#chunks.length ||
      (this.#head >= COMPACT_MIN && this.#head * 2 >= this.#chunks.length)
    ) {
      this.#chunks = this.#chunks.slice(this.#head)
      this.#head = 0
    }
    return piece
  }

  clear(): void {
    this.#chunks = []
    this.#head = 0
    this.#bytes = 0
    this.#tail = undefined
  }
}
