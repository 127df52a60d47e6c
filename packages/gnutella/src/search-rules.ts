/**
 * Own searches: a query with a fresh id to all neighbours, and what comes back. Neighbours that come up soon
 * after get it too, so that a search that was begun before the links stood is not lost. Once it has gone as far as
 * it may nothing is asked again by itself: draft 0.6 allows an automatic requery once an hour, and this servent makes
 * none.
 *
 * Nothing is told to the service that nobody signed: hits are verified first, neighbours in turn.
 */
import { clamp, type Peer, QUERY_RESULTS_MAX, type RequestId, toHex } from '@servent/overlay/machine'
import type { VerifyWork } from './answering.ts'
import {
  NEIGHBOURS_MAX,
  QUERY_FIREWALLED,
  QUERY_GUIDED,
  QUERY_MARKED,
  RESULTS_ENOUGH,
  SEARCH_SPREAD_MS,
  SEARCHES_MAX,
  TTL_MAX,
  WALK_STEPS_MAX
} from './constants.ts'
import { startDynamic } from './dynamic-rules.ts'
import { askRing, ringTimer } from './expanding-ring-rules.ts'
import { newGuid } from './guid.ts'
import { guide } from './guidance-rules.ts'
import { isSigned } from './hit-making.ts'
import type { Guid, QueryHitMessage, QueryMessage } from './messages.ts'
import type { Neighbour } from './neighbours.ts'
import { priorityOf } from './priorities.ts'
import { hashesOfQuery } from './qrp-hash.ts'
import { isWorthAsking } from './query-rules.ts'
import { startWalk } from './random-walk-rules.ts'
import type { QueryRoute } from './route-table.ts'
import { askLeaves } from './routing-rules.ts'
import type { Fx, GnutellaState } from './state.ts'
import { GUIDANCE_OVER, RESULTS_WANTED } from './tier-constants.ts'
import type { VerifiedFile, Wanted } from './types.ts'

export interface Search extends Wanted {
  readonly id: RequestId
  /** The most that a query of it may have. */
  readonly ttl: number
  readonly startedMs: number
  /** Results after which it goes no further, if its style lets it. */
  readonly enough: number
  /** What was found, `enough` at most: a file of one provider each, however many paths its hits came by. */
  readonly results: Set<string>
  /** Of the query that went out last. */
  guid: Guid
  queryTtl: number
  /** Who got that query. */
  readonly sentTo: Set<Peer>
  /** Rings that were asked, of an expanding ring. */
  rings: number
  /** It is asked as an ultrapeer asks, of leaves and of other ultrapeers. */
  isFromAbove: boolean
  /** Leaves that it was handed to. */
  readonly askedLeaves: Set<Neighbour>
  /** What a leaf told its ultrapeers last of its results. */
  told: number
}

export function startSearch(
  state: GnutellaState,
  fx: Fx,
  id: RequestId,
  { text, urns, ttl, enough }: Wanted & { readonly ttl?: number; readonly enough?: number }
): void {
  const reason = reasonAgainst(state, { text, urns })
  if (reason !== undefined) {
    fx.notify({ type: 'search-refused', search: id, reason })
    return
  }
  const search: Search = {
    id,
    text,
    urns,
    ttl: clamp(ttl ?? state.ttl, 1, TTL_MAX),
    startedMs: state.nowMs,
    enough: clamp(enough ?? enoughFor(state), 1, QUERY_RESULTS_MAX),
    results: new Set(),
    guid: '',
    queryTtl: 0,
    sentTo: new Set(),
    rings: 0,
    isFromAbove: false,
    askedLeaves: new Set(),
    told: 0
  }
  state.searches.set(id, search)
  const { style, tiers } = state
  const { flat, tier } = tiers
  if (tier === 'ultrapeer') searchFromAbove(state, fx, search)
  else if (flat && style === 'expanding-ring') askRing(state, fx, search)
  else if (flat && style === 'random-walk') startWalk(state, fx, search, WALK_STEPS_MAX)
  else askAll(state, fx, search, search.ttl)
}

/** Where nobody says. */
function enoughFor({ style, tiers }: GnutellaState): number {
  return tiers.tier === 'ultrapeer' && style === 'dynamic' ? RESULTS_WANTED : RESULTS_ENOUGH
}

/** An ultrapeer asks its leaves, and other ultrapeers step by step or all at once. */
function searchFromAbove(state: GnutellaState, fx: Fx, search: Search): void {
  // One that was begun when this servent was a leaf keeps its id.
  if (search.guid === '') beginQuery(state, fx, search, search.ttl)
  search.isFromAbove = true
  const { askedLeaves, ttl: ttlMax } = search
  const message: QueryMessage = { ...queryOf(state, search), ttl: 1 }
  if (state.style === 'dynamic') {
    startDynamic(state, fx, message, { search: search.id, wanted: search.enough, ttlMax, askedLeaves })
    return
  }
  for (const leaf of askLeaves(state, fx, { ...message, hops: -1 }, hashesOfQuery(search), {
    search: search.id
  }))
    askedLeaves.add(leaf)
  for (const neighbour of state.neighbours.peers) greet(state, fx, search, neighbour)
}

/** Gives a search a new query, whose hits are its own. */
export function beginQuery(state: GnutellaState, fx: Fx, search: Search, ttl: number): void {
  search.guid = newGuid(fx)
  search.queryTtl = ttl
  search.sentTo.clear()
  state.routes.set(search.guid, { search: search.id, hops: 0, hits: 0 }, state.nowMs)
  state.recent.add(search.guid, ttl, 0)
}

/** Asks all neighbours with a new query. */
export function askAll(state: GnutellaState, fx: Fx, search: Search, ttl: number): void {
  beginQuery(state, fx, search, ttl)
  for (const neighbour of state.neighbours.peers) greet(state, fx, search, neighbour)
}

/** Whether it has found what it may stop for. */
export function hasEnough({ results, enough }: Search): boolean {
  return results.size >= enough
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
  if (search.rings > 0) fx.cancelTimer(ringTimer(id))
  guide(state, fx, search, true)
}

/** Whether a search is still taken to neighbours that come up. */
export function isYoung({ nowMs }: GnutellaState, { startedMs, told }: Search): boolean {
  return nowMs - startedMs < SEARCH_SPREAD_MS && told !== GUIDANCE_OVER
}

/** Sends young searches to a neighbour that came up. */
export function greetWithSearches(state: GnutellaState, fx: Fx, neighbour: Neighbour): void {
  const { style, tiers } = state
  const { flat, tier } = tiers
  for (const search of state.searches.values()) {
    if (!isYoung(state, search)) continue
    // It was begun when this servent was a leaf.
    if (tier === 'ultrapeer' && !search.isFromAbove) searchFromAbove(state, fx, search)
    // A leaf is handed what is under way, and a dynamic query takes new neighbours up itself (`extending-rules.ts`).
    else if (tier === 'ultrapeer' && (style === 'dynamic' || neighbour.kind === 'leaf')) continue
    else if (!flat || style !== 'random-walk') greet(state, fx, search, neighbour)
    // Walkers that are under way are as many as were wanted.
    else if (search.sentTo.size === 0) startWalk(state, fx, search, WALK_STEPS_MAX)
  }
}

function greet(state: GnutellaState, fx: Fx, search: Search, neighbour: Neighbour): void {
  const { sentTo, queryTtl } = search
  if (sentTo.has(neighbour.peer) || sentTo.size >= NEIGHBOURS_MAX) return
  const ttl = Math.min(queryTtl, neighbour.maxTtl)
  sendQuery(state, fx, search, neighbour, { ...queryOf(state, search), ttl })
}

/** The query of a search that is under way. */
export function queryOf(state: GnutellaState, { guid, queryTtl, text, urns }: Search): QueryMessage {
  const isGuided = state.tiers.tier === 'leaf'
  const flags =
    QUERY_MARKED | (state.sharing.firewalled ? QUERY_FIREWALLED : 0) | (isGuided ? QUERY_GUIDED : 0)
  return { type: 'query', guid, ttl: queryTtl, hops: 0, flags, text, urns, ggep: [] }
}

export function sendQuery(
  state: GnutellaState,
  fx: Fx,
  { id, guid, sentTo }: Search,
  { peer, link, name }: Neighbour,
  query: QueryMessage
): void {
  sentTo.add(peer)
  fx.send(link, query, priorityOf(query))
  state.recent.forwarded(guid, name)
  fx.notify({ type: 'search-traffic', search: id, message: query, copies: 1 })
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
  const results = hit.results.filter(isSigned)
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
  const own = state.searches.get(search)
  if (files.length === 0 || own === undefined) return
  for (const { record } of files) if (!hasEnough(own)) own.results.add(`${record.id} ${record.provider}`)
  guide(state, fx, own)
  fx.notify({ type: 'found', search, hops, contact: claim.contact, servent, files })
}
