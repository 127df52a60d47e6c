/**
 * Joining (ToN section IV-E.1 with Zave's correction, section 4.1): a joiner finds the member after which it
 * belongs, and copies that member's whole successor list. Until then it is no member and answers nothing.
 */
import { JOIN_PATIENT_ROUNDS, JOIN_STEPS_MAX } from './constants.ts'
import { fixFingers } from './finger-refresh.ts'
import type { Fx, Place, Ring } from './ring.ts'
import { askNeighbours, type NodeTables } from './ring-calls.ts'
import { inOpen, NOBODY } from './ring-key.ts'
import { entered, joinFailed } from './ring-life.ts'
import { adoptList, enter, remember, setPredecessor } from './ring-tables.ts'
import type { RingRef } from './types.ts'

/** The correct rule of `ChordRules.join`. */
export function join(ring: Ring, place: Place, root: RingRef, fx: Fx): void {
  askNeighbours(ring, place, root, 0, fx, (answer, fx) => {
    if (!place.joining) return
    if (typeof answer !== 'object' || answer.forming || !inOpen(ring.key(root), place.key, place.key)) {
      joinFailed(ring, place, fx)
      return
    }
    const { predecessor } = answer
    const known = predecessor !== NOBODY && inOpen(place.key, ring.key(predecessor), ring.key(root))
    // Should this come to nothing, they are good to ask again.
    remember(ring, root)
    if (!known) takeFrom(ring, place, root, fx)
    else walk(ring, place, predecessor, root, 0, fx)
  })
}

/** Along the ring until the place lies between a member and its first successor. */
function walk(ring: Ring, place: Place, member: RingRef, root: RingRef, steps: number, fx: Fx): void {
  if (steps >= JOIN_STEPS_MAX) {
    joinFailed(ring, place, fx)
    return
  }
  const hand = [member, root]
  ring.inHand.add(hand)
  askNeighbours(ring, place, member, 0, fx, (answer, fx) => {
    ring.inHand.delete(hand)
    if (!place.joining) return
    if (answer === 'later') {
      joinFailed(ring, place, fx)
      return
    }
    // The root has not noticed yet that its predecessor died, or is no member any more.
    if (answer === 'dead' || answer.forming) {
      takeFrom(ring, place, root, fx)
      return
    }
    const [head] = answer.successors
    if (head === undefined) {
      enterWith(ring, place, member, [], member, fx)
    } else if (inOpen(place.key, ring.key(member), ring.key(head))) {
      // Somebody joined between the two meanwhile: it is asked first, for it becomes the first successor.
      if (head === root) enterWith(ring, place, head, answer.successors.slice(1), member, fx)
      else verifyHead(ring, place, member, head, answer, fx)
    } else {
      walk(ring, place, head, root, steps + 1, fx)
    }
  })
}

function verifyHead(
  ring: Ring,
  place: Place,
  member: RingRef,
  head: RingRef,
  tables: NodeTables,
  fx: Fx
): void {
  const hand = [member, ...tables.successors]
  ring.inHand.add(hand)
  askNeighbours(ring, place, head, 0, fx, (answer, fx) => {
    ring.inHand.delete(hand)
    if (!place.joining) return
    if (answer === 'later') joinFailed(ring, place, fx)
    else if (answer !== 'dead' || tables.successors.length === 1)
      enterWith(ring, place, head, tables.successors.slice(1), member, fx)
    // The list's next one is asked by the first round of stabilisation.
    else enterWith(ring, place, tables.successors[1]!, tables.successors.slice(2), member, fx)
  })
}

/**
 * The root's predecessor is dead, or not known yet. A list that the root gives might skip members that only those
 * before it know, so the join waits until somebody has taken the predecessor's place. Where nobody does for
 * long, the root's own list must do, with the root at its head: asked anew, for one that was copied long ago may
 * skip a member that came since.
 */
function takeFrom(ring: Ring, place: Place, root: RingRef, fx: Fx): void {
  place.joinWaitsMs ??= ring.nowMs
  const patient = ring.nowMs - place.joinWaitsMs < JOIN_PATIENT_ROUNDS * ring.settings.stabiliseMs
  askNeighbours(ring, place, root, 0, fx, (answer, fx) => {
    if (!place.joining) return
    if (typeof answer !== 'object' || (patient && answer.successors.length > 0)) joinFailed(ring, place, fx)
    else enterWith(ring, place, root, answer.successors, NOBODY, fx)
  })
}

function enterWith(
  ring: Ring,
  place: Place,
  head: RingRef,
  list: readonly RingRef[],
  predecessor: RingRef,
  fx: Fx
): void {
  place.joinWaitsMs = undefined
  place.predecessor = NOBODY
  adoptList(ring, place, head, list, fx)
  enter(ring, place, fx)
  setPredecessor(ring, place, predecessor, fx)
  entered(ring, place, fx)
  fixFingers(ring, place, fx)
}
