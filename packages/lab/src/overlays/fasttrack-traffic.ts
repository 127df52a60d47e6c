/** What one search costs all peers together: each query, its results and its ends, whoever sends them. */
import {
  type FastTrackMessage,
  type FastTrackTypes,
  fasttrackCodec,
  QUERIES_TIMER
} from '@servent/fasttrack/machine'
import type { Input } from '@servent/overlay/machine'
import { ExpiringMap } from './expiring-map.ts'
import type { QueryCost } from './gnutella-traffic.ts'
import type { Watch } from './observed.ts'

export class SearchMessages implements Watch<FastTrackTypes> {
  /** By the query's id, which is random: each round of a search has another one. */
  readonly #byId: ExpiringMap<string, QueryCost>
  #frozen = false
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
  }

  /** From now on upkeep stands still; a query's own time goes on. */
  freeze(): void {
    this.#frozen = true
  }

  onInput(input: Input<FastTrackTypes>): boolean {
    return !(this.#frozen && input.type === 'timer' && input.timer !== QUERIES_TIMER)
  }

  onSend(message: FastTrackMessage): void {
    if (message.type !== 'query' && message.type !== 'results' && message.type !== 'query-end') return
    let cost = this.#byId.get(message.id)
    if (cost === undefined) {
      cost = { messages: 0, bytes: 0 }
      this.#byId.set(message.id, cost)
    }
    if (message !== this.#measured) {
      this.#measured = message
      this.#measuredBytes = fasttrackCodec.byteLength(message)
    }
    cost.messages += 1
    cost.bytes += this.#measuredBytes
  }
}
