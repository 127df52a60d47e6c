/** When rounds come. */
import { jittered } from '@servent/key-routing/machine'
import { FORMING_MS } from './constants.ts'
import type { Fx, Place, Ring } from './ring.ts'

export const MERGE_TIMER = 'merge'
export const SAVE_TIMER = 'save-peers'
/** Looks at contacts, as long as a place is no member of a ring. */
export const GATHER_TIMER = 'gather'

export function armPlace(ring: Ring, place: Place, fx: Fx): void {
  if (!ring.maintenance) return
  const { stabiliseMs, fixFingersMs, checkPredecessorMs } = ring.settings
  fx.setTimer(place.timers.stabilise, jittered(fx, stabiliseMs))
  fx.setTimer(place.timers.fingers, jittered(fx, fixFingersMs))
  fx.setTimer(place.timers.predecessor, jittered(fx, checkPredecessorMs))
}

export function armRing(ring: Ring, fx: Fx): void {
  const { mergeMs } = ring.settings
  if (mergeMs > 0 && ring.maintenance) fx.setTimer(MERGE_TIMER, jittered(fx, mergeMs))
}

/** A place without a ring looks for its root again. */
export function armJoin(ring: Ring, fx: Fx): void {
  if (ring.maintenance && ring.places.some(({ member }) => !member)) fx.setTimer(GATHER_TIMER, FORMING_MS)
}

export function disarm(ring: Ring, fx: Fx): void {
  for (const { timers } of ring.places) {
    fx.cancelTimer(timers.stabilise)
    fx.cancelTimer(timers.fingers)
    fx.cancelTimer(timers.predecessor)
  }
  fx.cancelTimer(MERGE_TIMER)
}
