/** What one search costs all peers together: each query, its results and its ends, whoever sends them. */
import {
  type FastTrackMessage,
  type FastTrackTypes,
  fasttrackCodec,
  QUERIES_TIMER
} from '@servent/fasttrack/machine'
import type { Input, Link } from '@servent/overlay/machine'
import { ExpiringMap } from './expiring-map.ts'
import type { QueryCost } from './gnutella-traffic.ts'
import type { Watch } from './observed.ts'

/** Messages that a peer sends at once for a query of its own: to its supernode, or to some others. */
const UNTOLD = 64

export class SearchMessages implements Watch<FastTrackTypes> {
  /** By the query's id, which is random: each round of a search has another one. */
  readonly #byId: ExpiringMap<string, QueryCost>
  #frozen = false
  /** Sent for the query that is newest, which is told of once its peer has done. */
  #untold: { readonly message: FastTrackMessage; readonly link: Link; readonly node: number }[] = []
  /** One query goes to several. */
  #measured: FastTrackMessage | undefined
  #measuredBytes = 0

  /** `livesUs`: how long after its beginning messages of a query may come. */
  constructor(livesUs: number, nowUs: () => number) {
    this.#byId = new ExpiringMap(livesUs, nowUs)
  }

  /** This query is one of a search: what was sent for it, and will be, is counted there. */
  countFor(id: string, cost: QueryCost): void {
    const known = this.#byId.get(id)
    if (known === cost) return
    this.#byId.set(id, cost)
    cost.messages += known?.messages ?? 0
    cost.bytes += known?.bytes ?? 0
    for (const { message, link, node } of this.#untold)
      if ('id' in message && message.id === id) cost.trace?.sent(message, link, node)
    this.#untold = []
  }

  /** From now on upkeep stands still; a query's own time goes on. */
  freeze(): void {
    this.#frozen = true
  }

  onInput(input: Input<FastTrackTypes>): boolean {
    return !(this.#frozen && input.type === 'timer' && input.timer !== QUERIES_TIMER)
  }

  onSend(message: FastTrackMessage, link: Link, node: number): void {
    if (message.type !== 'query' && message.type !== 'results' && message.type !== 'query-end') return
    let cost = this.#byId.get(message.id)
    if (cost === undefined) {
      cost = { messages: 0, bytes: 0 }
      this.#byId.set(message.id, cost)
      this.#untold = []
    }
    if (cost.trace !== undefined) cost.trace.sent(message, link, node)
    else if (this.#untold.length < UNTOLD) this.#untold.push({ message, link, node })
    if (message !== this.#measured) {
      this.#measured = message
      this.#measuredBytes = fasttrackCodec.byteLength(message)
    }
    cost.messages += 1
    cost.bytes += this.#measuredBytes
  }
}
