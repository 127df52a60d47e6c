/**
 * How many supernodes there are. Each sees its own load and that of those that it is linked with; the target is a ratio of
 * users to supernodes (100:1, giFT), so the number follows the size of the network without anybody knowing it.
 *
 * Over the target the user with the best merit is made a supernode, and half of the users move to it. Merit is what this supernode
 * has seen itself: how long the session has lasted, and that dialling back works. What a user says of itself (rate, uptime)
 * only chooses among those. Under the target, for long enough, the emptiest steps down. As in a B-tree the two marks
 * lie far enough apart that what was divided is not joined at once.
 *
 * Load and room are what the others say of themselves, as far as `load-rules.ts` believes it. Nobody steps down on their word
 * alone: its own users must be few. And nobody waits for ever for another that says it is fuller, or emptier, to act first.
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
  EMPTIER_WAIT_MS,
  FULLER_WAIT_PART,
  HAND_OVER_RETRY_MS,
  HAND_OVER_USERS_MAX,
  PEERING_PING_MS,
  PROMOTION_MS,
  SETTLED_MS,
  SUPERNODE_KBPS_MIN,
  TARGETS_MAX
} from './constants.ts'
import {
  averageLoad,
  countHanded,
  loadOf,
  placesAt,
  reachedPeers,
  roomAt,
  upperMedian,
  witnesses
} from './load-rules.ts'
import type { Neighbour } from './neighbours.ts'
import { CONTROL } from './priorities.ts'
import { becomeSupernode, stepDown } from './role-rules.ts'
import { contactOf, type FastTrackState, type Fx } from './state.ts'

/** Looks at the load, every `BALANCE_MS`. */
export function balance(state: FastTrackState, fx: Fx): void {
  const { nowMs, settings, users } = state
  if (state.steppingDownMs !== undefined) {
    // The supernode that takes this peer takes its users, too: of two there is no other.
    const home = state.neighbours.get(state.supernode)
    const others = reachedPeers(state)
    handOver(state, fx, HAND_OVER_USERS_MAX, home === undefined ? others : [...others, home])
    return
  }
  const sinceMs = nowMs - state.balancedMs
  if (sinceMs < BALANCE_MS) return
  state.balancedMs = nowMs
  const target = settings.ordinariesPerSupernode
  const peers = reachedPeers(state)
  const loads = peers.map(peer => loadOf(state, peer))
  const average = averageLoad([users, ...loads])
  const staying = users - movingUsers(state)
  const lighter = peers.filter(peer => placesAt(state, peer) > 0)
  const isCrowded = staying > CROWDED_PART * target
  if (isCrowded && average <= AVERAGE_HIGH_PART * target && lighter.length > 0) {
    handOver(state, fx, Math.ceil(staying - average), lighter, peer => placesAt(state, peer))
    // That time is no wait, or after it all would be late at once; nor is the wait before it lost, or who says now and
    // then that it has a place could keep this peer from ever having its turn.
    if (state.promotionDueMs !== undefined) state.promotionDueMs += sinceMs
  } else if (isCrowded || average > AVERAGE_HIGH_PART * target) {
    // As many of the fullest as supernodes are missing: if all did it at once there would be far too many.
    const total = average * (1 + peers.length)
    const missing = Math.ceil(total / (AVERAGE_ROOM_PART * target)) - 1 - peers.length
    const fuller = loads.filter(load => load > users).length
    if (isTurn(state, fx, fuller < Math.max(1, missing))) promoteOne(state, fx)
  } else state.promotionDueMs = undefined
  considerSteppingDown(state, fx)
}

/**
 * What is known of the others' load is as old as the last ping: in that time each of the fullest acts once, by chance, and
 * none waits longer than it is set to. The others wait for those as long again, in case one only says that it is fuller.
 */
function isTurn(state: FastTrackState, fx: Fx, isFullest: boolean): boolean {
  const { nowMs, settings } = state
  state.promotionDueMs ??= nowMs
  const waitMs = settings.promotionDelayMs * (isFullest ? 1 : FULLER_WAIT_PART)
  const isLate = nowMs - state.promotionDueMs >= waitMs
  if (!isLate && (!isFullest || state.unit(fx) >= BALANCE_MS / PEERING_PING_MS)) return false
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
  const mayStepDown =
    settings.role === 'auto' &&
    peers.length > 0 &&
    nowMs - state.roleSinceMs >= SETTLED_MS &&
    users < low &&
    upperMedian(peers.map(peer => loadOf(state, peer))) < low &&
    roomAt(state, peers) > users
  if (!mayStepDown) {
    state.lowMs = undefined
    state.emptyMs = undefined
    return
  }
  state.lowMs ??= nowMs
  if (!isEmptiest(state, fx, peers)) {
    state.emptyMs = undefined
    return
  }
  state.emptyMs ??= nowMs
  if (nowMs - state.emptyMs >= DEMOTE_MS) stepDown(state, fx)
}

/**
 * Whether it is among the emptiest, of which half as many step down at a time as there are too many. Of two that are equally empty the
 * one whose key is smaller comes first: both see the same. An emptier one that stays for long is passed over, and with time
 * another: it may be told to stay, or only say that it is empty.
 */
function isEmptiest(state: FastTrackState, fx: Fx, peers: readonly Neighbour[]): boolean {
  const { nowMs, users, settings, lowMs = nowMs } = state
  const loads = peers.map(peer => loadOf(state, peer))
  const total = users + peers.length * upperMedian(loads)
  const needed = Math.ceil(total / settings.ordinariesPerSupernode)
  const excess = 1 + peers.length - Math.max(1, needed)
  const own = fx.peers.key(SELF)
  let emptier = 0
  for (const [place, { peer }] of peers.entries()) {
    const load = loads[place]!
    if (load < users || (load === users && compareKeys(fx.peers.key(peer), own) < 0)) emptier += 1
  }
  const passedOver = Math.floor((nowMs - lowMs) / EMPTIER_WAIT_MS)
  return excess > 0 && emptier < Math.ceil(excess / 2) + passedOver
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

/** Tells so many users to move to one of these, as long as one has a place; those that stay are told again later. */
function handOver(
  state: FastTrackState,
  fx: Fx,
  count: number,
  to: readonly Neighbour[],
  placesOf: (peer: Neighbour) => number = () => Number.POSITIVE_INFINITY
): void {
  const { nowMs } = state
  let told = 0
  for (const neighbour of state.neighbours.all) {
    if (told >= Math.min(count, HAND_OVER_USERS_MAX)) return
    const { user } = neighbour
    if (user === undefined || nowMs - (user.movingMs ?? Number.NEGATIVE_INFINITY) < HAND_OVER_RETRY_MS)
      continue
    const open = to.filter(peer => placesOf(peer) > 0)
    if (open.length === 0) return
    user.movingMs = nowMs
    // Each begins with another one, so that they do not all come to the same.
    const targets = Array.from(
      { length: Math.min(open.length, TARGETS_MAX) },
      (_, place) => open[(told + place) % open.length]!
    )
    countHanded(state, targets[0]!)
    fx.send(
      neighbour.link,
      { type: 'hand-over', to: targets.map(({ peer }) => contactOf(fx, peer)) },
      CONTROL
    )
    state.count('usersHandedOver')
    told += 1
  }
}
