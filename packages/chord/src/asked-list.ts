/**
 * Successor lists of which nobody is left out, and into which nobody is taken, on the word of another. In Zave's rules
 * (section 4) a list is the head's with the head before it, so a head that lies makes a list of liars, and those before
 * it copy that. Where `lists` is `asked`, what the own list and the head's have both is right. Who is in one of them alone is
 * taken in as well, so that no list skips a member that the published rules would have in it, and is asked itself: who does
 * not answer as a member of the ring goes, and comes in no more on the word of that head until it has answered.
 *
 * A member that came behind a head that lies, and of which it never tells, stays unknown.
 */
import { compareClockwise } from '@servent/overlay/machine'
import { LIST_ASKS_MAX } from './constants.ts'
import type { Fx, Place, Ring } from './ring.ts'
import { isOwn, probeNode } from './ring-calls.ts'
import { adoptList, setSuccessors } from './ring-tables.ts'
import { listBehind, nearestBehind, sameRefs } from './successor-list.ts'
import type { RingRef } from './types.ts'

/** A head, and what it says that its list is. */
export function takeList(ring: Ring, place: Place, head: RingRef, list: readonly RingRef[], fx: Fx): void {
  const { lists, successors: r } = ring.settings
  // Of fewer than r others the list is all, and goes once around: then it is what there is.
  const isShort = place.successors.length < r && list.includes(ring.ownRef(place))
  if (lists === 'told' || place.wrapped || isShort) {
    adoptList(ring, place, head, list, fx)
    return
  }
  const named = namedBy(ring, place, head, list)
  for (const ref of place.doubted) if (!named.includes(ref)) place.doubted.delete(ref)
  const heard = believed(ring, place, named)
  // This peer's other places need not be asked.
  const own = ring.places.filter(other => other !== place && other.member).map(other => ring.ownRef(other))
  const others = place.successors.filter(ref => !isOwn(ref))
  const kept = [...others, ...own].filter(ref => ref !== head && isBehind(ring, place, head, ref))
  const all = nearestBehind(place.key, [...new Set([...heard, ...kept])], r, ring)
  adoptList(
    ring,
    place,
    head,
    all.filter(ref => ref !== head),
    fx
  )
  const unlike = all.filter(ref => kept.includes(ref) !== heard.includes(ref))
  for (const ref of new Set([...unlike, ...place.doubted]))
    if (ref !== head && !isOwn(ref)) ask(ring, place, ref, fx)
}

/** Whether the place's list is what its head's would make it, and all have answered. Where it is told, it always is. */
export function isAgreed(ring: Ring, place: Place, head: RingRef, list: readonly RingRef[]): boolean {
  if (ring.settings.lists === 'told') return true
  const named = namedBy(ring, place, head, list)
  const isAnswered = !named.some(ref => place.doubted.has(ref))
  return isAnswered && sameRefs(place.successors, believed(ring, place, named))
}

/** As many as there are places in the list, and those who may have none. */
function namedBy(ring: Ring, place: Place, head: RingRef, list: readonly RingRef[]): RingRef[] {
  return listBehind(place.key, head, list, ring.settings.successors + place.doubted.size, ring)
}

function believed(ring: Ring, place: Place, named: readonly RingRef[]): RingRef[] {
  return named.filter(ref => !place.doubted.has(ref)).slice(0, ring.settings.successors)
}

/** Each once at a time; one past `LIST_ASKS_MAX` is asked with a later list. */
function ask(ring: Ring, place: Place, ref: RingRef, fx: Fx): void {
  if (place.askedForList.has(ref)) return
  if (place.askedForList.size >= LIST_ASKS_MAX) {
    place.doubted.add(ref)
    return
  }
  const { term } = place
  place.askedForList.add(ref)
  probeNode(ring, ref, fx, (alive, fx) => {
    place.askedForList.delete(ref)
    if (place.term !== term) return
    if (alive === true) place.doubted.delete(ref)
    else place.doubted.add(ref)
    if (alive === 'later') return
    const { successors } = place
    const [head] = successors
    if (!alive)
      setSuccessors(
        ring,
        place,
        successors.filter(other => other !== ref || other === head),
        fx
      )
    else if (head !== undefined && isBehind(ring, place, head, ref) && !successors.includes(ref))
      setSuccessors(
        ring,
        place,
        nearestBehind(place.key, [...successors, ref], ring.settings.successors, ring),
        fx
      )
  })
}

/** Whether a node follows the place further away than the head. */
function isBehind(ring: Ring, { key }: Place, head: RingRef, ref: RingRef): boolean {
  return compareClockwise(key, ring.key(ref), ring.key(head)) > 0
}
