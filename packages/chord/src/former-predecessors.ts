/**
 * Who preceded a place before its predecessor came. Where that one is lost they are mostly the nearest who live, and a key
 * that lies before them is theirs or somebody's before them: whoever took this place for its root has a list that skips
 * them, as lists of a young ring do, or found them silent, and then says so. (The papers have a predecessor alone. Zave's
 * proof asks nothing of it, so that these are for lookups, and no list is made of them.)
 */
import { compareClockwise, type Peer } from '@servent/overlay/machine'
import { FORMER_PREDECESSORS_MAX } from './constants.ts'
import { type Fx, NO_REFS, type Place, type Ring } from './ring.ts'
import { askNeighbours, isOwn } from './ring-calls.ts'
import { NOBODY, peerOfRef } from './ring-key.ts'
import type { RingRef } from './types.ts'

/** The nearest first: those alone that lie further back than who precedes the place from now on. */
export function formerBehind(ring: Ring, place: Place, predecessor: RingRef): readonly RingRef[] {
  const { predecessor: old, predecessorLost, former } = place
  const known = old === NOBODY || predecessorLost || isOwn(old) ? former : [old, ...former]
  if (known.length === 0 || predecessor === NOBODY) return NO_REFS
  const key = ring.key(predecessor)
  return known
    .filter(ref => compareClockwise(place.key, ring.key(ref), key) < 0)
    .slice(0, FORMER_PREDECESSORS_MAX)
}

/** The predecessor is lost: whoever of these is no member any more is forgotten, up to the first who says that it is one. */
export function askFormer(ring: Ring, place: Place, fx: Fx): void {
  const [ref] = place.former
  if (ref === undefined || place.askingFormer || !place.predecessorLost) return
  const { term } = place
  const hand = [ref]
  place.askingFormer = true
  ring.inHand.add(hand)
  askNeighbours(ring, place, ref, 0, fx, (answer, later) => {
    ring.inHand.delete(hand)
    if (place.term !== term) return
    place.askingFormer = false
    if (answer === 'later') return
    // Whoever forms a ring was started anew, and has nobody's keys.
    const isGone = answer === 'dead' || (answer.forming && !ring.isFounder(peerOfRef(ref)))
    if (isGone && place.former.includes(ref)) forgetFormer(ring, place, ref, later)
    else if (place.former[0] !== ref) askFormer(ring, place, later)
    else if (place.predecessorLost) {
      place.livingFormer = ref
      ring.router.tablesChanged(later)
    }
  })
}

/** It is no member, or says that it leaves: the next one is asked. */
export function forgetFormer(ring: Ring, place: Place, ref: RingRef, fx: Fx): void {
  if (!place.former.includes(ref)) return
  place.former = place.former.filter(other => other !== ref)
  if (place.livingFormer === ref) place.livingFormer = NOBODY
  askFormer(ring, place, fx)
}

/** The same of all places that a peer has. */
export function forgetFormerOf(ring: Ring, peer: Peer, fx: Fx): void {
  for (const place of ring.members)
    for (const ref of place.former) if (peerOfRef(ref) === peer) forgetFormer(ring, place, ref, fx)
}
