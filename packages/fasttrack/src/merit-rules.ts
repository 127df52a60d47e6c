/**
 * How many supernodes there are. Each sees its own load and that of those that it is linked with; the target is a ratio of
 * users to supernodes (100:1, giFT), so the number follows the size of the network without anybody knowing it.
 *
 * Over the target the user with the best merit is made a supernode, and half of the users move to it. Merit is what this supernode
 * has seen itself: how long the session has lasted, and that dialling back works. What a user says of itself (rate, uptime)
 * only chooses among those. Under the target, for long enough, the emptiest steps down. As in a B-tree the two marks
 * lie far enough apart that what was divided is not joined at once.
 *
 * Load and room are what the others say of themselves. Nobody steps down on their word alone: its own users must be few, and
 * those that it has reached itself, and has known for a while, must be so by their mean and by their median, so that
 * fewer liars than honest ones change nothing.
 */

import { compareKeys, SELF } from '@servent/overlay/machine'
import {
  AVERAGE_HIGH_PART,
  AVERAGE_LOW_PART,
  AVERAGE_ROOM_PART,
  BALANCE_MS,
  CANDIDATES_MAX,
  CROWDED_PART,
  DEMOTE_MS,
  DIAL_BACK_MS,
  HAND_OVER_RETRY_MS,
  HAND_OVER_USERS_MAX,
  PEERING_KNOWN_MS,
  PEERING_PING_MS,
  PROMOTION_MS,
  SETTLED_MS,
  SUPERNODE_KBPS_MIN,
  TARGETS_MAX
} from './constants.ts'
import type { Neighbour } from './neighbours.ts'
import { CONTROL } from './priorities.ts'
import { becomeSupernode, emptiest, stepDown } from './role-rules.ts'
import { contactOf, type FastTrackState, type Fx } from './state.ts'

/** Looks at the load, every `BALANCE_MS`. */
export function balance(state: FastTrackState, fx: Fx): void {
  const { nowMs, settings, users } = state
  if (state.steppingDownMs !== undefined) {
    // The supernode that takes this peer takes its users, too: of two there is no other.
    const home = state.neighbours.get(state.supernode)
    const others = emptiest(state)
    handOver(state, fx, HAND_OVER_USERS_MAX, home === undefined ? others : [...others, home])
    return
  }
  if (nowMs - state.balancedMs < BALANCE_MS) return
  state.balancedMs = nowMs
  const target = settings.ordinariesPerSupernode
  const peers = emptiest(state)
  const total = peers.reduce((sum, peer) => sum + peer.users, users)
  const average = total / (1 + peers.length)
  const staying = users - movingUsers(state)
  const lighter = peers.filter(peer => peer.users < AVERAGE_ROOM_PART * target)
  const isCrowded = staying > CROWDED_PART * target
  if (isCrowded && average <= AVERAGE_HIGH_PART * target && lighter.length > 0) {
    handOver(state, fx, Math.ceil(staying - average), lighter)
  } else if (isCrowded || average > AVERAGE_HIGH_PART * target) {
    // As many of the fullest as supernodes are missing: if all did it at once there would be far too many.
    const missing = Math.ceil(total / (AVERAGE_ROOM_PART * target)) - 1 - peers.length
    const fuller = peers.filter(peer => peer.users > users).length
    if (fuller < Math.max(1, missing) && isTurn(state, fx)) promoteOne(state, fx)
  } else state.promotionDueMs = undefined
  considerSteppingDown(state, fx)
}

/** What is known of the others' load is as old as the last ping: in that time each acts once, by chance, and none waits longer than it is set to. */
function isTurn(state: FastTrackState, fx: Fx): boolean {
  const { nowMs, settings } = state
  state.promotionDueMs ??= nowMs
  const isLate = nowMs - state.promotionDueMs >= settings.promotionDelayMs
  if (state.unit(fx) >= BALANCE_MS / PEERING_PING_MS && !isLate) return false
  state.promotionDueMs = undefined
  return true
}

/** Users that are told to go, and are on their way. */
function movingUsers(state: FastTrackState): number {
  let moving = 0
  for (const { user } of state.neighbours.with('user'))
    if (state.nowMs - (user!.movingMs ?? Number.NEGATIVE_INFINITY) < HAND_OVER_RETRY_MS) moving += 1
  return moving
}

function considerSteppingDown(state: FastTrackState, fx: Fx): void {
  const { nowMs, users, settings } = state
  const low = AVERAGE_LOW_PART * settings.ordinariesPerSupernode
  const peers = witnesses(state)
  const loads = peers.map(peer => peer.users)
  const mayStepDown =
    settings.role === 'auto' &&
    peers.length > 0 &&
    nowMs - state.roleSinceMs >= SETTLED_MS &&
    users < low &&
    mean([users, ...loads]) < low &&
    median(loads) < low &&
    roomAt(state, peers) > users &&
    isEmptiest(state, fx, peers)
  if (!mayStepDown) {
    state.emptyMs = undefined
    return
  }
  state.emptyMs ??= nowMs
  if (nowMs - state.emptyMs >= DEMOTE_MS) stepDown(state, fx)
}

/** Supernodes whose word on their load counts: reached by this peer itself, and linked for a while. */
function witnesses(state: FastTrackState): Neighbour[] {
  return emptiest(state).filter(({ isReached, upMs }) => isReached && state.nowMs - upMs >= PEERING_KNOWN_MS)
}

/** By the median; nobody has more than this peer would give in its place. */
function roomAt({ usersSoft }: FastTrackState, peers: readonly Neighbour[]): number {
  const rooms = peers.map(peer => Math.max(0, Math.min(usersSoft, peer.usersMax) - peer.users))
  return median(rooms) * rooms.length
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

/** Of an even number the greater of the two in the middle. */
function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}

/**
 * Whether it is among the emptiest, of which half as many step down at a time as there are too many. Of two that are equally empty the
 * one whose key is smaller comes first: both see the same.
 */
function isEmptiest(state: FastTrackState, fx: Fx, peers: readonly Neighbour[]): boolean {
  const total = peers.reduce((sum, { users }) => sum + users, state.users)
  const needed = Math.ceil(total / state.settings.ordinariesPerSupernode)
  const excess = 1 + peers.length - Math.max(1, needed)
  const own = fx.peers.key(SELF)
  let emptier = 0
  for (const { users, peer } of peers) {
    if (users < state.users || (users === state.users && compareKeys(fx.peers.key(peer), own) < 0))
      emptier += 1
  }
  return excess > 0 && emptier < Math.ceil(excess / 2)
}

/** Users in the order of their merit, whatever is known of their reachability. */
export function bestUsers(state: FastTrackState, count: number): Neighbour[] {
  return state.neighbours
    .with('user')
    .filter(({ user }) => user!.saysReachable && user!.dialled?.isReachable !== false)
    .filter(({ user }) => user!.uploadKbps === 0 || user!.uploadKbps >= SUPERNODE_KBPS_MIN)
    .sort((a, b) => merit(state, b) - merit(state, a) || a.link - b.link)
    .slice(0, count)
}

/**
 * Milliseconds of session as this supernode has seen them; what the user says of its rate and of earlier runs makes it
 * at most three times as much.
 */
function merit(state: FastTrackState, { user }: Neighbour): number {
  const { sinceMs, uploadKbps, uptimeS } = user!
  const rate = Math.min(1, uploadKbps / 10_000)
  const history = Math.min(1, uptimeS / 86_400)
  return (state.nowMs - sinceMs) * (1 + rate + history)
}

/** Tests the best users' reachability, and asks the first of which it is known. */
function promoteOne(state: FastTrackState, fx: Fx): void {
  const { nowMs } = state
  if (nowMs - state.promotingMs < PROMOTION_MS) return
  const candidates = bestUsers(state, CANDIDATES_MAX).filter(
    ({ user }) => user!.promotedMs === undefined || nowMs - user!.promotedMs >= DIAL_BACK_MS
  )
  for (const neighbour of candidates) {
    const { dialled } = neighbour.user!
    if (dialled?.isReachable && nowMs - dialled.atMs < DIAL_BACK_MS) {
      state.promotingMs = nowMs
      neighbour.user!.promotedMs = nowMs
      neighbour.user!.mayDecline = true
      state.count('promotionsAsked')
      fx.send(neighbour.link, { type: 'promote' }, CONTROL)
      return
    }
  }
  for (const neighbour of candidates) dialBack(state, fx, neighbour)
}

function dialBack(state: FastTrackState, fx: Fx, neighbour: Neighbour): void {
  const { user, peer } = neighbour
  if (!state.dialBacks.take(1, state.nowMs)) return
  state.count('dialBacks')
  const contact = contactOf(fx, peer)
  state.ask(fx, { type: 'dial-back', contact }, (later, answer) => {
    user!.dialled = {
      isReachable: answer?.type === 'dialled' && answer.isReachable,
      atMs: state.nowMs
    }
    if (user!.dialled.isReachable) neighbour.isReached = true
    if (user!.dialled.isReachable && neighbour.user === user && state.isSupernode) promoteOne(state, later)
  })
}

/** The own supernode asks this peer to be one. */
export function onPromote(state: FastTrackState, fx: Fx, neighbour: Neighbour): void {
  if (neighbour.link !== state.supernode || state.isSupernode) return
  const { settings, circumstances } = state
  const isAble = circumstances.uploadKbps === 0 || circumstances.uploadKbps >= SUPERNODE_KBPS_MIN
  if (settings.role === 'ordinary' || !circumstances.isReachable || !isAble) {
    fx.send(neighbour.link, { type: 'decline' }, CONTROL)
    return
  }
  becomeSupernode(state, fx, 'The supernode chose this peer by its merit')
}

/** The next best is asked, once for each request: else one user could have all of them asked at once. */
export function onDecline(state: FastTrackState, fx: Fx, neighbour: Neighbour): void {
  if (!neighbour.user?.mayDecline) return
  neighbour.user.mayDecline = false
  state.count('promotionsDeclined')
  neighbour.user.saysReachable = false
  state.promotingMs = Number.NEGATIVE_INFINITY
  promoteOne(state, fx)
}

/** A user that was asked has become a supernode: it gets its share of the users. */
export function shareOut(state: FastTrackState, fx: Fx, neighbour: Neighbour): void {
  handOver(state, fx, Math.floor(state.users / 2), [neighbour])
}

/** Tells so many users to move to one of these; those that stay are told again later. */
function handOver(state: FastTrackState, fx: Fx, count: number, to: readonly Neighbour[]): void {
  const { nowMs } = state
  if (to.length === 0) return
  let told = 0
  for (const neighbour of state.neighbours.all) {
    if (told >= Math.min(count, HAND_OVER_USERS_MAX)) return
    const { user } = neighbour
    if (user === undefined || nowMs - (user.movingMs ?? Number.NEGATIVE_INFINITY) < HAND_OVER_RETRY_MS)
      continue
    user.movingMs = nowMs
    // Each begins with another one, so that they do not all come to the same.
    const targets = Array.from({ length: Math.min(to.length, TARGETS_MAX) }, (_, place) => {
      const { peer } = to[(told + place) % to.length]!
      return contactOf(fx, peer)
    })
    fx.send(neighbour.link, { type: 'hand-over', to: targets }, CONTROL)
    state.count('usersHandedOver')
    told += 1
  }
}
