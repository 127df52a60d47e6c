/**
 * What one user sends another through the servers: pings, pongs and requests to call. The server of who sends it
 * writes in who that is, as Noise has proven it; the server of who it is for hands it over. Between them it passes
 * `MESH_TTL_MAX` links at most, and each server takes it once.
 */
import { believable, type Contact, toHex } from '@servent/overlay/machine'
import { MESH_TTL_MAX } from './constants.ts'
import { meshPeers } from './mesh-search.ts'
import type { RelayMessage } from './messages.ts'
import type { Remote, User } from './remotes.ts'
import { foundOf } from './server-search.ts'
import { type Fx, idText, type NapsterState, type ServerState } from './state.ts'

export function onUserRelay(
  state: NapsterState,
  server: ServerState,
  fx: Fx,
  user: User,
  message: RelayMessage
): void {
  if (!user.relays.take(1, state.nowMs)) {
    state.count('relaysDropped')
    return
  }
  const from = believed(state, foundOf(fx, user, new Uint8Array()).contact, user.remote)
  handOn(state, server, fx, { ...message, from, ttl: MESH_TTL_MAX }, undefined)
}

export function onMeshRelay(
  state: NapsterState,
  server: ServerState,
  fx: Fx,
  remote: Remote,
  message: RelayMessage
): void {
  if (!remote.mesh!.relays.take(1, state.nowMs)) {
    state.count('relaysDropped')
    return
  }
  const from = believed(state, message.from, remote)
  handOn(state, server, fx, { ...message, from, ttl: Math.min(message.ttl, MESH_TTL_MAX - 1) }, remote)
}

/**
 * Whoever is asked to call dials these without their user having chosen anybody: so a server hands on no address of a
 * private network, or of a machine, that whoever told of it does not share with this server.
 */
export function believed(state: NapsterState, { id, addresses }: Contact, via: Remote): Contact {
  const kept = believable(addresses, via.origin?.reach, 'no-names')
  state.count('addressesRefused', addresses.length - kept.length)
  return { id, addresses: kept }
}

function handOn(
  state: NapsterState,
  server: ServerState,
  fx: Fx,
  message: RelayMessage,
  via: Remote | undefined
): void {
  // A pong bears the token of its ping.
  if (!server.seen.add(`${message.kind} ${toHex(message.token)}`, state.nowMs)) return
  const target = server.users.get(idText(message.to))
  if (target !== undefined) {
    if (!target.relayed.take(1, state.nowMs)) {
      state.count('relaysDropped')
      return
    }
    state.count('relaysDelivered')
    state.send(fx, target.remote.link, { ...message, ttl: 0 })
    return
  }
  if (message.ttl === 0) return
  for (const remote of meshPeers(state))
    if (remote !== via) state.send(fx, remote.link, { ...message, ttl: message.ttl - 1 })
}
