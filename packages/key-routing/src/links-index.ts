/**
 * Neighbours by one of their numbers: open addressing over one array of those that have them. It takes an eighth of what
 * a map does. A machine asks it with every message, and a simulation holds a hundred thousand machines.
 */
const ROOM_AT_FIRST = 8
/** Of the golden ratio: numbers in a row are spread over the table (Knuth, 6.4). */
const SPREAD = 0x9e3779b1

export class NumberIndex<V> {
  /** As many places as a power of two, of which at most three quarters are taken. */
  #table: (V | undefined)[] = []
  #size = 0
  readonly #numberOf: (value: V) => number

  /** `numberOf` gives the same number as long as the value is in the index. */
  constructor(numberOf: (value: V) => number) {
    this.#numberOf = numberOf
  }

  get size(): number {
    return this.#size
  }

  get(number: number): V | undefined {
    const table = this.#table
    if (table.length === 0) return undefined
    return table[this.#placeOf(number)]
  }

  /** A value whose number is not in it. */
  add(value: V): void {
    if (4 * (this.#size + 1) > 3 * this.#table.length) this.#grow()
    this.#table[this.#placeOf(this.#numberOf(value))] = value
    this.#size += 1
  }

  /** A number that is in it. Closes the gap behind it, so that no mark of what was there is needed (Knuth, 6.4, Algorithm R). */
  delete(number: number): void {
    const table = this.#table
    const mask = table.length - 1
    let gap = this.#placeOf(number)
    for (let at = (gap + 1) & mask; table[at] !== undefined; at = (at + 1) & mask) {
      const home = homeOf(this.#numberOf(table[at]!), table.length)
      if (((at - home) & mask) < ((at - gap) & mask)) continue
      table[gap] = table[at]
      gap = at
    }
    table[gap] = undefined
    this.#size -= 1
  }

  /** Where the value with this number is, or would be. */
  #placeOf(number: number): number {
    const table = this.#table
    const mask = table.length - 1
    let at = homeOf(number, table.length)
    for (let value = table[at]; value !== undefined; value = table[at]) {
      if (this.#numberOf(value) === number) break
      at = (at + 1) & mask
    }
    return at
  }

  #grow(): void {
    const old = this.#table
    this.#table = new Array<V | undefined>(Math.max(ROOM_AT_FIRST, 2 * old.length)).fill(undefined)
    for (const value of old)
      if (value !== undefined) this.#table[this.#placeOf(this.#numberOf(value))] = value
  }
}

/** By the highest bits of the product, which depend on all bits of the number. */
function homeOf(number: number, length: number): number {
  return Math.imul(number, SPREAD) >>> (Math.clz32(length) + 1)
}
