/**
 * Gaps in the finger table: exponents behind the reach of the successor list that have no finger. A finger that
 * dies leaves one, and a ring that grows leaves one wherever lists shrink. Lookups walk over a gap entry by entry
 * of other nodes' lists, so all gaps are filled at once, the nearest first.
 *
 * A node's first guesses are its successor's fingers, for their intervals are nearly its own (Stoica et al.,
 * SIGCOMM 2001, section 4.4): two messages and a ping stand for a lookup. What they leave open is looked up.
 */
import { SELF } from '@servent/overlay/machine'
import { FINGER_PROBES_MAX } from './constants.ts'
import { lookUpFinger, takeFinger } from './finger-refresh.ts'
import { searchByProximity } from './proximity.ts'
import type { Fx, Place, Ring } from './ring.ts'
import { isOwn, ping, request } from './ring-calls.ts'
import { distanceExponent, indexOfRef, NOBODY, peerOfRef, TOP_EXPONENT } from './ring-key.ts'
import type { RingRef } from './types.ts'

/** In place of an exponent: there is no gap. */
const NO_GAP = -1

/** Fills what can be filled. `done` may be called before this returns, and is not where the place left. */
export function fillGaps(ring: Ring, place: Place, fx: Fx, done: (fx: Fx) => void): void {
  const [head] = place.successors
  const lookUp = (fx: Fx): void => lookUpGaps(ring, place, fx, done)
  if (head === undefined || isOwn(head) || nearestGap(ring, place) === NO_GAP) lookUp(fx)
  else guessFingers(ring, place, head, fx, lookUp)
}

/** The nearest exponent that has no finger, behind those that were found empty before. */
function nearestGap(ring: Ring, place: Place): number {
  const { fingers } = place
  const last = place.successors.at(-1)
  if (last === undefined || place.wrapped) return NO_GAP
  let exponent = Math.max(place.gapsFrom, distanceExponent(place.key, ring.key(last)) + 1)
  for (let at = fingers.length - 1; at >= 0 && fingers.exponentAt(at) <= exponent; at -= 1)
    if (fingers.exponentAt(at) === exponent) exponent += 1
  return exponent <= TOP_EXPONENT ? exponent : NO_GAP
}

/** One after the other, up to the first that cannot be filled: the next time others come first. */
function lookUpGaps(ring: Ring, place: Place, fx: Fx, done: (fx: Fx) => void): void {
  const gap = nearestGap(ring, place)
  if (gap === NO_GAP) {
    place.gapsFrom = 0
    done(fx)
    return
  }
  const lookUp = ring.settings.proximity === 'on' ? searchByProximity : lookUpFinger
  lookUp(ring, place, gap, fx, (root, fx) => {
    if (place.fingers.get(gap) !== NOBODY) {
      lookUpGaps(ring, place, fx, done)
      return
    }
    const reached = root === NOBODY ? gap : distanceExponent(place.key, ring.key(root))
    place.gapsFrom = Math.max(reached, gap + 1)
    done(fx)
  })
}

/** The fingers of another node, as far as there is none for their distance; each is linked with before it is one. */
export function guessFingers(ring: Ring, place: Place, from: RingRef, fx: Fx, done: (fx: Fx) => void): void {
  const { term } = place
  request(
    ring,
    peerOfRef(from),
    id => ({ type: 'fingers-request', id, index: indexOfRef(from) }),
    fx,
    (answer, fx) => {
      if (place.term !== term) return
      const named = typeof answer === 'object' && answer.type === 'fingers' ? answer.fingers : []
      const guesses = ring.refs(named.slice(0, FINGER_PROBES_MAX)).filter(ref => fillsGap(ring, place, ref))
      let waiting = guesses.length
      if (waiting === 0) done(fx)
      for (const ref of guesses) {
        const hand = [ref]
        ring.inHand.add(hand)
        ping(ring, peerOfRef(ref), fx, (alive, fx) => {
          ring.inHand.delete(hand)
          waiting -= 1
          if (place.term !== term) return
          if (alive === true && fillsGap(ring, place, ref))
            takeFinger(ring, place, distanceExponent(place.key, ring.key(ref)), ref, fx)
          if (waiting === 0) done(fx)
        })
      }
    }
  )
}

function fillsGap(ring: Ring, place: Place, ref: RingRef): boolean {
  const exponent = distanceExponent(place.key, ring.key(ref))
  return peerOfRef(ref) !== SELF && exponent >= 0 && place.fingers.get(exponent) === NOBODY
}
