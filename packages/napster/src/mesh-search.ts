/**
 * Queries between servers. Each has 16 random bytes for a name, by which a server takes it once, whatever way it
 * comes: so links may form any graph, and there is no tree to break. It tells whom it was sent to already; in a
 * mesh where everybody is linked with everybody nobody hands it on.
 */
import { toHex } from './bytes.ts'
import {
  MESH_DEADLINE_MS,
  MESH_MARGIN_MS,
  MESH_RESULTS_PER_SERVER_MAX,
  MESH_TTL_MAX,
  SEARCHES_MAX,
  SERVERS_NAMED_MAX
} from './constants.ts'
import type { MeshEndMessage, MeshFindMessage, MeshFoundMessage } from './messages.ts'
import type { Remote } from './remotes.ts'
import { give, newSearch, run, type Search, settle } from './server-search.ts'
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
    search.asked.set(remote.link, { remote, results: 0 })
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
  give(state, fx, search, message.found, Math.min(message.hops, MESH_TTL_MAX) + 1)
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
