/** What the parts of the keeper of records share: the table, questions to the world, requests, and counts. */
import { type Input, type Peer, type RequestId, SELF } from '@servent/overlay/machine'
import { LazyMap } from './lazy-map.ts'
import { RecordTable } from './records.ts'
import type { NextHop } from './routing.ts'
import { HEIRS_MAX, REPLICA_PATIENCE_MS, ROOT_PATIENCE_MS } from './store-constants.ts'
import type { StoreRequest } from './store-messages.ts'
import { Pacer } from './store-pacer.ts'
import type { RequestOutcome, StoreDeps, StoreSettings } from './store-types.ts'
import type { RoutingAnswer, RoutingEffects, RoutingQuestion, RoutingTypes } from './types.ts'

/** No peer is known to be silent: the tables' own word counts. */
export const NOBODY_SILENT = (): boolean => false

type WithoutId<M> = M extends unknown ? Omit<M, 'id'> : never

/** Nothing where the work failed. */
type OnAnswer = (answer: RoutingAnswer | undefined, effects: RoutingEffects) => void

const COUNTERS = {
  stored: 0,
  storesRefused: 0,
  copied: 0,
  repaired: 0,
  handedOver: 0,
  pulled: 0,
  dropped: 0,
  expired: 0,
  pages: 0,
  digests: 0,
  digestsBusy: 0
}

export class StoreContext {
  readonly settings: StoreSettings
  readonly deps: StoreDeps
  readonly table: RecordTable
  readonly pacer: Pacer
  readonly counters: Record<keyof typeof COUNTERS, number> = { ...COUNTERS }
  /** Whether this peer is handing over what it keeps, and whether it has gone since. */
  isLeaving = false
  hasLeft = false
  readonly #asked = new LazyMap<RequestId, OnAnswer>()

  constructor(settings: StoreSettings, deps: StoreDeps) {
    this.settings = settings
    this.deps = deps
    this.table = new RecordTable(settings.limits)
    this.pacer = new Pacer(settings.repairBytesPerS)
  }

  get asked(): number {
    return this.#asked.size
  }

  /**
   * Whether others may count on what they bring here. Of one that leaves they may not, for its list of what it is to hand
   * over is made; nor of one that has left, which has no tables that would tell whose a key is.
   */
  get takesOver(): boolean {
    return !this.isLeaving && (!this.hasLeft || this.deps.routing.ready)
  }

  /** Holders that must have a record before it is acknowledged, the root among them. */
  get writeQuorum(): number {
    const holders = this.settings.replicas + 1
    return Math.min(holders, this.settings.writeQuorum ?? Math.floor(holders / 2) + 1)
  }

  /** As many holders as meet every write that was acknowledged. */
  get readQuorum(): number {
    return this.settings.replicas + 2 - this.writeQuorum
  }

  /** `asRoot`: whoever speaks takes this peer for the root. */
  isRoot(key: Uint8Array, silent: (peer: Peer) => boolean = NOBODY_SILENT, asRoot = false): boolean {
    return this.deps.routing.rootOf(key, silent, asRoot) !== undefined
  }

  /** Where the tables know the key's root, it is this peer or nobody. Most replicas do not know it. */
  isPlausibleRoot(peer: Peer, key: Uint8Array): boolean {
    const next = this.deps.routing.nextHops(key, 1, NOBODY_SILENT)[0]
    return next === undefined || !next.root || next.peer === peer
  }

  /** Where the tables know the key's root, it is this peer, or it or this one would be next when others are gone. */
  isPlausibleHolder(peer: Peer, key: Uint8Array): boolean {
    const roots = this.deps.routing.nextHops(key, HEIRS_MAX, NOBODY_SILENT)
    const isNext = (hop: NextHop): boolean => hop.root && (hop.peer === peer || hop.peer === SELF)
    return roots[0]?.root !== true || roots.some(isNext)
  }

  ask(question: RoutingQuestion, then: OnAnswer, effects: RoutingEffects): void {
    const id = this.deps.calls.nextId()
    this.#asked.set(id, then)
    effects.ask(id, question)
  }

  /** Whether it was a question of this keeper. */
  answered(input: Input<RoutingTypes> & { type: 'answer' }, effects: RoutingEffects): boolean {
    const then = this.#asked.get(input.id)
    if (then === undefined) return false
    this.#asked.delete(input.id)
    then('error' in input ? undefined : input.answer, effects)
    return true
  }

  /** A peer that does not answer is told to the tables. */
  request(
    peer: Peer,
    message: WithoutId<StoreRequest>,
    priority: number,
    done: (outcome: RequestOutcome, effects: RoutingEffects) => void,
    effects: RoutingEffects
  ): void {
    const { calls, routing } = this.deps
    const whole = { ...message, id: calls.nextId() } as StoreRequest
    const onDone = (outcome: RequestOutcome, later: RoutingEffects): void => {
      if ('failed' in outcome && (outcome.failed === 'silent' || outcome.failed === 'unreachable'))
        routing.onSilent(peer, later)
      done(outcome, later)
    }
    calls.request(peer, whole, priority, onDone, effects, patienceOf(whole))
  }
}

/** How much longer than a round trip an answer may take: signatures are checked, and a root waits for its replicas. */
function patienceOf(message: StoreRequest): number {
  if (message.type !== 'store') return 0
  return message.as === 'root' ? ROOT_PATIENCE_MS : REPLICA_PATIENCE_MS
}
