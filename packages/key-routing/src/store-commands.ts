/** Commands about records that are under way: publishing, reading, and giving up. */
import type { Peer, RequestId } from '@servent/overlay/machine'
import { LazyMap } from './lazy-map.ts'
import { Publish } from './publish.ts'
import { RangeCache } from './publish-ranges.ts'
import type { Acceptance } from './store-accept.ts'
import { FETCH_KEYS_MAX, PUBLISH_RECORDS_MAX, PUBLISHES_MAX, READS_MAX } from './store-constants.ts'
import type { StoreContext } from './store-context.ts'
import { Fetch, type FetchInit } from './store-fetch.ts'
import type { Serving } from './store-serving.ts'
import type { RoutingCommand, RoutingEffects } from './types.ts'
import { ValueRead } from './values-read.ts'

/** Before the id of a command to publish: the timer by which it tries again. */
export const RETRY_TIMERS = 'store/retry/'

interface UnderWay {
  giveUp(effects: RoutingEffects): void
  heldPeers(hold: (peer: Peer) => void): void
}

export class Commands {
  readonly #context: StoreContext
  readonly #acceptance: Acceptance
  readonly #serving: Serving
  readonly #ranges = new RangeCache()
  readonly #publishes = new LazyMap<RequestId, Publish>()
  readonly #reads = new LazyMap<RequestId, UnderWay>()

  constructor(context: StoreContext, acceptance: Acceptance, serving: Serving) {
    this.#context = context
    this.#acceptance = acceptance
    this.#serving = serving
  }

  get publishes(): number {
    return this.#publishes.size
  }

  get reads(): number {
    return this.#reads.size
  }

  get ranges(): number {
    return this.#ranges.size
  }

  heldPeers(hold: (peer: Peer) => void): void {
    this.#ranges.heldPeers(hold)
    for (const job of this.#publishes.values()) job.heldPeers(hold)
    for (const job of this.#reads.values()) job.heldPeers(hold)
  }

  /** True for commands about records. */
  onCommand(id: RequestId, command: RoutingCommand, effects: RoutingEffects): boolean {
    switch (command.type) {
      case 'publish':
        this.#publish(id, command, effects)
        return true
      case 'fetch':
        this.#fetch({ command: id, kind: command.kind, keys: [command.key], limit: command.limit }, effects)
        return true
      case 'fetch-rarest':
        this.#fetch({ command: id, kind: 'word', keys: command.keys, limit: command.limit }, effects)
        return true
      case 'read-value':
        this.#readValue(id, command, effects)
        return true
      case 'give-up': {
        const job = this.#reads.get(command.command) ?? this.#publishes.get(command.command)
        job?.giveUp(effects)
        return job !== undefined
      }
      default:
        return false
    }
  }

  onTimer(name: string, effects: RoutingEffects): void {
    this.#publishes.get(Number(name.slice(RETRY_TIMERS.length)))?.onTimer(effects)
  }

  #publish(id: RequestId, { records }: RoutingCommand & { type: 'publish' }, effects: RoutingEffects): void {
    if (this.#publishes.size >= PUBLISHES_MAX || records.length > PUBLISH_RECORDS_MAX) {
      const outcomes = records.map(() => 'busy' as const)
      effects.notify({ type: 'published', command: id, outcomes, copies: records.map(() => 0) })
      return
    }
    const job = new Publish(this.#context, this.#acceptance, {
      command: id,
      timer: `${RETRY_TIMERS}${id}`,
      records,
      ranges: this.#ranges,
      done: () => this.#publishes.delete(id)
    })
    this.#publishes.set(id, job)
    job.start(effects)
  }

  #fetch(init: Omit<FetchInit, 'done'>, effects: RoutingEffects): void {
    const { command, keys } = init
    if (this.#reads.size >= READS_MAX || keys.length === 0 || keys.length > FETCH_KEYS_MAX) {
      const traffic = { messages: 0, bytes: 0 }
      effects.notify({ type: 'records-end', command, total: 0, traffic, failure: 'busy' })
      return
    }
    const job = new Fetch(this.#context, this.#serving, { ...init, done: () => this.#reads.delete(command) })
    this.#reads.set(command, job)
    job.start(effects)
  }

  #readValue(
    id: RequestId,
    { key, quorum }: RoutingCommand & { type: 'read-value' },
    effects: RoutingEffects
  ): void {
    if (this.#reads.size >= READS_MAX) {
      effects.notify({ type: 'value-read', command: id, holders: 0, failure: 'busy' })
      return
    }
    const job = new ValueRead(this.#context, this.#serving, this.#acceptance, {
      command: id,
      key,
      quorum,
      done: () => this.#reads.delete(id)
    })
    this.#reads.set(id, job)
    job.start(effects)
  }
}
