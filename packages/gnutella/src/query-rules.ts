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
import { hitsOf, resultBytes } from './hit-making.ts'
import type { HitResult, QueryMessage } from './messages.ts'
import type { Neighbour } from './neighbours.ts'
import { priorityOf } from './priorities.ts'
import { cacheKey } from './query-cache.ts'
import { onWalker } from './random-walk-rules.ts'
import type { QueryRoute } from './route-table.ts'
import type { Fx, GnutellaState } from './state.ts'
import type { Wanted } from './types.ts'
import { walkOf } from './walk-wire.ts'

const NOBODY: ReadonlySet<Link> = new Set()

export function onQuery(state: GnutellaState, fx: Fx, neighbour: Neighbour, query: QueryMessage): void {
  state.count('queriesReceived')
  const walk = walkOf(query)
  if (walk !== undefined) {
    onWalker(state, fx, neighbour, query, walk)
    return
  }
  if (!isTaken(state, fx, neighbour, query)) return
  const { guid, hops } = query
  const { link, name } = neighbour
  const ttl = Math.min(query.ttl, TTL_MAX - hops)
  const route: QueryRoute = { link, hops, hits: 0 }
  state.routes.set(guid, route, state.nowMs)
  state.recent.add(guid, query.ttl, hops, name)
  const key = cacheKey(query)
  const held = state.queryCache ? answerRepeat(state, fx, neighbour, query, key, ttl) : NOBODY
  const { up } = state.neighbours
  const targets = held.size === 0 ? up : up.filter(({ link }) => !held.has(link))
  const relayed = relay(state, fx, neighbour, query, ttl, targets)
  if (relayed && state.queryCache && held.size === 0 && state.cache.begin(key, query, guid, ttl, state.nowMs))
    route.cacheKey = key
  match(state, fx, link, query)
}

/** Has the catalogue asked for what this peer shares of a query that came by a link. */
export function match(state: GnutellaState, fx: Fx, link: Link, query: QueryMessage): void {
  const { guid, hops, text, urns } = query
  const work: MatchWork = { link, guid, hops, text, urns }
  if (!state.answering.matches.put(link, work, work => askMatch(state, fx, work)))
    state.count('queriesNotMatched')
}

/** Whether a query is to be handed on and answered. */
function isTaken(state: GnutellaState, fx: Fx, neighbour: Neighbour, query: QueryMessage): boolean {
  const { guid, ttl, hops } = query
  if (ttl === 0 || ttl > TTL_HARD_MAX || hops >= TTL_MAX) {
    state.count('descriptorsBadTtl')
    offend(state, fx, neighbour, 'bad-ttl')
    return false
  }
  if (isHeldBack(state, neighbour)) return false
  const known = state.routes.get(guid)
  if (known !== undefined) {
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
  if (!neighbour.queries.take(1, nowMs) || (hops === 0 && !neighbour.originals.take(1, nowMs))) {
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
