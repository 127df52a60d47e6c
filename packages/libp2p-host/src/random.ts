/** Random numbers for machines, from the system's cryptographic source. */
import { getRandomValues } from 'node:crypto'

const DRAWS_AT_ONCE = 1_024

/** Gives whole numbers, uniform in [0, 2^32), fetched many at a time since each fetch is a system call. */
export function cryptoRandom(): () => number {
  const drawn = new Uint32Array(DRAWS_AT_ONCE)
  let next = DRAWS_AT_ONCE
  return () => {
    if (next === DRAWS_AT_ONCE) {
      getRandomValues(drawn)
      next = 0
    }
    next += 1
    return drawn[next - 1]!
  }
}
