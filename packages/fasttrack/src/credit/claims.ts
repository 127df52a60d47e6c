/**
 * Credit that is set aside, and for whom. Pure: the caller says what time it is, on a clock that does not jump.
 *
 * A peer that asks has credit set aside for it, for `leaseMs` after it last asked; when that is over, what it took
 * meanwhile stays spent and the rest is free for others. So at any moment the credit of all peers together fits through
 * every cut, and so does what they spend in time: keys of one owner can use its edge one after the other
 * or share it, and come to no more than one of them would.
 *
 * Own experience goes first: a peer that gave this one something itself takes its edge back from those for whom it
 * vouches, as far as they have not spent it.
 */
import { CLAIM_LEASE_MS, CLAIMS_MAX } from './constants.ts'
import type { CreditEdge, CreditGraph } from './credit-graph.ts'
import type { Flow } from './max-flow.ts'
import type { OwnAccounts } from './receipt-book.ts'

export interface ClaimLimits {
  readonly claimsMax: number
  readonly leaseMs: number
}

interface Claim {
  readonly flow: Flow<CreditEdge>
  readonly untilMs: number
}

export class Claims {
  readonly #graph: CreditGraph
  readonly #own: OwnAccounts
  readonly #limits: ClaimLimits
  readonly #shrunk: (peer: string) => void
  /** While its lease runs; whose ends first comes first. */
  readonly #leased = new Map<string, Claim>()
  /** What was spent by those whose lease is over; whose ended first comes first. */
  readonly #spent = new Map<string, Claim>()

  /** `shrunk` is told of peers that have less set aside than they were told. */
  constructor(
    graph: CreditGraph,
    own: OwnAccounts,
    limits: Partial<ClaimLimits> = {},
    shrunk: (peer: string) => void = () => {}
  ) {
    this.#graph = graph
    this.#own = own
    this.#limits = { claimsMax: CLAIMS_MAX, leaseMs: CLAIM_LEASE_MS, ...limits }
    this.#shrunk = shrunk
  }

  get size(): number {
    return this.#leased.size + this.#spent.size
  }

  /** Bytes that are set aside for a peer. */
  of(peer: string): number {
    return (this.#leased.get(peer) ?? this.#spent.get(peer))?.flow.bytes ?? 0
  }

  /** Peers for whom something is set aside now because they asked. */
  leased(): string[] {
    return [...this.#leased.keys()]
  }

  /**
   * Sets credit aside for a peer, and says how much: up to `wantedBytes`, and nothing where it would be less
   * than `leastBytes`, which is not worth a place.
   */
  claim(peer: string, wantedBytes: number, leastBytes: number, nowMs: number): number {
    this.#lapse(nowMs)
    const hadClaim = this.#giveBack(peer)
    this.#makeWay(peer)
    const flow = this.#graph.reach(peer, wantedBytes)
    if (flow.bytes >= leastBytes) {
      this.#keep(this.#leased, peer, flow, nowMs)
      return this.of(peer)
    }
    // What it has spent stays spent, whether or not the rest is worth anything to it now.
    if (hadClaim) this.#keep(this.#spent, peer, this.#spentOf(peer, flow.bytes), nowMs)
    return 0
  }

  /** After a start: what peers with credit took before is spent again, the largest first. */
  restore(peers: Iterable<string>, leastBytes: number): void {
    const takers = [...peers].map(peer => ({ peer, takenBytes: this.#own(peer).takenBytes }))
    takers.sort((a, b) => b.takenBytes - a.takenBytes || (a.peer < b.peer ? -1 : 1))
    for (const { peer, takenBytes } of takers) {
      if (takenBytes === 0 || this.size >= this.#limits.claimsMax) return
      const { bytes } = this.#graph.reach(peer, Math.max(takenBytes, leastBytes))
      if (bytes >= leastBytes) this.#keep(this.#spent, peer, this.#spentOf(peer, bytes), 0)
    }
  }

  #keep(claims: Map<string, Claim>, peer: string, flow: Flow<CreditEdge>, nowMs: number): void {
    if (flow.bytes === 0) return
    this.#graph.hold(flow)
    claims.set(peer, { flow, untilMs: nowMs + this.#limits.leaseMs })
    if (this.size <= this.#limits.claimsMax) return
    const least = this.#leastSpent()
    this.#giveBack(least)
    this.#shrunk(least)
  }

  /** The part of a flow that a peer has taken already. */
  #spentOf(peer: string, bytes: number): Flow<CreditEdge> {
    return this.#graph.reach(peer, Math.min(bytes, this.#own(peer).takenBytes))
  }

  /** Who goes first where places are short: who spent least, so that a crowd of small ones makes nobody forgotten. */
  #leastSpent(): string {
    let [found] = this.#leased.keys()
    let foundBytes = Infinity
    for (const [peer, { flow }] of this.#spent) {
      if (flow.bytes >= foundBytes) continue
      found = peer
      foundBytes = flow.bytes
    }
    return found!
  }

  #giveBack(peer: string): boolean {
    const claim = this.#leased.get(peer) ?? this.#spent.get(peer)
    if (claim === undefined) return false
    this.#graph.release(claim.flow)
    this.#leased.delete(peer)
    this.#spent.delete(peer)
    return true
  }

  #lapse(nowMs: number): void {
    for (const [peer, { untilMs }] of this.#leased) {
      if (untilMs > nowMs) return
      this.#end(peer, nowMs)
    }
  }

  /** Others give back what they have not spent of the edge from here to this peer. */
  #makeWay(peer: string): void {
    const edge = this.#graph.usedEdge(peer)
    if (edge === undefined) return
    for (const [other, { flow }] of [...this.#leased]) if (flow.onEdges.has(edge)) this.#end(other, 0)
  }

  /** Its lease is over: what it took stays. */
  #end(peer: string, nowMs: number): void {
    const heldBytes = this.of(peer)
    this.#giveBack(peer)
    this.#keep(this.#spent, peer, this.#spentOf(peer, heldBytes), nowMs)
    this.#shrunk(peer)
  }
}
