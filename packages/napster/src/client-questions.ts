/**
 * What a user asks: searches, pages of browses, whois, pings. Each has its own time, and ends when that is over
 * or the server has answered. A search that runs while the user moves to another server is asked there again.
 */
import { type RequestId, randomBytes } from '@servent/overlay/machine'
import { toHex } from './bytes.ts'
import { sendHome } from './client-session.ts'
import {
  ANSWER_MS,
  HOTLIST_MAX,
  PING_MS,
  PINGS_MAX,
  QUERY_ID_BYTES,
  QUESTIONS_MAX,
  SEARCH_MS,
  VERIFIES_MAX,
  VERIFIES_WAITING_MAX,
  VERIFY_RESULTS_MAX
} from './constants.ts'
import { believed } from './mesh-relay.ts'
import type { BrowsePageEndMessage, FoundEndMessage, FoundMessage, RelayMessage, Wanted } from './messages.ts'
import { isNick } from './nicks.ts'
import { type Fx, idText, type NapsterState } from './state.ts'
import type { Claim, NapsterNotice, WhoisReply } from './types.ts'

interface OwnSearch {
  readonly id: RequestId
  /** A search, or one page of a browse. */
  readonly ask: { readonly wanted: Wanted } | { readonly user: string; readonly after: string }
  /** The number under which the server knows it now. */
  query: number
  /** Results that may still come. */
  left: number
  /** Results that wait for their verification, and verifications under way. */
  waiting: Claim[]
  verifying: number
  /** Told when the last result is verified. */
  ended: NapsterNotice | undefined
}

interface OwnPing {
  readonly id: RequestId
  readonly peer: string
  readonly sentMs: number
}

export class OwnQuestions {
  readonly searches = new Map<RequestId, OwnSearch>()
  readonly byQuery = new Map<number, OwnSearch>()
  /** By nick in small letters. */
  readonly whois = new Map<string, RequestId[]>()
  /** By token. */
  readonly pings = new Map<string, OwnPing>()
  nextQuery = 1
  verifying = 0
  waiting = 0

  get sizes(): Readonly<Record<string, number>> {
    const { searches, whois, pings, verifying, waiting } = this
    return {
      ownSearches: searches.size,
      whois: whois.size,
      pings: pings.size,
      verifying,
      verifiesWaiting: waiting
    }
  }
}

export const questionTimer = (id: RequestId): string => `question ${id}`
export const whoisTimer = (nick: string): string => `whois ${nick}`
export const pingTimer = (token: string): string => `ping ${token}`

export function startSearch(state: NapsterState, fx: Fx, id: RequestId, wanted: Wanted): void {
  start(
    state,
    fx,
    { id, ask: { wanted }, query: 0, left: wanted.limit, waiting: [], verifying: 0, ended: undefined },
    SEARCH_MS
  )
}

export function startBrowse(state: NapsterState, fx: Fx, id: RequestId, user: string, after: string): void {
  const ask = { user, after }
  start(
    state,
    fx,
    { id, ask, query: 0, left: VERIFIES_WAITING_MAX, waiting: [], verifying: 0, ended: undefined },
    ANSWER_MS
  )
}

function start(state: NapsterState, fx: Fx, search: OwnSearch, withinMs: number): void {
  const { questions } = state
  const refusal =
    questions.searches.size >= QUESTIONS_MAX
      ? `At most ${QUESTIONS_MAX} searches run at a time. Search again later.`
      : state.server === undefined && state.known.size === 0
        ? 'No server is known: name one in the settings.'
        : undefined
  if (refusal !== undefined) {
    state.notify(fx, endOf(search, [], refusal, state.server === undefined && state.known.size === 0))
    return
  }
  questions.searches.set(search.id, search)
  fx.setTimer(questionTimer(search.id), withinMs)
  if (state.session.isIn && state.session.speaksOurs) ask(state, fx, search)
}

function ask(state: NapsterState, fx: Fx, search: OwnSearch): void {
  const { questions } = state
  questions.byQuery.delete(search.query)
  search.query = questions.nextQuery
  questions.nextQuery = (questions.nextQuery + 1) >>> 0
  questions.byQuery.set(search.query, search)
  state.count('searchesAsked')
  const { query } = search
  const message =
    'wanted' in search.ask
      ? ({ type: 'find', query, wanted: search.ask.wanted } as const)
      : ({ type: 'browse-page', query, ...search.ask } as const)
  state.notify(fx, { type: 'search-traffic', search: search.id, message })
  sendHome(state, fx, message)
}

/** There is a server again. */
export function askAgain(state: NapsterState, fx: Fx): void {
  for (const search of state.questions.searches.values()) {
    if (search.ended !== undefined) continue
    if (search.query !== 0) state.count('searchesAgain')
    ask(state, fx, search)
  }
}

/** The server is gone: what only it knows is not answered any more. Searches wait for the next one. */
export function failQuestions(state: NapsterState, fx: Fx): void {
  for (const nick of [...state.questions.whois.keys()]) answerWhois(state, fx, nick, undefined)
}

export function onFound(state: NapsterState, fx: Fx, message: FoundMessage): void {
  const { questions } = state
  const search = questions.byQuery.get(message.query)
  if (search === undefined || search.ended !== undefined || search.left === 0) {
    state.count('resultsUnasked')
    return
  }
  state.count('resultsReceived')
  state.notify(fx, { type: 'search-traffic', search: search.id, message })
  if (questions.waiting >= VERIFIES_WAITING_MAX) {
    state.count('resultsRefused')
    return
  }
  search.left -= 1
  search.waiting.push({ found: message.found, hops: message.hops })
  questions.waiting += 1
  verify(state, fx, search)
}

function verify(state: NapsterState, fx: Fx, search: OwnSearch): void {
  const { questions } = state
  if (search.waiting.length === 0 || questions.verifying >= VERIFIES_MAX) return
  const claims = search.waiting.splice(0, VERIFY_RESULTS_MAX)
  questions.waiting -= claims.length
  questions.verifying += 1
  search.verifying += 1
  const question = { type: 'verify-found', search: search.id, claims } as const
  state.ask(fx, question, (later, answer) => {
    questions.verifying -= 1
    search.verifying -= 1
    const files = answer?.type === 'verified' ? answer.files : []
    state.count('resultsRefused', Math.max(0, claims.length - files.length))
    if (questions.searches.get(search.id) === search && files.length > 0)
      state.notify(later, { type: 'found', search: search.id, files })
    // Whoever waits longest first: searches stand in the order in which they began.
    for (const other of questions.searches.values()) verify(state, later, other)
    endIfDone(state, later, search)
  })
}

export function onFoundEnd(state: NapsterState, fx: Fx, message: FoundEndMessage): void {
  const search = state.questions.byQuery.get(message.query)
  if (search === undefined || search.ended !== undefined) return
  state.notify(fx, { type: 'search-traffic', search: search.id, message })
  finish(state, fx, search, endOf(search, message.unanswered.map(idText), message.reason))
}

export function onBrowsePageEnd(state: NapsterState, fx: Fx, message: BrowsePageEndMessage): void {
  const search = state.questions.byQuery.get(message.query)
  if (search === undefined || search.ended !== undefined) return
  const { next, reason } = message
  finish(state, fx, search, { type: 'browsed', browse: search.id, next, reason })
}

export function onQuestionTimer(state: NapsterState, fx: Fx, id: RequestId): void {
  const search = state.questions.searches.get(id)
  if (search === undefined) return
  const { home } = state.session
  const unanswered = home === undefined ? [] : [home.peerId]
  const reason = home === undefined ? 'There is no server to ask.' : 'The server did not answer in time.'
  finish(
    state,
    fx,
    search,
    search.ended ?? endOf(search, unanswered, reason, search.query === 0 && home === undefined)
  )
}

function endOf(
  search: OwnSearch,
  unanswered: readonly string[],
  reason: string,
  isNobody = false
): NapsterNotice {
  return 'wanted' in search.ask
    ? {
        type: 'search-ended',
        search: search.id,
        unanswered,
        reason,
        ...(isNobody && { nobody: true as const })
      }
    : { type: 'browsed', browse: search.id, next: '', reason }
}

function finish(state: NapsterState, fx: Fx, search: OwnSearch, ended: NapsterNotice): void {
  search.ended = ended
  endIfDone(state, fx, search)
}

function endIfDone(state: NapsterState, fx: Fx, search: OwnSearch): void {
  if (search.ended === undefined || search.waiting.length > 0 || search.verifying > 0) return
  if (state.questions.searches.get(search.id) !== search) return
  forgetSearch(state, fx, search)
  state.notify(fx, search.ended)
}

/** Its user is not interested any more. */
export function endSearch(state: NapsterState, fx: Fx, id: RequestId): void {
  const search = state.questions.searches.get(id)
  if (search !== undefined) forgetSearch(state, fx, search)
}

function forgetSearch(state: NapsterState, fx: Fx, search: OwnSearch): void {
  fx.cancelTimer(questionTimer(search.id))
  state.questions.waiting -= search.waiting.length
  search.waiting = []
  state.questions.byQuery.delete(search.query)
  state.questions.searches.delete(search.id)
}

export function askWhois(state: NapsterState, fx: Fx, id: RequestId, nick: string): void {
  const { whois } = state.questions
  const key = nick.toLowerCase()
  const waiting = whois.get(key) ?? []
  if (
    !state.session.isIn ||
    !isNick(nick) ||
    (whois.size >= QUESTIONS_MAX && waiting.length === 0) ||
    waiting.length >= QUESTIONS_MAX
  ) {
    state.notify(fx, { type: 'whois', whois: id, reply: undefined })
    return
  }
  whois.set(key, [...waiting, id])
  fx.setTimer(whoisTimer(key), ANSWER_MS)
  sendHome(state, fx, { type: 'whois', nick })
}

/** Answers all who asked for a nick. */
export function answerWhois(state: NapsterState, fx: Fx, nick: string, reply: WhoisReply | undefined): void {
  const key = nick.toLowerCase()
  fx.cancelTimer(whoisTimer(key))
  for (const id of state.questions.whois.get(key) ?? []) state.notify(fx, { type: 'whois', whois: id, reply })
  state.questions.whois.delete(key)
}

export function setHotlist(state: NapsterState, fx: Fx, action: 'add' | 'remove', nick: string): void {
  const key = nick.toLowerCase()
  if (action === 'remove') {
    if (state.hotlist.delete(key)) sendHome(state, fx, { type: 'hotlist-remove', nick })
    return
  }
  if (!isNick(nick) || (state.hotlist.size >= HOTLIST_MAX && !state.hotlist.has(key))) {
    state.notify(fx, { type: 'hotlist', event: 'refused', nick, linkSpeed: 0 })
    return
  }
  state.hotlist.set(key, nick)
  if (state.session.isIn) sendHome(state, fx, { type: 'hotlist-add', nick })
}

/** Pings peers through the servers; those over `PINGS_MAX` are told at once that nothing came. */
export function startPings(state: NapsterState, fx: Fx, id: RequestId, peers: readonly Uint8Array[]): void {
  const { pings } = state.questions
  for (const to of peers) {
    const peerId = idText(to)
    if (!state.session.isIn || pings.size >= PINGS_MAX) {
      state.notify(fx, { type: 'pinged', ping: id, peerId, rttMs: undefined })
      continue
    }
    const token = randomBytes(fx, QUERY_ID_BYTES)
    pings.set(toHex(token), { id, peer: peerId, sentMs: state.nowMs })
    fx.setTimer(pingTimer(toHex(token)), PING_MS)
    sendHome(state, fx, relay(state, 'ping', to, token, 0))
  }
}

function relay(
  state: NapsterState,
  kind: RelayMessage['kind'],
  to: Uint8Array,
  token: Uint8Array,
  index: number
): RelayMessage {
  return { type: 'relay', kind, ttl: 0, to, from: { id: state.selfId, addresses: [] }, token, index }
}

export function endPing(state: NapsterState, fx: Fx, token: string, rttMs: number | undefined): void {
  const ping = state.questions.pings.get(token)
  if (ping === undefined) return
  state.questions.pings.delete(token)
  fx.cancelTimer(pingTimer(token))
  state.notify(fx, { type: 'pinged', ping: ping.id, peerId: ping.peer, rttMs })
}

export function askCall(
  state: NapsterState,
  fx: Fx,
  id: RequestId,
  to: Uint8Array,
  index: number,
  nonce: Uint8Array
): void {
  if (!state.session.isIn) {
    state.notify(fx, {
      type: 'call-refused',
      call: id,
      reason: 'There is no server that could ask it to call.'
    })
    return
  }
  sendHome(state, fx, relay(state, 'call', to, nonce, index))
  state.notify(fx, { type: 'call-sent', call: id })
}

/** From another user, through the servers. */
export function onRelayed(state: NapsterState, fx: Fx, message: RelayMessage): void {
  const { kind, from, token, index } = message
  if (kind === 'ping') {
    state.count('pingsAnswered')
    sendHome(state, fx, relay(state, 'pong', from.id, token, 0))
    return
  }
  if (kind === 'pong') {
    const ping = state.questions.pings.get(toHex(token))
    // Nobody else's word for it.
    if (ping?.peer === idText(from.id)) endPing(state, fx, toHex(token), state.nowMs - ping.sentMs)
    return
  }
  if (!state.calls.take(1, state.nowMs)) {
    state.count('callsOverRate')
    return
  }
  const { home } = state.session
  if (home === undefined) return
  state.count('callsAsked')
  const contact = believed(state, from, home)
  state.notify(fx, { type: 'call-asked', contact, index, nonce: token, via: home.peerId })
}
