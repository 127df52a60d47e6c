/**
 * Proximity choice of fingers, as MIT's Chord does it (p2psim, chordfingerpns): of the first nodes behind the
 * start of a finger's interval, as long as they lie in it, the one with the shortest round trip. ToN section
 * VI-E has its own variant, which asks all of a finger's successors at each hop.
 */
import { addPowerOfTwo } from '@servent/overlay/machine'
import { PROXIMITY_PINGS_MAX } from './constants.ts'
import { dropFinger, findStart } from './finger-refresh.ts'
import type { Fx, Place, Ring } from './ring.ts'
import { askNeighbours, isOwn, ping, probeNode } from './ring-calls.ts'
import { distanceExponent, NOBODY, peerOfRef } from './ring-key.ts'
import { syncLinks } from './ring-tables.ts'
import type { RingRef } from './types.ts'

export function refreshByProximity(ring: Ring, place: Place, exponent: number, fx: Fx): void {
  const { term } = place
  findStart(ring, place, addPowerOfTwo(place.key, exponent), fx, (root, fx) => {
    if (root === NOBODY || distanceExponent(place.key, ring.key(root)) !== exponent) {
      place.fixing = false
      return
    }
    askNeighbours(ring, place, root, 0, fx, (answer, fx) => {
      if (place.term !== term) return
      const behind = typeof answer === 'object' ? answer.successors : []
      const candidates = [root, ...behind]
        .slice(0, ring.settings.samples)
        .filter(ref => !isOwn(ref) && distanceExponent(place.key, ring.key(ref)) === exponent)
      measure(ring, place, exponent, candidates, fx)
    })
  })
}

/** Those whose round trip is not known are asked, a few each round; then the nearest is the finger. */
function measure(ring: Ring, place: Place, exponent: number, candidates: readonly RingRef[], fx: Fx): void {
  const { term } = place
  const finger = place.fingers.get(exponent)
  const unknown = candidates.filter(ref => rttOf(ring, ref) === undefined && ref !== finger)
  // By chance, so that in time all are measured.
  const from = unknown.length === 0 ? 0 : fx.random() % unknown.length
  const asked = [...unknown.slice(from), ...unknown.slice(0, from)].slice(0, PROXIMITY_PINGS_MAX)
  if (finger !== NOBODY) asked.push(finger)
  const hand = [...candidates, ...asked]
  ring.inHand.add(hand)
  let waiting = asked.length
  const finish = (fx: Fx): void => {
    ring.inHand.delete(hand)
    place.fixing = false
    choose(ring, place, exponent, candidates, fx)
  }
  if (waiting === 0) finish(fx)
  for (const ref of asked) {
    const heard = (alive: boolean | 'later', fx: Fx): void => {
      waiting -= 1
      if (place.term !== term) {
        ring.inHand.delete(hand)
        return
      }
      if (alive === false && ref === finger) dropFinger(ring, place, ref, fx)
      if (waiting === 0) finish(fx)
    }
    // A finger may have left the ring while its peer lives on.
    if (ref === finger) probeNode(ring, ref, fx, heard)
    else ping(ring, peerOfRef(ref), fx, heard)
  }
}

function choose(ring: Ring, place: Place, exponent: number, candidates: readonly RingRef[], fx: Fx): void {
  let best = place.fingers.get(exponent)
  let bestMs = best === NOBODY ? Number.POSITIVE_INFINITY : (rttOf(ring, best) ?? Number.POSITIVE_INFINITY)
  for (const ref of candidates) {
    const rttMs = rttOf(ring, ref)
    if (rttMs === undefined || rttMs >= bestMs) continue
    best = ref
    bestMs = rttMs
  }
  if (best === NOBODY) return
  place.fingers.set(exponent, best)
  syncLinks(ring, fx)
}

/** Of a peer that is linked: who is not would have to be dialled when it is needed. */
function rttOf(ring: Ring, ref: RingRef): number | undefined {
  const peer = peerOfRef(ref)
  const { calls } = ring.router
  return calls.linkOf(peer) === undefined ? undefined : calls.rttMs(peer)
}
