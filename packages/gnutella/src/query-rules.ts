/**
 * Queries (lecture notes, "Gnutella Search"; draft 0.6, 2.2.1 and 2.2.5). A query goes on to all neighbours
 * but the one that it came from, once for each id, with one TTL less and one hop more, and not at TTL 0. TTL
 * and hops together are at most 7.
 *
 * Each neighbour may have so many queries handed on and answered; what is more is dropped and counted. A
 * loud neighbour cannot take the share of the others (`RELAYED_PER_SECOND`).
 */
import type { Link, RequestId } from '@servent/overlay/machine'
import type { MatchWork } from './answering.ts'
import { offend } from './bye-rules.ts'
import { answerRepeat } from './cache-rules.ts'
import {
  ANSWER_BYTES_MAX,
  QUERY_CHARACTERS_MIN,
  QUERY_RELAYED_BYTES_MAX,
  RESULTS_PER_QUERY,
  TTL_HARD_MAX,
  TTL_MAX
} from './constants.ts'
import { startDynamic, ttlOfLeaf } from './dynamic-rules.ts'
import { hitsOf, resultBytes } from './hit-making.ts'
import type { HitResult, QueryMessage } from './messages.ts'
import type { Neighbour } from './neighbours.ts'
import { priorityOf } from './priorities.ts'
import { hashesOfQuery } from './qrp-hash.ts'
import { cacheKey } from './query-cache.ts'
import { onWalker } from './random-walk-rules.ts'
import type { QueryRoute } from './route-table.ts'
import { askLeaves, mayShare, onTheWay } from './routing-rules.ts'
import type { Fx, GnutellaState } from './state.ts'
import { ULTRAPEER_TTL_MAX } from './tier-constants.ts'
import type { Wanted } from './types.ts'
import { walkOf } from './walk-wire.ts'

const NOBODY: ReadonlySet<Link> = new Set()

export function onQuery(state: GnutellaState, fx: Fx, neighbour: Neighbour, said: QueryMessage): void {
  state.count('queriesReceived')
  const walk = walkOf(said)
  if (walk !== undefined) {
    onWalker(state, fx, neighbour, said, walk)
    return
  }
  // A leaf hands nothing on, so its queries are its own, however many hops it says that they took.
  const query = neighbour.kind === 'leaf' ? { ...said, hops: 0 } : said
  if (!isTaken(state, fx, neighbour, query)) return
  const { guid, hops } = query
  const { link, name } = neighbour
  const ttl = Math.min(query.ttl, TTL_MAX - hops)
  const route: QueryRoute = { link, hops, hits: 0 }
  if (!state.tiers.flat) {
    inTiers(state, fx, neighbour, query, route)
    return
  }
  state.routes.set(guid, route, state.nowMs)
  state.recent.add(guid, query.ttl, hops, name)
  flood(state, fx, neighbour, query, route, ttl, state.neighbours.up)
  match(state, fx, link, query)
}

/** In a network of two tiers: a leaf only answers, and an ultrapeer routes by tables. */
function inTiers(
  state: GnutellaState,
  fx: Fx,
  neighbour: Neighbour,
  query: QueryMessage,
  route: QueryRoute
): void {
  const { tiers, routes, nowMs } = state
  const { guid, hops } = query
  const hashes = hashesOfQuery(query)
  // A leaf's query goes as far as it takes, so that nothing is left to extend.
  const ttl =
    neighbour.kind === 'leaf' ? ttlOfLeaf(query) : Math.min(query.ttl, TTL_MAX - hops, ULTRAPEER_TTL_MAX)
  const probed = routes.get(guid)
  if (probed === undefined) {
    const isProbe = ttl === 1 && neighbour.kind !== 'leaf'
    routes.set(guid, isProbe ? { ...route, probeKey: cacheKey(query) } : route, nowMs)
    state.recent.add(guid, query.ttl, hops, neighbour.name)
    if (mayShare(state, hashes)) match(state, fx, neighbour.link, query)
  } else probed.probeKey = undefined
  if (tiers.tier === 'leaf') return
  if (neighbour.kind === 'leaf' && state.style === 'dynamic') {
    startDynamic(state, fx, { ...query, hops: hops + 1 }, { leaf: neighbour })
    return
  }
  if (probed === undefined) askLeaves(state, fx, query, hashes, { except: neighbour })
  const targets = onTheWay(state, state.neighbours.peers, hashes, ttl - 1)
  // Who probed knows it; hits still go back the way of the probe.
  const others = probed === undefined ? targets : targets.filter(({ link }) => link !== probed.link)
  flood(state, fx, neighbour, query, probed ?? routes.get(guid)!, ttl, others)
}

/** To all these neighbours but the one that it came from, and those that the cache answers for. */
function flood(
  state: GnutellaState,
  fx: Fx,
  neighbour: Neighbour,
  query: QueryMessage,
  route: QueryRoute,
  ttl: number,
  all: readonly Neighbour[]
): void {
  const { guid } = query
  const key = cacheKey(query)
  const held = state.queryCache ? answerRepeat(state, fx, neighbour, query, key, ttl) : NOBODY
  const targets = held.size === 0 ? all : all.filter(({ link }) => !held.has(link))
  const relayed = relay(state, fx, neighbour, query, ttl, targets)
  if (relayed && state.queryCache && held.size === 0 && state.cache.begin(key, query, guid, ttl, state.nowMs))
    route.cacheKey = key
}

/** Has the catalogue asked for what this peer shares of a query that came by a link. */
export function match(
  state: GnutellaState,
  fx: Fx,
  link: Link,
  { guid, hops, text, urns }: QueryMessage
): void {
  const work: MatchWork = { link, guid, hops, text, urns }
  if (!state.answering.matches.put(link, work, work => askMatch(state, fx, work)))
    state.count('queriesNotMatched')
}

/** Whether a query is to be handed on and answered. */
function isTaken(state: GnutellaState, fx: Fx, neighbour: Neighbour, query: QueryMessage): boolean {
  const { guid, ttl, hops } = query
  // An ultrapeer and its leaves are one unit: the hop between them may be one more.
  const hopsMax = state.tiers.tier === 'leaf' ? TTL_MAX : TTL_MAX - 1
  if (ttl === 0 || ttl > TTL_HARD_MAX || hops > hopsMax) {
    state.count('descriptorsBadTtl')
    offend(state, fx, neighbour, 'bad-ttl')
    return false
  }
  if (isHeldBack(state, neighbour)) return false
  const known = state.routes.get(guid)
  if (known !== undefined && !isExtended(state, neighbour, query, known)) {
    state.count('queriesDuplicate')
    // Several paths bring the same query; one link brings it twice only by mistake.
    if (known.link === neighbour.link) offend(state, fx, neighbour, 'duplicates')
    return false
  }
  return isFit(state, fx, neighbour, query)
}

/** Whether the neighbour does not take what it is sent: asking for more would only fill its queue (SACHRIFC). */
export function isHeldBack(state: GnutellaState, { fullSinceMs }: Neighbour): boolean {
  if (fullSinceMs === undefined) return false
  state.count('queriesFlowControlled')
  return true
}

/** Whether a query that is new to its link is within the link's rate, of bearable length, and for something. */
export function isFit(state: GnutellaState, fx: Fx, neighbour: Neighbour, query: QueryMessage): boolean {
  const { nowMs } = state
  const { hops, payload } = query
  // A leaf's own queries are asked far and wide on its behalf, so they are fewer; and all that it brings are its own.
  const isOfLeaf = neighbour.kind === 'leaf'
  const own = isOfLeaf ? neighbour.tiered!.queries : neighbour.originals
  if (!neighbour.queries.take(1, nowMs) || ((isOfLeaf || hops === 0) && !own.take(1, nowMs))) {
    state.count('queriesOverRate')
    return false
  }
  if ((payload?.length ?? 0) > QUERY_RELAYED_BYTES_MAX) {
    state.count('queriesIgnored')
    offend(state, fx, neighbour, 'malformed')
    return false
  }
  if (!isWorthAsking(query)) {
    state.count('queriesIgnored')
    offend(state, fx, neighbour, 'bad-queries')
    return false
  }
  return true
}

/**
 * A query that came for one hop, as a probe, and comes again to go further (`X-Ext-Probes`): by whichever link, since
 * whoever probes may go on by another, and nobody else hands it on then. A leaf does not probe, and another text under
 * the same GUID is another query: its hits would go to who asked for the first.
 */
function isExtended(
  { tiers }: GnutellaState,
  { kind }: Neighbour,
  query: QueryMessage,
  { probeKey }: QueryRoute
): boolean {
  if (tiers.tier !== 'ultrapeer' || kind === 'leaf' || probeKey === undefined || query.ttl <= 1) return false
  return probeKey === cacheKey(query)
}

/** Not for queries that all peers would answer with all that they have, or none with anything. */
export function isWorthAsking({ text, urns }: Wanted): boolean {
  if (urns.some(urn => /^urn:[a-z0-9-]+:./i.test(urn))) return true
  return (text.match(/[\p{L}\p{N}]/gu)?.length ?? 0) >= QUERY_CHARACTERS_MIN
}

/** Hands a query on to some neighbours, and says whether to any. */
export function relay(
  state: GnutellaState,
  fx: Fx,
  from: Neighbour,
  query: QueryMessage,
  ttl: number,
  targets: readonly Neighbour[]
): boolean {
  if (ttl <= 1) return false
  const others = targets.filter(({ link }) => link !== from.link)
  if (others.length === 0) return false
  if (!mayRelay(state, from)) return false
  const onward: QueryMessage = { ...query, ttl: ttl - 1, hops: query.hops + 1 }
  for (const { link, name } of others) {
    fx.send(link, onward, priorityOf(onward))
    state.recent.forwarded(query.guid, name)
  }
  state.count('queriesForwarded', others.length)
  return true
}

/** Takes what handing one query on costs: out of the neighbour's own share, or what there is for whoever comes. */
export function mayRelay(state: GnutellaState, from: Neighbour): boolean {
  if (from.relayed.take(1, state.nowMs) || state.spare.take(1, state.nowMs)) return true
  state.count('queriesNotRelayed')
  return false
}

/** Asks the catalogue about a query. */
function askMatch(state: GnutellaState, fx: Fx, { text, urns }: MatchWork): RequestId {
  const id = state.answering.newId()
  fx.ask(id, { type: 'match', text, urns, limit: RESULTS_PER_QUERY })
  return id
}

/** What this peer shares of a query goes back by the link that the query came by, in hits of bounded size. */
export function onMatched(
  state: GnutellaState,
  fx: Fx,
  work: MatchWork,
  results: readonly HitResult[]
): void {
  state.answering.matches.ask(waiting => askMatch(state, fx, waiting))
  const neighbour = state.neighbours.upLink(work.link as Link)
  if (neighbour === undefined || results.length === 0) return
  state.count('queriesAnswered')
  const hits = [...hitsOf(state, fx, work, fitting(results.slice(0, RESULTS_PER_QUERY)))]
  if (neighbour.fullSinceMs !== undefined) {
    state.count('hitsDroppedInFlowControl', hits.length)
    return
  }
  for (const hit of hits) fx.send(neighbour.link, hit, priorityOf(hit))
}

/** The results that are `ANSWER_BYTES_MAX` together, in their order. */
function fitting(results: readonly HitResult[]): HitResult[] {
  let bytes = 0
  return results.filter(result => {
    const next = bytes + resultBytes(result)
    if (next > ANSWER_BYTES_MAX) return false
    bytes = next
    return true
  })
}
