/**
 * What one query costs all peers together: every message that any machine sends under the id of one of its queries,
 * which an expanding ring has several of. Queries, hits, and what walkers ask their origin.
 */
import {
  type GnutellaCommand,
  type GnutellaMessage,
  type GnutellaNotice,
  type GnutellaTypes,
  gnutellaCodec
} from '@servent/gnutella/machine'
import type { Input, Link } from '@servent/overlay/machine'
import type { LookupTrace } from '../path/trace.ts'
import { ExpiringMap } from './expiring-map.ts'
import type { Watch } from './observed.ts'
import { PongCount } from './pong-count.ts'

/** Timers of searches, which a network that stands still still takes. */
const OF_SEARCHES = /^(ring|dynamic)-/

/** Counters of one lookup or search. */
export interface QueryCost {
  messages: number
  bytes: number
  /** Where each message is looked at as well. */
  readonly trace?: LookupTrace | undefined
}

export class QueryTraffic implements Watch<GnutellaTypes> {
  readonly pongs: PongCount
  /** Of all queries together. */
  readonly all: QueryCost = { messages: 0, bytes: 0 }
  readonly #byCommand = new WeakMap<GnutellaCommand, QueryCost>()
  /** By machine and number of the search. */
  readonly #bySearch: ExpiringMap<string, QueryCost>
  readonly #byGuid: ExpiringMap<string, QueryCost>
  #frozen = false
  /** The last query that was sent and is nobody's yet. */
  #untold: { readonly message: GnutellaMessage; readonly link: Link } | undefined
  /** A flood sends one message many times. */
  #measured: GnutellaMessage | undefined
  #measuredBytes = 0

  /** `livesUs`: how long after its beginning messages of a query may come. */
  constructor(livesUs: number, nowUs: () => number) {
    this.pongs = new PongCount(nowUs)
    this.#bySearch = new ExpiringMap(livesUs, nowUs)
    this.#byGuid = new ExpiringMap(livesUs, nowUs)
  }

  /** Counts for the query that this command will ask. */
  expect(command: GnutellaCommand, cost: QueryCost): void {
    this.#byCommand.set(command, cost)
  }

  /** From now on upkeep stands still. Searches that are under way go on. */
  freeze(): void {
    this.#frozen = true
  }

  onInput(input: Input<GnutellaTypes>, machine: number): boolean {
    if (input.type === 'command') {
      const cost = this.#byCommand.get(input.command)
      if (cost !== undefined) this.#bySearch.set(`${machine}/${input.id}`, cost)
    }
    return !(this.#frozen && input.type === 'timer' && !OF_SEARCHES.test(`${input.timer}`))
  }

  onSend(message: GnutellaMessage, link: Link, machine: number, clock: { nowMs(): number }): void {
    if (message.type === 'pong') this.pongs.sent(machine, link, clock.nowMs())
    if (!('guid' in message)) return
    const cost = this.#byGuid.get(message.guid)
    if (cost !== undefined) {
      cost.trace?.sent(message, link, machine)
      this.#count(cost, message)
    } else if (message.type === 'query') this.#untold = { message, link }
  }

  /** The first message of a query is told of once it was sent. */
  onNotify(notice: GnutellaNotice, machine: number): void {
    if (notice.type !== 'search-traffic' || notice.message.type !== 'query') return
    const { guid } = notice.message
    const cost = this.#bySearch.get(`${machine}/${notice.search}`)
    if (cost === undefined || this.#byGuid.get(guid) !== undefined) return
    this.#byGuid.set(guid, cost)
    const sent = this.#untold
    if (sent?.message === notice.message) cost.trace?.sent(sent.message, sent.link, machine)
    this.#count(cost, notice.message)
  }

  #count(cost: QueryCost, message: GnutellaMessage): void {
    if (message !== this.#measured) {
      this.#measured = message
      this.#measuredBytes = gnutellaCodec.byteLength(message)
    }
    for (const one of [cost, this.all]) {
      one.messages += 1
      one.bytes += this.#measuredBytes
    }
  }
}
