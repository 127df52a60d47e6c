/** What the odds are that a key's root lies as far away as somebody says, by how dense the ids are that one sees. */
import type { Key } from '@servent/overlay/machine'
import type { RootBelief } from './routing.ts'
import { RING_SHRINK_MAX, ROOT_ODDS_DOUBTED, ROOT_ODDS_REFUSED } from './structured-constants.ts'

/** A width is the whole number that its first bytes are: no double rounds it. */
export const WIDTH_BYTES = 6
export const WHOLE_RING = 2 ** (8 * WIDTH_BYTES)

/** Of a distance between two keys. The whole ring is `WHOLE_RING` wide. */
export function widthOf(distance: Key): number {
  let width = 0
  for (let index = 0; index < WIDTH_BYTES; index += 1) width = width * 256 + distance[index]!
  return width
}

/**
 * Nobody is in `room` around a key at random once in (1 + room / seen)^gaps times, where so many gaps of the same ring
 * are `seen` wide together: the exponential distribution with a mean that is itself measured. So who has seen few gaps
 * refuses little.
 */
export function believeByOdds(room: number, seen: number, gaps: number): RootBelief {
  if (isWithinOdds(room / seen, gaps, ROOT_ODDS_DOUBTED)) return 'sound'
  return isWithinOdds(room / (seen * RING_SHRINK_MAX), gaps, ROOT_ODDS_REFUSED) ? 'doubtful' : 'impossible'
}

/** Multiplied out, since powers are not the same to the last bit on every machine. */
function isWithinOdds(ratio: number, gaps: number, most: number): boolean {
  let odds = 1
  for (let gap = 0; gap < gaps && odds <= most; gap += 1) odds *= 1 + ratio
  return odds <= most
}
