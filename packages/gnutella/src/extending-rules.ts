/**
 * Queries that an ultrapeer has under way, and whoever comes since: a leaf whose link came up, or whose table is there
 * now, and another ultrapeer. In a network that has just begun, links and tables come after the first searches; what a
 * query may still find is not left out because it was asked a moment too early.
 *
 * Nobody is handed a query twice, a leaf only what its table matches (until there is one that says something,
 * `SEARCHES_UNROUTED_MAX` own searches), and one event hands on `QUERIES_EXTENDED_MAX`, own searches first.
 */
import type { RequestId } from '@servent/overlay/machine'
import { greetDynamic } from './dynamic-rules.ts'
import type { QueryMessage } from './messages.ts'
import type { Neighbour } from './neighbours.ts'
import { hashesOfQuery, type QueryHashes } from './qrp-hash.ts'
import { askLeaf } from './routing-rules.ts'
import { isYoung, queryOf } from './search-rules.ts'
import type { Fx, GnutellaState } from './state.ts'
import { QUERIES_EXTENDED_MAX, SEARCHES_UNROUTED_MAX } from './tier-constants.ts'

/** What a leaf may be handed: a query as its asker sent it, one hop before this servent's. */
interface UnderWay {
  readonly message: QueryMessage
  readonly hashes: QueryHashes
  readonly leaf?: Neighbour
  readonly search?: RequestId
  readonly askedLeaves: Set<Neighbour>
}

/** A leaf came up, or told another table; one that does so all the time has its turns, since each looks at all queries. */
export function extendToLeaf(state: GnutellaState, fx: Fx, leaf: Neighbour): void {
  if (!leaf.tiered!.extensions.take(1, state.nowMs)) {
    state.count('extensionsCapped')
    return
  }
  const isRouted = leaf.tiered!.soundTable !== undefined
  let left = isRouted ? QUERIES_EXTENDED_MAX : SEARCHES_UNROUTED_MAX
  for (const query of underWay(state)) {
    // What others ask for would take the budget of a leaf that has only just come, and most of it is not for it.
    if (left === 0 || (!isRouted && query.search === undefined)) return
    const { message, hashes, askedLeaves, search } = query
    if (query.leaf === leaf || askedLeaves.has(leaf) || !askLeaf(state, fx, message, hashes, leaf, search))
      continue
    askedLeaves.add(leaf)
    left -= 1
  }
}

/** An ultrapeer came up: what has found nobody to ask begins with it. */
export function extendToUltrapeer(state: GnutellaState, fx: Fx, ultrapeer: Neighbour): void {
  let left = QUERIES_EXTENDED_MAX
  const running = [...state.tiers.all()].sort(
    (a, b) => Number(a.leaf !== undefined) - Number(b.leaf !== undefined)
  )
  for (const query of running) {
    if (left === 0) return
    if (greetDynamic(state, fx, query, ultrapeer)) left -= 1
  }
}

/** Own searches, then what is asked for leaves. */
function* underWay(state: GnutellaState): Generator<UnderWay> {
  for (const search of state.searches.values()) {
    if (!search.isFromAbove || !isYoung(state, search)) continue
    const message: QueryMessage = { ...queryOf(state, search), hops: -1 }
    yield { message, hashes: hashesOfQuery(search), search: search.id, askedLeaves: search.askedLeaves }
  }
  for (const { message, hashes, leaf, askedLeaves } of state.tiers.all())
    if (leaf !== undefined)
      yield { message: { ...message, hops: message.hops - 1 }, hashes, leaf, askedLeaves }
}
