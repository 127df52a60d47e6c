/** The only ways in which a place's tables change: so order, size, version and the links that stay are kept. */

import { type Peer, SELF } from '@servent/overlay/machine'
import { formerBehind } from './former-predecessors.ts'
import { type Fx, NO_REFS, type Place, type Ring } from './ring.ts'
import { inOpen, NOBODY, peerOfRef, TOP_EXPONENT } from './ring-key.ts'
import { listBehind, sameRefs } from './successor-list.ts'
import type { RingRef } from './types.ts'

/** The list becomes a head and what its own list says, as far as that is in order. */
export function adoptList(ring: Ring, place: Place, head: RingRef, list: readonly RingRef[], fx: Fx): void {
  const { successors } = ring.settings
  const refs = listBehind(place.key, head, list, successors, ring)
  const own = ring.ownRef(place)
  place.wrapped = refs.length <= successors && (head === own || list.slice(0, refs.length).includes(own))
  setSuccessors(ring, place, refs, fx)
}

export function setSuccessors(ring: Ring, place: Place, refs: readonly RingRef[], fx: Fx): void {
  if (sameRefs(place.successors, refs)) return
  place.successors = refs
  place.settledHead = NOBODY
  changed(ring, place, fx)
}

/** The head is dead: the next one is asked in its place. */
export function dropHead(ring: Ring, place: Place, fx: Fx): void {
  const [head, ...rest] = place.successors
  if (head === undefined) return
  remember(ring, head)
  setSuccessors(ring, place, rest, fx)
}

export function setPredecessor(ring: Ring, place: Place, ref: RingRef, fx: Fx): void {
  const former = place.predecessor === ref ? place.former : formerBehind(ring, place, ref)
  place.predecessorHeardMs = ring.nowMs
  place.predecessorLost = false
  place.livingFormer = NOBODY
  place.former = former
  if (place.predecessor === ref) return
  place.predecessor = ref
  place.predecessorVersion = 0
  changed(ring, place, fx)
}

/** Whether a node lies between a place and its first successor. */
export function isNearer(ring: Ring, place: Place, ref: RingRef): boolean {
  const [head] = place.successors
  return inOpen(ring.key(ref), place.key, head === undefined ? place.key : ring.key(head))
}

export function remember(ring: Ring, ref: RingRef): void {
  const peer = peerOfRef(ref)
  if (peer !== SELF) ring.lost.add(peer)
}

/** The place is a member from now on. */
export function enter(ring: Ring, place: Place, fx: Fx): void {
  place.member = true
  place.joining = false
  place.joinWaitsMs = undefined
  place.term += 1
  forgetFormers(place)
  place.cursor = TOP_EXPONENT
  place.gapsFrom = 0
  // Chosen by chance, so that whoever knew the tables of an earlier run does not take these for them.
  place.version = fx.random() | 1
  changed(ring, place, fx)
}

function forgetFormers(place: Place): void {
  place.former = NO_REFS
  place.askingFormer = false
  place.livingFormer = NOBODY
}

export function leavePlace(ring: Ring, place: Place, fx: Fx): void {
  place.member = false
  place.joining = false
  place.term += 1
  place.successors = []
  place.predecessor = NOBODY
  place.predecessorLost = false
  forgetFormers(place)
  place.wrapped = false
  place.fingers.clear()
  place.version = 0
  place.settledHead = NOBODY
  place.asked.clear()
  place.compared = []
  place.stabilising = false
  place.rectifying = false
  place.fixing = false
  syncLinks(ring, fx)
}

function changed(ring: Ring, place: Place, fx: Fx): void {
  if (!place.member) return
  place.version = (place.version + 1) >>> 0 || 1
  syncLinks(ring, fx)
  ring.router.tablesChanged(fx)
}

/** Links to everybody in the tables are kept, and no others. */
export function syncLinks(ring: Ring, fx: Fx): void {
  const wanted: Peer[] = []
  const want = (ref: RingRef): void => {
    const peer = peerOfRef(ref)
    if (ref !== NOBODY && peer !== SELF && !wanted.includes(peer)) wanted.push(peer)
  }
  for (const place of ring.places) {
    want(place.predecessor)
    for (const ref of place.successors) want(ref)
    for (let at = 0; at < place.fingers.length; at += 1) want(place.fingers.at(at))
  }
  const { calls } = ring.router
  for (const peer of wanted) if (!ring.linked.includes(peer)) calls.hold(peer, 'ring')
  for (const peer of ring.linked) if (!wanted.includes(peer)) calls.release(peer, 'ring', fx)
  ring.linked = wanted
}
