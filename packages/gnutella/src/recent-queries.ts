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
  /** By id, the oldest first. */
  readonly #entries = new Map<Guid, Entry>()

  add(queryId: Guid, ttl: number, hops: number, from?: PeerName): void {
    this.#entries.delete(queryId)
    this.#entries.set(queryId, { queryId, ttl, hops, from, forwardedTo: [] })
    if (this.#entries.size <= QUERIES_SHOWN_MAX) return
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest)
      break
    }
  }

  /** Writes down that a query left for a neighbour. Nothing happens where it is no longer shown. */
  forwarded(queryId: Guid, to: PeerName): void {
    this.#entries.get(queryId)?.forwardedTo.push(to)
  }

  list(): SeenQuery[] {
    return Array.from(this.#entries.values(), ({ from, forwardedTo, ...entry }) => ({
      ...entry,
      from: from?.text ?? null,
      forwardedTo: forwardedTo.map(peer => peer.text)
    }))
  }
}
