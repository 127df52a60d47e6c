/**
 * Requests to nodes of the ring. A place of this peer itself is asked without a message. Whoever does not
 * answer is asked a second time before it counts as dead, for a busy peer is not a dead one; whoever answers
 * that it is no member counts as dead at once.
 */
import {
  type CallFailure,
  type NextHopsRequest,
  type Ping,
  PRIORITY_TABLE
} from '@servent/key-routing/machine'
import { type Peer, SELF } from '@servent/overlay/machine'
import { SUCCESSORS_MAX } from './constants.ts'
import type { ChordMessage, Neighbours, RingRequest } from './messages.ts'
import type { Fx, Place, Ring } from './ring.ts'
import { indexOfRef, NOBODY, peerOfRef } from './ring-key.ts'
import type { RingRef } from './types.ts'

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

/** A place asks a node for predecessor and list. `done` may be called before this returns. */
export function askNeighbours(
  ring: Ring,
  asker: Place,
  ref: RingRef,
  version: number,
  fx: Fx,
  done: (answer: NodeAnswer, fx: Fx) => void
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
    }
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
  if (peer === SELF) {
    done(true, fx)
    return
  }
  request(
    ring,
    peer,
    id => ({ type: 'ping', id }),
    fx,
    (answer, fx) => {
      done(answer === 'later' ? 'later' : answer !== undefined, fx)
    }
  )
}

/** `undefined`: dead. */
export function request(
  ring: Ring,
  peer: Peer,
  make: (id: number) => RingRequest | NextHopsRequest | Ping,
  fx: Fx,
  done: (answer: ChordMessage | 'later' | undefined, fx: Fx) => void,
  tries = 2
): void {
  const { calls } = ring.router
  calls.request(
    peer,
    make(calls.nextId()),
    PRIORITY_TABLE,
    (outcome, fx) => {
      if ('answer' in outcome) done(outcome.answer, fx)
      else if (worthAnother(outcome.failed) && tries > 1) request(ring, peer, make, fx, done, tries - 1)
      else done(outcome.failed === 'busy' ? 'later' : undefined, fx)
    },
    fx
  )
}

/** A link that went down while it was asked may have been a duplicate. */
function worthAnother(failed: CallFailure): boolean {
  return failed === 'silent' || failed === 'link-down'
}

export function isOwn(ref: RingRef): boolean {
  return ref !== NOBODY && peerOfRef(ref) === SELF
}
