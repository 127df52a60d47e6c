/**
 * Where an ultrapeer hands a query on to. Its leaves get what their tables match, however many hops are left: an
 * ultrapeer and its leaves are one unit (UQR 2.4). Other ultrapeers get it as neighbours always did, but on the last
 * hop only those whose tables match (UQR 2.3).
 */
import type { RequestId } from '@servent/overlay/machine'
import { TTL_MAX } from './constants.ts'
import type { QueryMessage } from './messages.ts'
import type { Neighbour } from './neighbours.ts'
import { priorityOf } from './priorities.ts'
import type { QueryHashes } from './qrp-hash.ts'
import type { Fx, GnutellaState } from './state.ts'

/** Hands a query to the leaves that it is for, and gives them. */
export function askLeaves(
  state: GnutellaState,
  fx: Fx,
  query: QueryMessage,
  hashes: QueryHashes,
  { except, search }: { readonly except?: Neighbour | undefined; readonly search?: RequestId | undefined }
): Neighbour[] {
  return state.neighbours.leaves.filter(
    leaf => leaf !== except && askLeaf(state, fx, query, hashes, leaf, search)
  )
}

/** Hands a query to a leaf, if it is for it, and says whether it did; `search` is the own search that it is of. A leaf hands it to nobody, so one hop is enough. */
export function askLeaf(
  state: GnutellaState,
  fx: Fx,
  query: QueryMessage,
  hashes: QueryHashes,
  leaf: Neighbour,
  search?: RequestId
): boolean {
  if (leaf.fullSinceMs !== undefined || !isFor(state, leaf, hashes)) return false
  // Who is at the end of the way gets it, too, with as many hops as every servent takes.
  const onward: QueryMessage = { ...query, ttl: 1, hops: Math.min(query.hops + 1, TTL_MAX - 1) }
  fx.send(leaf.link, onward, priorityOf(onward))
  state.recent.forwarded(query.guid, leaf.name)
  state.count('leafQueriesSent')
  if (search !== undefined) fx.notify({ type: 'search-traffic', search, message: onward, copies: 1 })
  return true
}

/** Whether a leaf is asked: its table matches, or it has none that says anything and was not asked too often. */
function isFor(state: GnutellaState, { tiered }: Neighbour, hashes: QueryHashes): boolean {
  if (tiered === undefined) return false
  const { soundTable } = tiered
  if (soundTable !== undefined) return soundTable.mayMatch(hashes)
  if (tiered.unrouted.take(1, state.nowMs)) return true
  state.count('leafQueriesCapped')
  return false
}

/** Of some neighbours, those that a query is handed on to with this TTL. */
export function onTheWay(
  state: GnutellaState,
  neighbours: readonly Neighbour[],
  hashes: QueryHashes,
  ttl: number
): readonly Neighbour[] {
  if (ttl > 1) return neighbours
  const matching = neighbours.filter(({ tiered }) => tiered?.mayMatch(hashes) ?? true)
  state.count('lastHopsSpared', neighbours.length - matching.length)
  return matching
}

/** Whether this servent itself may share what a query asks for; yes where its host has not said. */
export function mayShare({ tiers }: GnutellaState, hashes: QueryHashes): boolean {
  return tiers.own?.mayMatch(hashes) ?? true
}
