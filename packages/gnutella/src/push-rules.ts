/**
 * Push (lecture notes, "Dealing With Firewalls"; draft 0.6, 2.2.7): whoever wants a file of a servent that
 * cannot be dialled asks it, along the path that its hits came by, to call. Only its id tells a Push from
 * another. A servent calls a peer, never a bare address, and no peer or address more often than the limits
 * of `call-limits.ts` allow.
 */
import { type RequestId, SELF, toHex } from '@servent/overlay/machine'
import { TTL_MAX } from './constants.ts'
import { newGuid } from './guid.ts'
import type { Guid, PushMessage } from './messages.ts'
import type { Neighbour } from './neighbours.ts'
import { priorityOf } from './priorities.ts'
import type { Fx, GnutellaState } from './state.ts'

export function askPush(
  state: GnutellaState,
  fx: Fx,
  id: RequestId,
  { servent, index, nonce }: { readonly servent: Guid; readonly index: number; readonly nonce: Uint8Array }
): void {
  const neighbour = wayTo(state, servent)
  if (neighbour === undefined) {
    const reason = 'No neighbour knows the way to this servent any more. Search again.'
    fx.notify({ type: 'push-refused', push: id, reason })
    return
  }
  const contact = fx.peers.contact(SELF)
  const push: PushMessage = {
    type: 'push',
    guid: newGuid(fx),
    ttl: TTL_MAX,
    hops: 0,
    ipv4: 0,
    port: 0,
    servent,
    index,
    contact,
    nonce,
    ggep: []
  }
  state.pushesSeen.set(push.guid, true, state.nowMs)
  fx.send(neighbour.link, push, priorityOf(push))
  fx.notify({ type: 'push-sent', push: id })
}

/**
 * By which neighbour a servent is found: the one that brought its hits, the leaf that it is, or a neighbour that its
 * hits named as its proxy.
 */
function wayTo({ pushRoutes, neighbours, tiers }: GnutellaState, servent: Guid): Neighbour | undefined {
  const link = pushRoutes.get(servent)
  const known = link === undefined ? undefined : neighbours.upLink(link)
  if (known !== undefined || tiers.flat) return known
  const leaf = neighbours.leaves.find(({ tiered }) => tiered?.servent === servent)
  const proxies = tiers.proxies.get(servent) ?? []
  return leaf ?? neighbours.peers.find(({ name }) => proxies.includes(toHex(name.id)))
}

export function onPush(state: GnutellaState, fx: Fx, neighbour: Neighbour, push: PushMessage): void {
  const { nowMs } = state
  const { guid, servent } = push
  state.count('pushesReceived')
  if (!neighbour.pushes.take(1, nowMs)) {
    state.count('pushesOverRate')
    return
  }
  if (state.pushesSeen.get(guid) !== undefined) {
    state.count('pushesDropped')
    return
  }
  state.pushesSeen.set(guid, true, nowMs)
  if (servent === state.servent) call(state, fx, neighbour, push)
  else handOn(state, fx, neighbour, push)
}

function handOn(state: GnutellaState, fx: Fx, neighbour: Neighbour, push: PushMessage): void {
  // A leaf hands nothing on.
  const next = state.tiers.tier === 'leaf' ? undefined : wayTo(state, push.servent)
  if (next === undefined || next === neighbour || push.ttl <= 1 || push.hops >= TTL_MAX) {
    state.count('pushesDropped')
    return
  }
  const onward: PushMessage = { ...push, ttl: push.ttl - 1, hops: push.hops + 1 }
  state.count('pushesForwarded')
  fx.send(next.link, onward, priorityOf(onward))
}

function call(
  state: GnutellaState,
  fx: Fx,
  neighbour: Neighbour,
  { contact, nonce, index }: PushMessage
): void {
  if (contact === undefined || nonce === undefined) {
    // A bare address is all that an old servent gives; whose it is, it cannot prove.
    state.count('pushesDropped')
    return
  }
  if (!state.calls.take(contact, neighbour.calls, state.nowMs)) {
    state.count('callsRefused')
    return
  }
  state.count('callsAsked')
  fx.notify({ type: 'push-asked', contact, index, nonce, via: neighbour.name.text })
}
