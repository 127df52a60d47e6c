/**
 * One comparison with another holder. It walks down the tree of fingerprints where digests differ, gives the
 * other one what it lacks, and, where it wants that, takes what it lacks itself. What goes over the wire beside
 * digests is what differs, at the pace of the budget, or of the other one's answers where there is no time for that.
 */
import type { Key, Peer } from '@servent/overlay/machine'
import type { Held } from './records.ts'
import { digestOf, fingerprintOf, underPrefix } from './records-digest.ts'
import { sortedFingerprints } from './records-ranges.ts'
import { isHeld } from './replica-copies.ts'
import type { Acceptance } from './store-accept.ts'
import {
  DIGEST_BRANCHES,
  LEAVE_SYNC_REQUESTS,
  PRIORITY_COPY,
  STORE_RECORDS_MAX,
  SYNC_NODES_MAX,
  SYNC_REQUESTS,
  SYNC_WANTED_MAX
} from './store-constants.ts'
import type { StoreContext } from './store-context.ts'
import type { StoredRecord, StoreOutcome } from './store-messages.ts'
import type { RequestOutcome } from './store-types.ts'
import { fitInMessage, recordsLength } from './store-wire-records.ts'
import type { RoutingEffects } from './types.ts'

export interface SyncInit {
  readonly peer: Peer
  readonly from: Key
  readonly to: Key
  /** What this peer has of the range and compares. */
  readonly held: readonly Held[]
  readonly as: 'replica' | 'hand-over'
  /** Whether this peer takes what it lacks. */
  readonly pull: boolean
  /** Whether it keeps to the budget of bytes. */
  readonly paced: boolean
  /**
   * `whole`: all was compared. `missing`: fingerprints of what the other one does not have even now. Called once.
   */
  readonly done: (result: { whole: boolean; missing: ReadonlySet<number> }, effects: RoutingEffects) => void
}

export class Sync {
  readonly #context: StoreContext
  readonly #acceptance: Acceptance
  readonly #init: SyncInit
  /** Sorted. */
  readonly #own: readonly number[]
  /** Nodes of the tree that are still to be compared. */
  readonly #nodes: number[][] = [[]]
  readonly #lacking: number[] = []
  readonly #wanted: number[] = []
  readonly #missing = new Set<number>()
  #compared = 0
  #waiting = 0
  #pacing = false
  #isOver = false

  constructor(context: StoreContext, acceptance: Acceptance, init: SyncInit) {
    this.#context = context
    this.#acceptance = acceptance
    this.#init = init
    this.#own = sortedFingerprints(init.held)
  }

  get peer(): Peer {
    return this.#init.peer
  }

  start(effects: RoutingEffects): void {
    this.#step(effects)
  }

  /** What it would say at its end nobody waits for any more. */
  stop(): void {
    this.#isOver = true
  }

  #step(effects: RoutingEffects): void {
    const requests = this.#init.paced ? SYNC_REQUESTS : LEAVE_SYNC_REQUESTS
    while (!this.#isOver && !this.#pacing && this.#waiting < requests) {
      if (this.#lacking.length > 0) this.#give(effects)
      else if (this.#wanted.length > 0) this.#take(effects)
      else if (this.#nodes.length > 0) this.#compare(this.#nodes.pop()!, effects)
      else break
    }
    if (this.#waiting === 0 && !this.#pacing) this.#end(true, effects)
  }

  #compare(prefix: readonly number[], effects: RoutingEffects): void {
    const { from, to } = this.#init
    this.#compared += 1
    // The other one may claim to have more than anybody can have.
    if (this.#compared > SYNC_NODES_MAX || this.#wanted.length > SYNC_WANTED_MAX) {
      this.#end(false, effects)
      return
    }
    const [first, end] = underPrefix(this.#own, prefix)
    const digest = digestOf(this.#own, first, end)
    this.#request(
      { type: 'digest-request', from, to, prefix, digest },
      (answer, later) => {
        if (answer.type !== 'digest-answer' || answer.what === 'busy') this.#end(false, later)
        else if (answer.what === 'all') this.#differ(answer.hashes, first, end)
        else if (answer.what === 'branches') this.#descend(prefix, answer.hashes)
      },
      effects
    )
  }

  #descend(prefix: readonly number[], digests: readonly number[]): void {
    for (let digit = 0; digit < DIGEST_BRANCHES; digit += 1) {
      const node = [...prefix, digit]
      const [first, end] = underPrefix(this.#own, node)
      const theirs = digests[digit]
      if (theirs === digestOf(this.#own, first, end)) continue
      if (theirs === 0) this.#lacking.push(...this.#own.slice(first, end))
      else if (first < end || this.#init.pull) this.#nodes.push(node)
    }
  }

  #differ(theirs: readonly number[], first: number, end: number): void {
    const known = new Set(theirs)
    const own = this.#own.slice(first, end)
    this.#lacking.push(...own.filter(fingerprint => !known.has(fingerprint)))
    if (!this.#init.pull) return
    const mine = new Set(own)
    this.#wanted.push(...theirs.filter(fingerprint => !mine.has(fingerprint)))
  }

  #give(effects: RoutingEffects): void {
    const { table, counters } = this.#context
    const wallMs = effects.wallMs()
    const records: StoredRecord[] = []
    const fingerprints: number[] = []
    for (const fingerprint of this.#lacking.splice(0, STORE_RECORDS_MAX)) {
      const record = table.withFingerprint(fingerprint)?.record
      // Gone in the meantime, or replaced by a newer one, which has its own way.
      if (record === undefined || record.expiresMs <= wallMs) continue
      records.push(record)
      fingerprints.push(fingerprint)
    }
    const batch = fitInMessage(records)
    this.#lacking.unshift(...fingerprints.slice(batch.length))
    if (batch.length === 0) return
    const given = fingerprints.slice(0, batch.length)
    const { as } = this.#init
    this.#pace(
      recordsLength(batch),
      later =>
        this.#request(
          { type: 'store', as, records: batch },
          (answer, afterwards) => {
            if (answer.type !== 'stored') {
              this.#end(false, afterwards)
              return
            }
            const kept = this.#note(given, answer.outcomes, afterwards.wallMs())
            counters[as === 'replica' ? 'repaired' : 'handedOver'] += kept
          },
          later
        ),
      effects
    )
  }

  #note(given: readonly number[], outcomes: readonly StoreOutcome[], wallMs: number): number {
    const { table } = this.#context
    let kept = 0
    for (const [index, fingerprint] of given.entries()) {
      const outcome = outcomes[index]
      if (outcome !== undefined && isHeld(outcome)) kept += 1
      // Also what it refuses, for it may be wrong, or lie: this may be the last copy. Not what is over anyway.
      else if ((table.withFingerprint(fingerprint)?.record.expiresMs ?? 0) > wallMs)
        this.#missing.add(fingerprint)
    }
    return kept
  }

  #take(effects: RoutingEffects): void {
    const { from, to, peer } = this.#init
    const fingerprints = this.#wanted.splice(0, STORE_RECORDS_MAX)
    this.#request(
      { type: 'pull', from, to, fingerprints },
      (answer, later) => {
        if (answer.type !== 'page') return
        const rest = new Set(fingerprints)
        // Nothing that was not asked for, and nothing twice.
        const records = answer.records.filter(record => rest.delete(fingerprintOf(record)))
        if (records.length === 0) return
        // Where a page was full, the rest comes with the next.
        this.#wanted.push(...rest)
        this.#pace(
          recordsLength(records),
          afterwards => {
            this.#context.counters.pulled += records.length
            this.#waiting += 1
            this.#acceptance.accept(
              { sender: peer, as: 'pulled', records },
              (_, __, last) => {
                this.#waiting -= 1
                this.#step(last)
              },
              afterwards
            )
          },
          later
        )
      },
      effects
    )
  }

  #request(
    message: Parameters<StoreContext['request']>[1],
    take: (answer: Extract<RequestOutcome, { answer: unknown }>['answer'], effects: RoutingEffects) => void,
    effects: RoutingEffects
  ): void {
    this.#waiting += 1
    this.#context.request(
      this.#init.peer,
      message,
      PRIORITY_COPY,
      (outcome, later) => {
        this.#waiting -= 1
        if (this.#isOver) return
        if ('failed' in outcome) this.#end(false, later)
        else {
          take(outcome.answer, later)
          this.#step(later)
        }
      },
      effects
    )
  }

  #pace(bytes: number, run: (effects: RoutingEffects) => void, effects: RoutingEffects): void {
    if (!this.#init.paced) {
      run(effects)
      return
    }
    this.#pacing = true
    this.#context.pacer.spend(
      bytes,
      later => {
        this.#pacing = false
        if (this.#isOver) return
        run(later)
        this.#step(later)
      },
      effects
    )
  }

  #end(whole: boolean, effects: RoutingEffects): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#init.done({ whole, missing: this.#missing }, effects)
  }
}
