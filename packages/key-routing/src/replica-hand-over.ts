/**
 * What a peer holds and is not the root of it holds as a replica, or not any more. A former root hands over at
 * once; a replica that no root asks about for some time looks for the root itself. In both cases: look up the
 * root, compare, give it what it lacks, and only then forget what is no replica's here (copy, acknowledge, delete).
 * That it has a record the root says by its digest or its acknowledgement: it is believed, and one that lies makes
 * the copies go of keys that it was looked up for. Until then reads are answered. A copy is forgotten when the root was seen to have
 * it twice, a repair apart: by then the root has had the time to copy it to its own replica set.
 */
import { betweenRightClosed, type Key, NO_PEER, type Peer, SELF } from '@servent/overlay/machine'
import type { LookupResult } from './lookup-types.ts'
import { believedRange } from './publish-ranges.ts'
import { type Held, nameOf } from './records.ts'
import { Sync } from './replica-sync.ts'
import type { KeyRange } from './routing.ts'
import type { Acceptance } from './store-accept.ts'
import { HAND_OVER_LOOKUPS_MAX, LEASE_REPAIRS } from './store-constants.ts'
import { NOBODY_SILENT, type StoreContext } from './store-context.ts'
import type { RoutingEffects } from './types.ts'

export class HandOver {
  readonly #context: StoreContext
  readonly #acceptance: Acceptance
  readonly #syncs = new Set<Sync>()
  /** What this round is still to look for the root of. */
  #stray: Held[] = []
  #lookups = 0
  #isRunning = false

  constructor(context: StoreContext, acceptance: Acceptance) {
    this.#context = context
    this.#acceptance = acceptance
  }

  get running(): number {
    return this.#syncs.size
  }

  heldPeers(hold: (peer: Peer) => void): void {
    for (const sync of this.#syncs) hold(sync.peer)
  }

  /** One round at a time: what comes up during one waits for the next. */
  run(effects: RoutingEffects): void {
    if (this.#isRunning) return
    this.#stray = this.#findStray(effects)
    this.#lookups = 0
    this.#isRunning = true
    this.#next(effects)
  }

  #findStray(effects: RoutingEffects): Held[] {
    const { table, settings, deps } = this.#context
    const nowMs = effects.nowMs()
    const stray: Held[] = []
    let range: KeyRange | undefined
    for (const slot of table.slots.values()) {
      if (range === undefined || !betweenRightClosed(slot.key, range.from, range.to))
        range = deps.routing.rootOf(slot.key, NOBODY_SILENT)
      for (const held of slot.held.values()) {
        if (range !== undefined) {
          held.root = true
          held.placedMs = undefined
          held.confirmedMs = nowMs
        } else if (isStray(held, settings.repairMs, nowMs)) {
          stray.push(held)
        }
      }
    }
    return stray
  }

  #next(effects: RoutingEffects): void {
    const { deps, table } = this.#context
    const first = this.#stray.find(held => table.withFingerprint(held.fingerprint) === held)
    if (first === undefined || this.#lookups >= HAND_OVER_LOOKUPS_MAX) {
      this.#isRunning = false
      this.#stray = []
      return
    }
    this.#lookups += 1
    const { key } = first.record
    deps.findRoot(key, (result, later) => this.#found(key, result, later), effects)
  }

  #found(key: Key, result: LookupResult, effects: RoutingEffects): void {
    if ('failed' in result) {
      // Another key may lie elsewhere; this one has its turn in the next round.
      this.#stray = this.#stray.filter(held => nameOf(held.record.key) !== nameOf(key))
      this.#next(effects)
      return
    }
    const root = effects.peers.intern(result.root)
    const { from, to } = believedRange(this.#context.deps.routing, key, root, result)
    const isIn = (held: Held): boolean => betweenRightClosed(held.record.key, from, to)
    const held = this.#stray.filter(isIn)
    this.#stray = this.#stray.filter(one => !isIn(one))
    if (root === SELF || root === NO_PEER) {
      // The tables say so too by now, or the root cannot be spoken to.
      this.#next(effects)
      return
    }
    const own = nameOf(effects.peers.contact(SELF).id)
    const isReplica = result.replicas
      .slice(0, this.#context.settings.replicas)
      .some(contact => nameOf(contact.id) === own)
    this.#sync(
      root,
      { from, to },
      held,
      ({ whole, missing }, later) => {
        if (whole) this.#release(held, missing, isReplica, later)
        this.#next(later)
      },
      effects
    )
  }

  /** The root has these now, all but the missing ones. */
  #release(
    held: readonly Held[],
    missing: ReadonlySet<number>,
    isReplica: boolean,
    effects: RoutingEffects
  ): void {
    const { table, counters } = this.#context
    for (const one of held) {
      if (missing.has(one.fingerprint)) continue
      if (isReplica) {
        one.root = false
        one.placedMs = undefined
        one.confirmedMs = effects.nowMs()
      } else if (one.placedMs !== undefined) {
        table.delete(one)
        counters.dropped += 1
      } else {
        one.root = false
        one.placedMs = effects.nowMs()
      }
    }
  }

  #sync(
    peer: Peer,
    range: KeyRange,
    held: readonly Held[],
    done: (result: { whole: boolean; missing: ReadonlySet<number> }, effects: RoutingEffects) => void,
    effects: RoutingEffects
  ): void {
    const sync: Sync = new Sync(this.#context, this.#acceptance, {
      peer,
      ...range,
      held,
      as: 'hand-over',
      pull: false,
      paced: true,
      done: (result, later) => {
        this.#syncs.delete(sync)
        done(result, later)
      }
    })
    this.#syncs.add(sync)
    sync.start(effects)
  }
}

function isStray({ root, placedMs, confirmedMs }: Held, repairMs: number, nowMs: number): boolean {
  if (root) return true
  if (placedMs !== undefined) return nowMs - placedMs >= repairMs
  return nowMs - confirmedMs >= LEASE_REPAIRS * repairMs
}
