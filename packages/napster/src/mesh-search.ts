/**
 * Queries between servers. Each has 16 random bytes for a name, by which a server takes it once, whatever way it
 * comes: so links may form any graph, and there is no tree to break. It tells whom it was sent to already; in a
 * mesh where everybody is linked with everybody nobody hands it on.
 */
import { toHex, tokens } from '@servent/overlay/machine'
import {
  HELD_BYTES_MAX,
  MESH_DEADLINE_MS,
  MESH_JUNK_MAX,
  MESH_MARGIN_MS,
  MESH_RESULTS_PER_SERVER_MAX,
  MESH_TTL_MAX,
  SEARCHES_MAX,
  SERVERS_NAMED_MAX
} from './constants.ts'
import { entryOf } from './entries.ts'
import type { MeshEndMessage, MeshFindMessage, MeshFoundMessage, Wanted } from './messages.ts'
import type { Remote } from './remotes.ts'
import { type Asked, costOf, give, type Held, leaveOut, newSearch, type Search } from './server-results.ts'
import { run, settle } from './server-search.ts'
import { type Fx, idText, type NapsterState, type ServerState } from './state.ts'

/** Servers that this one is linked with, in the order in which they came. */
export function meshPeers(state: NapsterState): Remote[] {
  return [...state.links.values()].filter(({ mesh, leaving }) => mesh !== undefined && !leaving)
}

/** Sends a query to all linked servers but those that have it. */
export function askServers(
  state: NapsterState,
  fx: Fx,
  search: Search,
  onward: { readonly ttl: number; readonly waitMs: number; readonly asked: readonly Uint8Array[] }
): void {
  const had = new Set(onward.asked.map(idText))
  const to = meshPeers(state).filter(
    ({ peerId }) => peerId !== search.asker.remote.peerId && !had.has(peerId)
  )
  // Whom the list has no room for may get it twice, and takes it once.
  const asked = [state.selfId, ...to.map(({ id }) => id), ...onward.asked].slice(0, SERVERS_NAMED_MAX)
  const { id, wanted } = search
  for (const remote of to) {
    search.asked.set(remote.link, { remote, results: 0, given: 0, bytes: 0 })
    state.send(fx, remote.link, {
      type: 'mesh-find',
      id,
      ttl: onward.ttl - 1,
      waitMs: onward.waitMs - MESH_MARGIN_MS,
      asked,
      wanted
    })
  }
}

export function onMeshFind(
  state: NapsterState,
  server: ServerState,
  fx: Fx,
  remote: Remote,
  message: MeshFindMessage
): void {
  const { id, wanted } = message
  const decline = (unanswered: readonly Uint8Array[]) =>
    state.send(fx, remote.link, { type: 'mesh-end', id, unanswered })
  state.count('meshQueries')
  if (!server.seen.add(toHex(id), state.nowMs)) {
    state.count('meshQueriesDuplicate')
    decline([])
    return
  }
  if (!remote.mesh!.queries.take(1, state.nowMs) || server.searches.size >= SEARCHES_MAX) {
    state.count('meshQueriesOverRate')
    decline([state.selfId])
    return
  }
  const search = newSearch(server, id, { remote, form: 'mesh', query: 0 }, wanted)
  const ttl = Math.min(message.ttl, MESH_TTL_MAX - 1)
  const waitMs = Math.max(MESH_MARGIN_MS, Math.min(message.waitMs, MESH_DEADLINE_MS - MESH_MARGIN_MS))
  run(state, server, fx, search, { ttl: waitMs > MESH_MARGIN_MS ? ttl : 0, waitMs, asked: message.asked })
}

export function onMeshFound(
  state: NapsterState,
  server: ServerState,
  fx: Fx,
  remote: Remote,
  message: MeshFoundMessage
): void {
  const search = server.searches.byKey.get(toHex(message.id))
  const asked = search?.asked.get(remote.link)
  if (search === undefined || asked === undefined || asked.results >= MESH_RESULTS_PER_SERVER_MAX) {
    state.count('meshResultsUnasked')
    return
  }
  asked.results += 1
  state.count('meshResults')
  if (!hasWords(search.wanted, message.found.entry)) {
    state.count('meshResultsJunk')
    remote.mesh!.junk += 1
    if (remote.mesh!.junk > MESH_JUNK_MAX) state.close(fx, remote, 'It answers with what was not asked for.')
    return
  }
  const hops = Math.min(message.hops, MESH_TTL_MAX) + 1
  if (isOverShare(search, asked)) hold(state, server, search, { one: asked, found: message.found, hops })
  else giveOf(state, fx, search, { one: asked, found: message.found, hops })
}

function giveOf(state: NapsterState, fx: Fx, search: Search, { one, found, hops }: Held): void {
  const { left, bytesLeft } = search
  give(state, fx, search, found, hops)
  one.given += left - search.left
  one.bytes += bytesLeft - search.bytesLeft
}

/**
 * Whatever one server sends at once, there is room for what the own index and the other servers have yet to say:
 * what is left is shared among it and all that have not ended.
 */
function isOverShare({ asked, left, bytesLeft, ownPending }: Search, one: Asked): boolean {
  let results = left
  let bytes = bytesLeft
  const sharers = new Set([one, ...asked.values()])
  for (const { given, bytes: taken } of sharers) {
    results += given
    bytes += taken
  }
  const count = sharers.size + (ownPending ? 1 : 0)
  return one.given >= Math.ceil(results / count) || one.bytes >= Math.ceil(bytes / count)
}

/** Keeps what others may leave room for: no more of it than there is room, and of all searches so many bytes. */
function hold(state: NapsterState, server: ServerState, search: Search, held: Held): void {
  state.count('meshResultsOverShare')
  const cost = costOf(held.found)
  if (search.held.length >= search.left) return
  if (search.heldBytes + cost > search.bytesLeft || server.searches.heldBytes + cost > HELD_BYTES_MAX) {
    leaveOut(state, search)
    return
  }
  search.held.push(held)
  search.heldBytes += cost
  server.searches.heldBytes += cost
}

/** Somebody has ended, and the shares of the others have grown. */
export function giveHeld(state: NapsterState, server: ServerState, fx: Fx, search: Search): void {
  for (const held of search.held.splice(0)) {
    if (isOverShare(search, held.one) && search.left > 0) {
      search.held.push(held)
      continue
    }
    const cost = costOf(held.found)
    search.heldBytes -= cost
    server.searches.heldBytes -= cost
    giveOf(state, fx, search, held)
  }
}

/**
 * Whether the name has the words, or else the signed record somewhere, whose tags are read by whoever verifies it.
 * It keeps out what is beside the point at little cost, and proves nothing.
 */
function hasWords({ words, content }: Wanted, bytes: Uint8Array): boolean {
  if (content !== undefined) return true
  const entry = entryOf(bytes)
  if (entry === undefined) return false
  const named = new Set(tokens(entry.name))
  const missing = words.filter(word => !named.has(word))
  if (missing.length === 0) return true
  const text = tokens(new TextDecoder().decode(entry.record)).join(' ')
  // A search for a tag looks for `tag=word`, which a record has in two places.
  return missing.every(word => text.includes(word.slice(word.indexOf('=') + 1)))
}

export function onMeshEnd(
  state: NapsterState,
  server: ServerState,
  fx: Fx,
  remote: Remote,
  message: MeshEndMessage
): void {
  const search = server.searches.byKey.get(toHex(message.id))
  if (search === undefined || !search.asked.delete(remote.link)) return
  remote.mesh!.unended = 0
  for (const id of message.unanswered) search.unanswered.set(idText(id), id)
  settle(state, server, fx, search)
}

/** A server is gone: it does not answer what it was asked. */
export function forgetMeshPeer(state: NapsterState, server: ServerState, fx: Fx, remote: Remote): void {
  for (const search of [...server.searches.byKey.values()]) {
    if (!search.asked.delete(remote.link)) continue
    state.count('meshUnanswered')
    search.unanswered.set(remote.peerId, remote.id)
    settle(state, server, fx, search)
  }
}
