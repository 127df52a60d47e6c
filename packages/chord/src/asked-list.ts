/**
 * Successor lists of which nobody is left out, and into which nobody is taken, on the word of another. In Zave's rules
 * (section 4) a list is the head's with the head before it, so a head that lies makes a list of liars, and those before
 * it copy that. Where `lists` is `asked`, what the own list and the head's have both is right; who is in one of them alone is
 * asked itself. Whoever answers as a member of the ring has its place, and nobody else.
 *
 * A member that came behind a head that lies, and of which it never tells, stays unknown.
 */
import { compareClockwise } from '@servent/overlay/machine'
import { LIST_ASKS_MAX } from './constants.ts'
import type { Fx, Place, Ring } from './ring.ts'
import { isOwn, probeNode } from './ring-calls.ts'
import { adoptList, setSuccessors } from './ring-tables.ts'
import { listBehind, nearestBehind } from './successor-list.ts'
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
  const heard = listBehind(place.key, head, list, r, ring)
  const known = place.successors.filter(ref => ref !== head && isBehind(ring, place, head, ref))
  adoptList(ring, place, head, known, fx)
  for (const ref of nearestBehind(place.key, [...new Set([...known, ...heard])], r, ring))
    if (ref !== head && !isOwn(ref) && known.includes(ref) !== heard.includes(ref)) ask(ring, place, ref, fx)
}

/** Each once at a time; one past `LIST_ASKS_MAX` is asked with a later list. */
function ask(ring: Ring, place: Place, ref: RingRef, fx: Fx): void {
  if (place.askedForList.has(ref) || place.askedForList.size >= LIST_ASKS_MAX) return
  const { term } = place
  place.askedForList.add(ref)
  probeNode(ring, ref, fx, (alive, fx) => {
    place.askedForList.delete(ref)
    if (place.term !== term || alive === 'later') return
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
