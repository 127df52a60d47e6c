/** Messages that come in: each costs at most a stated number out, whoever sends it. */
import { PRIORITY_TABLE } from '@servent/key-routing/machine'
import type { Link, Peer } from '@servent/overlay/machine'
import { CANDIDATE_STEPS_MAX, FINGERS_MAX, SUCCESSORS_MAX } from './constants.ts'
import { dropFinger } from './finger-refresh.ts'
import { askFormer, forgetFormer } from './former-predecessors.ts'
import { askPeer, formingWithout, onMembersRequest, standingOf } from './forming.ts'
import type {
  Candidate,
  ChordMessage,
  Fingers,
  Leave,
  Neighbours,
  NeighboursRequest,
  Notify
} from './messages.ts'
import type { Fx, Place, Ring } from './ring.ts'
import { askNeighbours } from './ring-calls.ts'
import { inOpen, NOBODY, refOf } from './ring-key.ts'
import { setPredecessor, setSuccessors } from './ring-tables.ts'
import type { RingRef } from './types.ts'

export function onMessage(ring: Ring, link: Link, message: ChordMessage, fx: Fx): void {
  const peer = ring.router.calls.peerOf(link)
  if (peer === undefined) return
  switch (message.type) {
    case 'neighbours-request':
      answer(link, onNeighboursRequest(ring, peer, message, fx), fx)
      break
    case 'fingers-request':
      answer(link, fingersOf(ring, message.id, ring.places[message.index]), fx)
      break
    case 'members-request':
      answer(link, onMembersRequest(ring, peer, message, fx), fx)
      break
    case 'notify':
      onNotify(ring, peer, message, fx)
      break
    case 'candidate':
      onCandidate(ring, peer, message, fx)
      break
    case 'leave':
      onLeave(ring, peer, message, fx)
      break
  }
}

function answer(link: Link, message: ChordMessage, fx: Fx): void {
  fx.send(link, message, PRIORITY_TABLE)
}

function onNeighboursRequest(ring: Ring, peer: Peer, message: NeighboursRequest, fx: Fx): Neighbours {
  const place = ring.places[message.index]
  if (place === undefined || !place.member) {
    return {
      type: 'neighbours',
      id: message.id,
      standing: 'out',
      version: 0,
      unchanged: false,
      listLength: ring.settings.successors,
      successors: []
    }
  }
  if (place.predecessor !== NOBODY && place.predecessor === refOf(peer, message.sender)) {
    place.predecessorHeardMs = ring.nowMs
    // A joiner asks, too: whether one that was lost is a member again it says itself.
    if (place.predecessorLost && ring.maintenance) ring.rules.checkPredecessor(ring, place, fx)
  }
  const { version, predecessor } = place
  const unchanged = message.version === version
  return {
    type: 'neighbours',
    id: message.id,
    standing: standingOf(ring),
    version,
    unchanged,
    listLength: ring.settings.successors,
    ...(!unchanged && predecessor !== NOBODY && { predecessor: ring.node(predecessor) }),
    successors: unchanged ? [] : ring.nodes(place.successors)
  }
}

function fingersOf(ring: Ring, id: number, place: Place | undefined): Fingers {
  const fingers: RingRef[] = []
  for (let at = 0; place?.member && at < place.fingers.length && at < FINGERS_MAX; at += 1)
    fingers.push(place.fingers.at(at))
  return { type: 'fingers', id, fingers: ring.nodes(fingers) }
}

/** While a ring forms, whoever speaks of a ring has one. */
function looksForRing(ring: Ring, peer: Peer, fx: Fx): boolean {
  if (ring.mode === 'ring') return false
  if (ring.mode === 'forming' && !ring.forming!.has(peer)) askPeer(ring, peer, fx)
  return true
}

function onNotify(ring: Ring, peer: Peer, message: Notify, fx: Fx): void {
  const place = ring.places[message.index]
  if (looksForRing(ring, peer, fx) || !place?.member) return
  ring.rules.rectify(ring, place, refOf(peer, message.sender), fx)
}

function onCandidate(ring: Ring, peer: Peer, message: Candidate, fx: Fx): void {
  const place = ring.places[message.index]
  if (looksForRing(ring, peer, fx) || !place?.member || message.steps > CANDIDATE_STEPS_MAX) return
  const node = ring.ref(message.node)
  if (node !== NOBODY) ring.rules.consider(ring, place, node, message.steps, fx, peer)
}

/**
 * Whoever leaves says who is on its other side (ToN section IV-E.4). It is believed only where it stands itself;
 * its successors are asked by the next round, which comes at once.
 */
function onLeave(ring: Ring, peer: Peer, message: Leave, fx: Fx): void {
  const leaver = refOf(peer, message.sender)
  if (ring.mode === 'forming') {
    formingWithout(ring, peer, fx)
    return
  }
  for (const place of ring.places) {
    if (!place.member) continue
    const { successors } = place
    if (successors.includes(leaver)) {
      const rest = successors.filter(ref => ref !== leaver)
      const next =
        rest.length > 0
          ? rest
          : ring
              .refs(message.successors.slice(0, SUCCESSORS_MAX))
              .filter(ref => ref !== ring.ownRef(place))
              .slice(0, 1)
      setSuccessors(ring, place, next, fx)
      if (successors[0] === leaver) ring.rules.stabilise(ring, place, fx)
    }
    if (place.predecessor === leaver) takePredecessorOf(ring, place, leaver, message, fx)
    forgetFormer(ring, place, leaver, fx)
    dropFinger(ring, place, leaver, fx, false)
  }
}

function takePredecessorOf(ring: Ring, place: Place, leaver: RingRef, message: Leave, fx: Fx): void {
  const before = message.predecessor === undefined ? NOBODY : ring.ref(message.predecessor)
  const sound =
    before !== NOBODY && before !== leaver && inOpen(ring.key(before), place.key, ring.key(leaver))
  // Whoever claims the place next has it.
  place.predecessorLost = true
  askFormer(ring, place, fx)
  if (!sound) return
  // It may be long gone: taken in unseen it would give this place the keys of all who live in between.
  const { term } = place
  const hand = [before, leaver]
  ring.inHand.add(hand)
  askNeighbours(ring, place, before, 0, fx, (answer, fx) => {
    ring.inHand.delete(hand)
    if (place.term !== term || typeof answer !== 'object') return
    const [next] = answer.successors
    const isNext = next === ring.ownRef(place) || next === leaver
    if (place.predecessor === leaver && place.predecessorLost && isNext)
      setPredecessor(ring, place, before, fx)
  })
}
