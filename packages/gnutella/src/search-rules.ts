/**
 * Own searches: a query with a fresh id to all neighbours, and what comes back. Neighbours that come up soon
 * after get it too, so that a search that was begun before the links stood is not lost. Nothing is asked
 * again by itself: draft 0.6 allows an automatic requery once an hour, and this servent makes none.
 *
 * Nothing is told to the service that nobody signed: hits are verified first, neighbours in turn.
 */
import type { Peer, RequestId } from '@servent/overlay/machine'
import type { VerifyWork } from './answering.ts'
import { toHex } from './bytes.ts'
import { clamp } from './clamp.ts'
import {
  NEIGHBOURS_MAX,
  QUERY_FIREWALLED,
  QUERY_MARKED,
  SEARCH_SPREAD_MS,
  SEARCHES_MAX,
  TTL_MAX
} from './constants.ts'
import { endDynamic, startDynamic } from './dynamic-rules.ts'
import { newGuid } from './guid.ts'
import type { Guid, QueryHitMessage, QueryMessage } from './messages.ts'
import type { Neighbour } from './neighbours.ts'
import { priorityOf } from './priorities.ts'
import { hashesOfQuery } from './qrp-hash.ts'
import { isWorthAsking } from './query-rules.ts'
import type { QueryRoute } from './route-table.ts'
import { askLeaves } from './routing-rules.ts'
import type { Fx, GnutellaState } from './state.ts'
import type { VerifiedFile, Wanted } from './types.ts'

export interface Search extends Wanted {
  readonly id: RequestId
  readonly guid: Guid
  readonly ttl: number
  readonly startedMs: number
  /** Who got the query. */
  readonly sentTo: Set<Peer>
  /** It is asked step by step, as an ultrapeer does. */
  isDynamic: boolean
}

export function startSearch(
  state: GnutellaState,
  fx: Fx,
  id: RequestId,
  { text, urns, ttl }: Wanted & { readonly ttl?: number }
): void {
  const reason = reasonAgainst(state, { text, urns })
  if (reason !== undefined) {
    fx.notify({ type: 'search-refused', search: id, reason })
    return
  }
  const search: Search = {
    id,
    guid: newGuid(fx),
    text,
    urns,
    ttl: clamp(ttl ?? state.ttl, TTL_MAX),
    startedMs: state.nowMs,
    sentTo: new Set(),
    isDynamic: false
  }
  state.searches.set(id, search)
  state.routes.set(search.guid, { search: id, hops: 0, hits: 0 }, state.nowMs)
  state.recent.add(search.guid, search.ttl, 0)
  if (state.tiers.tier === 'ultrapeer') searchFromAbove(state, fx, search)
  else for (const neighbour of state.neighbours.peers) sendQuery(state, fx, search, neighbour)
}

/** An ultrapeer asks its leaves, and other ultrapeers step by step or all at once. */
function searchFromAbove(state: GnutellaState, fx: Fx, search: Search): void {
  const message = queryOf(state, search, 1)
  if (state.tiers.search === 'dynamic') {
    search.isDynamic = true
    startDynamic(state, fx, message, { search: search.id })
    return
  }
  askLeaves(state, fx, { ...message, hops: -1 }, hashesOfQuery(search), undefined)
  for (const neighbour of state.neighbours.peers) sendQuery(state, fx, search, neighbour)
}

function reasonAgainst(state: GnutellaState, wanted: Wanted): string | undefined {
  if (state.searches.size >= SEARCHES_MAX) return `At most ${SEARCHES_MAX} searches run at a time.`
  if (!isWorthAsking(wanted)) return 'Peers ignore a query of fewer than two letters or digits.'
  return undefined
}

export function endSearch(state: GnutellaState, fx: Fx, id: RequestId): void {
  const search = state.searches.get(id)
  if (search === undefined) return
  state.searches.delete(id)
  endDynamic(state, fx, search.guid)
}

/** Sends young searches to a neighbour that came up. */
export function greetWithSearches(state: GnutellaState, fx: Fx, neighbour: Neighbour): void {
  // A leaf is asked with everybody's queries, by its table; a dynamic query takes new neighbours up itself.
  if (neighbour.kind === 'leaf') return
  const { tier, search: style } = state.tiers
  for (const search of state.searches.values()) {
    if (state.nowMs - search.startedMs >= SEARCH_SPREAD_MS) continue
    if (tier !== 'ultrapeer' || style !== 'dynamic') sendQuery(state, fx, search, neighbour)
    // It was begun when this servent was a leaf.
    else if (!search.isDynamic) searchFromAbove(state, fx, search)
  }
}

function sendQuery(state: GnutellaState, fx: Fx, search: Search, neighbour: Neighbour): void {
  const { id, guid, sentTo } = search
  if (sentTo.has(neighbour.peer) || sentTo.size >= NEIGHBOURS_MAX) return
  sentTo.add(neighbour.peer)
  const query = queryOf(state, search, Math.min(search.ttl, neighbour.maxTtl))
  fx.send(neighbour.link, query, priorityOf(query))
  state.recent.forwarded(guid, neighbour.name)
  fx.notify({ type: 'search-traffic', search: id, message: query, copies: 1 })
}

function queryOf(state: GnutellaState, { guid, text, urns }: Search, ttl: number): QueryMessage {
  const flags = QUERY_MARKED | (state.sharing.firewalled ? QUERY_FIREWALLED : 0)
  return { type: 'query', guid, ttl, hops: 0, flags, text, urns, ggep: [] }
}

export function onOwnHit(
  state: GnutellaState,
  fx: Fx,
  neighbour: Neighbour,
  route: QueryRoute,
  hit: QueryHitMessage
): void {
  const search = route.search === undefined ? undefined : state.searches.get(route.search)
  if (search === undefined) {
    state.count('hitsWithoutQuery')
    return
  }
  fx.notify({ type: 'search-traffic', search: search.id, message: hit, copies: 1 })
  const { contact, servent, proxies } = hit
  if (proxies !== undefined)
    state.tiers.proxies.set(
      servent,
      proxies.map(({ id }) => toHex(id)),
      state.nowMs
    )
  const results = hit.results.filter(({ record }) => record !== undefined)
  state.count('resultsRefused', hit.results.length - results.length)
  if (contact === undefined || results.length === 0) return
  const work: VerifyWork = { search: search.id, claim: { contact, results }, servent, hops: hit.hops + 1 }
  const { verifies } = state.answering
  if (!verifies.put(neighbour.link, work, work => askVerify(state, fx, work))) state.count('hitsNotVerified')
}

function askVerify(state: GnutellaState, fx: Fx, { search, claim }: VerifyWork): RequestId {
  const id = state.answering.newId()
  fx.ask(id, { type: 'verify', search, claim })
  return id
}

export function onVerified(
  state: GnutellaState,
  fx: Fx,
  work: VerifyWork,
  files: readonly VerifiedFile[]
): void {
  state.answering.verifies.ask(waiting => askVerify(state, fx, waiting))
  const { search, claim, servent, hops } = work
  state.count('resultsRefused', Math.max(0, claim.results.length - files.length))
  if (files.length === 0 || !state.searches.has(search)) return
  fx.notify({ type: 'found', search, hops, contact: claim.contact, servent, files })
}
