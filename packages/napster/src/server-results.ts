/** What a search at a server has yet to give, and how a result is given to whoever asked. */
import { type Link, toHex } from '@servent/overlay/machine'
import { ANSWER_BYTES_MAX, INDEX_RESULTS_MAX } from './constants.ts'
import { entryOf } from './entries.ts'
import { ipOf } from './ip.ts'
import type { Entry, Found, Wanted } from './messages.ts'
import type { Remote } from './remotes.ts'
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

/** What came over a server's share of a search: it is given when others leave room. */
export interface Held {
  readonly one: Asked
  readonly found: Found
  readonly hops: number
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
  readonly held: Held[]
  heldBytes: number
  /** PeerIds of servers that did not answer, by their text. */
  readonly unanswered: Map<string, Uint8Array>
  reason: string
}

export class ServerSearches {
  readonly byKey = new Map<string, Search>()
  /** Of all searches. */
  heldBytes = 0

  get size(): number {
    return this.byKey.size
  }
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
    held: [],
    heldBytes: 0,
    unanswered: new Map(),
    reason: ''
  }
  server.searches.byKey.set(search.key, search)
  return search
}

/** Bytes of a result in an answer, its entry and about what else there is. */
export const costOf = ({ entry }: Found): number => entry.length + 128

export function leaveOut(state: NapsterState, search: Search): void {
  state.count('resultsLeftOut')
  search.reason ||= 'There is more than could be sent at once.'
}

/** Hands a result to whoever asked, once, within the limits of the search. */
export function give(state: NapsterState, fx: Fx, search: Search, found: Found, hops: number): void {
  const { asker, id, wanted } = search
  const entry = entryOf(found.entry)
  if (entry === undefined) return
  const key = `${idText(found.contact.id)} ${entry.index} ${entry.name}`
  const cost = costOf(found)
  if (search.left === 0 || search.seen.has(key)) return
  if (asker.remote.isFull || search.bytesLeft < cost) {
    leaveOut(state, search)
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
