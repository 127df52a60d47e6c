/**
 * Which peers to open links to, and when. A servent looks for half of its places itself, and it replaces the
 * links that it opened and lost; the rest of its places is for those who come. Were all places looked for, a
 * network would soon have none left for newcomers.
 */
import { type Contact, isPeerIdBytes, NO_PEER, type Peer, SELF } from '@servent/overlay/machine'
import { OPEN_MS_MAX, OPENS_MAX } from './constants.ts'
import { DISCOVERED } from './host-cache.ts'
import type { Fx, GnutellaState } from './state.ts'

/** A host that discovery knows. */
export function onContact(state: GnutellaState, fx: Fx, peer: Peer): void {
  // A host gives no handle for what is no PeerId; others would refuse a contact that is none.
  if (peer === SELF || peer === NO_PEER || !isPeerIdBytes(fx.peers.contact(peer).id)) return
  state.hosts.heard(peer, DISCOVERED, state.nowMs)
  openMore(state, fx)
}

/** A host that a peer told of. */
export function noteContact(state: GnutellaState, fx: Fx, contact: Contact, teller: Peer): void {
  if (contact.addresses.length === 0 || !isPeerIdBytes(contact.id)) return
  const peer = fx.peers.intern(contact)
  if (peer === SELF || peer === NO_PEER) return
  state.hosts.heard(peer, teller, state.nowMs)
}

export function onUnreachable(state: GnutellaState, fx: Fx, peer: Peer): void {
  if (!state.opening.delete(peer)) return
  state.count('unreachable')
  state.hosts.failed(peer, state.nowMs, jitter(fx))
  openMore(state, fx)
}

/** Opens links until as many are under way as are missing. */
export function openMore(state: GnutellaState, fx: Fx): void {
  if (state.stopped) return
  while (state.missing > 0 && state.opening.size < OPENS_MAX) {
    const peer = state.hosts.next(
      state.nowMs,
      candidate => state.opening.has(candidate) || state.neighbours.isLinked(candidate)
    )
    if (peer === undefined) return
    state.opening.set(peer, state.nowMs)
    state.count('opens')
    fx.open(peer)
  }
}

/** Opens that nobody ever spoke of again take no place for ever. */
export function forgetOldOpens(state: GnutellaState): void {
  for (const [peer, sinceMs] of state.opening) {
    if (state.nowMs - sinceMs >= OPEN_MS_MAX) state.opening.delete(peer)
  }
}

/** A number from 0 to 1 that keeps peers from doing the same thing at the same time. */
export function jitter(fx: Fx): number {
  return fx.random() / 2 ** 32
}
