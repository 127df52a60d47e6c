/** Finds rows of a packed table by a hash: open addressing over row numbers of 16 bits, four bytes a row at most. */

/** A row's number plus one goes into 16 bits. */
export const ROWS_MAX = 65_534
/** Of four places, so many are taken at most before there are more. */
const LOAD_OF_FOUR = 3
const PLACES_LEAST = 8
/** What indexes have that nothing was added to: most of them. */
const NO_PLACES = new Uint16Array(PLACES_LEAST)

export class RowIndex {
  /** Row plus one; 0 is empty. */
  #places = NO_PLACES
  #count = 0
  readonly #hashOf: (row: number) => number

  /** `hashOf` gives 32 bits, the same as long as the row is in the index. */
  constructor(hashOf: (row: number) => number) {
    this.#hashOf = hashOf
  }

  get bytes(): number {
    return this.#places.byteLength
  }

  /**
   * Where a search for a hash begins. It goes on by `after`, and ends where `rowAt` is below 0: without a function for
   * each search, since there are some for every entry of every message.
   */
  home(hash: number): number {
    return Math.floor(((hash >>> 0) * this.#places.length) / 2 ** 32)
  }

  after(place: number): number {
    return place + 1 === this.#places.length ? 0 : place + 1
  }

  /** -1: the place is empty. */
  rowAt(place: number): number {
    return this.#places[place]! - 1
  }

  /** Makes room for so many rows at once. */
  reserve(rows: number): void {
    let { length } = this.#places
    while (4 * rows > LOAD_OF_FOUR * length) length = lengthAfter(length)
    if (length > this.#places.length) this.#grow(length)
  }

  add(row: number): void {
    if (this.#places === NO_PLACES) this.#places = new Uint16Array(PLACES_LEAST)
    if (4 * (this.#count + 1) > LOAD_OF_FOUR * this.#places.length)
      this.#grow(lengthAfter(this.#places.length))
    this.#put(row)
    this.#count += 1
  }

  /** Before the row itself is changed. What lies behind it moves up, so that no search ends too early. */
  remove(row: number): void {
    let hole = this.#placeOf(row)
    this.#count -= 1
    for (let at = this.after(hole); this.#places[at] !== 0; at = this.after(at)) {
      const other = this.rowAt(at)
      const home = this.home(this.#hashOf(other))
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
    let at = this.home(this.#hashOf(row))
    while (this.#places[at] !== row + 1) {
      if (this.#places[at] === 0) throw new RangeError(`Row ${row} is in no index.`)
      at = this.after(at)
    }
    return at
  }

  #put(row: number): void {
    let at = this.home(this.#hashOf(row))
    while (this.#places[at] !== 0) at = this.after(at)
    this.#places[at] = row + 1
  }

  #grow(length: number): void {
    const old = this.#places
    this.#places = new Uint16Array(length)
    for (const place of old) if (place !== 0) this.#put(place - 1)
  }
}

function lengthAfter(length: number): number {
  return Math.ceil(length * 1.5)
}
