/**
 * Stabilisation as Zave corrected it (sections 4 and 5; ToN figure 7 is what it corrects): the list is made of
 * the first live successor's list, and that one's predecessor is taken in only if it answers itself.
 */
import { PRIORITY_TABLE } from '@servent/key-routing/machine'
import { compareClockwise, type Peer, SELF } from '@servent/overlay/machine'
import { settle, settledVersion, takeList } from './asked-list.ts'
import { CANDIDATE_STEPS_MAX, CANDIDATES_MAX, FOUNDERS_KEPT_MS, STABILISE_STEPS_MAX } from './constants.ts'
import { dropFinger } from './finger-refresh.ts'
import type { Fx, Place, Ring } from './ring.ts'
import { askNeighbours, isOwn, type NodeAnswer, type NodeTables } from './ring-calls.ts'
import { indexOfRef, NOBODY, peerOfRef, refOf } from './ring-key.ts'
import { isolated } from './ring-life.ts'
import { adoptList, dropHead, isNearer } from './ring-tables.ts'
import type { RingRef } from './types.ts'

export function stabilise(ring: Ring, place: Place, fx: Fx): void {
  if (!place.member || place.stabilising) return
  place.stabilising = true
  fromSuccessor(ring, place, fx)
}

function fromSuccessor(ring: Ring, place: Place, fx: Fx): void {
  if (place.successors.length === 0) refill(ring, place, fx)
  const [head] = place.successors
  if (head === undefined) {
    place.stabilising = false
    isolated(ring, place, fx)
    return
  }
  const { term } = place
  askNeighbours(ring, place, head, settledVersion(place, head), fx, (answer, fx) => {
    if (place.term !== term) return
    if (answer === 'later' || place.successors[0] !== head) {
      // It changed meanwhile, by somebody who lives: the next round goes on from there.
      place.stabilising = false
    } else if (answer === 'dead' || (typeof answer === 'object' && isOutside(ring, place, head, answer))) {
      ring.count('successorsDead')
      dropHead(ring, place, fx)
      dropFinger(ring, place, head, fx)
      fromSuccessor(ring, place, fx)
    } else if (answer.unchanged) {
      place.stabilising = false
    } else if (answer.forming) {
      // A founder that is a moment behind: those that it knows need not all be members.
      place.stabilising = false
      notify(ring, place, fx)
    } else {
      takeList(ring, place, head, answer.successors, fx)
      fromPredecessor(ring, place, head, answer, 0, fx)
    }
  })
}

/** It forms a ring for longer than a founder of this one may be behind: it was started anew, and is no member. */
function isOutside(ring: Ring, place: Place, head: RingRef, { forming }: NodeTables): boolean {
  if (!forming || place.formingHead !== head) place.formingSinceMs = ring.nowMs
  place.formingHead = forming ? head : NOBODY
  return forming && ring.nowMs - place.formingSinceMs > FOUNDERS_KEPT_MS
}

/**
 * The whole list died: Zave's first assumption is broken. Whoever gave up its membership now would be dead for
 * those before it too, whose lists may have died in the same place, and so on around the ring. So it stays,
 * takes the nearest finger for its successor, and from there finds back by predecessors.
 */
function refill(ring: Ring, place: Place, fx: Fx): void {
  const { fingers, predecessor } = place
  const known: RingRef[] = []
  for (let at = fingers.length - 1; at >= 0; at -= 1) if (!isOwn(fingers.at(at))) known.push(fingers.at(at))
  // All the way round, where nobody nearer is left.
  const last = predecessor !== NOBODY && !place.predecessorLost && !isOwn(predecessor) ? [predecessor] : []
  const [head, ...rest] = known.length > 0 ? known : last
  if (head === undefined) return
  ring.count('refilled')
  adoptList(ring, place, head, rest, fx)
  // That nobody else answers is for the next try to see.
  if (known.length === 0) place.predecessorLost = true
}

/**
 * The head's predecessor, where it lies between, is the better head; only if it answers. Then the same is asked of
 * that one, so that many who joined at one time are found in one round and not in as many.
 */
function fromPredecessor(
  ring: Ring,
  place: Place,
  head: RingRef,
  tables: NodeTables,
  steps: number,
  fx: Fx
): void {
  const { predecessor } = tables
  const own = ring.ownRef(place)
  if (predecessor === own) {
    place.stabilising = false
    settle(ring, place, head, tables)
    return
  }
  if (predecessor === NOBODY || !isNearer(ring, place, predecessor) || steps >= STABILISE_STEPS_MAX) {
    place.stabilising = false
    notify(ring, place, fx)
    return
  }
  const { term } = place
  const hand = [predecessor]
  ring.inHand.add(hand)
  askNeighbours(ring, place, predecessor, 0, fx, (answer, fx) => {
    ring.inHand.delete(hand)
    if (place.term !== term) return
    if (typeof answer === 'object' && !answer.forming && isNearer(ring, place, predecessor)) {
      takeList(ring, place, predecessor, answer.successors, fx)
      fromPredecessor(ring, place, predecessor, answer, steps + 1, fx)
      return
    }
    place.stabilising = false
    notify(ring, place, fx)
  })
}

/** Tells the first successor that this place precedes it. */
export function notify(ring: Ring, place: Place, fx: Fx): void {
  const [head] = place.successors
  if (head === undefined) return
  if (isOwn(head)) {
    const other = ring.places[indexOfRef(head)]
    if (other?.member) ring.rules.rectify(ring, other, ring.ownRef(place), fx)
    return
  }
  ring.router.calls.tell(
    peerOfRef(head),
    { type: 'notify', index: indexOfRef(head), sender: place.index },
    PRIORITY_TABLE,
    fx
  )
}

/**
 * Somebody named a node that may follow this place: an old successor of its new predecessor (ToN section VI-A),
 * or whoever merges two rings. It is looked at as a successor's predecessor is. The successor that it
 * displaces is passed on to it, so that where two rings meet the one is woven into the other node by node. Whoever
 * tells of nodes has one of them looked at at a time, so that those which do not answer are in nobody else's way.
 */
export function consider(
  ring: Ring,
  place: Place,
  node: RingRef,
  steps: number,
  fx: Fx,
  from: Peer = SELF
): void {
  if (!place.member || isOwn(node) || place.successors.includes(node)) return
  if (!isNearer(ring, place, node)) {
    passOn(ring, place, node, steps, fx, from)
    return
  }
  // What this peer finds itself has its own bound, a probe each merge round.
  const sender = from === SELF ? NOBODY : refOf(from, place.index)
  if (!takeTurn(ring, sender, node, steps)) return
  const hand = [node, sender]
  ring.inHand.add(hand)
  const { term } = place
  askNeighbours(ring, place, node, 0, fx, (answer, fx) => {
    ring.inHand.delete(hand)
    takeIn(ring, place, term, node, answer, fx)
    const waiting = ring.candidates?.get(sender)?.waiting
    ring.candidates?.delete(sender)
    if (waiting !== undefined) ring.rules.consider(ring, place, waiting.node, waiting.steps, fx, from)
  })
}

/** False where it waits, or where there is no room. */
function takeTurn(ring: Ring, sender: RingRef, node: RingRef, steps: number): boolean {
  if (sender === NOBODY) return true
  // Made with the first: a simulation holds many machines that are told of nobody.
  ring.candidates ??= new Map()
  const turn = ring.candidates.get(sender)
  if (turn !== undefined) turn.waiting = { node, steps }
  else if (ring.candidates.size < CANDIDATES_MAX) ring.candidates.set(sender, { waiting: undefined })
  else return false
  return turn === undefined
}

function takeIn(ring: Ring, place: Place, term: number, node: RingRef, answer: NodeAnswer, fx: Fx): void {
  if (place.term !== term || typeof answer !== 'object' || !isNearer(ring, place, node)) return
  if (answer.forming && ring.mode === 'ring') {
    // It looks for a ring: told of this one, it joins.
    tellCandidate(ring, node, ring.ownRef(place), CANDIDATE_STEPS_MAX, fx)
    return
  }
  const [displaced] = place.successors
  takeList(ring, place, node, answer.successors, fx)
  notify(ring, place, fx)
  if (displaced === undefined || place.successors.includes(displaced)) return
  ring.count('displaced')
  tellCandidate(ring, node, displaced, 0, fx)
}

/** To the nearest node known that precedes it. */
function passOn(ring: Ring, place: Place, node: RingRef, steps: number, fx: Fx, from: Peer): void {
  if (steps >= CANDIDATE_STEPS_MAX) return
  const key = ring.key(node)
  let best = NOBODY
  const weigh = (ref: RingRef): void => {
    if (ref === node || compareClockwise(place.key, ring.key(ref), key) >= 0) return
    if (best === NOBODY || compareClockwise(place.key, ring.key(best), ring.key(ref)) < 0) best = ref
  }
  for (const ref of place.successors) weigh(ref)
  for (let at = 0; at < place.fingers.length; at += 1) weigh(place.fingers.at(at))
  if (best !== NOBODY) tellCandidate(ring, best, node, steps + 1, fx, from)
}

export function tellCandidate(
  ring: Ring,
  to: RingRef,
  node: RingRef,
  steps: number,
  fx: Fx,
  from: Peer = SELF
): void {
  if (isOwn(to)) {
    const place = ring.places[indexOfRef(to)]
    if (place !== undefined) ring.rules.consider(ring, place, node, steps, fx, from)
    return
  }
  ring.router.calls.tell(
    peerOfRef(to),
    { type: 'candidate', index: indexOfRef(to), node: ring.node(node), steps },
    PRIORITY_TABLE,
    fx
  )
}
