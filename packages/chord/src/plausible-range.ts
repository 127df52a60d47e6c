/**
 * Whether a peer can be the root of a range that somebody claims it to be: the range ends at one of its places,
 * and is not much wider than those that this peer sees. Places are spread evenly by their hashes, so the gaps of
 * its own successor list tell how wide ranges are.
 */
import type { KeyRange } from '@servent/key-routing/machine'
import { clockwiseDistance, compareKeys, type Key, type Peer } from '@servent/overlay/machine'
import { RANGE_GAPS_MAX } from './constants.ts'
import type { Ring } from './ring.ts'
import { NOBODY } from './ring-key.ts'

/** A width is the whole number that its first bytes are: no double rounds it. */
const WIDTH_BYTES = 6
const WHOLE_RING = 2 ** (8 * WIDTH_BYTES)

export function isPlausibleRange(ring: Ring, root: Peer, { from, to }: KeyRange): boolean {
  if (ring.placeOf(root, to) === NOBODY) return false
  const width = compareKeys(from, to) === 0 ? WHOLE_RING : widthOf(from, to)
  let gaps = 0
  let seen = 0
  for (const { key, successors } of ring.members) {
    const last = successors.at(-1)
    if (last === undefined) continue
    gaps += successors.length
    seen += widthOf(key, ring.key(last))
  }
  // Whoever is alone has seen no gap.
  return gaps === 0 || width * gaps <= RANGE_GAPS_MAX * seen
}

function widthOf(from: Key, to: Key): number {
  const distance = clockwiseDistance(from, to)
  let width = 0
  for (let index = 0; index < WIDTH_BYTES; index += 1) width = width * 256 + distance[index]!
  return width
}
