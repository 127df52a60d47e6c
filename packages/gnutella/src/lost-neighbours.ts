/**
 * Neighbours that went without a Bye. Where a network falls in two, each half fills its places with its own, and nobody
 * looks for anybody when it is one again. So whoever was lost is called again, more and more seldom, and has its place
 * back from the youngest of those who came after: on both sides, for each has lost the other.
 */
import type { Peer } from '@servent/overlay/machine'
import { sayBye } from './bye-rules.ts'
import { jitter } from './calling-rules.ts'
import {
  LOST_CALL_MS,
  LOST_CALL_MS_MAX,
  LOST_KEPT_MS,
  LOST_MAX,
  LOST_PER_NETWORK_MAX,
  OPENS_MAX,
  SETTLED_MS
} from './constants.ts'
import type { Neighbour } from './neighbours.ts'
import type { Fx, GnutellaState } from './state.ts'

interface Lost {
  readonly sinceMs: number
  readonly network: string | undefined
  waitMs: number
  /** It is not called before. */
  callMs: number
}

export class LostNeighbours {
  /** The one that was lost first comes first. */
  readonly #lost = new Map<Peer, Lost>()

  get size(): number {
    return this.#lost.size
  }

  peers(hold: (peer: Peer) => void): void {
    for (const peer of this.#lost.keys()) hold(peer)
  }

  /** `network`: that it came from, if those that come from there are counted. */
  add(peer: Peer, network: string | undefined, nowMs: number, part: number): void {
    this.#lost.delete(peer)
    this.#dropFirst(LOST_MAX, () => true)
    if (network !== undefined) this.#dropFirst(LOST_PER_NETWORK_MAX, lost => lost.network === network)
    const waitMs = LOST_CALL_MS
    this.#lost.set(peer, { sinceMs: nowMs, network, waitMs, callMs: nowMs + waitMs * (0.75 + part / 2) })
  }

  /** Makes room for one more of these. */
  #dropFirst(most: number, which: (lost: Lost) => boolean): void {
    const some = Array.from(this.#lost).filter(([, lost]) => which(lost))
    if (some.length >= most) this.#lost.delete(some[0]![0])
  }

  /** Whether it was one. */
  delete(peer: Peer): boolean {
    return this.#lost.delete(peer)
  }

  clear(): void {
    this.#lost.clear()
  }

  /** Forgets those that were lost long ago. */
  age(nowMs: number): void {
    for (const [peer, lost] of this.#lost) if (isOld(lost, nowMs)) this.#lost.delete(peer)
  }

  sinceMs(peer: Peer, nowMs: number): number | undefined {
    const lost = this.#lost.get(peer)
    return lost === undefined || isOld(lost, nowMs) ? undefined : lost.sinceMs
  }

  /** Whom to call now. `draw` gives a number from 0 to 1. */
  due(nowMs: number, draw: () => number): Peer | undefined {
    for (const [peer, lost] of this.#lost) {
      if (lost.callMs > nowMs) continue
      lost.waitMs = Math.min(LOST_CALL_MS_MAX, 2 * lost.waitMs)
      lost.callMs = nowMs + lost.waitMs * (0.75 + draw() / 2)
      return peer
    }
    return undefined
  }
}

function isOld({ sinceMs }: Lost, nowMs: number): boolean {
  return nowMs - sinceMs >= LOST_KEPT_MS
}

/** A link of descriptors broke, or is ended here because its peer is silent. */
export function noteLost(state: GnutellaState, fx: Fx, neighbour: Neighbour): void {
  const { peer, phase, upMs, kind, network } = neighbour
  if (phase !== 'up' || upMs === undefined || state.nowMs - upMs < SETTLED_MS) return
  // Leaves come by themselves, and a leaf's ultrapeers are all alike.
  if (kind === 'leaf' || state.tiers.tier === 'leaf' || state.stopped) return
  state.lost.add(peer, network, state.nowMs, jitter(fx))
}

export function callLost(state: GnutellaState, fx: Fx): void {
  if (state.stopped || state.tiers.tier === 'leaf' || state.opening.size >= OPENS_MAX) return
  const peer = state.lost.due(state.nowMs, () => jitter(fx))
  if (peer === undefined || state.opening.has(peer) || state.neighbours.isLinked(peer)) return
  state.opening.set(peer, state.nowMs)
  state.count('opens')
  fx.open(peer)
}

/**
 * Whether there is a neighbour that came after this one was lost: it has that one's place, but only once both sides said
 * 200. Until then nobody goes for it, since it may refuse or be gone.
 */
export function mayClaim(state: GnutellaState, neighbour: Neighbour): boolean {
  if (neighbour.kind === 'leaf' || state.tiers.tier === 'leaf') return false
  // PeerIds cost nothing: whoever has many of them at one place has no more places by having lost them.
  if (state.neighbours.ofNetwork(neighbour) >= LOST_PER_NETWORK_MAX) return false
  let claims = 0
  for (const other of state.neighbours.all)
    if (other.claims && other.phase !== 'leaving' && other.peer !== neighbour.peer) claims += 1
  return younger(state, neighbour).length > claims
}

/** The last word of a handshake was said. False: whoever claims a place finds none any more. */
export function takeClaimed(state: GnutellaState, fx: Fx, neighbour: Neighbour): boolean {
  if (!neighbour.claims) return true
  const { inbound } = neighbour
  const isFree = inbound ? state.roomForStranger : state.neighbours.places < state.places
  if (!isFree) {
    const youngest = younger(state, neighbour).at(-1)
    if (youngest === undefined) return false
    sayBye(state, fx, youngest, 503, 'One that was here before is back')
  }
  neighbour.claims = false
  return true
}

/**
 * Those that came after it was lost, the oldest first. One that is back had its place before, too. To one that comes by itself, links that were opened here are none
 * while there are no more of them than places are reserved for (eclipse).
 */
function younger(state: GnutellaState, { peer, inbound }: Neighbour): Neighbour[] {
  const sinceMs = state.lost.sinceMs(peer, state.nowMs)
  if (sinceMs === undefined) return []
  const fromOutside = inbound && state.neighbours.ownPlaces <= state.reserved
  return state.neighbours.peers.filter(
    ({ upMs, isBack, inbound }) =>
      upMs !== undefined && upMs > sinceMs && !isBack && (inbound || !fromOutside)
  )
}
