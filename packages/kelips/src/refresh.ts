/**
 * What keeps a provider's tuples (IPTPS section 2.3). In every group where it has some it says now and then that it
 * lives, and hears how many of them are known: where some are lost they are offered again. That is somebody's word, so
 * what it may draw is bounded, and who was offered them all gets them again only when it knows fewer than it did after that,
 * or more.
 */
import { isFull, type StoreOutcome } from '@servent/key-routing/machine'
import type { Key, Peer } from '@servent/overlay/machine'
import {
  CONTACTS_MAX,
  OFFER_HOLDERS,
  OFFER_TUPLES_MAX,
  PREFIX_BYTES,
  REFRESH_MS_FIRST,
  REFRESH_MS_LEAST,
  REFRESHES_AT_ONCE,
  TUPLES_PER_ORIGIN_MAX
} from './constants.ts'
import { groupOf } from './group.ts'
import type { Kelips } from './kelips.ts'
import type { Offered, PeerTuple } from './messages.ts'
import { membersFor, sendOffer, tupleName } from './publish.ts'
import type { Fx } from './types.ts'
import { tupleByteLength } from './wire-group.ts'

/** What a group is offered again, the last time. */
export interface Reoffer {
  /** By peer, the most tuples that it has said to know since it was offered them; the last one last, `CONTACTS_MAX` of them. */
  readonly known: Map<Peer, number>
  /** Of the own ones those that were not offered since: the budget was used up. */
  left: readonly PeerTuple[]
  /** Those that were, and that the peer could not keep then. */
  again: readonly PeerTuple[]
  isUnderWay: boolean
}

/** In a few groups where it is due, each round, this peer says that it lives. */
export function refreshOrigins(kelips: Kelips, fx: Fx): void {
  const groups = new Set<number>()
  const { ownTuples, refreshes, reoffers, nowMs, level, wallMs } = kelips
  for (const [name, tuple] of ownTuples) {
    if (tuple.expiresMs <= wallMs) ownTuples.delete(name)
    else groups.add(groupOf(tuple.prefix, level))
  }
  let left = REFRESHES_AT_ONCE
  for (const group of groups) {
    if (group === kelips.group) continue
    const dueMs = refreshes.get(group)
    if (dueMs === undefined) refreshes.set(group, nowMs + REFRESH_MS_FIRST)
    if (dueMs === undefined || dueMs > nowMs || left === 0) continue
    left -= 1
    refreshes.set(group, nowMs + REFRESH_MS_FIRST)
    refresh(kelips, group, OFFER_HOLDERS, fx)
  }
  for (const told of [refreshes, reoffers])
    for (const group of told.keys()) if (!groups.has(group)) told.delete(group)
}

/** Says to one member of a group that this peer lives; whoever is silent is no contact any more, and the next is told. */
function refresh(kelips: Kelips, group: number, tries: number, fx: Fx): void {
  const tell = ([peer]: readonly Peer[], later: Fx): void => {
    if (peer === undefined) return
    const told = (answer: Offered | undefined, after: Fx): void => {
      if (answer !== undefined) offerLost(kelips, peer, group, answer.known, after)
      else if (tries > 1) refresh(kelips, group, tries - 1, after)
    }
    sendOffer(kelips, peer, [], told, later)
  }
  membersFor(kelips, keyIn(group, kelips.level), tell, fx)
}

/** The group has fewer tuples of this peer than there are: all are offered anew, to whoever said so. */
function offerLost(kelips: Kelips, peer: Peer, group: number, known: number, fx: Fx): void {
  const { reoffers, ownTuples } = kelips
  const own = [...ownTuples.values()].filter(({ prefix }) => groupOf(prefix, kelips.level) === group)
  const one: Reoffer = reoffers.get(group) ?? { known: new Map(), left: [], again: [], isUnderWay: false }
  if (one.isUnderWay) return
  const last = one.known.get(peer)
  one.known.delete(peer)
  if (known >= Math.min(own.length, TUPLES_PER_ORIGIN_MAX)) {
    one.left = one.again = []
    if (one.known.size === 0) reoffers.delete(group)
    return
  }
  if (one.known.size >= CONTACTS_MAX) one.known.delete(one.known.keys().next().value!)
  one.known.set(peer, known)
  reoffers.set(group, one)
  if ((last !== undefined && known < last) || (one.left.length === 0 && known !== last)) {
    one.left = own
    one.again = []
  } else if (one.left.length === 0) {
    one.left = one.again
    one.again = []
    if (one.left.length === 0) return
  }
  // One offer after the other, so that its word does not cause more than one message at a time.
  const next = (later: Fx): void => {
    one.left = one.left.filter(tuple => ownTuples.get(tupleName(tuple)) === tuple)
    const part = one.left.slice(0, OFFER_TUPLES_MAX)
    const isOn = kelips.mode === 'member' && reoffers.get(group) === one
    one.isUnderWay = isOn && part.length > 0 && mayOffer(kelips, part, group)
    if (!one.isUnderWay) return
    const goOn = (answer: Offered | undefined, after: Fx): void => {
      one.isUnderWay = false
      if (answer === undefined) return
      one.known.set(peer, Math.max(answer.known, one.known.get(peer) ?? 0))
      const again = part.filter((_, at) => !isFinal(answer.outcomes[at]))
      one.left = one.left.slice(part.length)
      one.again = [...one.again, ...again]
      // Who cannot keep any of them now is left alone until the next time.
      if (again.length < part.length) next(after)
    }
    sendOffer(kelips, peer, part, goOn, later)
  }
  next(fx)
}

/** Not as `busy`, `not-root` and `refused`, which it may say of a tuple that it keeps later. */
function isFinal(outcome: StoreOutcome | undefined): boolean {
  return outcome === 'kept' || outcome === 'older' || (outcome !== undefined && isFull(outcome))
}

/** Where the budget is used up, the group hears the next sign of life as soon as there is enough. */
function mayOffer(
  { reofferBudget, refreshes, nowMs }: Kelips,
  tuples: readonly PeerTuple[],
  group: number
): boolean {
  const bytes = tuples.reduce((sum, tuple) => sum + tupleByteLength(tuple), 0)
  if (reofferBudget.take(bytes, nowMs)) return true
  const waitMs = Math.max(REFRESH_MS_LEAST, reofferBudget.waitMs(bytes, nowMs))
  refreshes.set(group, Math.min(refreshes.get(group) ?? Number.POSITIVE_INFINITY, nowMs + waitMs))
  return false
}

/** The first key of a group. */
function keyIn(group: number, level: number): Key {
  const key = new Uint8Array(2 * PREFIX_BYTES)
  const bits = group * 2 ** (24 - level)
  key.set([bits >>> 16, (bits >>> 8) & 255, bits & 255])
  return key
}
