/**
 * Rows of a table side by side in one buffer that grows with them. A peer has four such tables, most of them small or
 * empty, and a simulation holds a hundred thousand peers: a buffer for each column would take more than what lies in it.
 *
 * A row is `ROW_BYTES` long, a number of halves of 32 bits, so numbers of 32 bits stand in two of them.
 */

export const ROW_BYTES = 34
export const ROW_HALVES = ROW_BYTES / 2

const NO_BUFFER = new ArrayBuffer(0)
/** What tables that are empty have in common. */
export const NO_HALVES = new Uint16Array(NO_BUFFER)
const NO_BYTES = new Uint8Array(NO_BUFFER)

export class PackedRows {
  /** All rows, as 16 bits and as bytes: other ones after `grow`. */
  halves = NO_HALVES
  bytes = NO_BYTES

  /** How many rows there is room for. */
  get room(): number {
    return this.bytes.length / ROW_BYTES
  }

  get byteLength(): number {
    return this.bytes.length
  }

  grow(rows: number): void {
    const bytes = new Uint8Array(rows * ROW_BYTES)
    bytes.set(this.bytes)
    this.bytes = bytes
    this.halves = new Uint16Array(bytes.buffer)
  }

  move(from: number, to: number): void {
    this.halves.copyWithin(to * ROW_HALVES, from * ROW_HALVES, (from + 1) * ROW_HALVES)
  }

  /** 32 bits without a sign, the lower half first. */
  word(row: number, at: number): number {
    const from = row * ROW_HALVES + at
    return (this.halves[from]! | (this.halves[from + 1]! << 16)) >>> 0
  }

  setWord(row: number, at: number, value: number): void {
    const from = row * ROW_HALVES + at
    this.halves[from] = value
    this.halves[from + 1] = value >>> 16
  }

  half(row: number, at: number): number {
    return this.halves[row * ROW_HALVES + at]!
  }

  setHalf(row: number, at: number, value: number): void {
    this.halves[row * ROW_HALVES + at] = value
  }

  byte(row: number, at: number): number {
    return this.bytes[row * ROW_BYTES + at]!
  }

  setByte(row: number, at: number, value: number): void {
    this.bytes[row * ROW_BYTES + at] = value
  }

  /** A view of so many bytes of a row, good until the table changes. */
  view(row: number, at: number, length: number): Uint8Array {
    const from = row * ROW_BYTES + at
    return this.bytes.subarray(from, from + length)
  }
}

/** Rows that a table makes room for when it is full: a quarter more, so that little stays empty. */
export function roomFor(rows: number, most: number): number {
  return Math.min(most, Math.ceil(rows * 1.25) + 4)
}

/** The room that a table has once it has grown to so many rows. */
export function roomAfter(room: number, rows: number, most: number): number {
  let grown = room
  while (grown < Math.min(rows, most)) grown = roomFor(grown, most)
  return grown
}

/** The same column with room for more. */
export function grown<C extends Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer>>(
  column: C,
  length: number
): C {
  const larger = new (column.constructor as new (length: number) => C)(length)
  larger.set(column)
  return larger
}
