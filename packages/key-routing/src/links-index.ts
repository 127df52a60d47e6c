/**
 * Neighbours by one of their numbers: open addressing over one array of them, which takes a sixth of what a map
 * does. A machine asks it with every message, and a simulation holds a hundred thousand machines.
 */
const ROOM_AT_FIRST = 8
/** Of the golden ratio: numbers in a row are spread over the table (Knuth, 6.4). */
const SPREAD = 0x9e3779b1

export class NumberIndex<V> {
  readonly #numberOf: (value: V) => number
  /** Its length is a power of two, and at most three quarters of it are taken. */
  #table: (V | undefined)[] = []
  #size = 0

  /** `numberOf` must not change for a value that is in it. No two values in it have the same. */
  constructor(numberOf: (value: V) => number) {
    this.#numberOf = numberOf
  }

  get size(): number {
    return this.#size
  }

  get(number: number): V | undefined {
    const table = this.#table
    if (table.length === 0) return undefined
    const mask = table.length - 1
    for (let at = placeOf(number, table.length); ; at = (at + 1) & mask) {
      const value = table[at]
      if (value === undefined || this.#numberOf(value) === number) return value
    }
  }

  /** A value whose number no other one has. */
  add(value: V): void {
    if (4 * (this.#size + 1) > 3 * this.#table.length) this.#grow()
    this.#insert(value)
    this.#size += 1
  }

  /** Closes the gap behind it, so that no mark of what was there is needed (Knuth, 6.4, Algorithm R). */
  delete(value: V): void {
    const table = this.#table
    const mask = table.length - 1
    let gap = placeOf(this.#numberOf(value), table.length)
    while (table[gap] !== value) gap = (gap + 1) & mask
    for (let at = (gap + 1) & mask; table[at] !== undefined; at = (at + 1) & mask) {
      const moved = table[at]!
      const home = placeOf(this.#numberOf(moved), table.length)
      if (((at - home) & mask) < ((at - gap) & mask)) continue
      table[gap] = moved
      gap = at
    }
    table[gap] = undefined
    this.#size -= 1
  }

  #insert(value: V): void {
    const table = this.#table
    const mask = table.length - 1
    let at = placeOf(this.#numberOf(value), table.length)
    while (table[at] !== undefined) at = (at + 1) & mask
    table[at] = value
  }

  #grow(): void {
    const old = this.#table
    const length = Math.max(ROOM_AT_FIRST, 2 * old.length)
    this.#table = new Array<V | undefined>(length).fill(undefined)
    for (const value of old) if (value !== undefined) this.#insert(value)
  }
}

/** The highest bits of the product, which depend on all bits of the number. */
function placeOf(number: number, length: number): number {
  return Math.imul(number, SPREAD) >>> (Math.clz32(length) + 1)
}
