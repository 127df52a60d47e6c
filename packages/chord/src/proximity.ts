/**
 * Proximity choice of fingers, as MIT's Chord does it (p2psim, chordfingerpns): of the first nodes behind the
 * start of a finger's interval, as long as they lie in it, the one with the shortest round trip. ToN section
 * VI-E has its own variant, which asks all of a finger's successors at each hop.
 */
import { linkedRttMs } from '@servent/key-routing/machine'
import { addPowerOfTwo } from '@servent/overlay/machine'
import { PROXIMITY_PINGS_MAX, PROXIMITY_SAMPLES_MAX, PROXIMITY_SEARCH_ONE_IN } from './constants.ts'
import { dropFinger, findStart, isCrowdedOut } from './finger-refresh.ts'
import type { Fx, Place, Ring } from './ring.ts'
import { askNeighbours, isOwn, ping, probeNode } from './ring-calls.ts'
import { distanceExponent, NOBODY, peerOfRef } from './ring-key.ts'
import { syncLinks } from './ring-tables.ts'
import type { RingRef } from './types.ts'

/** Looks after a finger that is there: compares it until all of its samples were, and then seldom. */
export function tendByProximity(
  ring: Ring,
  place: Place,
  exponent: number,
  fx: Fx,
  done: (root: RingRef, fx: Fx) => void
): void {
  const finger = place.fingers.get(exponent)
  const { term } = place
  if (place.fingers.comparisons(exponent) * PROXIMITY_PINGS_MAX < samplesOf(ring)) {
    compareWithSuccessors(ring, place, exponent, finger, fx, done)
  } else if (fx.random() % PROXIMITY_SEARCH_ONE_IN === 0) {
    searchByProximity(ring, place, exponent, fx, done)
  } else {
    // A finger may have left the ring while its peer lives on.
    probeNode(ring, finger, fx, (alive, fx) => {
      if (place.term !== term) return
      if (alive === false) dropFinger(ring, place, finger, fx)
      done(finger, fx)
    })
  }
}

/** The finger's own successors lie in its interval too, or near behind it. */
function compareWithSuccessors(
  ring: Ring,
  place: Place,
  exponent: number,
  finger: RingRef,
  fx: Fx,
  done: (root: RingRef, fx: Fx) => void
): void {
  const { term } = place
  askNeighbours(ring, place, finger, 0, fx, (answer, fx) => {
    if (place.term !== term) return
    if (answer === 'dead') dropFinger(ring, place, finger, fx)
    if (typeof answer !== 'object') done(NOBODY, fx)
    else
      measure(ring, place, exponent, candidatesOf(ring, place, exponent, answer.successors), finger, fx, done)
  })
}

/** Looks up the start of an interval, and makes the nearest of those behind it the finger. */
export function searchByProximity(
  ring: Ring,
  place: Place,
  exponent: number,
  fx: Fx,
  done: (root: RingRef, fx: Fx) => void
): void {
  const { term } = place
  findStart(ring, place, addPowerOfTwo(place.key, exponent), fx, (root, fx) => {
    if (root === NOBODY || distanceExponent(place.key, ring.key(root)) !== exponent) {
      done(root, fx)
      return
    }
    askNeighbours(ring, place, root, 0, fx, (answer, fx) => {
      if (place.term !== term) return
      const behind = typeof answer === 'object' ? answer.successors : []
      measure(ring, place, exponent, candidatesOf(ring, place, exponent, [root, ...behind]), NOBODY, fx, done)
    })
  })
}

function samplesOf({ settings }: Ring): number {
  return settings.samples ?? settings.successors
}

/** Of nodes in the order of the ring, those of an interval that a finger may be chosen from. */
function candidatesOf(ring: Ring, place: Place, exponent: number, nodes: readonly RingRef[]): RingRef[] {
  return nodes
    .slice(0, samplesOf(ring))
    .filter(ref => !isOwn(ref) && distanceExponent(place.key, ring.key(ref)) === exponent)
}

/**
 * Those whose round trip is not known are asked, a few each round, and so is the finger that is there, unless it
 * was heard just now; then the nearest is the finger.
 */
function measure(
  ring: Ring,
  place: Place,
  exponent: number,
  candidates: readonly RingRef[],
  heardNow: RingRef,
  fx: Fx,
  done: (root: RingRef, fx: Fx) => void
): void {
  const { term } = place
  const finger = place.fingers.get(exponent)
  const before = place.fingers.comparisons(exponent) * PROXIMITY_PINGS_MAX
  // The next few each time, so that as many rounds as it takes measure all; and then by chance.
  const from = before < candidates.length ? before : fx.random() % (candidates.length + 1)
  const asked = [...candidates.slice(from), ...candidates.slice(0, from)]
    .filter(ref => rttOf(ring, ref) === undefined && ref !== finger)
    .slice(0, PROXIMITY_PINGS_MAX)
  if (finger !== NOBODY && finger !== heardNow) asked.push(finger)
  const hand = [...candidates, ...asked]
  ring.inHand.add(hand)
  let waiting = asked.length
  const finish = (fx: Fx): void => {
    ring.inHand.delete(hand)
    choose(ring, place, exponent, candidates, fx)
    done(candidates[0] ?? NOBODY, fx)
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
  const finger = place.fingers.get(exponent)
  let best = finger
  let bestMs = best === NOBODY ? Number.POSITIVE_INFINITY : (rttOf(ring, best) ?? Number.POSITIVE_INFINITY)
  for (const ref of candidates) {
    const rttMs = rttOf(ring, ref)
    if (rttMs === undefined || rttMs >= bestMs || isCrowdedOut(ring, place, exponent, ref)) continue
    best = ref
    bestMs = rttMs
  }
  if (best === NOBODY) return
  const { fingers } = place
  fingers.set(exponent, best, Math.min(PROXIMITY_SAMPLES_MAX, fingers.comparisons(exponent) + 1))
  if (best !== finger) syncLinks(ring, fx)
}

function rttOf(ring: Ring, ref: RingRef): number | undefined {
  return linkedRttMs(ring.router.calls, peerOfRef(ref))
}
