/**
 * Copies of what a root has just taken: its replica set is asked to keep them, and the root acknowledges when
 * as many holders as the write quorum asks for have them. With N holders, a write quorum of W and a read quorum
 * of N - W + 1 every read meets a holder of the last write (Gifford, SOSP 1979).
 */
import type { Peer } from '@servent/overlay/machine'
import { nameOf } from './records.ts'
import { COPY_ROUNDS_MAX, PRIORITY_STORE } from './store-constants.ts'
import type { StoreContext } from './store-context.ts'
import type { StoredRecord, StoreOutcome } from './store-messages.ts'
import type { RequestOutcome } from './store-types.ts'
import type { RoutingEffects } from './types.ts'

/** Told once for all records: how many peers are known to hold each, this one among them, and how many should. */
export type OnCopied = (
  holders: readonly number[],
  needed: readonly number[],
  effects: RoutingEffects
) => void

export class Copying {
  readonly #context: StoreContext
  readonly #records: readonly StoredRecord[]
  readonly #holders: number[]
  readonly #needed: number[]
  /** By PeerId: what is tried is held by nobody, and its handle may be given to another. */
  readonly #tried: Set<string>[]
  readonly #done: OnCopied
  #waiting = 0
  #rounds = 0
  #isDone = false

  /** At most as many records as one message holds. */
  constructor(context: StoreContext, records: readonly StoredRecord[], done: OnCopied) {
    this.#context = context
    this.#records = records
    this.#holders = records.map(() => 1)
    this.#needed = records.map(() => 1)
    this.#tried = records.map(() => new Set())
    this.#done = done
  }

  start(effects: RoutingEffects): void {
    this.#round(effects)
  }

  #round(effects: RoutingEffects): void {
    this.#rounds += 1
    const { settings, deps } = this.#context
    const forPeer = new Map<Peer, number[]>()
    for (const [index, record] of this.#records.entries()) {
      if (this.#rounds > 1 && this.#holders[index]! >= this.#needed[index]!) continue
      const replicas = deps.routing.replicas(record.key, settings.replicas)
      this.#needed[index] = Math.min(this.#context.writeQuorum, replicas.length + 1)
      for (const peer of replicas) {
        const name = nameOf(effects.peers.contact(peer).id)
        if (this.#tried[index]!.has(name)) continue
        this.#tried[index]!.add(name)
        const indices = forPeer.get(peer)
        if (indices === undefined) forPeer.set(peer, [index])
        else indices.push(index)
      }
    }
    // Counted before the first is sent: a request may fail at once.
    this.#waiting = forPeer.size
    if (forPeer.size === 0) {
      this.#finish(effects)
      return
    }
    for (const [peer, indices] of forPeer) {
      const records = indices.map(index => this.#records[index]!)
      const done = (outcome: RequestOutcome, later: RoutingEffects) => this.#answered(indices, outcome, later)
      this.#context.request(peer, { type: 'store', as: 'replica', records }, PRIORITY_STORE, done, effects)
    }
  }

  #answered(indices: readonly number[], outcome: RequestOutcome, effects: RoutingEffects): void {
    this.#waiting -= 1
    if ('answer' in outcome && outcome.answer.type === 'stored') {
      for (const [place, result] of outcome.answer.outcomes.entries()) {
        const index = indices[place]
        if (index === undefined || !isHeld(result)) continue
        this.#holders[index]! += 1
        this.#context.counters.copied += 1
      }
    }
    const enough = this.#holders.every((count, index) => count >= this.#needed[index]!)
    if (enough) this.#finish(effects)
    else if (this.#waiting === 0) {
      if (this.#rounds < COPY_ROUNDS_MAX) this.#round(effects)
      else this.#finish(effects)
    }
  }

  #finish(effects: RoutingEffects): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#done(this.#holders, this.#needed, effects)
  }
}

/** Whether a holder says that it has the record, or a newer one. */
export function isHeld(outcome: StoreOutcome): boolean {
  return outcome === 'kept' || outcome === 'older'
}
