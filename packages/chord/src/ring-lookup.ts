/**
 * A lookup in the ring of another peer: a joiner has no tables of its own yet, and whoever looks for a foreign
 * ring must not use its own. It asks step by step (ToN section IV-C, iterative).
 */
import { type KeyRange, NEXT_HOPS_MAX, SILENT_MAX } from '@servent/key-routing/machine'
import { type Contact, compareKeys, type Key, NO_PEER, type Peer, SELF } from '@servent/overlay/machine'
import { FOREIGN_STEPS_MAX } from './constants.ts'
import type { Fx, Ring } from './ring.ts'
import { request } from './ring-calls.ts'
import { inHalfOpen, inOpen, NOBODY, refOf } from './ring-key.ts'
import type { RingRef } from './types.ts'

interface Step {
  readonly peer: Peer
  readonly root: boolean
  /** Who named it, and was taken for the root itself: where this one is silent, that one is asked again, and told so. */
  readonly by?: Step
}

/** `done` has the node that is the root of the key where `via` is, or `NOBODY`. */
export function lookupVia(
  ring: Ring,
  via: Peer,
  key: Key,
  fx: Fx,
  done: (root: RingRef, fx: Fx) => void
): void {
  const asked: Peer[] = []
  /** Of these, those that were told that they are taken for the root: what they say then is another matter. */
  const askedAsRoot: Peer[] = []
  const silent: Uint8Array[] = []
  /** Somebody takes this peer for the root, which it is not. */
  let isNamed = false
  // The best last. Those of earlier answers stay below, for when all of the later ones are silent.
  const stack: Step[] = [{ peer: via, root: false }]
  const hand: RingRef[] = [refOf(via, 0)]
  ring.inHand.add(hand)
  const end = (root: RingRef, fx: Fx): void => {
    ring.inHand.delete(hand)
    done(root, fx)
  }
  const next = (fx: Fx): void => {
    const step = stack.pop()
    if (step === undefined || asked.length >= FOREIGN_STEPS_MAX) {
      end(NOBODY, fx)
      return
    }
    const { peer, root } = step
    asked.push(peer)
    if (root) askedAsRoot.push(peer)
    request(
      ring,
      peer,
      id => ({
        type: 'next-hops-request',
        id,
        key,
        purpose: 'table',
        root,
        silent: silent.slice(-SILENT_MAX)
      }),
      fx,
      (answer, fx) => {
        if (typeof answer !== 'object' || answer.type !== 'next-hops-answer') {
          if (root) silent.push(ring.peers.contact(peer).id)
          if (root && step.by !== undefined) stack.push(step.by)
        } else if (answer.range !== undefined) {
          const place = placeOfRange(ring, peer, key, answer.range)
          if (place !== NOBODY) {
            end(place, fx)
            return
          }
          ring.count('answersRefused')
          if (root) passOver()
        } else {
          if (root) passOver()
          const own = push(step, answer.hops)
          if (own !== NOBODY) {
            end(own, fx)
            return
          }
        }
        next(fx)
      },
      1
    )
  }
  /** Somebody who was taken for the root is not silent: those named behind are on the way at best. */
  const passOver = (): void => {
    for (const [at, { peer }] of stack.entries()) stack[at] = { peer, root: false }
  }
  /** Gives the own place that is the root, if one is. */
  const push = (from: Step, hops: readonly { contact: Contact; root: boolean }[]): RingRef => {
    for (const hop of hops.slice(0, NEXT_HOPS_MAX).reverse()) {
      const peer = ring.peers.intern(hop.contact)
      if (peer === NO_PEER || (hop.root ? askedAsRoot : asked).includes(peer)) continue
      if (peer === SELF) {
        const own = hop.root ? ownRootOf(ring, key) : NOBODY
        if (own !== NOBODY) return own
        // From an earlier membership: whoever comes behind is the root as long as this peer is none, and may be the
        // only one who knows of it.
        if (hop.root && !isNamed) {
          isNamed = true
          silent.push(hop.contact.id)
          if (from.root) stack.push(from)
        }
        continue
      }
      stack.push({ peer, root: hop.root, ...(from.root && { by: from }) })
      hand.push(refOf(peer, 0))
    }
    return NOBODY
  }
  next(fx)
}

/**
 * The place of a peer that says to be the root of a key; `NOBODY` where it cannot be. How far it lies says
 * nothing here: the ring of others may be smaller than this peer's by far.
 */
function placeOfRange(ring: Ring, peer: Peer, key: Key, { from, to }: KeyRange): RingRef {
  return inHalfOpen(key, from, to) ? ring.placeOf(peer, to) : NOBODY
}

/** Of this peer's places that are members, the one in whose range the key of another place lies. */
export function ownRootOf(ring: Ring, key: Key): RingRef {
  if (ring.mode !== 'ring') return NOBODY
  for (const place of ring.members) {
    const { predecessor } = place
    // A key of a member is looked for on behalf of a merge, in another ring than this.
    if (compareKeys(place.key, key) === 0) return NOBODY
    const only = predecessor === NOBODY && place.successors.length === 0
    if (only || (predecessor !== NOBODY && inOpen(key, ring.key(predecessor), place.key)))
      return ring.ownRef(place)
  }
  return NOBODY
}
