/** Finds rows of a packed table by a hash: open addressing over row numbers of 16 bits, four bytes a row at most. */

/** A row's number plus one goes into 16 bits. */
export const ROWS_MAX = 65_534
/** Of four places, so many are taken at most before there are more. */
const LOAD_OF_FOUR = 3
const PLACES_LEAST = 8

export class RowIndex {
  /** Row plus one; 0 is empty. */
  #places = new Uint16Array(PLACES_LEAST)
  #count = 0
  readonly #hashOf: (row: number) => number

  /** `hashOf` gives 32 bits, the same as long as the row is in the index. */
  constructor(hashOf: (row: number) => number) {
    this.#hashOf = hashOf
  }

  get bytes(): number {
    return this.#places.byteLength
  }

  /** The first row with this hash that matches; -1 where there is none. Stops early where `matches` does not say no. */
  find(hash: number, matches: (row: number) => boolean): number {
    const { length } = this.#places
    for (let at = this.#home(hash); ; at = at + 1 === length ? 0 : at + 1) {
      const row = this.#places[at]! - 1
      if (row < 0) return -1
      if (matches(row)) return row
    }
  }

  add(row: number): void {
    if (4 * (this.#count + 1) > LOAD_OF_FOUR * this.#places.length) this.#grow()
    this.#put(row)
    this.#count += 1
  }

  /** Before the row itself is changed. What lies behind it moves up, so that no search ends too early. */
  remove(row: number): void {
    const { length } = this.#places
    let hole = this.#placeOf(row)
    this.#count -= 1
    for (let at = hole; ; ) {
      at = at + 1 === length ? 0 : at + 1
      const other = this.#places[at]! - 1
      if (other < 0) break
      const home = this.#home(this.#hashOf(other))
      // It may not come before its home.
      const passed = hole <= at ? home > hole && home <= at : home > hole || home <= at
      if (passed) continue
      this.#places[hole] = other + 1
      hole = at
    }
    this.#places[hole] = 0
  }

  /** The row has another number: before it is moved. */
  renumber(from: number, to: number): void {
    this.#places[this.#placeOf(from)] = to + 1
  }

  #placeOf(row: number): number {
    const { length } = this.#places
    let at = this.#home(this.#hashOf(row))
    while (this.#places[at] !== row + 1) {
      if (this.#places[at] === 0) throw new RangeError(`Row ${row} is in no index.`)
      at = at + 1 === length ? 0 : at + 1
    }
    return at
  }

  #put(row: number): void {
    const { length } = this.#places
    let at = this.#home(this.#hashOf(row))
    while (this.#places[at] !== 0) at = at + 1 === length ? 0 : at + 1
    this.#places[at] = row + 1
  }

  #grow(): void {
    const old = this.#places
    this.#places = new Uint16Array(Math.ceil(old.length * 1.5))
    for (const place of old) if (place !== 0) this.#put(place - 1)
  }

  #home(hash: number): number {
    return Math.floor(((hash >>> 0) * this.#places.length) / 2 ** 32)
  }
}

type Column =
  | Uint8Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>

/** The same column with room for more. */
export function grown<C extends Column>(column: C, length: number): C {
  const larger = new (column.constructor as new (length: number) => C)(length)
  larger.set(column as never)
  return larger
}

/** Rows that a table makes room for when it is full: a quarter more, so that little stays empty. */
export function roomFor(rows: number, most: number): number {
  return Math.min(most, Math.ceil(rows * 1.25) + 4)
}
