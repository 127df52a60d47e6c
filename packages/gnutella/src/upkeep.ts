/** What a servent does from time to time: ages its tables, looks after its links, writes its hosts down. */

import { sayBye } from './bye-rules.ts'
import { forgetOldOpens, openMore } from './calling-rules.ts'
import {
  ALIVE_PING_MS,
  ALIVE_REPLY_MS,
  FLOW_CONTROL_MS_MAX,
  HOSTS_SAVE_MS,
  HOSTS_SAVED_MAX,
  PING_MS,
  PING_MS_MAX,
  PING_TTL,
  UPKEEP_MS,
  UPKEEP_WANTING_MS
} from './constants.ts'
import { newGuid } from './guid.ts'
import { decodeHosts, encodeHosts } from './host-cache.ts'
import { callLost, noteLost } from './lost-neighbours.ts'
import type { Neighbour } from './neighbours.ts'
import { pingAlive, renew } from './ping-rules.ts'
import type { Fx, GnutellaState } from './state.ts'
import { onTierUpkeep, startTiers } from './tier-rules.ts'

export const UPKEEP_TIMER = 'upkeep'
/** Under which the hosts and the servent's GUID are saved. */
const HOSTS_KEY = 'hosts'

export function onStart(state: GnutellaState, fx: Fx, saved: ReadonlyMap<string, Uint8Array>): void {
  const bytes = saved.get(HOSTS_KEY)
  const kept = bytes === undefined ? undefined : decodeHosts(bytes)
  state.servent = kept?.servent ?? newGuid(fx)
  // The best were written first; who is heard of last is tried first.
  for (const { contact, workedMs } of kept?.hosts.toReversed() ?? []) {
    const peer = fx.peers.intern(contact)
    if (peer > 0) state.hosts.remember(peer, state.nowMs, workedMs)
  }
  state.hosts.changed = kept === undefined
  startTiers(state, fx)
  // Servents that start together must not keep step.
  fx.setTimer(UPKEEP_TIMER, 1 + (fx.random() % UPKEEP_WANTING_MS))
  openMore(state, fx)
}

export function onStop(state: GnutellaState, fx: Fx): void {
  state.stopped = true
  for (const neighbour of state.neighbours.up) sayBye(state, fx, neighbour, 200, 'The servent is stopped')
  state.searches.clear()
  saveHosts(state, fx)
}

export function onUpkeep(state: GnutellaState, fx: Fx): void {
  const { nowMs } = state
  const { routes, pushRoutes, pushesSeen, banished, pongs, walksWaiting, walkRoutes } = state
  for (const table of [routes, pushRoutes, pushesSeen, banished, pongs, walksWaiting, walkRoutes]) {
    table.age(nowMs)
  }
  state.cache.age(nowMs)
  state.calls.age(nowMs)
  state.lost.age(nowMs)
  forgetOldOpens(state)
  for (const neighbour of state.neighbours.up) lookAfter(state, fx, neighbour)
  onTierUpkeep(state, fx)
  openMore(state, fx)
  callLost(state, fx)
  pingForHosts(state, fx)
  if (state.hosts.changed && nowMs - state.savedMs >= HOSTS_SAVE_MS) saveHosts(state, fx)
  fx.setTimer(UPKEEP_TIMER, state.missing > 0 ? UPKEEP_WANTING_MS : UPKEEP_MS)
}

function lookAfter(state: GnutellaState, fx: Fx, neighbour: Neighbour): void {
  const { nowMs } = state
  const { heardMs, alivePingMs, fullSinceMs } = neighbour
  if (fullSinceMs !== undefined && nowMs - fullSinceMs >= FLOW_CONTROL_MS_MAX) {
    sayBye(state, fx, neighbour, 405, 'Your queue was full for too long')
  } else if (alivePingMs !== undefined && nowMs - alivePingMs >= ALIVE_REPLY_MS) {
    noteLost(state, fx, neighbour)
    sayBye(state, fx, neighbour, 406, 'You did not answer')
  } else if (alivePingMs === undefined && nowMs - heardMs >= ALIVE_PING_MS) {
    pingAlive(state, fx, neighbour)
  }
}

/**
 * Asks for fresh hosts: at once when neighbours are missing, then more and more seldom, for a network may
 * have no more peers to give; and now and then when none are, so that the host cache stays young.
 */
function pingForHosts(state: GnutellaState, fx: Fx): void {
  const missing = state.missing > 0
  if (missing && !state.wasMissing) state.pingEveryMs = PING_MS
  state.wasMissing = missing
  const everyMs = missing ? state.pingEveryMs : PING_MS_MAX
  if (state.nowMs - state.pingedMs < everyMs || state.neighbours.up.length === 0) return
  state.pingedMs = state.nowMs
  state.pingEveryMs = Math.min(PING_MS_MAX, 2 * state.pingEveryMs)
  renew(state, fx, PING_TTL)
}

function saveHosts(state: GnutellaState, fx: Fx): void {
  state.savedMs = state.nowMs
  state.hosts.changed = false
  const hosts = state.hosts
    .best(HOSTS_SAVED_MAX)
    .map(({ peer, workedMs }) => ({ contact: fx.peers.contact(peer), workedMs }))
  fx.save(HOSTS_KEY, encodeHosts({ servent: state.servent, hosts }))
}
