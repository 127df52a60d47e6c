/**
 * Reading a value: its root and as many holders of copies as the quorum asks for are asked at once, their values
 * are held against each other by the validator of the key, and where one of them has none or an older one, the
 * best is stored again at the root, which copies it to all that should have it (read repair: Dynamo, SOSP 2007,
 * section 5).
 */
import { type Key, NO_PEER, type Peer, SELF } from '@servent/overlay/machine'
import type { LookupFailure } from './messages.ts'
import { nameOf } from './records.ts'
import { fingerprintOf } from './records-digest.ts'
import type { Acceptance } from './store-accept.ts'
import { PRIORITY_READ, PRIORITY_STORE, VALUE_HOLDERS_MAX } from './store-constants.ts'
import type { StoreContext } from './store-context.ts'
import type { RecordsPage, StoredRecord } from './store-messages.ts'
import type { Serving } from './store-serving.ts'
import type { RoutingEffects } from './types.ts'

export interface ValueReadInit {
  readonly command: number
  readonly key: Key
  /** Holders whose answer is waited for; 0 for as many as meet every write that was acknowledged. */
  readonly quorum: number
  readonly done: () => void
}

export class ValueRead {
  readonly #context: StoreContext
  readonly #serving: Serving
  readonly #acceptance: Acceptance
  readonly #init: ValueReadInit
  /** Who is not asked yet, the nearest first. */
  #holders: Peer[] = []
  #root: Peer = NO_PEER
  /** One for each that answered. */
  readonly #answers: (StoredRecord | undefined)[] = []
  #wanted: number
  /** Answers with which the read is complete: the quorum, or all holders where they are fewer. */
  #quorum = 0
  #waiting = 0
  #isOver = false

  constructor(context: StoreContext, serving: Serving, acceptance: Acceptance, init: ValueReadInit) {
    this.#context = context
    this.#serving = serving
    this.#acceptance = acceptance
    this.#init = init
    this.#wanted = init.quorum === 0 ? context.readQuorum : init.quorum
  }

  heldPeers(hold: (peer: Peer) => void): void {
    for (const peer of this.#holders) hold(peer)
    if (this.#root !== NO_PEER) hold(this.#root)
  }

  start(effects: RoutingEffects): void {
    this.#context.deps.findRoot(
      this.#init.key,
      (result, later) => {
        if (this.#isOver) return
        if ('failed' in result) {
          this.#end(undefined, result.failed, later)
          return
        }
        const contacts = [result.root, ...result.replicas.slice(0, this.#context.settings.replicas)]
        this.#holders = contacts
          .slice(0, VALUE_HOLDERS_MAX)
          .map(contact => later.peers.intern(contact))
          .filter(peer => peer !== NO_PEER)
        this.#root = this.#holders[0] ?? NO_PEER
        this.#quorum = Math.min(this.#wanted, this.#holders.length)
        this.#ask(later)
      },
      effects
    )
  }

  giveUp(): void {
    this.#isOver = true
    this.#init.done()
  }

  /** Asks as many as are missing to the quorum, and goes on when they have answered or there is nobody more. */
  #ask(effects: RoutingEffects): void {
    while (this.#answers.length + this.#waiting < this.#wanted) {
      const peer = this.#holders.shift()
      if (peer === undefined) break
      this.#waiting += 1
      const request = { type: 'get', kind: 'value', key: this.#init.key, after: 0, limit: 1 } as const
      if (peer === SELF) {
        this.#waiting -= 1
        this.#note(this.#serving.page({ ...request, id: 0 }, effects))
      } else {
        this.#context.request(
          peer,
          request,
          PRIORITY_READ,
          (outcome, later) => {
            if (this.#isOver) return
            this.#waiting -= 1
            if ('answer' in outcome && outcome.answer.type === 'page') this.#note(outcome.answer)
            this.#ask(later)
          },
          effects
        )
      }
    }
    if (this.#waiting > 0 || this.#isOver) return
    // Those that were asked may have become holders only now.
    if (this.#holders.length > 0 && this.#answers.every(answer => answer === undefined)) {
      this.#wanted = this.#answers.length + 1
      this.#ask(effects)
    } else this.#choose(effects)
  }

  #note(page: RecordsPage): void {
    const record = page.records[0]
    const isOfKey =
      record !== undefined && record.kind === 'value' && nameOf(record.key) === nameOf(this.#init.key)
    this.#answers.push(isOfKey ? record : undefined)
  }

  /** One of each version is put before the validator, which also refuses what is signed by nobody. */
  #choose(effects: RoutingEffects): void {
    const versions = new Map<number, StoredRecord>()
    for (const record of this.#answers) if (record !== undefined) versions.set(fingerprintOf(record), record)
    if (versions.size === 0) {
      this.#end(undefined, this.#answers.length === 0 ? 'no-route' : undefined, effects)
      return
    }
    const records = [...versions.values()]
    this.#context.ask(
      { type: 'select', key: this.#init.key, records },
      (answer, later) => {
        if (this.#isOver) return
        const best = answer?.type === 'selected' ? records[answer.index] : undefined
        if (best !== undefined) this.#repair(best, later)
        this.#end(best, undefined, later)
      },
      effects
    )
  }

  /** The root copies what it is given again to all of its replica set, so it alone is told. */
  #repair(best: StoredRecord, effects: RoutingEffects): void {
    const fingerprint = fingerprintOf(best)
    const isEverywhere = this.#answers.every(
      record => record !== undefined && fingerprintOf(record) === fingerprint
    )
    if (isEverywhere) return
    if (this.#root === SELF) {
      this.#acceptance.accept({ sender: SELF, as: 'root', records: [best] }, () => {}, effects)
    } else {
      const store = { type: 'store', as: 'root', records: [best] } as const
      this.#context.request(this.#root, store, PRIORITY_STORE, () => {}, effects)
    }
  }

  #end(record: StoredRecord | undefined, failure: LookupFailure | undefined, effects: RoutingEffects): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#init.done()
    const holders = this.#answers.filter(
      answer =>
        answer !== undefined && record !== undefined && fingerprintOf(answer) === fingerprintOf(record)
    ).length
    effects.notify({
      type: 'value-read',
      command: this.#init.command,
      holders,
      ...(record !== undefined && { record }),
      ...(this.#answers.length < this.#quorum && { incomplete: true as const }),
      ...(failure !== undefined && { failure })
    })
  }
}
