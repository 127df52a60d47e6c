/** Which of a file's blocks are there: one bit each, 512 KiB for the largest file. Pure. */

export class BlockSet {
  readonly count: number
  /** Bit 0 of byte 0 is block 0. */
  readonly bytes: Uint8Array<ArrayBuffer>
  #size = 0

  constructor(count: number, bytes: Uint8Array<ArrayBuffer> = new Uint8Array(Math.ceil(count / 8))) {
    this.count = count
    this.bytes = bytes
    for (let block = 0; block < count; block += 1) if (this.has(block)) this.#size += 1
  }

  /** Blocks that are there. */
  get size(): number {
    return this.#size
  }

  get isFull(): boolean {
    return this.#size === this.count
  }

  has(block: number): boolean {
    return ((this.bytes[block >>> 3]! >>> (block & 7)) & 1) === 1
  }

  add(block: number): void {
    if (this.has(block)) return
    this.bytes[block >>> 3]! |= 1 << (block & 7)
    this.#size += 1
  }

  delete(block: number): void {
    if (!this.has(block)) return
    this.bytes[block >>> 3]! &= ~(1 << (block & 7))
    this.#size -= 1
  }

  /** Everything that `other`, of as many blocks, has is there then, too. */
  addAll(other: BlockSet): void {
    for (let byte = 0; byte < this.bytes.length; byte += 1) {
      const more = other.bytes[byte]! & ~this.bytes[byte]!
      if (more === 0) continue
      for (let block = byte * 8; block < byte * 8 + 8; block += 1) if (other.has(block)) this.add(block)
    }
  }

  /** The first block from `from` on that is there, or `count`. */
  nextPresent(from: number): number {
    return firstBlock(from, this.count, byte => this.bytes[byte]!) ?? this.count
  }

  /** The first block from `from` on that is not there, or `count`. Whole bytes are passed over at once. */
  nextMissing(from: number): number {
    let block = from
    while (block < this.count && this.has(block)) {
      block += (block & 7) === 0 && this.bytes[block >>> 3] === 0xff ? 8 : 1
    }
    return Math.min(block, this.count)
  }
}

/**
 * The first block from `from` on, and before `end`, whose bit is set in the bytes that `bits` makes. Bytes without one
 * are passed over at once.
 */
export function firstBlock(from: number, end: number, bits: (byte: number) => number): number | undefined {
  for (let block = from; block < end; block = (block | 7) + 1) {
    const left = (bits(block >>> 3) & 0xff) >>> (block & 7)
    if (left === 0) continue
    const first = block + 31 - Math.clz32(left & -left)
    return first < end ? first : undefined
  }
  return undefined
}
