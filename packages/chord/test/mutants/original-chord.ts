/**
 * Chord as ToN figure 7 has it, with the successor lists of section IV-E.3: one node is a ring, a joiner knows
 * its successor only, a successor's predecessor is taken in unseen, and a dead predecessor is never replaced.
 * Zave found all of its claimed invariants broken; the checker must see it too.
 */
import type { ChordRules } from '../../src/machine.ts'
import { CORRECT_CHORD } from '../../src/machine.ts'
import type { Fx, Place, Ring } from '../../src/ring.ts'
import { askNeighbours } from '../../src/ring-calls.ts'
import { inOpen, NOBODY } from '../../src/ring-key.ts'
import { entered } from '../../src/ring-life.ts'
import { adoptList, dropHead, enter, setPredecessor } from '../../src/ring-tables.ts'
import { notify } from '../../src/stabilise.ts'
import type { RingRef } from '../../src/types.ts'

export const ORIGINAL_CHORD: ChordRules = {
  ...CORRECT_CHORD,
  forming: false,
  join(ring, place, root, fx) {
    adoptList(ring, place, root, [], fx)
    enter(ring, place, fx)
    entered(ring, place, fx)
  },
  stabilise(ring, place, fx) {
    if (!place.member || place.stabilising) return
    place.stabilising = true
    round(ring, place, fx)
  },
  rectify(ring, place, node, fx) {
    const { predecessor } = place
    const between = predecessor === NOBODY || inOpen(ring.key(node), ring.key(predecessor), place.key)
    if (between && node !== predecessor) setPredecessor(ring, place, node, fx)
  },
  consider() {},
  checkPredecessor() {}
}

function round(ring: Ring, place: Place, fx: Fx): void {
  const [head] = place.successors
  // Its own successor: the first who says to precede it follows it too.
  if (head === undefined) {
    place.stabilising = false
    if (place.predecessor !== NOBODY) adoptList(ring, place, place.predecessor, [], fx)
    return
  }
  const { term } = place
  askNeighbours(ring, place, head, 0, fx, (answer, fx) => {
    if (place.term !== term) return
    place.stabilising = false
    if (answer === 'dead') dropHead(ring, place, fx)
    if (typeof answer !== 'object') return
    const nearer = isBetween(ring, place, answer.predecessor, head)
    if (nearer) adoptList(ring, place, answer.predecessor, [head, ...answer.successors], fx)
    else adoptList(ring, place, head, answer.successors, fx)
    notify(ring, place, fx)
  })
}

function isBetween(ring: Ring, place: Place, node: RingRef, head: RingRef): boolean {
  return node !== NOBODY && inOpen(ring.key(node), place.key, ring.key(head))
}
