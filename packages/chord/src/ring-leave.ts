/** Leaving of one's own accord (ToN section IV-E.4): both neighbours are told, and records go to the successor. */
import { PRIORITY_TABLE, type RoutingEffects } from '@servent/key-routing/machine'
import type { Leave } from './messages.ts'
import type { Fx, Place, Ring } from './ring.ts'
import { NOBODY, peerOfRef } from './ring-key.ts'
import { setMode } from './ring-life.ts'
import { savePeers } from './ring-save.ts'
import { leavePlace } from './ring-tables.ts'
import { disarm, GATHER_TIMER } from './ring-timers.ts'

/**
 * Hands records over first, to whoever takes its places, and stays a member until they have them. Whoever says it again
 * meanwhile waits no longer.
 */
export function leave(ring: Ring, fx: Fx): void {
  if (ring.members.length === 0 || ring.leaving) {
    depart(ring, fx)
    return
  }
  ring.leaving = true
  // Who has gone before they have them is not told (`left`), so whoever is told is still to go.
  ring.keeper.handOverAll(effects => depart(ring, effects as unknown as Fx), fx as unknown as RoutingEffects)
}

/** Only over links that are up: nobody waits for the others. */
export function depart(ring: Ring, fx: Fx): void {
  if (ring.settings.saveMs > 0 && ring.mode !== 'idle') savePeers(ring, fx)
  for (const place of ring.members) tellNeighbours(ring, place, fx)
  for (const peer of ring.forming?.peers ?? []) {
    const link = ring.router.calls.linkOf(peer)
    if (link !== undefined) fx.send(link, { type: 'leave', sender: 0, successors: [] }, PRIORITY_TABLE)
  }
  for (const place of ring.places) leavePlace(ring, place, fx)
  ring.forming = undefined
  ring.metMs = undefined
  ring.leaving = false
  ring.keeper.left(fx as unknown as RoutingEffects)
  disarm(ring, fx)
  fx.cancelTimer(GATHER_TIMER)
  setMode(ring, 'idle', fx)
}

function tellNeighbours(ring: Ring, place: Place, fx: Fx): void {
  const { predecessor, successors } = place
  const message: Leave = {
    type: 'leave',
    sender: place.index,
    ...(predecessor !== NOBODY && !place.predecessorLost && { predecessor: ring.node(predecessor) }),
    successors: ring.nodes(successors)
  }
  const told = new Set([predecessor, successors[0] ?? NOBODY].filter(ref => ref !== NOBODY).map(peerOfRef))
  for (const peer of told) {
    const link = ring.router.calls.linkOf(peer)
    if (link !== undefined) fx.send(link, message, PRIORITY_TABLE)
  }
}
