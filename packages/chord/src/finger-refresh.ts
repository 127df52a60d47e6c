/**
 * Fingers (ToN sections IV-D and IV-E.1), from the furthest down to where the successor list says it all. Each
 * round fills the gaps, and looks after one of the fingers that are there: one that still answers costs two
 * messages, any other is looked up. Nobody becomes a finger who was not linked with first.
 */
import { addPowerOfTwo, compareClockwise, type Key, type Peer } from '@servent/overlay/machine'
import { fillGaps } from './finger-gaps.ts'
import { tendByProximity } from './proximity.ts'
import type { Fx, Place, Ring } from './ring.ts'
import { isOwn, ping, request } from './ring-calls.ts'
import { distanceExponent, NOBODY, peerOfRef } from './ring-key.ts'
import { syncLinks } from './ring-tables.ts'
import type { RingRef } from './types.ts'

/** One round. */
export function fixFingers(ring: Ring, place: Place, fx: Fx): void {
  if (!place.member || place.fixing) return
  trimFingers(ring, place, fx)
  if (place.successors.length === 0 || place.wrapped) return
  place.fixing = true
  fillGaps(ring, place, fx, fx => tendNext(ring, place, fx))
}

/** The next of the fingers that are there, from the furthest to the nearest and round again. */
function tendNext(ring: Ring, place: Place, fx: Fx): void {
  const { fingers } = place
  let at = 0
  while (at < fingers.length && fingers.exponentAt(at) > place.cursor) at += 1
  if (at === fingers.length) at = 0
  if (fingers.length === 0) {
    place.fixing = false
    return
  }
  const exponent = fingers.exponentAt(at)
  place.cursor = exponent - 1
  const tend = ring.settings.proximity === 'on' ? tendByProximity : refresh
  const end = (): void => {
    place.fixing = false
  }
  tend(ring, place, exponent, fx, (_root, fx) => {
    if (fingers.get(exponent) === NOBODY) fillGaps(ring, place, fx, end)
    else end()
  })
}

/** What the successor list covers needs no finger. */
export function trimFingers(ring: Ring, place: Place, fx: Fx): void {
  const last = place.successors.at(-1)
  if (last === undefined) return
  const before = place.fingers.length
  for (let at = place.fingers.length - 1; at >= 0; at -= 1) {
    const key = ring.key(place.fingers.at(at))
    if (!place.wrapped && compareClockwise(place.key, key, ring.key(last)) > 0) break
    place.fingers.removeAt(at)
  }
  if (place.fingers.length !== before) syncLinks(ring, fx)
}

function refresh(
  ring: Ring,
  place: Place,
  exponent: number,
  fx: Fx,
  done: (root: RingRef, fx: Fx) => void
): void {
  const start = addPowerOfTwo(place.key, exponent)
  const finger = place.fingers.get(exponent)
  if (isOwn(finger)) {
    lookUpFinger(ring, place, exponent, fx, done)
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
        done(finger, fx)
        return
      }
      // Whoever lives and knows nobody at all is no member any more.
      const isOut =
        typeof answer === 'object' && answer.type === 'next-hops-answer' && answer.hops.length === 0
      if (answer === undefined || isOut) dropFinger(ring, place, finger, fx)
      lookUpFinger(ring, place, exponent, fx, done)
    }
  )
}

/** The first node at or behind the start of an interval becomes the finger. */
export function lookUpFinger(
  ring: Ring,
  place: Place,
  exponent: number,
  fx: Fx,
  done: (root: RingRef, fx: Fx) => void
): void {
  findStart(ring, place, addPowerOfTwo(place.key, exponent), fx, (root, fx) => {
    if (root !== NOBODY) takeFinger(ring, place, exponent, root, fx)
    done(root, fx)
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
  const nearer = old === NOBODY || compareClockwise(place.key, key, ring.key(old)) < 0
  const isFirst = reached >= exponent && (reached === exponent || nearer)
  if (isFirst && !isCrowdedOut(ring, place, reached, ref)) place.fingers.set(reached, ref)
  syncLinks(ring, fx)
}

/** Whether the fingers of other exponents have as many from where this one is as they may. */
export function isCrowdedOut(ring: Ring, place: Place, exponent: number, ref: RingRef): boolean {
  if (ring.router.settings.peersPerNetwork === 0) return false
  const { fingers } = place
  const others: Peer[] = []
  for (let at = 0; at < fingers.length; at += 1)
    if (fingers.exponentAt(at) !== exponent) others.push(peerOfRef(fingers.at(at)))
  if (!ring.router.isCrowded(peerOfRef(ref), others)) return false
  ring.count('fingersCrowdedOut')
  return true
}

function removeAtExponent(place: Place, exponent: number): void {
  for (let at = 0; at < place.fingers.length; at += 1)
    if (place.fingers.exponentAt(at) === exponent) place.fingers.removeAt(at)
}

/** It is gone, and leaves a gap. `lost`: not of its own accord, so it may come back. */
export function dropFinger(ring: Ring, place: Place, ref: RingRef, fx: Fx, lost = true): void {
  for (let at = 0; at < place.fingers.length; at += 1) {
    if (place.fingers.at(at) !== ref) continue
    place.fingers.removeAt(at)
    ring.count('fingersDropped')
    if (lost) ring.lost.add(peerOfRef(ref))
    syncLinks(ring, fx)
    return
  }
}
