/**
 * The predecessor (Zave's rectify; ToN's notify and check_predecessor, which it corrects): a node between
 * replaces it; any other node does only when it is dead.
 */
import { askFormer } from './former-predecessors.ts'
import type { Fx, Place, Ring } from './ring.ts'
import { askNeighbours, isOwn, type NodeAnswer } from './ring-calls.ts'
import { inOpen, NOBODY, peerOfRef } from './ring-key.ts'
import { remember, setPredecessor } from './ring-tables.ts'
import { tellCandidate } from './stabilise.ts'
import type { RingRef } from './types.ts'

export function rectify(ring: Ring, place: Place, node: RingRef, fx: Fx): void {
  const old = place.predecessor
  const key = ring.key(node)
  if (node === old) {
    setPredecessor(ring, place, node, fx)
    return
  }
  if (!inOpen(key, place.key, place.key)) return
  if (old === NOBODY || place.predecessorLost) {
    setPredecessor(ring, place, node, fx)
  } else if (inOpen(key, ring.key(old), place.key)) {
    setPredecessor(ring, place, node, fx)
    // It may take its new successor in at once, not when its next round comes (ToN section VI-A).
    if (isOwn(old) || ring.router.calls.linkOf(peerOfRef(old)) !== undefined)
      tellCandidate(ring, old, node, 0, fx, peerOfRef(node))
  } else if (!place.rectifying) {
    probe(
      ring,
      place,
      fx,
      (dead, fx) => {
        if (dead) setPredecessor(ring, place, node, fx)
      },
      node
    )
  }
}

/**
 * Asks a predecessor that was not heard of for its time. What comes of it is for the next who claims its place. One
 * that was lost is asked again each time: as long as it counts as lost anybody has its place, however far behind.
 */
export function checkPredecessor(ring: Ring, place: Place, fx: Fx, tries?: number): void {
  const { predecessor, predecessorHeardMs, predecessorLost, rectifying } = place
  if (!place.member || predecessor === NOBODY || rectifying) return
  const isDue = ring.nowMs - predecessorHeardMs >= ring.settings.checkPredecessorMs
  if (!isDue && !predecessorLost) return
  const done = (dead: boolean, fx: Fx): void => {
    const wasLost = place.predecessorLost
    place.predecessorLost = dead
    // Each time that it is found so: what was asked of others may have come to nothing.
    if (dead) askFormer(ring, place, fx)
    else place.livingFormer = NOBODY
    if (wasLost === dead) return
    if (dead) {
      ring.count('predecessorsDead')
      remember(ring, predecessor)
    }
    ring.router.tablesChanged(fx)
  }
  probe(ring, place, fx, done, NOBODY, tries)
}

/**
 * Whether the predecessor is a member. One that forms a ring is so only where both founded this one, a moment ago: any
 * other was started anew, waits itself until somebody has its place, and would keep that place for ever.
 */
function probe(
  ring: Ring,
  place: Place,
  fx: Fx,
  done: (dead: boolean, fx: Fx) => void,
  claimant: RingRef = NOBODY,
  tries?: number
): void {
  const { term, predecessor } = place
  const hand = [predecessor, claimant].filter(ref => ref !== NOBODY)
  place.rectifying = true
  ring.inHand.add(hand)
  const heard = (answer: NodeAnswer, fx: Fx): void => {
    ring.inHand.delete(hand)
    if (place.term === term) {
      place.rectifying = false
      if (answer !== 'later' && place.predecessor === predecessor) {
        const dead = answer === 'dead' || (answer.forming && !ring.isFounder(peerOfRef(predecessor)))
        if (!dead) {
          place.predecessorHeardMs = ring.nowMs
          place.predecessorVersion = answer.version
        }
        done(dead, fx)
      }
    }
    // Whatever came of it: lookups of its keys wait for nothing else.
    ring.router.settled(peerOfRef(predecessor), fx)
  }
  // Not only whether its peer lives: the place itself may have left the ring.
  askNeighbours(ring, place, predecessor, place.predecessorVersion, fx, heard, tries)
}
