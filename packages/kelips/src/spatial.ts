/**
 * Whom a round tells (IPTPS section 3, after Kempe, Kleinberg and Demers, "Spatial gossip and resource location
 * protocols", STOC 2001): a peer at round trip t with probability in proportion to 1/t^2, so that most traffic stays
 * near and news still cross the world in O(log^2 n) rounds. Measured round trips are no distances in a plane, and
 * peers that are near nobody must be told too: of several targets the last one is drawn evenly.
 */
import { type RandomSource, randomBelow } from '@servent/overlay/machine'
import { RTT_UNKNOWN_MS } from './constants.ts'

interface Measured {
  readonly size: number
  /** 0: not measured. */
  rttMs(row: number): number
}

const RANGE = 2 ** 32

/** At most `count` distinct rows. */
export function chooseTargets(table: Measured, count: number, random: RandomSource): number[] {
  const { size } = table
  if (size <= count) return Array.from({ length: size }, (_, row) => row)
  const chosen: number[] = []
  const weight = (row: number): number => (chosen.includes(row) ? 0 : weightOf(table.rttMs(row)))
  while (chosen.length < count - 1) {
    let total = 0
    for (let row = 0; row < size; row += 1) total += weight(row)
    let left = (random.random() / RANGE) * total
    let last = -1
    for (let row = 0; row < size; row += 1) {
      const own = weight(row)
      if (own === 0) continue
      last = row
      left -= own
      if (left < 0) break
    }
    chosen.push(last)
  }
  const row = randomBelow(random, size - chosen.length)
  return [...chosen, nthOf(row, chosen)]
}

export function weightOf(rttMs: number): number {
  const ms = rttMs === 0 ? RTT_UNKNOWN_MS : rttMs
  return 1 / (ms * ms)
}

/** The n-th row of those that are not chosen. */
function nthOf(n: number, chosen: readonly number[]): number {
  let row = n
  for (const taken of [...chosen].sort((a, b) => a - b)) if (taken <= row) row += 1
  return row
}
