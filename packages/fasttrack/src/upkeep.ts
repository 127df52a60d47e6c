/** What a peer does from time to time, and what it keeps for its next start. */
import type { Peer } from '@servent/overlay/machine'
import {
  CONTACT_MS,
  HEIRS_MAX,
  HEIRS_REFRESH_MS,
  HELLO_MS,
  LOAD_MAX,
  OPEN_MS_MAX,
  PEERING_PING_MS,
  PING_MS,
  PONG_MS,
  SAVE_MS,
  SUPERNODES_MAX,
  SUPERNODES_REFRESH_MS,
  UPKEEP_MS,
  UPKEEP_SEEKING_MS,
  UPKEEP_SUPERNODE_MS,
  USER_SILENT_MS
} from './constants.ts'
import { contactFailed, reach } from './link-rules.ts'
import { refreshLists } from './list-rules.ts'
import { balance } from './merit-rules.ts'
import type { Neighbour } from './neighbours.ts'
import { beginSeeking, lookAfterOrdinary, moveOn } from './ordinary-rules.ts'
import { CONTROL } from './priorities.ts'
import { becomeSupernode, endSteppingDown, peeringsMissing, seekHome } from './role-rules.ts'
import { decodeSaved, encodeSaved } from './saved.ts'
import { contactOf, type FastTrackState, type Fx } from './state.ts'
import { lookAfterUpload } from './upload-rules.ts'
import { retryRemovals } from './user-rules.ts'

export const UPKEEP_TIMER = 'upkeep'
const SAVED_KEY = 'supernodes'
/** Lists told, and pings sent, in one round: of a supernode with hundreds of links the others have their turn next. */
const TOLD_PER_ROUND = 2
const PINGS_PER_ROUND = 32

export function onStart(state: FastTrackState, fx: Fx, saved: ReadonlyMap<string, Uint8Array>): void {
  state.startedMs = state.nowMs
  state.roleSinceMs = state.nowMs
  state.lastRefreshMs = state.nowMs
  const bytes = saved.get(SAVED_KEY)
  const kept = bytes === undefined ? undefined : decodeSaved(bytes)
  state.earlierUptimeMs = kept?.uptimeMs ?? 0
  for (const { contact, users } of kept?.entries ?? []) {
    const peer = fx.peers.intern(contact)
    if (peer > 0) state.list.seen(peer, users, state.nowMs)
  }
  state.list.changed = false
  beginSeeking(state, fx)
  // Peers that start together must not keep step.
  fx.setTimer(UPKEEP_TIMER, 1 + (fx.random() % UPKEEP_SEEKING_MS))
  if (state.settings.role === 'supernode')
    becomeSupernode(state, fx, 'The user wants this peer to be a supernode')
}

export function onStop(state: FastTrackState, fx: Fx): void {
  save(state, fx)
  state.stopped = true
  for (const { link } of state.neighbours.all) fx.close(link, 'The peer stops')
}

export function onUpkeep(state: FastTrackState, fx: Fx): void {
  forgetOldOpens(state, fx)
  lookAfterLinks(state, fx)
  lookAfterUpload(state, fx)
  retryRemovals(state, fx)
  if (state.isSupernode) {
    const isAlone = !state.list.hasFresh(HEIRS_MAX, state.nowMs)
    seekPeers(state, fx)
    balance(state, fx)
    endSteppingDown(state, fx)
    refreshLists(state, fx, isAlone ? HEIRS_REFRESH_MS : SUPERNODES_REFRESH_MS, TOLD_PER_ROUND)
    if (state.steppingDownMs !== undefined && state.supernode === undefined) {
      seekHome(state, fx)
      moveOn(state, fx)
    }
  } else lookAfterOrdinary(state, fx)
  if (state.list.changed && state.nowMs - state.savedMs >= SAVE_MS) save(state, fx)
  fx.setTimer(UPKEEP_TIMER, everyMs(state))
}

function everyMs(state: FastTrackState): number {
  if (state.isSupernode) return UPKEEP_SUPERNODE_MS
  return state.supernode === undefined || state.moving.length > 0 || state.neighbours.count('probed') > 0
    ? UPKEEP_SEEKING_MS
    : UPKEEP_MS
}

function forgetOldOpens(state: FastTrackState, fx: Fx): void {
  for (const [peer, { atMs, wants }] of state.opening) {
    if (state.nowMs - atMs < OPEN_MS_MAX) continue
    state.opening.delete(peer)
    if (wants === 'session') moveOn(state, fx)
  }
}

/** Supernodes to link with: those of the list, and where there are none, whoever speaks the protocol. */
function seekPeers(state: FastTrackState, fx: Fx): void {
  if (state.steppingDownMs !== undefined) return
  const missing = peeringsMissing(state)
  if (missing <= 0) return
  const { neighbours, opening, list, nowMs, contacts } = state
  const isTaken = (peer: Peer) => neighbours.ofPeer(peer) !== undefined || opening.has(peer)
  const peers = list.candidates(Math.min(missing, 4), nowMs, () => fx.random(), isTaken)
  if (neighbours.count('peering') === 0 || nowMs - state.contactedMs >= CONTACT_MS) {
    const due = Array.from(contacts).find(([peer, { retryMs }]) => retryMs <= nowMs && !isTaken(peer))?.[0]
    if (due !== undefined) {
      state.contactedMs = nowMs
      contactFailed(state, due)
      peers.push(due)
    }
  }
  for (const peer of peers) reach(state, fx, peer, 'peering')
}

function lookAfterLinks(state: FastTrackState, fx: Fx): void {
  let pings = 0
  for (const neighbour of [...state.neighbours.all]) {
    if (isOverdue(state, neighbour)) {
      if (neighbour.asked !== undefined && neighbour.isSupernode)
        state.list.failed(neighbour.peer, state.nowMs)
      fx.close(neighbour.link, 'Nothing was heard in time')
      continue
    }
    if (pings < PINGS_PER_ROUND && isPingDue(state, neighbour)) {
      neighbour.pingedMs = state.nowMs
      fx.send(neighbour.link, { type: 'ping' }, CONTROL)
      pings += 1
    }
  }
}

function isOverdue(state: FastTrackState, { asked, bond, upMs, heardMs, pingedMs }: Neighbour): boolean {
  const { nowMs } = state
  if (asked !== undefined) return nowMs - asked.atMs >= HELLO_MS
  if (bond === 'new' || bond === 'guest' || bond === 'probed') return nowMs - upMs >= 2 * HELLO_MS
  if (bond === 'user' || bond === 'standby') return nowMs - heardMs >= USER_SILENT_MS
  return pingedMs !== undefined && heardMs < pingedMs && nowMs - pingedMs >= PONG_MS
}

/**
 * Supernodes tell each other their load; users see whether theirs lives, and show that they do: also while it speaks to
 * them, for it gives up whom it does not hear.
 */
function isPingDue(state: FastTrackState, { bond, upMs, pingedMs }: Neighbour): boolean {
  const { nowMs } = state
  if (bond === 'peering') return nowMs - (pingedMs ?? Number.NEGATIVE_INFINITY) >= PEERING_PING_MS
  if (bond !== 'supernode' && bond !== 'spare') return false
  return nowMs - (pingedMs ?? upMs) >= PING_MS
}

export function onPing(state: FastTrackState, fx: Fx, { link }: Neighbour): void {
  const users = Math.min(LOAD_MAX, state.users)
  fx.send(link, { type: 'pong', users, usersMax: Math.min(LOAD_MAX, state.usersSoft) }, CONTROL)
}

function save(state: FastTrackState, fx: Fx): void {
  state.savedMs = state.nowMs
  state.list.changed = false
  const entries = state.list
    .toTell(SUPERNODES_MAX, state.nowMs, () => 0)
    .map(({ peer, users }) => ({
      contact: contactOf(fx, peer),
      users: Math.min(LOAD_MAX, users),
      seenS: 0
    }))
  fx.save(
    SAVED_KEY,
    encodeSaved({ uptimeMs: state.earlierUptimeMs + state.nowMs - state.startedMs, entries })
  )
}
