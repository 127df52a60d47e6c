/**
 * Push (giFT, packet 0D): whoever wants a file of a sharer that cannot be dialled asks it to call, by way of its own
 * supernode and the sharer's. A sharer calls a peer, never a bare address, and not more often than its bounds allow.
 */
import { type RequestId, SELF } from '@servent/overlay/machine'
import { HOPS_MAX } from './constants.ts'
import type { PushMessage } from './messages.ts'
import type { Neighbour } from './neighbours.ts'
import { CONTROL } from './priorities.ts'
import { contactOf, type FastTrackState, type Fx } from './state.ts'

export function askPush(
  state: FastTrackState,
  fx: Fx,
  id: RequestId,
  { target, index, nonce }: Pick<PushMessage, 'target' | 'index' | 'nonce'>
): void {
  const next = state.isSupernode ? wayTo(state, fx, target) : state.supernode
  if (next === undefined) {
    const reason = 'No supernode knows the way to this peer any more. Search again.'
    fx.notify({ type: 'push-refused', push: id, reason })
    return
  }
  const push: PushMessage = {
    type: 'push',
    target,
    index,
    contact: contactOf(fx, SELF),
    nonce,
    ttl: HOPS_MAX
  }
  fx.send(next, push, CONTROL)
  fx.notify({ type: 'push-sent', push: id })
}

/** The link to a user, or the one that its results came by. */
function wayTo(state: FastTrackState, fx: Fx, target: Uint8Array): number | undefined {
  const peer = fx.peers.intern({ id: target, addresses: [] })
  const user = peer > 0 ? state.neighbours.ofPeer(peer) : undefined
  if (user?.bond === 'user') return user.link
  const link = state.pushRoutes.get(String.fromCharCode(...target))
  return state.neighbours.get(link)?.link
}

export function onPush(state: FastTrackState, fx: Fx, neighbour: Neighbour, push: PushMessage): void {
  state.count('pushesReceived')
  if (!neighbour.pushes.take(1, state.nowMs)) {
    state.count('pushesDropped')
    return
  }
  if (isSelf(fx, push.target)) {
    call(state, fx, neighbour, push)
    return
  }
  const { bond } = neighbour
  const next =
    state.isSupernode && (bond === 'user' || bond === 'peering') && push.ttl > 1
      ? wayTo(state, fx, push.target)
      : undefined
  if (next === undefined || next === neighbour.link) {
    state.count('pushesDropped')
    return
  }
  state.count('pushesForwarded')
  fx.send(next, { ...push, ttl: push.ttl - 1 }, CONTROL)
}

/** Asked by the own supernode, or of a supernode by anybody that it is linked with. */
function call(
  state: FastTrackState,
  fx: Fx,
  neighbour: Neighbour,
  { contact, index, nonce }: PushMessage
): void {
  const { bond } = neighbour
  const isTrusted = bond === 'supernode' || bond === 'former' || bond === 'peering' || bond === 'user'
  if (!isTrusted || !state.calls.take(1, state.nowMs)) {
    state.count('pushesDropped')
    return
  }
  state.count('callsAsked')
  fx.notify({ type: 'push-asked', contact, index, nonce, via: neighbour.name })
}

function isSelf(fx: Fx, target: Uint8Array): boolean {
  const { id } = fx.peers.contact(SELF)
  return id.length === target.length && id.every((byte, place) => byte === target[place])
}
