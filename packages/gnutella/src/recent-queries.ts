/** The last queries that came by, for people: where each came from and to whom it was handed on. */
import { QUERIES_SHOWN_MAX } from './constants.ts'
import type { Guid } from './messages.ts'
import type { PeerName } from './neighbours.ts'
import type { SeenQuery } from './types.ts'

interface Entry {
  readonly queryId: Guid
  readonly ttl: number
  readonly hops: number
  readonly from: PeerName | undefined
  readonly forwardedTo: PeerName[]
}

export class RecentQueries {
  /** A ring: the newest stands before `#next`, the oldest at it. */
  readonly #entries: Entry[] = []
  #next = 0

  add(queryId: Guid, ttl: number, hops: number, from?: PeerName): void {
    this.#entries[this.#next] = { queryId, ttl, hops, from, forwardedTo: [] }
    this.#next = (this.#next + 1) % QUERIES_SHOWN_MAX
  }

  /** Writes down that a query left for a neighbour. Nothing happens where it is no longer shown. */
  forwarded(queryId: Guid, to: PeerName): void {
    const count = this.#entries.length
    // Nearly always it is the newest.
    for (let back = 1; back <= count; back += 1) {
      const entry = this.#entries[(this.#next - back + count) % count]!
      if (entry.queryId !== queryId) continue
      entry.forwardedTo.push(to)
      return
    }
  }

  /** The oldest first. */
  list(): SeenQuery[] {
    const inOrder = [...this.#entries.slice(this.#next), ...this.#entries.slice(0, this.#next)]
    return inOrder.map(({ from, forwardedTo, ...entry }) => ({
      ...entry,
      from: from?.text ?? null,
      forwardedTo: forwardedTo.map(peer => peer.text)
    }))
  }
}
