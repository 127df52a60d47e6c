/**
 * Successor lists of which nobody is left out, and into which nobody is taken, on the word of another. In Zave's rules
 * (section 4) a list is the head's with the head before it, so a head that lies makes a list of liars, and those before
 * it copy that. Where `lists` is `asked`, what the own list and the head's have both is right; who is in one of them alone is
 * asked itself. Whoever answers as a member of the ring has its place, and nobody else.
 *
 * A list that grows grows in order: behind its end nobody comes in while one before it has yet to answer. So no list skips
 * a member that the published rules would have in it, on which the proof that the ring stays right rests (principals).
 * A member that came behind a head that lies, and of which it never tells, stays unknown. In a ring that is no larger than a
 * list heads are believed.
 */
import { compareClockwise } from '@servent/overlay/machine'
import { LIST_ASKS_MAX, UNLIKE_ROUNDS_MAX } from './constants.ts'
import type { Fx, Place, Ring } from './ring.ts'
import { isOwn, type NodeTables, probeNode } from './ring-calls.ts'
import { adoptList, setSuccessors } from './ring-tables.ts'
import { listBehind, nearestBehind, sameRefs } from './successor-list.ts'
import type { RingRef } from './types.ts'

/** Of one who is in the own list or the head's alone: it is asked, it answered, or it could not be asked in this round. */
export type Asked = 'asked' | 'lives' | 'later'

/** A head, and what it says that its list is. */
export function takeList(ring: Ring, place: Place, head: RingRef, list: readonly RingRef[], fx: Fx): void {
  const { lists, successors: r } = ring.settings
  const named = listBehind(place.key, head, list, r, ring)
  const known = place.successors.filter(ref => ref !== head && isBehind(ring, place, head, ref))
  // Of fewer than r others the list is all, and goes once around: where it names those who are known, that is all there are.
  const isAll = named.length < r && list.includes(ring.ownRef(place)) && sameRefs(named, [head, ...known])
  for (const [ref, how] of place.asked) {
    // Who could not be asked, for there was too much in hand, was not silent.
    if (how === 'later') place.unlikeRounds = 0
    if (how !== 'asked') place.asked.delete(ref)
  }
  if (lists === 'told' || ((place.wrapped || isAll) && isSmall(ring, place, head))) {
    place.compared = []
    adoptList(ring, place, head, list, fx)
    return
  }
  // This peer's other places need nobody to name them; but behind all that is heard of there may be others before them.
  const end = nearestBehind(place.key, [...named, ...known], r, ring).at(-1)!
  const own = ring.places
    .filter(other => other !== place && other.member && isBehind(ring, place, ring.ownRef(other), end))
    .map(other => ring.ownRef(other))
  const heard = [...named, ...own]
  adoptList(ring, place, head, known, fx)
  const others = [...new Set([...known, ...heard])].filter(ref => isBehind(ring, place, head, ref))
  const all = nearestBehind(place.key, others, r - 1, ring)
  place.compared = all
  const unlike = all.filter(ref => known.includes(ref) !== heard.includes(ref))
  // All are waited for before the first has answered, which may be at once.
  const asking = unlike.filter(ref => place.asked.get(ref) !== 'asked')
  for (const ref of asking) place.asked.set(ref, 'later')
  for (const ref of asking) ask(ring, place, ref, fx)
}

/**
 * The head has told all that it knows, and need not again while it stays so. Where the two lists differ they are compared
 * anew, after one round, two, four and so on: whoever did not answer may have been there, and a head that names who is
 * not there has nobody called for ever.
 */
export function settle(ring: Ring, place: Place, head: RingRef, { version, successors }: NodeTables): void {
  const { lists, successors: r } = ring.settings
  const isLike =
    lists === 'told' || sameRefs(place.successors, listBehind(place.key, head, successors, r, ring))
  const before = place.settledHead === head ? place.unlikeRounds : 0
  place.unlikeRounds = isLike ? 0 : Math.min(2 * before || 1, UNLIKE_ROUNDS_MAX)
  place.unlikeLeft = place.unlikeRounds
  place.settledHead = head
  place.settledVersion = version
}

/** The version of the head's tables that it need not tell of again in this round; 0: it is asked for all. */
export function settledVersion(place: Place, head: RingRef): number {
  if (place.settledHead !== head) return 0
  if (place.unlikeRounds === 0) return place.settledVersion
  place.unlikeLeft -= 1
  return place.unlikeLeft > 0 ? place.settledVersion : 0
}

/** One past `LIST_ASKS_MAX` at a time is asked with a later list. Of this peer's own places it is known. */
function ask(ring: Ring, place: Place, ref: RingRef, fx: Fx): void {
  if (isOwn(ref)) {
    const other = ring.places.find(one => ring.ownRef(one) === ref)
    onAnswer(ring, place, ref, other?.member === true, fx)
    return
  }
  let underWay = 0
  for (const how of place.asked.values()) if (how === 'asked') underWay += 1
  if (underWay >= LIST_ASKS_MAX) return
  const { term } = place
  place.asked.set(ref, 'asked')
  probeNode(ring, ref, fx, (alive, fx) => {
    if (place.term === term) onAnswer(ring, place, ref, alive, fx)
  })
}

function onAnswer(ring: Ring, place: Place, ref: RingRef, alive: boolean | 'later', fx: Fx): void {
  const [head] = place.successors
  if (alive === false) {
    place.asked.delete(ref)
    place.compared = place.compared.filter(other => other !== ref)
    const others = place.successors.filter(other => other !== ref || other === head)
    setSuccessors(ring, place, others, fx)
  } else place.asked.set(ref, alive === true ? 'lives' : 'later')
  if (head !== undefined) takeInOrder(ring, place, head, fx)
}

/**
 * Those who answered come in, but for those behind the list's end who come after one that has not answered, or that is
 * not in the list any more: it may have been pushed out by nearer ones that are gone since.
 */
function takeInOrder(ring: Ring, place: Place, head: RingRef, fx: Fx): void {
  const list = [...place.successors]
  for (const ref of place.compared) {
    if (!isBehind(ring, place, head, ref)) continue
    const lives = place.asked.get(ref) === 'lives'
    if (lives) place.asked.delete(ref)
    if (list.includes(ref)) continue
    if (lives) {
      list.push(ref)
      list.sort((a, b) => compareClockwise(place.key, ring.key(a), ring.key(b)))
    } else if (isBehind(ring, place, list.at(-1)!, ref)) break
  }
  setSuccessors(ring, place, nearestBehind(place.key, list, ring.settings.successors, ring), fx)
}

/**
 * Whether a ring may be no larger than the list: there a head is believed, so that those who form a ring know each other at
 * once. Fingers that lie further on say that it is larger, and no head can make them unseen.
 */
function isSmall(ring: Ring, place: Place, head: RingRef): boolean {
  for (const { fingers } of ring.members)
    for (let at = 0; at < fingers.length; at += 1) {
      const ref = fingers.at(at)
      if (!isOwn(ref) && ref !== head && !place.successors.includes(ref)) return false
    }
  return true
}

/** Whether a node follows the place further away than another. */
function isBehind(ring: Ring, { key }: Place, other: RingRef, ref: RingRef): boolean {
  return compareClockwise(key, ring.key(ref), ring.key(other)) > 0
}
