/**
 * Links between servers: each with all that it knows, those that its operator named first. Strangers that come
 * have places too, but never all of them; what they bring is verified by whoever asked, as everything is.
 */
import type { Contact } from '@servent/overlay/machine'
import { believable, isPeerIdBytes, NO_PEER, SELF } from '@servent/overlay/machine'
import { backOff } from './client-session.ts'
import {
  MESH_LINKS_MAX,
  MESH_RETRY_MS,
  MESH_RETRY_MS_MAX,
  MESH_STRANGERS_MAX,
  SERVERS_NAMED_MAX
} from './constants.ts'
import { meshPeers } from './mesh-search.ts'
import type { HelloMessage } from './messages.ts'
import { LOCAL_LINK, MeshPeer, Remote } from './remotes.ts'
import { type Fx, idText, type NapsterState, type ServerState } from './state.ts'

export const PROTOCOL_VERSION = 1
/** Addresses of one server that others are told: a hello names many. */
const SERVER_ADDRESSES_TOLD = 4

/** Who this peer is; a server tells whom it is linked with, so that clients can move and servers meet. */
export function hello(state: NapsterState, fx: Fx): HelloMessage {
  const self = fx.peers.contact(SELF)
  return {
    type: 'hello',
    version: PROTOCOL_VERSION,
    server: state.server !== undefined,
    agent: state.settings.agent,
    addresses: self.addresses,
    servers:
      state.server === undefined
        ? []
        : meshPeers(state)
            .slice(0, SERVERS_NAMED_MAX)
            .map(remote => contactOfRemote(fx, remote))
  }
}

function contactOfRemote(fx: Fx, remote: Remote): Contact {
  const told = believable(remote.hello?.addresses ?? [], remote.origin?.reach, 'names')
  const addresses = told.length > 0 ? told : fx.peers.contact(remote.peer).addresses
  return { id: remote.id, addresses: addresses.slice(0, SERVER_ADDRESSES_TOLD) }
}

/**
 * Keeps servers that the user named, that this peer has met, or that another one told of. They are dialled without
 * anybody asking for it, so of what others tell only addresses of IP are kept, and none of a network or machine that
 * those who tell of it do not share with this peer.
 */
export function learnServers(
  state: NapsterState,
  fx: Fx,
  contacts: readonly Contact[],
  from: 'named' | 'met' | Remote
): void {
  for (const { id, addresses: told } of contacts) {
    if (!isPeerIdBytes(id)) continue
    const addresses = from instanceof Remote ? believable(told, from.origin?.reach, 'no-names') : told
    state.count('addressesRefused', told.length - addresses.length)
    if (told.length > 0 && addresses.length === 0) continue
    const peer = fx.peers.intern({ id, addresses })
    if (peer === NO_PEER || peer === SELF) continue
    state.known.add({ peer, id, peerId: idText(id), named: from === 'named' })
  }
}

/** Another peer says who it is, to this server. */
export function onHelloToServer(
  state: NapsterState,
  server: ServerState,
  fx: Fx,
  remote: Remote,
  message: HelloMessage
): void {
  const isFirst = remote.hello === undefined
  remote.hello = message
  if (isFirst && remote.inbound) state.send(fx, remote.link, hello(state, fx))
  if (remote.link === LOCAL_LINK) return
  if (!message.server) {
    if (!remote.inbound) state.close(fx, remote, 'It is no server.')
    return
  }
  if (remote.mesh !== undefined) learnServers(state, fx, message.servers, remote)
  if (remote.mesh !== undefined || remote.user !== undefined) return
  const peers = meshPeers(state)
  const known = state.known.get(remote.peerId)
  const isNamed = known?.named ?? false
  const strangers = peers.filter(({ peerId }) => !(state.known.get(peerId)?.named ?? false)).length
  if (peers.length >= MESH_LINKS_MAX || (!isNamed && strangers >= MESH_STRANGERS_MAX)) {
    state.count('meshRefused')
    state.close(fx, remote, 'This server has no place for another.')
    return
  }
  remote.mesh = new MeshPeer(state.nowMs)
  const own = { peer: remote.peer, id: remote.id, peerId: remote.peerId, named: false }
  const added = known ?? state.known.add(own)
  if (added !== undefined) state.known.succeeded(added)
  // Whoever has no place here says nothing of others either.
  learnServers(state, fx, message.servers, remote)
  state.count('meshLinked')
  server.meshChanged = true
}

/** Opens links that are missing. */
export function linkServers(state: NapsterState, fx: Fx): void {
  const linked = new Set([...state.links.values()].map(({ peerId }) => peerId))
  let places = MESH_LINKS_MAX - meshPeers(state).length - state.opening.size
  const wanted = [...state.known.all].sort((a, b) => Number(b.named) - Number(a.named))
  for (const known of wanted) {
    if (places <= 0) return
    if (linked.has(known.peerId) || state.opening.has(known.peer) || known.tryMs > state.nowMs) continue
    places -= 1
    known.tryMs = state.nowMs + backOff(fx, known.failures, MESH_RETRY_MS, MESH_RETRY_MS_MAX)
    // It counts as failed until the other side has taken this server in.
    state.known.failed(known)
    state.opening.add(known.peer)
    state.count('opens')
    fx.open(known.peer)
  }
}
