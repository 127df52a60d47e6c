/** Chance for machines, drawn from their `Effects` only. */

export interface RandomSource {
  /** A whole number, uniform in [0, 2^32). */
  random(): number
}

const RANGE = 2 ** 32
/** A source that is stuck must not hang a machine. A sound one needs more than 32 draws once in 2^32. */
const DRAWS_MAX = 32

/** A whole number, uniform in [0, n), for n from 1 to 2^32. */
export function randomBelow(source: RandomSource, n: number): number {
  if (!Number.isInteger(n) || n < 1 || n > RANGE) throw new RangeError(`No whole number lies in [0, ${n}).`)
  // Draws from the last, incomplete stretch of n would favour small numbers.
  const fair = RANGE - (RANGE % n)
  let drawn = source.random()
  for (let draw = 1; drawn >= fair && draw < DRAWS_MAX; draw += 1) drawn = source.random()
  return drawn % n
}

export function randomBytes(source: RandomSource, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let offset = 0; offset < length; offset += 4) {
    const drawn = source.random()
    for (let byte = 0; byte < 4 && offset + byte < length; byte += 1)
      bytes[offset + byte] = drawn >>> (8 * byte)
  }
  return bytes
}
