/**
 * A ring of buckets, each a list of entries in no order but that in which they came: chunks of one typed array,
 * so that to put one in and to take all out touches memory that lies together.
 */

const ENTRIES_PER_CHUNK = 32
const CHUNK = 2 * ENTRIES_PER_CHUNK
const CHUNKS_AT_FIRST = 256
const BITS = 32
const NONE = -1

export class EventBuckets {
  readonly count: number
  /** Entries in all buckets. */
  size = 0
  #entries = new Float64Array(CHUNKS_AT_FIRST * CHUNK)
  /** By chunk, the next one of its bucket, or of the free ones. */
  #next = new Int32Array(CHUNKS_AT_FIRST)
  #chunks = 0
  #free = NONE
  /** By bucket: its first chunk, its last one, and the entries in that. */
  readonly #first: Int32Array
  readonly #last: Int32Array
  readonly #filled: Int32Array
  /** A bit for each bucket that holds something. */
  readonly #taken: Int32Array

  /** `count` is a power of two, at least 32. */
  constructor(count: number) {
    this.count = count
    this.#first = new Int32Array(count).fill(NONE)
    this.#last = new Int32Array(count)
    this.#filled = new Int32Array(count)
    this.#taken = new Int32Array(count / BITS)
  }

  has(bucket: number): boolean {
    return this.#first[bucket] !== NONE
  }

  /** Around the ring from a bucket on, the first that holds something. There must be one. */
  next(from: number): number {
    const taken = this.#taken
    const words = taken.length
    let word = from >> 5
    let bits = taken[word]! & (-1 << from)
    while (bits === 0) {
      word = word + 1 === words ? 0 : word + 1
      bits = taken[word]!
    }
    return word * BITS + 31 - Math.clz32(bits & -bits)
  }

  put(bucket: number, timeUs: number, order: number): void {
    let filled = this.#filled[bucket]!
    if (this.#first[bucket] === NONE || filled === ENTRIES_PER_CHUNK) {
      const chunk = this.#allocate()
      if (this.#first[bucket] === NONE) {
        this.#first[bucket] = chunk
        this.#taken[bucket >> 5]! |= 1 << bucket
      } else this.#next[this.#last[bucket]!] = chunk
      this.#last[bucket] = chunk
      filled = 0
    }
    const at = this.#last[bucket]! * CHUNK + 2 * filled
    this.#entries[at] = timeUs
    this.#entries[at + 1] = order
    this.#filled[bucket] = filled + 1
    this.size += 1
  }

  /** Empties a bucket into a heap. */
  drain(bucket: number, into: { push(timeUs: number, order: number): void }): void {
    const last = this.#last[bucket]!
    let chunk = this.#first[bucket]!
    while (chunk !== NONE) {
      const entries = chunk === last ? this.#filled[bucket]! : ENTRIES_PER_CHUNK
      const from = chunk * CHUNK
      for (let at = from; at < from + 2 * entries; at += 2)
        into.push(this.#entries[at]!, this.#entries[at + 1]!)
      this.size -= entries
      const next = this.#next[chunk]!
      this.#next[chunk] = this.#free
      this.#free = chunk
      chunk = next
    }
    this.#first[bucket] = NONE
    this.#taken[bucket >> 5]! &= ~(1 << bucket)
  }

  #allocate(): number {
    let chunk = this.#free
    if (chunk !== NONE) {
      this.#free = this.#next[chunk]!
    } else {
      chunk = this.#chunks
      if (chunk === this.#next.length) this.#grow()
      this.#chunks += 1
    }
    this.#next[chunk] = NONE
    return chunk
  }

  #grow(): void {
    const entries = new Float64Array(2 * this.#entries.length)
    entries.set(this.#entries)
    this.#entries = entries
    const next = new Int32Array(2 * this.#next.length)
    next.set(this.#next)
    this.#next = next
  }
}
