/** What one query costs all peers together: every query and hit with its id that any machine sends. */
import {
  type GnutellaCommand,
  type GnutellaMessage,
  type GnutellaTypes,
  gnutellaCodec
} from '@servent/gnutella/machine'
import type { Input } from '@servent/overlay/machine'
import { ExpiringMap } from './expiring-map.ts'
import type { Watch } from './observed.ts'

/** Counters of one lookup or search. */
export interface QueryCost {
  messages: number
  bytes: number
}

export class QueryTraffic implements Watch<GnutellaTypes> {
  readonly #byCommand = new WeakMap<GnutellaCommand, QueryCost>()
  readonly #byGuid: ExpiringMap<string, QueryCost>
  #asking: QueryCost | undefined
  #frozen = false
  /** A flood sends one message many times. */
  #measured: GnutellaMessage | undefined
  #measuredBytes = 0

  /** `livesUs`: how long after its beginning messages of a query may come. */
  constructor(livesUs: number, nowUs: () => number) {
    this.#byGuid = new ExpiringMap(livesUs, nowUs)
  }

  /** Counts for the query that this command will ask. */
  expect(command: GnutellaCommand, cost: QueryCost): void {
    this.#byCommand.set(command, cost)
  }

  /** From now on no timer of any machine goes off: upkeep stands still. */
  freeze(): void {
    this.#frozen = true
  }

  onInput(input: Input<GnutellaTypes>): boolean {
    this.#asking = input.type === 'command' ? this.#byCommand.get(input.command) : undefined
    return !(this.#frozen && input.type === 'timer')
  }

  onSend(message: GnutellaMessage): void {
    if (message.type !== 'query' && message.type !== 'query-hit') return
    if (this.#asking !== undefined && message.type === 'query') this.#byGuid.set(message.guid, this.#asking)
    const cost = this.#byGuid.get(message.guid)
    if (cost === undefined) return
    if (message !== this.#measured) {
      this.#measured = message
      this.#measuredBytes = gnutellaCodec.byteLength(message)
    }
    cost.messages += 1
    cost.bytes += this.#measuredBytes
  }
}
