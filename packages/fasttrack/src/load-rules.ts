/**
 * How far it is believed what other supernodes say of their load, and how many users are handed to one of them.
 *
 * Whoever knocks may say what it likes under as many keys as it likes: only those count that this peer has reached itself.
 * None has more users than it would have itself by the same rules. What most of them say decides, so that fewer liars than
 * honest ones steer nobody; and one that says that it is empty is handed no more than one that is.
 */
import { AVERAGE_ROOM_PART, HAND_OVER_PLACES_MS, PEERING_KNOWN_MS } from './constants.ts'
import type { Neighbour } from './neighbours.ts'
import { emptiest } from './role-rules.ts'
import type { FastTrackState, Handed } from './state.ts'

/** Supernodes that are linked and that this peer has reached itself, with the fewest users first. */
export function reachedPeers(state: FastTrackState): Neighbour[] {
  return emptiest(state).filter(({ isReached }) => isReached)
}

/** Those by whose word it may step down: reached, and linked for a while. */
export function witnesses(state: FastTrackState): Neighbour[] {
  return reachedPeers(state).filter(({ upMs }) => state.nowMs - upMs >= PEERING_KNOWN_MS)
}

/** Users that it says it has; no more than a supernode takes. */
export function loadOf({ usersHard }: FastTrackState, { users }: Neighbour): number {
  return Math.min(usersHard, users)
}

/** Of whom one is told to make room for others: by mean and median, whichever is less. */
export function averageLoad(loads: readonly number[]): number {
  const mean = loads.reduce((sum, load) => sum + load, 0) / loads.length
  const sorted = loads.toSorted((a, b) => a - b)
  const median = (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2
  return Math.min(mean, median)
}

/** The median; of an even number the greater of the two in the middle. */
export function upperMedian(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}

/** Room at all of them, by the median; nobody has more than this peer would give in its place. */
export function roomAt(state: FastTrackState, peers: readonly Neighbour[]): number {
  const rooms = peers.map(peer => Math.max(0, Math.min(state.usersSoft, peer.usersMax) - loadOf(state, peer)))
  return upperMedian(rooms) * rooms.length
}

/**
 * Users that may still be handed to it: those that were, for a while, are counted as its own whatever it says, and though
 * its link has ended since.
 */
export function placesAt(state: FastTrackState, peer: Neighbour): number {
  const load = Math.max(loadOf(state, peer), recentlyHanded(state, peer)?.load ?? 0)
  return Math.max(0, Math.ceil(AVERAGE_ROOM_PART * state.settings.ordinariesPerSupernode) - load)
}

/** A user is told to go there first. */
export function countHanded(state: FastTrackState, peer: Neighbour): void {
  const { nowMs } = state
  const { sinceMs, load } = recentlyHanded(state, peer) ?? { sinceMs: nowMs, load: loadOf(state, peer) }
  state.handed.set(peer.name, { sinceMs, load: load + 1 }, nowMs)
}

function recentlyHanded({ handed, nowMs }: FastTrackState, { name }: Neighbour): Handed | undefined {
  const known = handed.get(name)
  return known !== undefined && nowMs - known.sinceMs < HAND_OVER_PLACES_MS ? known : undefined
}
