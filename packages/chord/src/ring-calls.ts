/**
 * Requests to nodes of the ring. A place of this peer itself is asked without a message. Whoever answers that it is
 * no member counts as dead at once.
 */

import {
  type Heard,
  type NextHopsRequest,
  ping as pingPeer,
  requestTwice
} from '@servent/key-routing/machine'
import { type Peer, SELF } from '@servent/overlay/machine'
import { SUCCESSORS_MAX } from './constants.ts'
import type { ChordMessage, Neighbours, RingRequest } from './messages.ts'
import type { Fx, Place, Ring } from './ring.ts'
import { indexOfRef, NOBODY, peerOfRef } from './ring-key.ts'
import type { ChordTypes, RingRef } from './types.ts'

/** Tables of a node that lives and is a member. */
export interface NodeTables {
  readonly version: number
  /** The version is the one that is known: nothing else is said. */
  readonly unchanged: boolean
  /** It has not r + 1 members around it yet. */
  readonly forming: boolean
  readonly predecessor: RingRef
  readonly successors: readonly RingRef[]
}

/** `later`: nothing was learnt, for this peer has too much in hand. */
export type NodeAnswer = NodeTables | 'dead' | 'later'

/** A place asks a node for predecessor and list. `done` may be called before this returns. `tries`: as for `request`. */
export function askNeighbours(
  ring: Ring,
  asker: Place,
  ref: RingRef,
  version: number,
  fx: Fx,
  done: (answer: NodeAnswer, fx: Fx) => void,
  tries?: number
): void {
  const peer = peerOfRef(ref)
  const index = indexOfRef(ref)
  if (peer === SELF) {
    const place = ring.places[index]
    done(place?.member ? ownTables(place, version) : 'dead', fx)
    return
  }
  request(
    ring,
    peer,
    id => ({ type: 'neighbours-request', id, index, version, sender: asker.index }),
    fx,
    (answer, fx) => {
      if (typeof answer === 'object' && answer.type === 'neighbours') done(tablesOf(ring, peer, answer), fx)
      else done(answer === 'later' ? 'later' : 'dead', fx)
    },
    tries
  )
}

function ownTables(place: Place, version: number): NodeTables {
  const unchanged = version === place.version
  return {
    version: place.version,
    unchanged,
    forming: false,
    predecessor: unchanged ? NOBODY : place.predecessor,
    successors: unchanged ? [] : place.successors
  }
}

function tablesOf(ring: Ring, peer: Peer, answer: Neighbours): NodeAnswer {
  if (answer.standing === 'out') return 'dead'
  if (answer.listLength !== ring.settings.successors) {
    forgetUnlike(ring, peer)
    return 'dead'
  }
  const { version, unchanged, predecessor, successors } = answer
  return {
    version,
    unchanged,
    forming: answer.standing === 'forming',
    predecessor: predecessor === undefined ? NOBODY : ring.ref(predecessor),
    successors: ring.refs(successors.slice(0, SUCCESSORS_MAX))
  }
}

/** Rings of unlike r do not mix: it is not asked for its ring again. */
export function forgetUnlike(ring: Ring, peer: Peer): void {
  ring.count('mismatches')
  ring.unlike.add(peer)
  ring.bootstrap.remove(peer)
  ring.lost.remove(peer)
}

/**
 * Whether a node is a member: whoever is the root of the node's own key says so in few bytes. A peer that lives
 * may have taken its place out of the ring.
 */
export function probeNode(
  ring: Ring,
  ref: RingRef,
  fx: Fx,
  done: (alive: boolean | 'later', fx: Fx) => void
): void {
  const key = ring.key(ref)
  request(
    ring,
    peerOfRef(ref),
    id => ({ type: 'next-hops-request', id, key, purpose: 'table', root: true, silent: [] }),
    fx,
    (answer, fx) => {
      if (answer === 'later') done('later', fx)
      else done(answer?.type === 'next-hops-answer' && answer.range !== undefined, fx)
    }
  )
}

/** Whether a peer lives; its round trip is measured by the way. */
export function ping(ring: Ring, peer: Peer, fx: Fx, done: (alive: boolean | 'later', fx: Fx) => void): void {
  pingPeer(ring.router.calls, peer, fx, done)
}

/** Asks again where the first time brings nothing, unless one try is said to be enough. */
export function request(
  ring: Ring,
  peer: Peer,
  make: (id: number) => RingRequest | NextHopsRequest,
  fx: Fx,
  done: (answer: Heard<ChordMessage>, fx: Fx) => void,
  tries?: number
): void {
  requestTwice<ChordTypes>(ring.router.calls, peer, make, fx, done, tries)
}

export function isOwn(ref: RingRef): boolean {
  return ref !== NOBODY && peerOfRef(ref) === SELF
}
