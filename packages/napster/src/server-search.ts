/**
 * Searches at a server: of its users, in our form and in the published one, and of other servers. Each asks the
 * own index and, as far as it may go on, the servers that this one is linked with, and ends when all have ended
 * or its time is over. Then whoever asked is told which servers did not answer.
 */
import type { IndexHit, IndexQuery } from '@servent/keyword-index'
import { CONTENT_SIZE_BYTES_MAX, type Link, randomBytes, toHex, tokens } from '@servent/overlay/machine'
import {
  ANSWER_BYTES_MAX,
  INDEX_RESULTS_MAX,
  MESH_DEADLINE_MS,
  MESH_TTL_MAX,
  MESH_UNENDED_MAX,
  PLAIN_RESULTS_MAX,
  QUERY_ID_BYTES,
  SEARCHES_MAX,
  SEARCHES_PER_USER_MAX,
  SERVERS_NAMED_MAX
} from './constants.ts'
import { entryOf, NUMBER_MAX } from './entries.ts'
import { ipOf } from './ip.ts'
import { askServers, meshPeers } from './mesh-search.ts'
import type { Bounds, Compared, Entry, FindMessage, Found, PlainSearchMessage, Wanted } from './messages.ts'
import type { Remote, User } from './remotes.ts'
import { askIndex, removeOwner } from './server-index.ts'
import { type Fx, idText, type NapsterState, type ServerState } from './state.ts'

export interface Asker {
  readonly remote: Remote
  /** `mesh`: another server, which is given what it asked by its own id. */
  readonly form: 'ours' | 'plain' | 'mesh'
  readonly query: number
}

export interface Asked {
  readonly remote: Remote
  results: number
  given: number
  bytes: number
}

export interface Search {
  readonly id: Uint8Array
  readonly key: string
  readonly asker: Asker
  readonly wanted: Wanted
  /** Results that may still be given. */
  left: number
  bytesLeft: number
  /** What was given, once each. */
  readonly seen: Set<string>
  /** The own index has not answered. */
  ownPending: boolean
  /** Servers that have not ended, how many results each gave, and how many bytes of what may be given. */
  readonly asked: Map<Link, Asked>
  /** PeerIds of servers that did not answer, by their text. */
  readonly unanswered: Map<string, Uint8Array>
  reason: string
}

export class ServerSearches {
  readonly byKey = new Map<string, Search>()

  get size(): number {
    return this.byKey.size
  }
}

export const searchTimer = (key: string): string => `search ${key}`

const BUSY = 'This server is busy. Search again later.'
const AWAY = 'The index of this server cannot be reached. Search again later.'
const OFTEN = 'You search too often. Search again in a second.'

export function onFind(
  state: NapsterState,
  server: ServerState,
  fx: Fx,
  user: User,
  message: FindMessage
): void {
  const { query, wanted } = message
  begin(state, server, fx, user, { remote: user.remote, form: 'ours', query }, wanted, true)
}

/** Type 200. Its words are folded by our rule, which finds all that OpenNap's would and more. */
export function onPlainSearch(
  state: NapsterState,
  server: ServerState,
  fx: Fx,
  user: User,
  message: PlainSearchMessage
): void {
  const asker: Asker = { remote: user.remote, form: 'plain', query: 0 }
  const words = [...new Set(message.contains.flatMap(part => tokens(part)))].slice(0, 32)
  const refusal = words.length === 0 ? 'Invalid search request: it has no words.' : undefined
  if (refusal !== undefined) {
    state.count('searchesRefused')
    sayEnd(state, fx, asker, [], refusal)
    return
  }
  const wanted: Wanted = {
    words,
    without: [],
    mediaType: '',
    size: {},
    link: boundsOf(message.link),
    bitrate: boundsOf(message.bitrate),
    limit: Math.max(1, Math.min(message.limit ?? PLAIN_RESULTS_MAX, PLAIN_RESULTS_MAX))
  }
  begin(state, server, fx, user, asker, wanted, message.localOnly === undefined)
}

function boundsOf(compared: Compared | undefined): Bounds {
  if (compared === undefined) return {}
  const { compare, value } = compared
  return {
    ...(compare === 'AT BEST' ? {} : { min: value }),
    ...(compare === 'AT LEAST' ? {} : { max: value })
  }
}

function begin(
  state: NapsterState,
  server: ServerState,
  fx: Fx,
  user: User,
  asker: Asker,
  wanted: Wanted,
  asksOthers: boolean
): void {
  const refusal = !user.questions.take(1, state.nowMs)
    ? OFTEN
    : user.searches >= SEARCHES_PER_USER_MAX || server.searches.size >= SEARCHES_MAX
      ? BUSY
      : undefined
  if (refusal !== undefined) {
    state.count(refusal === OFTEN ? 'searchesOverRate' : 'searchesRefused')
    sayEnd(state, fx, asker, [], refusal)
    return
  }
  const search = newSearch(server, randomBytes(fx, QUERY_ID_BYTES), asker, wanted)
  server.seen.add(search.key, state.nowMs)
  user.searches += 1
  run(state, server, fx, search, { ttl: asksOthers ? MESH_TTL_MAX : 0, waitMs: MESH_DEADLINE_MS, asked: [] })
}

export function newSearch(server: ServerState, id: Uint8Array, asker: Asker, wanted: Wanted): Search {
  const search: Search = {
    id,
    key: toHex(id),
    asker,
    wanted,
    left: wanted.limit,
    bytesLeft: ANSWER_BYTES_MAX,
    seen: new Set(),
    ownPending: true,
    asked: new Map(),
    unanswered: new Map(),
    reason: ''
  }
  server.searches.byKey.set(search.key, search)
  return search
}

/** In the turn of whoever asked: the own index, and the other servers at the same time. */
export function run(
  state: NapsterState,
  server: ServerState,
  fx: Fx,
  search: Search,
  onward: { readonly ttl: number; readonly waitMs: number; readonly asked: readonly Uint8Array[] }
): void {
  fx.setTimer(searchTimer(search.key), onward.waitMs)
  const { remote } = search.asker
  const isQueued = server.questions.put(fx, remote, (later, done) => {
    if (!isRunning(server, search)) {
      done(later)
      return
    }
    if (onward.ttl > 0) askServers(state, later, search, onward)
    askOwn(state, server, later, search, done)
  })
  if (isQueued) return
  search.ownPending = false
  fail(state, search, BUSY)
  settle(state, server, fx, search)
}

function askOwn(
  state: NapsterState,
  server: ServerState,
  fx: Fx,
  search: Search,
  done: (fx: Fx) => void
): void {
  const { wanted } = search
  const limit = Math.min(wanted.limit, INDEX_RESULTS_MAX)
  const onHits = (later: Fx, hits: readonly IndexHit[] | undefined) => {
    search.ownPending = false
    if (hits === undefined) fail(state, search, AWAY)
    // Nothing comes after the end, nor for whoever is gone.
    if (isRunning(server, search)) for (const hit of hits ?? []) giveHit(state, server, later, search, hit)
    settle(state, server, later, search)
    done(later)
  }
  if (wanted.content === undefined) {
    const query = indexQuery(wanted, search.asker.remote.user?.owner, limit)
    askIndex(state, server, fx, { type: 'index-search', query }, 'index-hits', (later, answer) =>
      onHits(later, answer?.hits)
    )
    return
  }
  const question = { type: 'index-providers', content: wanted.content, limit } as const
  askIndex(state, server, fx, question, 'index-providers', (later, answer) => onHits(later, answer?.hits))
}

function indexQuery(wanted: Wanted, except: string | undefined, limit: number): IndexQuery {
  const { words, without, mediaType, size, link, bitrate } = wanted
  const numbers = {
    ...(isBound(link) && { link: within(link, NUMBER_MAX) }),
    ...(isBound(bitrate) && { bitrate: within(bitrate, NUMBER_MAX) })
  }
  return {
    words,
    ...(without.length > 0 && { without }),
    ...(mediaType !== '' && { type: mediaType }),
    ...(isBound(size) && { size: within(size, CONTENT_SIZE_BYTES_MAX) }),
    ...(Object.keys(numbers).length > 0 && { numbers }),
    ...(except !== undefined && { except }),
    limit
  }
}

/** An index takes no bounds that no file can reach. */
const within = ({ min, max }: Bounds, most: number): Bounds => ({
  ...(min !== undefined && { min: Math.min(min, most) }),
  ...(max !== undefined && { max: Math.min(max, most) })
})

const isBound = ({ min, max }: Bounds): boolean => min !== undefined || max !== undefined

function giveHit(
  state: NapsterState,
  server: ServerState,
  fx: Fx,
  search: Search,
  { owner, file }: IndexHit
): void {
  const user = server.byOwner.get(owner)
  if (user === undefined) {
    // A store that outlived an earlier run of this server still has what its users shared then.
    if (owner.startsWith(`${state.selfPeerId}/`) && !server.removals.has(owner) && mayRemove(server)) {
      state.count('staleOwners')
      removeOwner(state, server, fx, owner)
    }
    return
  }
  give(state, fx, search, foundOf(fx, user, file.body), 0)
}

const STALE_AT_A_TIME = 64
const mayRemove = (server: ServerState): boolean => server.removals.size < STALE_AT_A_TIME

/** A file of a user of this server, with where they are now. */
export function foundOf(fx: Fx, user: User, entry: Uint8Array): Found {
  const { nick, linkSpeed, port, remote } = user
  return {
    nick,
    link: linkSpeed,
    firewalled: port === 0,
    contact: { id: remote.id, addresses: remote.hello?.addresses ?? fx.peers.contact(remote.peer).addresses },
    entry
  }
}

/** Hands a result to whoever asked, once, within the limits of the search. */
export function give(state: NapsterState, fx: Fx, search: Search, found: Found, hops: number): void {
  const { asker, id, wanted } = search
  const entry = entryOf(found.entry)
  if (entry === undefined) return
  const key = `${idText(found.contact.id)} ${entry.index} ${entry.name}`
  const cost = found.entry.length + 128
  if (search.left === 0 || search.seen.has(key)) return
  if (asker.remote.isFull || search.bytesLeft < cost) {
    state.count('resultsLeftOut')
    search.reason ||= 'There is more than could be sent at once.'
    return
  }
  search.seen.add(key)
  search.left -= 1
  search.bytesLeft -= cost
  state.count('resultsSent')
  const { link } = asker.remote
  if (asker.form === 'ours') state.send(fx, link, { type: 'found', query: asker.query, hops, found })
  else if (asker.form === 'mesh') state.send(fx, link, { type: 'mesh-found', id, hops, found })
  else state.send(fx, link, resultLine(entry, found))
  if (search.left === 0 && wanted.limit > INDEX_RESULTS_MAX) search.reason ||= 'There may be more.'
}

function resultLine({ name, md5, size, bitrate, frequency, seconds }: Entry, { nick, link, contact }: Found) {
  const file = { name, md5, size, bitrate, frequency, seconds }
  return { type: 'result', ...file, nick, ip: ipOf(contact.addresses), link } as const
}

/** This server itself has nothing to say. */
function fail(state: NapsterState, search: Search, reason: string): void {
  search.reason = reason
  search.unanswered.set(state.selfPeerId, state.selfId)
}

export const isRunning = (server: ServerState, search: Search): boolean =>
  server.searches.byKey.get(search.key) === search

/** Ends a search when nothing is waited for any more. */
export function settle(state: NapsterState, server: ServerState, fx: Fx, search: Search): void {
  if (isRunning(server, search) && !search.ownPending && search.asked.size === 0)
    end(state, server, fx, search)
}

/** Its time is over: who has not ended did not answer. */
export function onSearchTimer(state: NapsterState, server: ServerState, fx: Fx, key: string): void {
  const search = server.searches.byKey.get(key)
  if (search === undefined) return
  for (const { remote } of search.asked.values()) {
    state.count('meshUnanswered')
    if (remote.mesh !== undefined) {
      remote.mesh.unended += 1
      if (remote.mesh.unended > MESH_UNENDED_MAX) state.close(fx, remote, 'It does not end its answers.')
    }
    search.unanswered.set(remote.peerId, remote.id)
  }
  if (search.ownPending) fail(state, search, 'The index of this server did not answer in time.')
  end(state, server, fx, search)
}

function end(state: NapsterState, server: ServerState, fx: Fx, search: Search): void {
  const { asker } = search
  forgetSearch(server, fx, search)
  state.count('searchesAnswered')
  const unanswered = [...search.unanswered.values()].slice(0, SERVERS_NAMED_MAX)
  if (asker.form === 'mesh')
    state.send(fx, asker.remote.link, { type: 'mesh-end', id: search.id, unanswered })
  else
    sayEnd(
      state,
      fx,
      asker,
      [...unanswered, ...missing(state, search)].slice(0, SERVERS_NAMED_MAX),
      search.reason
    )
}

/** Servers that the operator named and that there is no link to: they were not even asked. */
function missing(state: NapsterState, search: Search): Uint8Array[] {
  const linked = new Set(meshPeers(state).map(({ peerId }) => peerId))
  const absent: Uint8Array[] = []
  for (const { named, peerId, id } of state.known.all)
    if (named && !linked.has(peerId) && !search.unanswered.has(peerId)) absent.push(id)
  return absent
}

function sayEnd(
  state: NapsterState,
  fx: Fx,
  { remote, form, query }: Asker,
  unanswered: readonly Uint8Array[],
  reason: string
): void {
  if (form === 'ours') {
    state.send(fx, remote.link, { type: 'found-end', query, unanswered, reason })
    return
  }
  // The published end has no place for a reason.
  if (reason !== '') state.send(fx, remote.link, { type: 'error', text: reason })
  state.send(fx, remote.link, { type: 'search-end' })
}

function forgetSearch(server: ServerState, fx: Fx, search: Search): void {
  fx.cancelTimer(searchTimer(search.key))
  server.searches.byKey.delete(search.key)
  const { user } = search.asker.remote
  if (user !== undefined) user.searches = Math.max(0, user.searches - 1)
}

/** Whoever asked is gone. */
export function endSearchesOf(server: ServerState, fx: Fx, remote: Remote): void {
  for (const search of [...server.searches.byKey.values()])
    if (search.asker.remote === remote) forgetSearch(server, fx, search)
}
