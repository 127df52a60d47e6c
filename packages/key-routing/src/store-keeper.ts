/**
 * The keeper of records of one peer: what it stores for others, as root and as replica, and what it publishes
 * and reads itself. A `KeyRouter` uses it as its part.
 *
 * Nothing of it is saved between runs. Records are soft state: their publishers refresh them, replicas hold
 * copies, and a peer that comes back takes what it lacks from them by comparing digests. To save them would cost
 * a write for each record of others, and what is read back might be older than what the replicas hold by then.
 *
 * Promises, as `docs` of an overlay may repeat them: an acknowledged record is held by as many peers as the
 * write quorum asks for and survives one fewer of them that die before the next repair; after a repair it
 * survives as many as there are replicas.
 */
import type { Input, Peer } from '@servent/overlay/machine'
import { LazyMap } from './lazy-map.ts'
import { HandOver } from './replica-hand-over.ts'
import { LEAVE_LOOKUPS_TIMER, LEAVE_TIMER, Leaving } from './replica-leave.ts'
import { Repair } from './replica-repair.ts'
import { type AcceptAs, Acceptance } from './store-accept.ts'
import { Commands, RETRY_TIMERS } from './store-commands.ts'
import {
  DIGEST_RANGES_MAX,
  PUBLISHES_MAX,
  RANGES_MAX,
  READS_MAX,
  SETTLE_MS,
  STORES_WAITING_MAX,
  SWEEP_MS,
  SYNCS_AT_ONCE
} from './store-constants.ts'
import { StoreContext } from './store-context.ts'
import type { StoredRecord } from './store-messages.ts'
import { PACE_TIMER } from './store-pacer.ts'
import { Serving } from './store-serving.ts'
import type { RecordStore, StoreDeps, StoreSettings, StoreSnapshot } from './store-types.ts'
import type { RoutingEffects, RoutingTypes } from './types.ts'

const SWEEP_TIMER = 'store/sweep'
const HAND_OVER_TIMER = 'store/hand-over'
const REPAIR_TIMER = 'store/repair'

export class RecordKeeper implements RecordStore {
  readonly #context: StoreContext
  readonly #acceptance: Acceptance
  readonly #serving: Serving
  readonly #commands: Commands
  readonly #repair: Repair
  readonly #handOver: HandOver
  #leaving: Leaving | undefined
  /** When each timer fires, by `nowMs`; one that is not set is not there. */
  readonly #due = new LazyMap<string, number>()

  constructor(settings: StoreSettings, deps: StoreDeps) {
    this.#context = new StoreContext(settings, deps)
    this.#acceptance = new Acceptance(this.#context, (as, effects) => this.#onKept(as, effects))
    this.#serving = new Serving(this.#context, this.#acceptance)
    this.#commands = new Commands(this.#context, this.#acceptance, this.#serving)
    this.#repair = new Repair(this.#context, this.#acceptance)
    this.#handOver = new HandOver(this.#context, this.#acceptance)
  }

  handle(input: Input<RoutingTypes>, effects: RoutingEffects): boolean {
    switch (input.type) {
      case 'message': {
        const sender = this.#context.deps.calls.peerOf(input.link)
        return sender !== undefined && this.#serving.onMessage(sender, input.message, effects)
      }
      case 'command':
        return this.#commands.onCommand(input.id, input.command, effects)
      case 'answer':
        return this.#context.answered(input, effects)
      case 'timer':
        return typeof input.timer === 'string' && this.#onTimer(input.timer, effects)
      default:
        return false
    }
  }

  onTablesChanged(effects: RoutingEffects): void {
    const { table, settings } = this.#context
    if (settings.repairMs === 0) return
    if (table.size > 0) this.#arm(HAND_OVER_TIMER, SETTLE_MS, effects)
    // After hand-overs, which bring most of what a comparison would find.
    if (table.size > 0 || (settings.replicas > 0 && this.#repair.hasGrown(effects)))
      this.#arm(REPAIR_TIMER, 2 * SETTLE_MS, effects)
  }

  handOverAll(done: (effects: RoutingEffects) => void, effects: RoutingEffects): void {
    if (this.#leaving !== undefined) {
      this.#leaving.whenDone(done)
      return
    }
    const leaving = new Leaving(this.#context, this.#acceptance)
    this.#leaving = leaving
    this.#context.isLeaving = true
    leaving.whenDone(() => {
      this.#leaving = undefined
      this.#context.isLeaving = false
    })
    leaving.whenDone(done)
    leaving.start(effects)
  }

  left(effects: RoutingEffects): void {
    this.#leaving?.stop(effects)
    this.#leaving = undefined
    this.#context.isLeaving = false
    this.#context.hasLeft = true
  }

  heldPeers(hold: (peer: Peer) => void): void {
    for (const part of [this.#acceptance, this.#commands, this.#repair, this.#handOver, this.#leaving])
      part?.heldPeers(hold)
  }

  /** What it keeps, in no order that means anything: for observers and pictures. */
  *records(): Generator<StoredRecord, void> {
    for (const slot of this.#context.table.slots.values())
      for (const { record } of slot.held.values()) yield record
  }

  snapshot(): StoreSnapshot {
    const { table, counters, settings, asked, pacer } = this.#context
    const { limits } = settings
    let rootRecords = 0
    const keys = new Set<string>()
    for (const [name, slot] of table.slots.entries()) {
      keys.add(name.slice(1))
      for (const held of slot.held.values()) if (held.root) rootRecords += 1
    }
    const { provider, word, value } = table.kinds
    return {
      records: table.size,
      bytes: table.bytes,
      rootRecords,
      keys: keys.size,
      byKind: { provider: { ...provider }, word: { ...word }, value: { ...value } },
      counters: { ...counters },
      sizes: {
        records: [table.size, limits.recordsMax],
        bytes: [table.bytes, limits.bytesMax],
        publishers: [table.publishers, limits.recordsMax],
        stores: [this.#acceptance.waiting, STORES_WAITING_MAX],
        questions: [asked, STORES_WAITING_MAX + READS_MAX],
        publishes: [this.#commands.publishes, PUBLISHES_MAX],
        reads: [this.#commands.reads, READS_MAX],
        ranges: [this.#commands.ranges, RANGES_MAX],
        comparisons: [this.#repair.running, SYNCS_AT_ONCE],
        // Of hand-over there is one at a time, and a leave waits for no bytes.
        handOvers: [this.#handOver.running + (this.#leaving?.running ?? 0), 1 + SYNCS_AT_ONCE],
        paced: [pacer.waiting, SYNCS_AT_ONCE + 1],
        digests: [this.#serving.views.size, DIGEST_RANGES_MAX]
      }
    }
  }

  /** Whoever holds something looks after it; whoever holds nothing has no timers. */
  #onKept(as: AcceptAs, effects: RoutingEffects): void {
    this.#arm(SWEEP_TIMER, SWEEP_MS, effects)
    const { repairMs } = this.#context.settings
    if (repairMs === 0) return
    // What was handed over its new root has still to copy.
    this.#arm(REPAIR_TIMER, as === 'hand-over' ? 2 * SETTLE_MS : repairMs, effects)
    this.#arm(HAND_OVER_TIMER, repairMs, effects)
  }

  #onTimer(timer: string, effects: RoutingEffects): boolean {
    this.#due.delete(timer)
    if (timer === PACE_TIMER) this.#context.pacer.onTimer(effects)
    else if (timer === LEAVE_TIMER) this.#leaving?.onPauseOver(effects)
    else if (timer === LEAVE_LOOKUPS_TIMER) this.#leaving?.onLookupsOver(effects)
    else if (timer === SWEEP_TIMER) this.#sweep(effects)
    else if (timer === REPAIR_TIMER) this.#runRepair(effects)
    else if (timer === HAND_OVER_TIMER) this.#runHandOver(effects)
    else if (timer.startsWith(RETRY_TIMERS)) this.#commands.onTimer(timer, effects)
    else return false
    return true
  }

  #sweep(effects: RoutingEffects): void {
    const { table, counters } = this.#context
    counters.expired += table.sweep(effects.nowMs(), effects.wallMs())
    if (table.size > 0) this.#arm(SWEEP_TIMER, SWEEP_MS, effects)
  }

  #runRepair(effects: RoutingEffects): void {
    const { deps, table, settings } = this.#context
    if (deps.routing.ready) this.#repair.run(effects)
    if (table.size > 0) this.#arm(REPAIR_TIMER, jittered(settings.repairMs, effects), effects)
  }

  #runHandOver(effects: RoutingEffects): void {
    const { deps, table, settings } = this.#context
    if (deps.routing.ready) this.#handOver.run(effects)
    if (table.size > 0) this.#arm(HAND_OVER_TIMER, jittered(settings.repairMs, effects), effects)
  }

  /** Sets a timer, unless it fires sooner anyway. */
  #arm(timer: string, afterMs: number, effects: RoutingEffects): void {
    const dueMs = effects.nowMs() + afterMs
    const known = this.#due.get(timer)
    if (known !== undefined && known <= dueMs) return
    this.#due.set(timer, dueMs)
    effects.setTimer(timer, afterMs)
  }
}

/** Three quarters to five quarters, so that peers that began together do not stay so. */
function jittered(ms: number, effects: RoutingEffects): number {
  return Math.round(ms * (0.75 + effects.random() / 2 ** 33))
}
