/**
 * Who vouches for whom, from this peer's own point of view. Pure. Whoever took bytes vouches for whoever gave them, with
 * as many bytes: this peer for those who gave it something, by its own measure, and they for those who gave
 * them, by receipts that both sides signed. Credit of a peer is the flow from here to it over these edges
 * (BarterCast, Meulpolder and others 2009), so it is bounded by every cut between the two: a hundred keys that sign a
 * terabyte for each other have behind them what their one real edge carried.
 *
 * A flow to each peer by itself bounds each peer, and not their sum: one edge would stand behind all hundred keys in
 * turn. So what is set aside for one peer is used on each edge of its way, and others find what is left (Bazaar, Post and
 * others 2011). Who sets aside, and for how long, stands in `claims.ts`.
 *
 * What a collusion can still gain: as much as it really gave, wherever it spends it. Who gave this peer, or a
 * peer that this one took from, a gigabyte, may let any key of its own use that gigabyte, once. And a peer that
 * really gave can vouch with it for keys that gave nothing: with its own credit, which is then theirs and not its own.
 */
import { CREDIT_HOPS, CREDIT_HOPS_MAX, FLOW_ARCS_MAX } from './constants.ts'
import { type Flow, type FlowArc, maxFlow } from './max-flow.ts'
import type { OwnAccounts, ReceiptBook } from './receipt-book.ts'

/** Something of what an edge carries may be set aside. */
export interface CreditEdge {
  usedBytes: number
}

/** This peer vouches for another. */
interface OwnEdge extends CreditEdge {
  readonly peer: string
}

export interface GraphLimits {
  /** Edges of a path, 1 to `CREDIT_HOPS_MAX`. */
  readonly hops: number
  readonly flowArcsMax: number
}

export class CreditGraph {
  readonly #self: string
  readonly #own: OwnAccounts
  readonly #book: ReceiptBook
  readonly #limits: GraphLimits
  /** Own edges of which something is set aside. */
  readonly #used = new Map<string, OwnEdge>()

  /** @throws RangeError  the hops are out of their bounds */
  constructor(self: string, own: OwnAccounts, book: ReceiptBook, limits: Partial<GraphLimits> = {}) {
    this.#self = self
    this.#own = own
    this.#book = book
    this.#limits = { hops: CREDIT_HOPS, flowArcsMax: FLOW_ARCS_MAX, ...limits }
    const { hops } = this.#limits
    if (!Number.isInteger(hops) || hops < 1 || hops > CREDIT_HOPS_MAX)
      throw new RangeError(`Credit goes over 1 to ${CREDIT_HOPS_MAX} hops, not ${hops}.`)
  }

  /** Credit that this peer could set aside for another, up to `wantedBytes`: the way is found from its far end. */
  reach(peer: string, wantedBytes: number): Flow<CreditEdge> {
    return this.#flow(
      peer,
      wantedBytes,
      (at): FlowArc<CreditEdge> => {
        const edge = this.#used.get(at) ?? { peer: at, usedBytes: 0 }
        return { edge, to: this.#self, bytes: this.#own(at).givenBytes - edge.usedBytes }
      },
      at => this.#book.givenBy(at),
      vouch => ({ edge: vouch, to: vouch.taker, bytes: vouch.bytes - vouch.usedBytes })
    )
  }

  /** What another peer took, from here and from those who took it from here. Nothing of it is ever set aside. */
  owes(peer: string): number {
    return this.#flow(
      peer,
      Infinity,
      at => ({ edge: undefined, to: this.#self, bytes: this.#own(at).takenBytes }),
      at => this.#book.takenBy(at),
      ({ giver, bytes }) => ({ edge: undefined, to: giver, bytes })
    ).bytes
  }

  /** Sets a flow aside that `reach` has just found. */
  hold({ onEdges }: Flow<CreditEdge>): void {
    for (const [edge, bytes] of onEdges) {
      edge.usedBytes += bytes
      if (isOwn(edge)) this.#used.set(edge.peer, edge)
    }
  }

  release({ onEdges }: Flow<CreditEdge>): void {
    for (const [edge, bytes] of onEdges) {
      edge.usedBytes -= bytes
      if (isOwn(edge) && edge.usedBytes === 0) this.#used.delete(edge.peer)
    }
  }

  /** The edge from here to a peer, where something of it is set aside. */
  usedEdge(peer: string): CreditEdge | undefined {
    return this.#used.get(peer)
  }

  #flow<Edge, Kept>(
    from: string,
    wantedBytes: number,
    last: (at: string) => FlowArc<Edge>,
    kept: (at: string) => Iterable<Kept>,
    arcOf: (one: Kept) => FlowArc<Edge>
  ): Flow<Edge> {
    if (from === this.#self) return { bytes: 0, onEdges: new Map() }
    const { hops: hopsMax, flowArcsMax: arcsMax } = this.#limits
    return maxFlow({
      from,
      to: this.#self,
      last,
      onward: at => Iterator.from(kept(at)).map(arcOf),
      hopsMax,
      arcsMax,
      wantedBytes
    })
  }
}

function isOwn(edge: CreditEdge): edge is OwnEdge {
  return 'peer' in edge
}
