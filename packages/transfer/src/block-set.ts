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

  /** The first block from `from` on that is not there, or `count`. Whole bytes are passed over at once. */
  nextMissing(from: number): number {
    let block = from
    while (block < this.count && this.has(block)) {
      block += (block & 7) === 0 && this.bytes[block >>> 3] === 0xff ? 8 : 1
    }
    return Math.min(block, this.count)
  }
}
