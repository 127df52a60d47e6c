/** How a machine gets into a ring, stays in it, and begins again when it fell out. */
import type { Peer } from '@servent/overlay/machine'
import { alone, gather } from './forming.ts'
import type { Fx, Place, Ring } from './ring.ts'
import { NOBODY } from './ring-key.ts'
import { lookupVia, ownRootOf } from './ring-lookup.ts'
import { leavePlace, remember } from './ring-tables.ts'
import { armJoin, armPlace, armRing } from './ring-timers.ts'
import type { ChordMode } from './types.ts'

export function setMode(ring: Ring, mode: ChordMode, fx: Fx): void {
  if (ring.mode === mode) return
  ring.mode = mode
  fx.notify({ type: 'mode', mode })
}

/** A place has its tables: rounds begin, the first at once, so that others hear of it. */
export function entered(ring: Ring, place: Place, fx: Fx): void {
  ring.forming = undefined
  if (ring.mode !== 'ring') {
    for (const other of ring.places) if (other !== place) forgetForming(ring, other, fx)
  }
  setMode(ring, 'ring', fx)
  if (ring.linked.length > 0) ring.metMs ??= ring.nowMs
  armRing(ring, fx)
  armJoin(ring, fx)
  armPlace(ring, place, fx)
  if (ring.maintenance) ring.rules.stabilise(ring, place, fx)
}

/** Tables of a ring that forms are nothing in another one: a place joins by itself. */
function forgetForming(ring: Ring, place: Place, fx: Fx): void {
  if (!place.member) return
  const { joining } = place
  leavePlace(ring, place, fx)
  place.joining = joining
}

/** Every place that is no member of a ring looks for its root there. */
export function joinBy(ring: Ring, via: Peer, fx: Fx): void {
  for (const place of ring.places) {
    if (place.joining || (place.member && ring.mode === 'ring')) continue
    place.joining = true
    ring.count('joins')
    lookupVia(ring, via, place.key, fx, (root, fx) => {
      if (!place.joining) return
      if (root === NOBODY) joinFailed(ring, place, fx)
      else ring.rules.join(ring, place, root, fx)
    })
  }
}

/** Places that are no members yet, of a peer that has one which is: that one knows the ring, or is the root. */
export function rejoin(ring: Ring, fx: Fx): void {
  for (const place of ring.places) {
    if (place.member || place.joining) continue
    const root = ownRootOf(ring, place.key)
    if (root === NOBODY) continue
    place.joining = true
    ring.count('joins')
    ring.rules.join(ring, place, root, fx)
  }
  const via = knownPeer(ring, fx)
  if (via !== undefined) joinBy(ring, via, fx)
}

/** By chance one of the tables, so that one who does not help is not asked for ever. */
function knownPeer(ring: Ring, fx: Fx): Peer | undefined {
  const known = ring.linked.length > 0 ? ring.linked : [...ring.bootstrap.peers, ...ring.lost.peers]
  return known.length === 0 ? undefined : known[fx.random() % known.length]
}

/** The next look at the contacts tries again. */
export function joinFailed(ring: Ring, place: Place, fx: Fx): void {
  place.joining = false
  ring.count('joinsFailed')
  ring.contactsDueMs = Math.min(ring.contactsDueMs, ring.nowMs + 1)
  if (ring.mode === 'ring') armJoin(ring, fx)
}

/** Nobody in the list lives: Zave's first assumption is broken, and only a new join helps. */
export function isolated(ring: Ring, place: Place, fx: Fx): void {
  if (ring.mode !== 'ring') return
  ring.count('isolated')
  const knewAll = place.wrapped && place.fingers.length === 0
  for (let at = 0; at < place.fingers.length; at += 1) remember(ring, place.fingers.at(at))
  if (place.predecessor !== NOBODY && !place.predecessorLost) remember(ring, place.predecessor)
  leavePlace(ring, place, fx)
  if (ring.members.length > 0) {
    armJoin(ring, fx)
    return
  }
  gather(ring, fx)
  if (knewAll) alone(ring, fx)
}
