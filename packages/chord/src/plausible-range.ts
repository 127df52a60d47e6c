/**
 * Whether a peer can be the root that somebody claims it to be, of a key or of a range: the range ends at one of its
 * places, and it is neither much wider nor, for a key, its end much further than those that this peer sees. Places
 * are spread evenly by their hashes, so the gaps of its own successor list tell how wide ranges are.
 */
import {
  believeByOdds,
  type KeyRange,
  type RootBelief,
  WHOLE_RING,
  WIDTH_BYTES,
  widthOf
} from '@servent/key-routing/machine'
import { clockwiseDistance, compareKeys, KEY_BYTES, type Key, type Peer } from '@servent/overlay/machine'
import { RANGE_GAPS_MAX } from './constants.ts'
import type { Place, Ring } from './ring.ts'
import { inHalfOpen, NOBODY, peerOfRef } from './ring-key.ts'

export function isPlausibleRange(ring: Ring, root: Peer, { from, to }: KeyRange): boolean {
  if (ring.placeOf(root, to) === NOBODY) return false
  const width = compareKeys(from, to) === 0 ? WHOLE_RING : widthBetween(from, to)
  const { gaps, seen } = gapsOf(ring)
  // Whoever is alone has seen no gap.
  return gaps === 0 || width * gaps <= RANGE_GAPS_MAX * seen
}

/**
 * Of a key at random, the root lies further away than `distance` once in (1 + distance / seen)^gaps times, where
 * so many gaps of the same ring are `seen` wide together: the exponential distribution with a mean that is itself
 * measured. So who has seen few gaps refuses little. Fingers count too: each is as far behind the start of its
 * interval as a root is behind a key, all over the ring, so whoever crowds the list alone changes nothing. Where the
 * list goes all the way round, or has the root itself, there is nothing to guess.
 */
export function believeRoot(ring: Ring, root: Peer, key: Key, to: Key): RootBelief {
  if (ring.placeOf(root, to) === NOBODY) return 'impossible'
  if (ring.members.some(place => place.wrapped || listedRoot(ring, place, key) === root)) return 'sound'
  const { gaps, seen } = gapsKnown(ring)
  // Places that are all nearer to each other than a width can tell are none of hashes.
  if (gaps === 0 || seen === 0) return 'sound'
  const distance = widthBetween(key, to)
  return believeByOdds(distance, seen, gaps)
}

/** The peer that a place's own list has for the root of a key that it reaches. */
function listedRoot(ring: Ring, { key: own, successors }: Place, key: Key): Peer | undefined {
  const ref = successors.find(ref => inHalfOpen(key, own, ring.key(ref)))
  return ref === undefined ? undefined : peerOfRef(ref)
}

/** Of lists and fingers. One that was chosen by its round trip lies further than the nearest: that errs to believe. */
function gapsKnown(ring: Ring): { readonly gaps: number; readonly seen: number } {
  let { gaps, seen } = gapsOf(ring)
  for (const { key, fingers } of ring.members) {
    for (let at = 0; at < fingers.length; at += 1) {
      const toStart = 2 ** (fingers.exponentAt(at) - 8 * (KEY_BYTES - WIDTH_BYTES))
      gaps += 1
      seen += Math.max(0, widthBetween(key, ring.key(fingers.at(at))) - toStart)
    }
  }
  return { gaps, seen }
}

/** How many gaps the own lists show, and how wide they are together. */
function gapsOf(ring: Ring): { readonly gaps: number; readonly seen: number } {
  let gaps = 0
  let seen = 0
  for (const { key, successors } of ring.members) {
    const last = successors.at(-1)
    if (last === undefined) continue
    gaps += successors.length
    seen += widthBetween(key, ring.key(last))
  }
  return { gaps, seen }
}

function widthBetween(from: Key, to: Key): number {
  return widthOf(clockwiseDistance(from, to))
}
