/**
 * Ordinary nodes: one supernode and a spare. A comer probes five supernodes (Liang) and takes the one with the least load
 * and round trip, the next best as its spare. When the supernode goes, the spare takes over at once. Moving is make
 * before break: the former supernode keeps the records until the new one has acknowledged them all.
 */
import type { Link, Peer } from '@servent/overlay/machine'
import {
  ALONE_MS,
  CROWDED_MS,
  HOMELESS_MS,
  MOVE_MS_MAX,
  NEXT_PLACE_MS,
  OPEN_MS_MAX,
  PROBE_MS,
  PROBES,
  SEEK_RETRY_MS,
  SPARE_RETRY_MS,
  TARGETS_MAX,
  UPKEEP_SEEKING_MS,
  WAIT_SPREAD_PART
} from './constants.ts'
import { contactFailed, reach, sayHello, setBond } from './link-rules.ts'
import { tellOfOthers } from './list-rules.ts'
import type { HandOverMessage } from './messages.ts'
import type { Neighbour } from './neighbours.ts'
import { becomeSupernode, joinPeers } from './role-rules.ts'
import { cannotSearchMore, greetWithSearches } from './search-rules.ts'
import type { FastTrackState, Fx } from './state.ts'
import { UPKEEP_TIMER } from './upkeep.ts'
import { OWN_INDEX } from './upload.ts'
import { startUpload } from './upload-rules.ts'

/** Probes of who has a supernode and lacks a spare. */
const SPARE_PROBES = 2
/** What a full supernode counts for beside an empty one, in milliseconds of round trip. */
const FULL_AS_MS = 200

/** The supernode is gone. */
export function lostSupernode(state: FastTrackState, fx: Fx, link: Link): void {
  state.count('supernodesLost')
  if (state.upload.target === link) startUpload(state, fx, undefined)
  beginSeeking(state, fx)
  // Now there is something to look after more often.
  fx.setTimer(UPKEEP_TIMER, UPKEEP_SEEKING_MS)
  const spare = state.neighbours.get(state.spare)
  if (spare !== undefined && spare.asked === undefined) {
    state.count('sparesTaken')
    sayHello(state, fx, spare, 'session')
    return
  }
  // Nobody else is known: those that the supernode named may take its place.
  if (
    state.list.candidates(
      1,
      state.nowMs,
      () => 0,
      peer => state.neighbours.ofPeer(peer) !== undefined
    ).length === 0
  )
    state.moving = state.heirs.slice(0, TARGETS_MAX)
  moveOn(state, fx)
}

export function beginSeeking(state: FastTrackState, fx: Fx): void {
  state.seekingMs = state.nowMs
  state.retrySeekMs = state.nowMs
  // Of a thousand that wait, one has less than a fifth of the most.
  state.patience = Math.sqrt(Math.sqrt(state.unit(fx)))
}

/** Looks for what is missing: a supernode, or a spare. */
export function seek(state: FastTrackState, fx: Fx): void {
  if (state.stopped || (state.isSupernode && state.steppingDownMs === undefined)) return
  const wanted = wants(state)
  if (wanted === undefined) return
  if (!decide(state, fx, wanted)) probe(state, fx, wanted)
}

function wants(state: FastTrackState): 'session' | 'spare' | undefined {
  const { nowMs } = state
  if (state.supernode === undefined)
    return state.pendingSession === undefined && nowMs >= state.retrySeekMs ? 'session' : undefined
  const isMissing = state.spare === undefined && state.pendingSpare === undefined
  return isMissing && nowMs >= state.retrySpareMs && !state.isSupernode ? 'spare' : undefined
}

const probesFor = (wanted: 'session' | 'spare'): number => (wanted === 'session' ? PROBES : SPARE_PROBES)

function outstanding(state: FastTrackState): number {
  let count = 0
  for (const { wants } of state.opening.values()) if (wants === 'probe') count += 1
  for (const { asked } of state.neighbours.all) if (asked?.wants === 'probe') count += 1
  return count
}

/** Opens as many probes as are missing. */
function probe(state: FastTrackState, fx: Fx, wanted: 'session' | 'spare'): void {
  const { nowMs, neighbours, opening } = state
  const missing = probesFor(wanted) - neighbours.count('probed') - outstanding(state)
  if (missing <= 0) return
  const isTaken = (peer: Peer) => neighbours.ofPeer(peer) !== undefined || opening.has(peer)
  const peers = state.list.candidates(missing, nowMs, () => fx.random(), isTaken)
  for (const [peer, { retryMs }] of state.contacts) {
    if (peers.length >= missing) break
    if (retryMs <= nowMs && !isTaken(peer) && !peers.includes(peer)) peers.push(peer)
  }
  for (const peer of peers) reach(state, fx, peer, 'probe')
}

/** A probe was answered. */
export function onProbed(state: FastTrackState, fx: Fx, neighbour: Neighbour, isAccepted: boolean): void {
  const { nowMs } = state
  if (!neighbour.isSupernode) {
    contactFailed(state, neighbour.peer)
    if (isLoose(neighbour)) fx.close(neighbour.link, 'Not a supernode')
    seek(state, fx)
    return
  }
  const contact = state.contacts.get(neighbour.peer)
  if (contact !== undefined) contact.failures = 0
  if (!isLoose(neighbour)) return
  if (!isAccepted) state.crowdedMs = nowMs
  state.probedMs ??= nowMs
  neighbour.wouldTake = isAccepted
  setBond(state, fx, neighbour, 'probed')
  seek(state, fx)
}

/** A link that is for nothing yet. */
const isLoose = ({ bond }: Neighbour): boolean => bond === 'new' || bond === 'guest' || bond === 'probed'

/** Chooses among those that answered, where it is time. True: there is nothing more to probe for now. */
function decide(state: FastTrackState, fx: Fx, wanted: 'session' | 'spare'): boolean {
  const { nowMs, probedMs, neighbours } = state
  const answered = neighbours.with('probed').filter(({ asked }) => asked === undefined)
  if (answered.length === 0) {
    state.probedMs = undefined
    return false
  }
  const isLate = probedMs !== undefined && nowMs - probedMs >= PROBE_MS
  if (answered.length < probesFor(wanted) && !isLate) return false
  state.probedMs = undefined
  const takers = answered.filter(({ wouldTake }) => wouldTake).sort((a, b) => score(a) - score(b))
  const chosen = takers[0]
  const next = wanted === 'session' ? takers[1] : undefined
  for (const neighbour of answered)
    if (neighbour !== chosen && neighbour !== next) fx.close(neighbour.link, 'Another supernode was chosen')
  if (chosen === undefined) {
    state.retrySeekMs = nowMs + SEEK_RETRY_MS
    state.retrySpareMs = nowMs + SPARE_RETRY_MS
    return true
  }
  sayHello(state, fx, chosen, wanted)
  if (next !== undefined) {
    if (state.spare === undefined && state.pendingSpare === undefined) sayHello(state, fx, next, 'spare')
    else fx.close(next.link, 'Another supernode was chosen')
  }
  return true
}

/** Of a supernode that answered a probe; less is better: round trip and load. */
export function score({ rttMs, users, usersMax }: Pick<Neighbour, 'rttMs' | 'users' | 'usersMax'>): number {
  return rttMs! + FULL_AS_MS * (users / Math.max(1, usersMax))
}

export function onSessionAnswer(
  state: FastTrackState,
  fx: Fx,
  neighbour: Neighbour,
  isAccepted: boolean
): void {
  if (!isAccepted) {
    if (neighbour.isSupernode) state.crowdedMs = state.nowMs
    if (isLoose(neighbour) || neighbour.bond === 'spare') fx.close(neighbour.link, 'No place for a session')
    moveOn(state, fx)
    return
  }
  if (state.isSupernode && state.steppingDownMs === undefined) {
    joinPeers(state, fx, neighbour)
    return
  }
  const former = state.neighbours.get(state.supernode)
  setBond(state, fx, neighbour, 'supernode')
  state.supernode = neighbour.link
  state.hadSupernode = true
  state.heirs = state.offeredHeirs
  state.moving = []
  // What else was opened for a session is at most a spare.
  for (const [peer, { wants, atMs }] of state.opening)
    if (wants === 'session') state.opening.set(peer, { wants: 'probe', atMs })
  state.count('supernodesFound')
  if (former !== undefined && former !== neighbour) {
    state.count('moves')
    dropFormer(state, fx)
    state.neighbours.setBond(former, 'former', state.nowMs)
    state.former = { link: former.link, sinceMs: state.nowMs }
  }
  if (state.spare === undefined) state.retrySpareMs = Math.min(state.retrySpareMs, state.nowMs)
  tellOfOthers(state, fx)
  startUpload(state, fx, neighbour.link)
  greetWithSearches(state, fx)
  seek(state, fx)
}

export function onSpareAnswer(
  state: FastTrackState,
  fx: Fx,
  neighbour: Neighbour,
  isAccepted: boolean
): void {
  if (isAccepted && !state.isSupernode && neighbour.link !== state.supernode) {
    setBond(state, fx, neighbour, 'spare')
    state.spare = neighbour.link
    tellOfOthers(state, fx)
    // The supernode went meanwhile.
    if (state.supernode === undefined && state.pendingSession === undefined)
      sayHello(state, fx, neighbour, 'session')
    return
  }
  state.retrySpareMs = state.nowMs + SPARE_RETRY_MS
  if (neighbour.link !== state.supernode) fx.close(neighbour.link, 'No place for a spare')
}

/** All is uploaded: what was moved away from becomes the spare, or goes. */
export function afterUpload(state: FastTrackState, fx: Fx): void {
  if (state.upload.target === OWN_INDEX) {
    const supernode = state.neighbours.get(state.supernode)
    if (supernode !== undefined && state.steppingDownMs === undefined) joinPeers(state, fx, supernode)
    return
  }
  const former = state.neighbours.get(state.former?.link)
  state.former = undefined
  if (former === undefined) return
  if (state.spare === undefined && state.pendingSpare === undefined && former.asked === undefined) {
    sayHello(state, fx, former, 'spare')
  } else fx.close(former.link, 'Moved to another supernode')
}

function dropFormer(state: FastTrackState, fx: Fx): void {
  const former = state.neighbours.get(state.former?.link)
  state.former = undefined
  if (former !== undefined) fx.close(former.link, 'Moved to another supernode')
}

/** The supernode names others to move to. It goes on serving until the link ends. */
export function onHandOver(
  state: FastTrackState,
  fx: Fx,
  neighbour: Neighbour,
  { to }: HandOverMessage
): void {
  if (neighbour.link !== state.supernode || state.isSupernode) return
  // Each may have this peer dial all that it names: one supernode is not to turn its users against anybody.
  if (!neighbour.handOvers.take(1, state.nowMs)) {
    state.count('offences')
    return
  }
  const targets = to
    .map(contact => fx.peers.intern(contact))
    .filter(peer => peer > 0 && peer !== neighbour.peer)
  state.moving = targets.slice(0, TARGETS_MAX)
  moveOn(state, fx)
}

/** Tries the next place to move to, where nothing is under way; without a supernode, where nothing was for long. */
export function moveOn(state: FastTrackState, fx: Fx): void {
  if (state.pendingSession !== undefined) return
  const waitMs = state.supernode === undefined ? NEXT_PLACE_MS : OPEN_MS_MAX
  for (const { wants, atMs } of state.opening.values())
    if (wants === 'session' && state.nowMs - atMs < waitMs) return
  for (let peer = state.moving.shift(); peer !== undefined; peer = state.moving.shift()) {
    const linked = state.neighbours.ofPeer(peer)
    if (linked !== undefined && linked.link === state.supernode) continue
    if (reach(state, fx, peer, 'session')) return
  }
  cannotSearchMore(state, fx)
  seek(state, fx)
}

/** Of an ordinary node, from time to time. */
export function lookAfterOrdinary(state: FastTrackState, fx: Fx): void {
  const { former, nowMs } = state
  if (former !== undefined && nowMs - former.sinceMs >= MOVE_MS_MAX) dropFormer(state, fx)
  if (state.supernode === undefined) {
    // An heir may have missed its supernode later than this peer did.
    if (state.moving.length === 0 && nowMs >= state.retryHeirsMs) {
      state.retryHeirsMs = nowMs + SEEK_RETRY_MS
      state.moving = state.heirs.slice()
    }
    if (state.moving.length > 0) moveOn(state, fx)
  }
  seek(state, fx)
  if (state.supernode !== undefined || state.settings.role === 'ordinary') return
  if (state.settings.role === 'supernode')
    becomeSupernode(state, fx, 'The user wants this peer to be a supernode')
  else if (state.pendingSession === undefined && state.circumstances.isReachable && isOutOfPatience(state))
    becomeSupernode(state, fx, 'No supernode was found that takes this peer')
}

function isOutOfPatience(state: FastTrackState): boolean {
  const { nowMs, seekingMs, crowdedMs, patience, list, contacts } = state
  const waitedMs = nowMs - seekingMs
  // Whoever is known and was not tried, or is being asked, may take it yet.
  const isTaken = (peer: Peer) => state.neighbours.ofPeer(peer) !== undefined
  const isTrying = state.neighbours.count('probed') > 0 || outstanding(state) > 0
  if (isTrying || list.candidates(1, nowMs, () => 0, isTaken).length > 0) return false
  const spread = 1 + WAIT_SPREAD_PART * patience
  if (crowdedMs >= seekingMs) return waitedMs >= CROWDED_MS * spread
  const isAlone = list.size === 0 && contacts.values().every(({ isComer }) => isComer)
  return waitedMs >= (isAlone ? ALONE_MS : HOMELESS_MS) * spread
}
