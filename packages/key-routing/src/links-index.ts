/**
 * Neighbours by one of their numbers: open addressing over one array, in which each number stands beside its value.
 * It takes a quarter of what a map does. A machine asks it with every message, and a simulation holds a hundred
 * thousand machines.
 */
const ROOM_AT_FIRST = 8
/** Of the golden ratio: numbers in a row are spread over the table (Knuth, 6.4). */
const SPREAD = 0x9e3779b1

export class NumberIndex<V> {
  /** Pairs of a number and its value, as many as a power of two, of which at most three quarters are taken. */
  #table: (number | V | undefined)[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  get(number: number): V | undefined {
    const table = this.#table
    if (table.length === 0) return undefined
    const mask = table.length - 1
    for (let at = placeOf(number, table.length); ; at = (at + 2) & mask) {
      const known = table[at]
      if (known === number) return table[at + 1] as V
      if (known === undefined) return undefined
    }
  }

  /** A number that is not in it. */
  add(number: number, value: V): void {
    if (8 * (this.#size + 1) > 3 * this.#table.length) this.#grow()
    this.#insert(number, value)
    this.#size += 1
  }

  /** A number that is in it. Closes the gap behind it, so that no mark of what was there is needed (Knuth, 6.4, Algorithm R). */
  delete(number: number): void {
    const table = this.#table
    const mask = table.length - 1
    let gap = placeOf(number, table.length)
    while (table[gap] !== number) gap = (gap + 2) & mask
    for (let at = (gap + 2) & mask; table[at] !== undefined; at = (at + 2) & mask) {
      const home = placeOf(table[at] as number, table.length)
      if (((at - home) & mask) < ((at - gap) & mask)) continue
      table[gap] = table[at]
      table[gap + 1] = table[at + 1]
      gap = at
    }
    table[gap] = undefined
    table[gap + 1] = undefined
    this.#size -= 1
  }

  #insert(number: number, value: V): void {
    const table = this.#table
    const mask = table.length - 1
    let at = placeOf(number, table.length)
    while (table[at] !== undefined) at = (at + 2) & mask
    table[at] = number
    table[at + 1] = value
  }

  #grow(): void {
    const old = this.#table
    const length = Math.max(2 * ROOM_AT_FIRST, 2 * old.length)
    this.#table = new Array<number | V | undefined>(length).fill(undefined)
    for (let at = 0; at < old.length; at += 2)
      if (old[at] !== undefined) this.#insert(old[at] as number, old[at + 1] as V)
  }
}

/** An even place, by the highest bits of the product, which depend on all bits of the number. */
function placeOf(number: number, length: number): number {
  return (Math.imul(number, SPREAD) >>> (Math.clz32(length) + 1)) & ~1
}
