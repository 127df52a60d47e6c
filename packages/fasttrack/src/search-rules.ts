/**
 * Own searches. An ordinary node's go through its supernode; a supernode's begin in its own index. "Search more" takes a
 * search to another supernode: an ordinary node moves to it, a supernode asks others of those that it is linked with.
 * Nothing is told to the service that was not verified first.
 */

import { bytesToHex } from '@noble/hashes/utils.js'
import { type Link, type Peer, type RequestId, randomBytes, SELF, sameBytes } from '@servent/overlay/machine'
import {
  QUERY_ID_BYTES,
  ROUNDS_MAX,
  SEARCH_SPREAD_MS,
  SEARCHES_MAX,
  TARGETS_MAX,
  TTL_MAX,
  VERIFIES_MAX,
  VERIFIES_WAITING_MAX
} from './constants.ts'
import { indexQuery, isWanted } from './index-entry.ts'
import { sayHello } from './link-rules.ts'
import type { QueryMessage, ResultsMessage, Wanted } from './messages.ts'
import type { Neighbour } from './neighbours.ts'
import { moveOn } from './ordinary-rules.ts'
import { QUERY } from './priorities.ts'
import { beginQuery } from './query-rules.ts'
import type { FastTrackState, Fx } from './state.ts'
import type { VerifiedFile } from './types.ts'

export interface Search {
  readonly id: RequestId
  readonly wanted: Wanted
  readonly ttl: number
  readonly startedMs: number
  /** Of the running round. */
  queryId: string
  round: number
  /** Whether the last round is over, and whether the next one is wanted. */
  isEnded: boolean
  wantsMore: boolean
  /** Supernodes that it went through. */
  readonly used: Set<Peer>
  /** Links that a supernode's own search asked. */
  readonly asked: Set<Link>
}

export function startSearch(
  state: FastTrackState,
  fx: Fx,
  id: RequestId,
  wanted: Wanted,
  ttl: number | undefined
): void {
  const reason = reasonAgainst(state, wanted)
  if (reason !== undefined) {
    fx.notify({ type: 'search-refused', search: id, reason })
    return
  }
  const search: Search = {
    id,
    wanted,
    ttl: Math.max(0, Math.min(TTL_MAX, ttl ?? state.settings.ttl)),
    startedMs: state.nowMs,
    queryId: '',
    round: 0,
    isEnded: false,
    wantsMore: false,
    used: new Set(),
    asked: new Set()
  }
  state.searches.set(id, search)
  runRound(state, fx, search)
}

function reasonAgainst(state: FastTrackState, wanted: Wanted): string | undefined {
  if (state.searches.size >= SEARCHES_MAX) return `At most ${SEARCHES_MAX} searches run at a time.`
  if (wanted.content.length === 0 && indexQuery(wanted, 1) === undefined)
    return 'Give at least one word, or a tag that is a text: numbers and parts of words only narrow a search.'
  return undefined
}

export function endSearch(state: FastTrackState, id: RequestId): void {
  const search = state.searches.get(id)
  if (search === undefined) return
  state.searches.delete(id)
  state.ownQueries.delete(search.queryId)
  state.running.delete(search.queryId)
}

/** Through whoever is there now. */
function runRound(state: FastTrackState, fx: Fx, search: Search): void {
  const supernode = state.neighbours.get(state.supernode)
  if (!state.isSupernode && supernode === undefined) return
  state.ownQueries.delete(search.queryId)
  search.queryId = bytesToHex(randomBytes(fx, QUERY_ID_BYTES))
  search.round += 1
  search.isEnded = false
  search.wantsMore = false
  state.ownQueries.set(search.queryId, search)
  if (state.isSupernode) {
    const begun = beginQuery(state, fx, {
      id: search.queryId,
      search: search.id,
      wanted: search.wanted,
      ttl: search.ttl,
      hops: 0,
      except: undefined,
      level: Number.POSITIVE_INFINITY,
      avoid: new Set(search.asked)
    })
    if (!begun) endRound(state, fx, search)
    return
  }
  search.used.add(supernode!.peer)
  const query: QueryMessage = {
    type: 'query',
    id: search.queryId,
    ttl: search.ttl,
    hops: 0,
    wanted: search.wanted
  }
  fx.send(supernode!.link, query, QUERY)
  fx.notify({ type: 'search-traffic', search: search.id, message: query, copies: 1 })
}

/** There is another supernode: young searches, and those that want more, go through it. */
export function greetWithSearches(state: FastTrackState, fx: Fx): void {
  const peer = state.neighbours.get(state.supernode)!.peer
  for (const search of state.searches.values()) {
    const isYoung = state.nowMs - search.startedMs < SEARCH_SPREAD_MS && !search.isEnded
    if (search.round < ROUNDS_MAX && (search.wantsMore || isYoung) && !search.used.has(peer))
      runRound(state, fx, search)
  }
}

/** This peer is a supernode now, and looks itself. */
export function runOwnSearches(state: FastTrackState, fx: Fx): void {
  for (const search of state.searches.values())
    if (search.round < ROUNDS_MAX && (!search.isEnded || search.wantsMore)) runRound(state, fx, search)
}

export function searchMore(state: FastTrackState, fx: Fx, id: RequestId): void {
  const search = state.searches.get(id)
  if (search === undefined) return
  if (search.round >= ROUNDS_MAX) {
    fx.notify({ type: 'searched', search: id, isMore: false })
    return
  }
  search.wantsMore = true
  if (state.isSupernode) {
    runRound(state, fx, search)
    return
  }
  if (state.supernode === undefined || state.pendingSession !== undefined) return
  const { supernode, spare, neighbours, list, nowMs } = state
  const current = neighbours.get(supernode)!.peer
  if (!search.used.has(current)) {
    runRound(state, fx, search)
    return
  }
  const other = neighbours.get(spare)
  if (other !== undefined && other.asked === undefined && !search.used.has(other.peer)) {
    sayHello(state, fx, other, 'session')
    return
  }
  const isTaken = (peer: Peer) => search.used.has(peer) || neighbours.ofPeer(peer) !== undefined
  state.moving = list.candidates(TARGETS_MAX / 2, nowMs, () => fx.random(), isTaken)
  moveOn(state, fx)
}

/** Nobody took this peer: those searches end that wanted another supernode. */
export function cannotSearchMore(state: FastTrackState, fx: Fx): void {
  for (const search of state.searches.values()) {
    if (!search.wantsMore || state.supernode === undefined) continue
    search.wantsMore = false
    fx.notify({ type: 'searched', search: search.id, isMore: false })
  }
}

/** The supernode has no more for this round. */
export function onSearchEnd(state: FastTrackState, fx: Fx, neighbour: Neighbour, id: string): void {
  const search = state.ownQueries.get(id)
  if (search === undefined || !isOwnSupernode(state, neighbour)) return
  endRound(state, fx, search)
}

/** Of a supernode's own search. */
export function onRoundEnd(state: FastTrackState, fx: Fx, id: RequestId, asked: ReadonlySet<Link>): void {
  const search = state.searches.get(id)
  if (search === undefined) return
  for (const link of asked) search.asked.add(link)
  endRound(state, fx, search)
}

function endRound(state: FastTrackState, fx: Fx, search: Search): void {
  if (search.isEnded) return
  search.isEnded = true
  const others = state.isSupernode
    ? state.neighbours.with('peering').filter(({ link }) => !search.asked.has(link)).length
    : Array.from(state.list.all).filter(({ peer }) => !search.used.has(peer)).length
  fx.notify({ type: 'searched', search: search.id, isMore: others > 0 && search.round < ROUNDS_MAX })
}

function isOwnSupernode(state: FastTrackState, { link }: Neighbour): boolean {
  return link === state.supernode || link === state.former?.link
}

export function onResults(
  state: FastTrackState,
  fx: Fx,
  neighbour: Neighbour,
  message: ResultsMessage
): void {
  const search = state.ownQueries.get(message.id)
  if (search === undefined || !isOwnSupernode(state, neighbour)) {
    state.count('resultsWithoutQuery')
    return
  }
  fx.notify({ type: 'search-traffic', search: search.id, message, copies: 1 })
  onOwnResults(state, fx, search.id, { ...message, hops: message.hops + 1 })
}

/**
 * Verified in turn, a bounded number at a time. Own files are no results: a supernode that this peer has just left has them for
 * a moment yet, and does not know who asks.
 */
export function onOwnResults(state: FastTrackState, fx: Fx, id: RequestId, brought: ResultsMessage): void {
  const self = fx.peers.contact(SELF).id
  const results = brought.results.filter(({ contact }) => !sameBytes(contact.id, self))
  if (results.length === 0) return
  const message = { ...brought, results }
  state.count('resultsReceived', results.length)
  const begin = (later: Fx) => verify(state, later, id, message)
  if (state.verifying < VERIFIES_MAX) begin(fx)
  else if (state.waitingResults.length < VERIFIES_WAITING_MAX) state.waitingResults.push(begin)
  else state.count('resultsNotVerified', message.results.length)
}

function verify(state: FastTrackState, fx: Fx, id: RequestId, { results, hops }: ResultsMessage): void {
  state.verifying += 1
  const claims = results.map(({ contact, record }) => ({ provider: contact.id, record }))
  state.ask(fx, { type: 'verify', claims }, (later, answer) => {
    state.verifying -= 1
    state.waitingResults.shift()?.(later)
    const search = state.searches.get(id)
    if (search === undefined) return
    const records = answer?.type === 'verified' ? answer.records : []
    const byProvider = new Map<string, { first: number; files: VerifiedFile[] }>()
    for (const [place, { index, contact }] of results.entries()) {
      const record = records[place]
      if (record === undefined || !isWanted(search.wanted, record)) {
        state.count('resultsRefused')
        continue
      }
      const key = bytesToHex(contact.id)
      const group = byProvider.get(key) ?? { first: place, files: [] }
      group.files.push({ index, record })
      byProvider.set(key, group)
    }
    for (const { first, files } of byProvider.values())
      later.notify({ type: 'found', search: id, hops, contact: results[first]!.contact, files })
  })
}
