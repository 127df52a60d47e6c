/**
 * Successor lists (ToN section IV-E.3; Zave section 4). A list is at most r nodes, clockwise, without repeats and
 * without the place whose it is. What comes from others is cut at the first node that breaks this, so that
 * nobody can disturb order or size. Where fewer than r are left after a death, the places that Zave's model
 * pads with made-up ids are empty: both skip nobody and are not live.
 */
import { compareClockwise, compareKeys, type Key } from '@servent/overlay/machine'
import type { RingRef } from './types.ts'

export interface KeyedRefs {
  key(ref: RingRef): Key
}

/** The list of a node whose first successor is `head` with this list: the head, then its list, cut to `r`. */
export function listBehind(
  own: Key,
  head: RingRef,
  list: readonly RingRef[],
  r: number,
  keys: KeyedRefs
): RingRef[] {
  const result: RingRef[] = []
  let lastKey = own
  for (let index = -1; index < list.length && result.length < r; index += 1) {
    const ref = index < 0 ? head : list[index]!
    const key = keys.key(ref)
    // Clockwise behind the last one; whoever lies at or behind the owner has gone once around.
    if (compareKeys(key, own) === 0) break
    if (result.length > 0 && compareClockwise(own, key, lastKey) <= 0) break
    result.push(ref)
    lastKey = key
  }
  return result
}

export function sameRefs(a: readonly RingRef[], b: readonly RingRef[]): boolean {
  return a.length === b.length && a.every((ref, index) => ref === b[index])
}

/** Of nodes in any order, the r that follow a key: what a list is when everybody is known. */
export function nearestBehind(own: Key, nodes: readonly RingRef[], r: number, keys: KeyedRefs): RingRef[] {
  return nodes
    .filter(ref => compareKeys(keys.key(ref), own) !== 0)
    .sort((a, b) => compareClockwise(own, keys.key(a), keys.key(b)))
    .slice(0, r)
}
