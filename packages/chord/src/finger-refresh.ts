/**
 * Fingers (ToN sections IV-D and IV-E.1): one is refreshed each round, from the furthest down to where the
 * successor list says it all. A finger that still answers for the start of its interval costs two messages;
 * any other is looked up. Nobody becomes a finger who was not linked with first.
 */
import { addPowerOfTwo, type Key, SELF } from '@servent/overlay/machine'
import { FINGER_PROBES_MAX } from './constants.ts'
import { refreshByProximity } from './proximity.ts'
import type { Fx, Place, Ring } from './ring.ts'
import { isOwn, ping, request } from './ring-calls.ts'
import { compareDistance, distanceExponent, indexOfRef, inHalfOpen, NOBODY, peerOfRef } from './ring-key.ts'
import { syncLinks } from './ring-tables.ts'
import type { RingRef } from './types.ts'

const TOP_EXPONENT = 255

/** One round: the next finger that the list does not hold. */
export function fixFinger(ring: Ring, place: Place, fx: Fx): void {
  if (!place.member || place.fixing) return
  trimFingers(ring, place, fx)
  const last = place.successors.at(-1)
  if (last === undefined || place.wrapped) return
  let exponent = place.cursor
  if (inHalfOpen(addPowerOfTwo(place.key, exponent), place.key, ring.key(last))) exponent = TOP_EXPONENT
  if (inHalfOpen(addPowerOfTwo(place.key, exponent), place.key, ring.key(last))) return
  // Never 0: the key next to the place's own is the list's.
  place.cursor = exponent - 1
  place.fixing = true
  if (ring.settings.proximity === 'on') refreshByProximity(ring, place, exponent, fx)
  else refresh(ring, place, exponent, fx)
}

/** What the successor list covers needs no finger. */
export function trimFingers(ring: Ring, place: Place, fx: Fx): void {
  const last = place.successors.at(-1)
  if (last === undefined) return
  const before = place.fingers.length
  for (let at = place.fingers.length - 1; at >= 0; at -= 1) {
    const key = ring.key(place.fingers.at(at))
    if (!place.wrapped && compareDistance(place.key, key, ring.key(last)) > 0) break
    place.fingers.removeAt(at)
  }
  if (place.fingers.length !== before) syncLinks(ring, fx)
}

function refresh(ring: Ring, place: Place, exponent: number, fx: Fx): void {
  const start = addPowerOfTwo(place.key, exponent)
  const finger = place.fingers.get(exponent)
  if (finger === NOBODY || isOwn(finger)) {
    lookUp(ring, place, exponent, start, fx)
    return
  }
  const { term } = place
  request(
    ring,
    peerOfRef(finger),
    id => ({ type: 'next-hops-request', id, key: start, purpose: 'table', root: true, silent: [] }),
    fx,
    (answer, fx) => {
      if (place.term !== term) return
      if (typeof answer === 'object' && answer.type === 'next-hops-answer' && answer.range !== undefined) {
        place.fixing = false
        return
      }
      // Whoever lives and knows nobody at all is no member any more.
      const isOut =
        typeof answer === 'object' && answer.type === 'next-hops-answer' && answer.hops.length === 0
      if (answer === undefined || isOut) dropFinger(ring, place, finger, fx)
      lookUp(ring, place, exponent, start, fx)
    }
  )
}

function lookUp(ring: Ring, place: Place, exponent: number, start: Key, fx: Fx): void {
  findStart(ring, place, start, fx, (root, fx) => {
    place.fixing = false
    if (root !== NOBODY) takeFinger(ring, place, exponent, root, fx)
  })
}

/** The first node at or behind a start, linked with. `NOBODY` where the lookup failed. */
export function findStart(
  ring: Ring,
  place: Place,
  start: Key,
  fx: Fx,
  done: (root: RingRef, fx: Fx) => void
): void {
  const { term } = place
  ring.router.lookup(
    start,
    { purpose: 'table' },
    (outcome, fx) => {
      if (place.term !== term) return
      if ('failed' in outcome) {
        done(NOBODY, fx)
        return
      }
      const root = ring.rootOfAnswer(outcome.root, outcome.to)
      if (root === NOBODY || isOwn(root) || isLinked(ring, root)) {
        done(root, fx)
        return
      }
      const hand = [root]
      ring.inHand.add(hand)
      ping(ring, peerOfRef(root), fx, (alive, fx) => {
        ring.inHand.delete(hand)
        if (place.term === term) done(alive === true ? root : NOBODY, fx)
      })
    },
    fx
  )
}

function isLinked(ring: Ring, ref: RingRef): boolean {
  return ring.router.calls.linkOf(peerOfRef(ref)) !== undefined
}

/**
 * Puts a node in the place that its distance gives it. As the answer for the start of `exponent` it also says
 * that there is nobody nearer to that start.
 */
export function takeFinger(ring: Ring, place: Place, exponent: number, ref: RingRef, fx: Fx): void {
  const key = ring.key(ref)
  const reached = distanceExponent(place.key, key)
  if (reached > exponent || reached < 0) removeAtExponent(place, exponent)
  const old = reached < 0 ? ref : place.fingers.get(reached)
  const nearer = old === NOBODY || compareDistance(place.key, key, ring.key(old)) < 0
  if (reached >= exponent && (reached === exponent || nearer)) place.fingers.set(reached, ref)
  syncLinks(ring, fx)
}

function removeAtExponent(place: Place, exponent: number): void {
  for (let at = 0; at < place.fingers.length; at += 1)
    if (place.fingers.exponentAt(at) === exponent) place.fingers.removeAt(at)
}

/** It is gone: its place is the next to be refreshed. `lost`: not of its own accord, so it may come back. */
export function dropFinger(ring: Ring, place: Place, ref: RingRef, fx: Fx, lost = true): void {
  for (let at = 0; at < place.fingers.length; at += 1) {
    if (place.fingers.at(at) !== ref) continue
    place.cursor = place.fingers.exponentAt(at)
    place.fingers.removeAt(at)
    ring.count('fingersDropped')
    if (lost) ring.lost.add(peerOfRef(ref))
    syncLinks(ring, fx)
    return
  }
}

/** A joiner's first guesses are its successor's fingers; each is linked with before it is one. */
export function guessFingers(ring: Ring, place: Place, from: RingRef, fx: Fx): void {
  const { term } = place
  request(
    ring,
    peerOfRef(from),
    id => ({ type: 'fingers-request', id, index: indexOfRef(from) }),
    fx,
    (answer, fx) => {
      if (place.term !== term || typeof answer !== 'object' || answer.type !== 'fingers') return
      const refs = ring.refs(answer.fingers.slice(0, FINGER_PROBES_MAX))
      for (const ref of refs) {
        if (peerOfRef(ref) === SELF) continue
        const hand = [ref]
        ring.inHand.add(hand)
        ping(ring, peerOfRef(ref), fx, (alive, fx) => {
          ring.inHand.delete(hand)
          if (place.term !== term || alive !== true) return
          const exponent = distanceExponent(place.key, ring.key(ref))
          if (exponent >= 0) takeFinger(ring, place, exponent, ref, fx)
        })
      }
    }
  )
}
