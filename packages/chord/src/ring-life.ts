/** How a machine gets into a ring, stays in it, and begins again when it fell out. */
import { type Peer, SELF } from '@servent/overlay/machine'
import { alone, gather } from './forming.ts'
import type { Fx, Place, Ring } from './ring.ts'
import { NOBODY, peerOfRef } from './ring-key.ts'
import { lookupVia } from './ring-lookup.ts'
import { leavePlace, remember } from './ring-tables.ts'
import { armPlace, armRing } from './ring-timers.ts'
import type { ChordMode } from './types.ts'

export function setMode(ring: Ring, mode: ChordMode, fx: Fx): void {
  if (ring.mode === mode) return
  ring.mode = mode
  fx.notify({ type: 'mode', mode })
}

/** A place has its tables: rounds begin, the first at once, so that others hear of it. */
export function entered(ring: Ring, place: Place, fx: Fx): void {
  ring.forming = undefined
  setMode(ring, 'ring', fx)
  armRing(ring, fx)
  armPlace(ring, place, fx)
  if (ring.maintenance) ring.rules.stabilise(ring, place, fx)
}

/** Every place that is no member of a ring looks for its root there. */
export function joinBy(ring: Ring, via: Peer, fx: Fx): void {
  for (const place of ring.places) {
    if (place.joining || (place.member && ring.mode === 'ring')) continue
    place.joining = true
    ring.count('joins')
    lookupVia(ring, via, place.key, fx, (root, fx) => {
      if (!place.joining) return
      if (root === NOBODY || peerOfRef(root) === SELF) joinFailed(ring, place)
      else ring.rules.join(ring, place, root, fx)
    })
  }
}

/** The next look at the contacts tries again. */
export function joinFailed(ring: Ring, place: Place): void {
  place.joining = false
  ring.count('joinsFailed')
  ring.contactsDueMs = Math.min(ring.contactsDueMs, ring.nowMs + 1)
}

/** Nobody in the list lives: Zave's first assumption is broken, and only a new join helps. */
export function isolated(ring: Ring, place: Place, fx: Fx): void {
  if (ring.mode !== 'ring') return
  ring.count('isolated')
  const knewAll = place.wrapped && place.fingers.length === 0
  for (let at = 0; at < place.fingers.length; at += 1) remember(ring, place.fingers.at(at))
  if (place.predecessor !== NOBODY && !place.predecessorLost) remember(ring, place.predecessor)
  leavePlace(ring, place, fx)
  const other = ring.members.find(({ successors }) => successors.length > 0)
  if (other !== undefined) joinBy(ring, peerOfRef(other.successors[0]!), fx)
  else if (ring.members.length === 0) {
    gather(ring, fx)
    if (knewAll) alone(ring, fx)
  }
}
