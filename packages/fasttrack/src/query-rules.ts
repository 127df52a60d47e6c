/**
 * Queries at a supernode (giFT: SearchIndirectNodesMin 6, Max 10, SearchIndirectEndResults 10, SearchResultsMax 200). It answers
 * from its index. Where that is not enough, it asks six others that it is linked with, and when all of them have ended, or
 * time is up, and they brought fewer than ten results, four more. Results go back along the path of the query; its end is
 * told by whoever has no more to give. One id is answered once from an index. A query that came by a longer way first comes again
 * with more of its way left: then it is only handed on, or what the longer way has brought in too early would end it there.
 * What the index has stays of who asked first, or whoever hears an id could have another's results sent to itself.
 */
import type { IndexHit } from '@servent/keyword-index'
import { type Link, type RequestId, SELF } from '@servent/overlay/machine'
import {
  HOPS_MAX,
  INDIRECT_END_RESULTS,
  INDIRECT_NODES_MAX,
  INDIRECT_NODES_MIN,
  RELAY_STEP_MS,
  RUNNING_QUERIES_MAX,
  SEARCH_RESULTS_MAX,
  TTL_MAX
} from './constants.ts'
import { indexQuery } from './index-entry.ts'
import type { QueryEndMessage, QueryMessage, Wanted } from './messages.ts'
import type { Neighbour } from './neighbours.ts'
import { QUERY, RESULTS } from './priorities.ts'
import { answer } from './result-rules.ts'
import { onRoundEnd } from './search-rules.ts'
import type { FastTrackState, Fx } from './state.ts'
import { sample } from './supernode-list.ts'

export const QUERIES_TIMER = 'queries'
/** Between two looks at what is overdue. */
const QUERIES_TIMER_MS = 250

export interface RunningQuery {
  readonly id: string
  /** What it is found by: its id, unless it waits for the index alone while others are asked for a later asker. */
  key: string
  /** Who asked; nothing where it is an own search. */
  readonly from: Link | undefined
  readonly search: RequestId | undefined
  readonly wanted: Wanted
  ttl: number
  readonly hops: number
  /** The user that asked, and is not told of its own files. */
  readonly except: string | undefined
  /** Results that may still go back. */
  left: number
  /** Of them, those that others brought. */
  indirect: number
  isAnswered: boolean
  /** Supernodes that were asked, and whether they have ended. */
  readonly asked: Map<Link, boolean>
  /** Results that each of them may still bring. */
  readonly shares: Map<Link, number>
  /** Not asked again: those that an earlier round asked. */
  readonly avoid: ReadonlySet<Link>
  deadlineMs: number
}

export function onQuery(state: FastTrackState, fx: Fx, neighbour: Neighbour, query: QueryMessage): void {
  state.count('queriesReceived')
  const { bond, link } = neighbour
  if (!state.isSupernode || (bond !== 'user' && bond !== 'peering')) {
    end(fx, link, query.id)
    return
  }
  const isOwn = bond === 'user'
  const hops = isOwn ? 0 : query.hops
  const ttl = Math.min(query.ttl, TTL_MAX, Math.max(0, HOPS_MAX - hops))
  const seenTtl = state.seen.get(query.id)
  // Each time with more left, so at most `TTL_MAX` times.
  if (seenTtl !== undefined && (isOwn || ttl <= seenTtl)) {
    state.count('queriesDuplicate')
    end(fx, link, query.id)
    return
  }
  const bucket = bond === 'user' ? neighbour.queries : neighbour.relayed
  if (!bucket.take(1, state.nowMs)) {
    state.count('queriesOverRate')
    end(fx, link, query.id)
    return
  }
  if (neighbour.isFull || hops > HOPS_MAX || (!isOwn && hops === 0)) {
    state.count('queriesRefused')
    end(fx, link, query.id)
    return
  }
  const init: QueryBegin = {
    id: query.id,
    from: link,
    wanted: query.wanted,
    ttl,
    hops,
    except: isOwn ? neighbour.name : undefined,
    level: neighbour.user?.level ?? 0
  }
  const begun = seenTtl === undefined ? beginQuery(state, fx, init) : goFurther(state, fx, init)
  if (!begun) end(fx, link, query.id)
}

/** A query that was answered here, or is being, and may go on now. False: it is on its way already, or too much is. */
function goFurther(state: FastTrackState, fx: Fx, init: QueryBegin): boolean {
  const { running } = state
  const known = running.get(init.id)
  if (known !== undefined && (known.from === undefined || known.asked.size > 0)) {
    state.count('queriesDuplicate')
    return false
  }
  if (running.size >= RUNNING_QUERIES_MAX) {
    state.count('queriesRefused')
    return false
  }
  const avoid = new Set<Link>()
  if (known?.from !== undefined) {
    // The index has not answered yet: who asked first has its results and then the end, and is not asked itself.
    avoid.add(known.from)
    known.ttl = 0
    running.delete(known.key)
    known.key = `${known.id} index`
    running.set(known.key, known)
  }
  const query = newQuery(state, { ...init, avoid })
  query.isAnswered = true
  enter(state, fx, query)
  proceed(state, fx, query)
  return true
}

interface QueryBegin {
  readonly id: string
  readonly from?: Link
  readonly search?: RequestId
  readonly wanted: Wanted
  readonly ttl: number
  readonly hops: number
  readonly except: string | undefined
  readonly level: number
  readonly avoid?: ReadonlySet<Link>
}

/** False: too much is under way. */
export function beginQuery(state: FastTrackState, fx: Fx, init: QueryBegin): boolean {
  if (state.running.size >= RUNNING_QUERIES_MAX) {
    state.count('queriesRefused')
    return false
  }
  const query = newQuery(state, init)
  let isBegun = false
  const isTaken = state.admission.put(init.from ?? SELF, init.level, () => {
    isBegun = true
    searchIndex(state, fx, query)
  })
  if (!isTaken) {
    state.count('queriesRefused')
    return false
  }
  enter(state, fx, query)
  if (isBegun) state.count('queriesAnswered')
  return true
}

function newQuery({ nowMs }: FastTrackState, init: QueryBegin): RunningQuery {
  return {
    id: init.id,
    key: init.id,
    from: init.from,
    search: init.search,
    wanted: init.wanted,
    ttl: init.ttl,
    hops: init.hops,
    except: init.except,
    left: resultsOf(init),
    indirect: 0,
    isAnswered: false,
    asked: new Map(),
    shares: new Map(),
    avoid: init.avoid ?? new Set(),
    deadlineMs: nowMs + RELAY_STEP_MS * (init.ttl + 1)
  }
}

const resultsOf = ({ wanted }: QueryBegin): number => Math.min(wanted.limit, SEARCH_RESULTS_MAX)

function enter({ running, seen, nowMs }: FastTrackState, fx: Fx, query: RunningQuery): void {
  seen.set(query.id, query.ttl, nowMs)
  running.set(query.key, query)
  if (running.size === 1) fx.setTimer(QUERIES_TIMER, QUERIES_TIMER_MS)
}

/** Asked of the index now, or when its turn has come. */
function searchIndex(state: FastTrackState, fx: Fx, query: RunningQuery): void {
  const { wanted, left, except } = query
  const done = (later: Fx, hits: readonly IndexHit[]) => {
    state.admission.done()
    if (state.running.get(query.key) !== query) return
    answer(state, later, query, hits)
    query.isAnswered = true
    proceed(state, later, query)
  }
  if (wanted.content.length > 0) {
    state.ask(fx, { type: 'index-providers', content: wanted.content, limit: left }, (later, found) =>
      done(later, found?.type === 'index-providers' ? found.hits : [])
    )
    return
  }
  const asked = indexQuery(wanted, left, except)
  if (asked === undefined) {
    // No word to look for: the answer comes as late as any, so that nothing is entered twice.
    state.ask(fx, { type: 'index-totals' }, later => done(later, []))
    return
  }
  state.ask(fx, { type: 'index-search', query: asked }, (later, found) =>
    done(later, found?.type === 'index-hits' ? found.hits : [])
  )
}

/** What is next: others are asked, or it is over. */
export function proceed(state: FastTrackState, fx: Fx, query: RunningQuery): void {
  if (!query.isAnswered) return
  for (const isEnded of query.asked.values()) if (!isEnded && query.left > 0) return
  const isEnough = query.left === 0 || query.ttl === 0 || query.indirect >= INDIRECT_END_RESULTS
  // A second wave is sent where the query began alone: further on it would multiply.
  const most = query.hops === 0 ? INDIRECT_NODES_MAX : INDIRECT_NODES_MIN
  if (isEnough || query.asked.size >= most || !relay(state, fx, query, most)) finish(state, fx, query)
}

/** Asks the next supernodes. False: there is none left. */
function relay(state: FastTrackState, fx: Fx, query: RunningQuery, most: number): boolean {
  const { asked, from, avoid, ttl } = query
  const free = state.neighbours
    .with('peering')
    .filter(({ link, isFull }) => link !== from && !asked.has(link) && !avoid.has(link) && !isFull)
  const count = asked.size === 0 ? INDIRECT_NODES_MIN : most - asked.size
  const targets = sample(free, count, () => fx.random())
  if (targets.length === 0) return false
  // Own hits went first. One that answers with anything at once leaves the others their places.
  const share = Math.ceil(query.left / targets.length)
  const onward: QueryMessage = {
    type: 'query',
    id: query.id,
    ttl: ttl - 1,
    hops: query.hops + 1,
    wanted: { ...query.wanted, limit: share }
  }
  for (const { link } of targets) {
    asked.set(link, false)
    query.shares.set(link, share)
    fx.send(link, onward, QUERY)
    if (query.search !== undefined)
      fx.notify({ type: 'search-traffic', search: query.search, message: onward, copies: 1 })
  }
  state.count('queriesRelayed', targets.length)
  query.deadlineMs = state.nowMs + RELAY_STEP_MS * ttl
  return true
}

function finish(state: FastTrackState, fx: Fx, query: RunningQuery): void {
  state.running.delete(query.key)
  if (query.from === undefined) onRoundEnd(state, fx, query.search!, new Set(query.asked.keys()))
  else if (state.neighbours.get(query.from) !== undefined) end(fx, query.from, query.id)
}

function end(fx: Fx, link: Link, id: string): void {
  const message: QueryEndMessage = { type: 'query-end', id }
  // Never before the results that it ends.
  fx.send(link, message, RESULTS)
}

export function onQueryEnd(state: FastTrackState, fx: Fx, neighbour: Neighbour, id: string): void {
  const query = state.running.get(id)
  if (query?.asked.get(neighbour.link) !== false) return
  query.asked.set(neighbour.link, true)
  proceed(state, fx, query)
}

export function onQueriesTimer(state: FastTrackState, fx: Fx): void {
  for (const query of [...state.running.values()]) {
    if (query.deadlineMs > state.nowMs) continue
    state.count('queriesTimedOut')
    if (query.isAnswered) {
      for (const link of query.asked.keys()) query.asked.set(link, true)
      proceed(state, fx, query)
    } else finish(state, fx, query)
  }
  if (state.running.size > 0) fx.setTimer(QUERIES_TIMER, QUERIES_TIMER_MS)
}

/** A link is gone: nobody waits for its queries' answers, and nothing more comes from it for those of others. */
export function dropQueriesOf(state: FastTrackState, fx: Fx, link: Link): void {
  for (const query of [...state.running.values()]) {
    if (query.from === link) state.running.delete(query.key)
    else if (query.asked.get(link) === false) {
      query.asked.set(link, true)
      proceed(state, fx, query)
    }
  }
}

export function endAllQueries(state: FastTrackState, fx: Fx): void {
  for (const query of [...state.running.values()]) finish(state, fx, query)
}
