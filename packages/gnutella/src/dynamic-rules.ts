/**
 * Dynamic queries in an ultrapeer, for itself and for its leaves (Fisk, Dynamic Query Protocol 0.1, 2.5).
 *
 * First its own leaves are asked, and a probe goes out: to at most `PROBES` ultrapeers whose tables match, for one
 * hop; where no neighbour told a table, to `BLIND_PROBES` of them for two. Then one link after another, each as far
 * as the results so far say that it takes, with time for the answers before the next.
 *
 * What is changed: probed ultrapeers were chosen because they match, so that what they have is not what others have.
 * As DQ 2.5.1 allows, tables count in the estimate: probes stand for all the neighbours that could have been chosen.
 * And a link that one hop would do for is not asked at all where its table says no; it counts as asked. Where a link
 * need not be asked as far as it may, as many are asked in one turn as have what is missing together, if what was found
 * is as common there: one after the other, with time between them, most would come too late for whoever waits.
 */
import type { Link, RequestId } from '@servent/overlay/machine'
import { RESULTS_PER_QUERY, SEARCH_SPREAD_MS } from './constants.ts'
import { horizon, hostsMissing, nextTtl, ttlLimit } from './dynamic-query.ts'
import { isGuided } from './guidance-wire.ts'
import type { Guid, QueryMessage } from './messages.ts'
import type { Neighbour } from './neighbours.ts'
import { priorityOf } from './priorities.ts'
import { hashesOfQuery, type QueryHashes } from './qrp-hash.ts'
import { askLeaves } from './routing-rules.ts'
import type { Fx, GnutellaState } from './state.ts'
import {
  BLIND_PROBE_TTL,
  BLIND_PROBES,
  PROBES,
  RESULTS_WANTED_FOR_LEAF,
  TABLE_FILL_AGGREGATE,
  ULTRAPEER_TTL_MAX
} from './tier-constants.ts'
import type { RunningQuery, Tiers } from './tiers.ts'

/** The timer of one dynamic query's next step. */
export function dynamicTimer(number: number): string {
  return `dynamic-${number}`
}

/** Asks for a leaf, or for a search of this servent. False: it runs already, or too many do. */
export function startDynamic(
  state: GnutellaState,
  fx: Fx,
  message: QueryMessage,
  asker:
    | { readonly leaf: Neighbour }
    | {
        readonly search: RequestId
        readonly wanted: number
        readonly ttlMax: number
        readonly askedLeaves: Set<Neighbour>
      }
): boolean {
  const leaf = 'leaf' in asker ? asker.leaf : undefined
  const search = 'search' in asker ? asker.search : undefined
  const hashes = hashesOfQuery(message)
  const wanted = 'wanted' in asker ? asker.wanted : RESULTS_WANTED_FOR_LEAF
  // This servent verifies what it finds itself; a leaf that does so says it.
  const guided = leaf === undefined || isGuided(message)
  const askedLeaves = 'askedLeaves' in asker ? asker.askedLeaves : new Set<Neighbour>()
  const ttlMax = 'ttlMax' in asker ? asker.ttlMax : ttlOfLeaf(message)
  const init = { message, hashes, leaf, ttlMax, search, askedLeaves }
  const running = state.tiers.begin(init, { wanted, guided }, state.nowMs)
  if (running === undefined) {
    state.count('dynamicQueriesRefused')
    return false
  }
  state.count('dynamicQueries')
  const asked = askLeaves(state, fx, { ...message, hops: message.hops - 1 }, hashes, { except: leaf, search })
  for (const one of asked) askedLeaves.add(one)
  probe(state, fx, running, asked.length > 0)
  return true
}

/**
 * A neighbour came up: what found nobody to ask begins with it, and does not wait its turn. Only this one is asked, so that
 * a handshake causes one message for each query; the others come in their turn. False: it was begun.
 */
export function greetDynamic(
  state: GnutellaState,
  fx: Fx,
  running: RunningQuery,
  neighbour: Neighbour
): boolean {
  if (running.asked.size > 0 || running.probed.size > 0 || neighbour.fullSinceMs !== undefined) return false
  askBlindly(state, fx, running, [neighbour])
  return true
}

function probe(state: GnutellaState, fx: Fx, running: RunningQuery, leavesAsked: boolean): void {
  const { query, hashes } = running
  const open = unasked(state, running)
  const tabled = open.filter(({ tiered }) => tiered?.table !== undefined)
  if (tabled.length === 0) {
    askBlindly(state, fx, running, draw(fx, open, BLIND_PROBES))
    return
  }
  const matching = tabled.filter(neighbour => isWorthProbing(neighbour, hashes))
  const probed = draw(fx, matching, PROBES)
  for (const neighbour of probed) {
    send(state, fx, running, neighbour, 1)
    running.probed.add(neighbour)
  }
  query.reached +=
    probed.length === 0 ? tabled.length : Math.round((probed.length * tabled.length) / matching.length)
  // Where nobody near may have it, there is nothing to wait for.
  if (probed.length === 0 && !leavesAsked) onDynamicTimer(state, fx, running.number)
  else fx.setTimer(dynamicTimer(running.number), query.waitMs(1))
}

/** Probes neighbours of which no table is known. */
function askBlindly(state: GnutellaState, fx: Fx, running: RunningQuery, some: readonly Neighbour[]): void {
  for (const neighbour of some)
    ask(state, fx, running, neighbour, Math.min(BLIND_PROBE_TTL, ttlOf(running, neighbour)))
  fx.setTimer(dynamicTimer(running.number), running.query.waitMs(BLIND_PROBE_TTL))
}

/** A probe is for those that take the query again with a higher TTL, and whose tables do not claim half of the world. */
function isWorthProbing({ tiered }: Neighbour, hashes: QueryHashes): boolean {
  const { table, extendsProbes } = tiered!
  return extendsProbes && table!.fill <= TABLE_FILL_AGGREGATE && table!.mayMatch(hashes)
}

/** The next link's turn. */
export function onDynamicTimer(state: GnutellaState, fx: Fx, number: number): void {
  const running = state.tiers.byNumber(number)
  if (running === undefined) return
  const { query, leaf, hashes, message } = running
  if (query.isOver(state.nowMs) || (leaf !== undefined && state.neighbours.upLink(leaf.link) !== leaf)) {
    state.tiers.end(running)
    return
  }
  // As they stand now: what is asked in this turn has had no time to answer.
  const found = { wanted: query.wanted, results: query.results, reached: query.reached }
  let missing = hostsMissing(found)
  let ttlAsked = 0
  for (let open = unasked(state, running); open.length > 0; open = unasked(state, running)) {
    const fresh = open.filter(neighbour => !running.probed.has(neighbour))
    const [next] = draw(fx, fresh.length > 0 ? fresh : open, 1)
    const degree = degreeOf(next!)
    const ttlMax = ttlOf(running, next!)
    const ttl = nextTtl({ ...found, linksLeft: open.length, degree, ttlMax })
    if (ttl > 1 || (next!.tiered?.mayMatch(hashes) ?? true)) {
      ask(state, fx, running, next!, ttl)
      ttlAsked = Math.max(ttlAsked, ttl)
      missing -= horizon(degree, ttl)
      if (ttl === ttlMax || missing <= 0) break
    } else {
      running.asked.add(next!)
      query.reached += 1
    }
  }
  if (ttlAsked > 0) {
    fx.setTimer(dynamicTimer(number), query.waitMs(ttlAsked))
    return
  }
  // What was begun before the links stood is not lost; a leaf that guides it says when it is over.
  const lasts = running.search !== undefined || isGuided(message)
  if (lasts && state.nowMs - query.startedMs < SEARCH_SPREAD_MS)
    fx.setTimer(dynamicTimer(number), query.waitMs(1))
  else state.tiers.end(running)
}

/** Results of a query came by a link: of one hit no more than one servent may answer with. */
export function countResults(state: GnutellaState, link: Link, guid: Guid, results: number): void {
  state.tiers.byGuid(guid)?.query.count(link, Math.min(results, RESULTS_PER_QUERY))
}

/** Nobody is asked any more. */
export function endDynamic(tiers: Tiers, fx: Fx, running: RunningQuery): void {
  fx.cancelTimer(dynamicTimer(running.number))
  tiers.end(running)
}

/** Neighbours that are still to be asked, those that came since among them. */
function unasked({ neighbours }: GnutellaState, { asked, leaf }: RunningQuery): Neighbour[] {
  return neighbours.peers.filter(
    neighbour => neighbour !== leaf && neighbour.fullSinceMs === undefined && !asked.has(neighbour)
  )
}

function ask(state: GnutellaState, fx: Fx, running: RunningQuery, neighbour: Neighbour, ttl: number): void {
  running.asked.add(neighbour)
  running.query.reached += horizon(degreeOf(neighbour), ttl)
  send(state, fx, running, neighbour, ttl)
}

function send(
  state: GnutellaState,
  fx: Fx,
  { message, search }: RunningQuery,
  { link, name }: Neighbour,
  ttl: number
): void {
  const query: QueryMessage = { ...message, ttl }
  fx.send(link as Link, query, priorityOf(query))
  state.count('queriesForwarded')
  state.recent.forwarded(query.guid, name)
  if (search !== undefined) fx.notify({ type: 'search-traffic', search, message: query, copies: 1 })
}

function degreeOf({ tiered }: Neighbour): number {
  return tiered!.degree
}

function ttlOf({ ttlMax }: RunningQuery, neighbour: Neighbour): number {
  return Math.min(ttlMax, ttlLimit(degreeOf(neighbour), neighbour.maxTtl))
}

/** Whatever TTL a leaf gave its query (DQ 2.2), unless it knows that it is asked for step by step: then it is its cap. */
export function ttlOfLeaf(query: QueryMessage): number {
  return isGuided(query) ? Math.min(query.ttl, ULTRAPEER_TTL_MAX) : ULTRAPEER_TTL_MAX
}

/** Some of them by chance, each at most once. */
function draw(fx: Fx, from: readonly Neighbour[], count: number): Neighbour[] {
  const left = [...from]
  const drawn: Neighbour[] = []
  while (drawn.length < count && left.length > 0) drawn.push(...left.splice(fx.random() % left.length, 1))
  return drawn
}
