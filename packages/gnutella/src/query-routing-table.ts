/**
 * A route table: a bit for each slot, set where something behind a link may match (UQR 2.4: bits are enough, since
 * an ultrapeer and its leaves are one unit).
 */
import type { QueryHashes } from './qrp-hash.ts'
import { slotOf } from './qrp-hash.ts'
import { TABLE_BITS_MAX } from './tier-constants.ts'

const SLOTS_PER_WORD = 32

export class QueryRoutingTable {
  /** There are two to the power of this of slots. */
  readonly bits: number
  readonly #words: Uint32Array
  #set = 0

  /** @throws RangeError  a size out of bounds: whoever reads one from the wire checks it before */
  constructor(bits: number) {
    if (!Number.isInteger(bits) || bits < 1 || bits > TABLE_BITS_MAX)
      throw new RangeError(`A route table has 2 to 2^${TABLE_BITS_MAX} slots, not 2^${bits}.`)
    this.bits = bits
    this.#words = new Uint32Array(Math.ceil(2 ** bits / SLOTS_PER_WORD))
  }

  /** With these hashes of 32 bits. */
  static of(hashes: Iterable<number>, bits: number): QueryRoutingTable {
    const table = new QueryRoutingTable(bits)
    for (const hash of hashes) table.put(slotOf(hash, bits), true)
    return table
  }

  get slots(): number {
    return 2 ** this.bits
  }

  /** Of all slots, the part that is set: 0 to 1. */
  get fill(): number {
    return this.#set / this.slots
  }

  has(slot: number): boolean {
    return (this.#words[slot >>> 5]! & (1 << (slot & 31))) !== 0
  }

  put(slot: number, value: boolean): void {
    if (this.has(slot) === value) return
    this.#words[slot >>> 5]! ^= 1 << (slot & 31)
    this.#set += value ? 1 : -1
  }

  /** Whether what the query asks for may be there: all its words, or one of its URNs. Never no where it is. */
  mayMatch({ words, urns }: QueryHashes): boolean {
    const hasAll = words.length > 0 && words.every(hash => this.has(slotOf(hash, this.bits)))
    return hasAll || urns.some(hash => this.has(slotOf(hash, this.bits)))
  }

  /**
   * Adds what another table has. Where sizes differ, every slot that overlaps is set (QRP, "Scaling route tables"):
   * the hash is made for that.
   */
  or(other: QueryRoutingTable): void {
    if (other.bits === this.bits) {
      for (let index = 0; index < this.#words.length; index += 1) this.#words[index]! |= other.#words[index]!
      this.#recount()
      return
    }
    for (const slot of other.present()) {
      const first =
        other.bits > this.bits ? slot >>> (other.bits - this.bits) : slot << (this.bits - other.bits)
      const last = first + (other.bits > this.bits ? 0 : (1 << (this.bits - other.bits)) - 1)
      for (let scaled = first; scaled <= last; scaled += 1) this.put(scaled, true)
    }
  }

  /** The slots that are set, in their order. */
  *present(): Generator<number> {
    for (let index = 0; index < this.#words.length; index += 1) {
      for (let rest = this.#words[index]!; rest !== 0; rest &= rest - 1)
        yield index * SLOTS_PER_WORD + (31 - Math.clz32(rest & -rest))
    }
  }

  equals(other: QueryRoutingTable | undefined): boolean {
    if (other === undefined || other.bits !== this.bits || other.#set !== this.#set) return false
    for (let index = 0; index < this.#words.length; index += 1)
      if (this.#words[index] !== other.#words[index]) return false
    return true
  }

  #recount(): void {
    this.#set = 0
    for (let index = 0; index < this.#words.length; index += 1) this.#set += ones(this.#words[index]!)
  }
}

/** Bits of a number of 32 bits that are set, all of them added up side by side. */
function ones(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555)
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
