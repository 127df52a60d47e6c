/**
 * Reading a value: its root and as many holders of copies as the quorum asks for are asked at once, and what they
 * give is verified. The values are held against each other by the validator of the key, and where one of them has
 * none or an older one, the best is stored again at the root, which copies it to all that should have it (read
 * repair: Dynamo, SOSP 2007, section 5).
 *
 * The root names the holders, and may lie. Whoever gives what nobody signed has given no answer, and the next one
 * is asked. Where the root names fewer holders than this peer's own tables say that a key has, the read is not
 * complete. That the root names accomplices cannot be told.
 */
import { type Key, NO_PEER, type Peer, SELF } from '@servent/overlay/machine'
import type { LookupFailure } from './messages.ts'
import { isReadable, nameOf } from './records.ts'
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
  /** One for each that answered and did not lie. */
  #answers: (StoredRecord | undefined)[] = []
  /** Records that were verified, by what tells them apart. */
  readonly #verified = new Map<string, boolean>()
  #wanted: number
  /** Answers with which the read is complete: the quorum, or as many holders as there must be where they are fewer. */
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
        this.#quorum = Math.min(this.#wanted, Math.max(this.#holders.length, this.#holdersKnown()))
        this.#ask(later)
      },
      effects
    )
  }

  /** Holders that a key has where there are as many peers as in this one's own list. */
  #holdersKnown(): number {
    const { deps, settings } = this.#context
    const others = deps.routing.replicas(this.#init.key, settings.replicas).length
    return Math.min(VALUE_HOLDERS_MAX, 1 + others)
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
        this.#note(this.#serving.page({ ...request, id: 0 }, effects), effects)
      } else {
        this.#context.request(
          peer,
          request,
          PRIORITY_READ,
          (outcome, later) => {
            if (this.#isOver) return
            this.#waiting -= 1
            if ('answer' in outcome && outcome.answer.type === 'page') this.#note(outcome.answer, later)
            this.#ask(later)
          },
          effects
        )
      }
    }
    if (this.#waiting > 0 || this.#isOver) return
    if (this.#unverified().length > 0) this.#verify(effects)
    else if (this.#holders.length > 0 && this.#answers.every(answer => answer === undefined)) {
      // Those that were asked may have become holders only now.
      this.#wanted = this.#answers.length + 1
      this.#ask(effects)
    } else this.#choose(effects)
  }

  #note(page: RecordsPage, effects: RoutingEffects): void {
    const record = page.records[0]
    const isOfKey =
      record !== undefined &&
      record.kind === 'value' &&
      nameOf(record.key) === nameOf(this.#init.key) &&
      isReadable(record, effects.wallMs())
    this.#answers.push(isOfKey ? record : undefined)
  }

  #unverified(): StoredRecord[] {
    const records = new Map<string, StoredRecord>()
    for (const record of this.#answers)
      if (record !== undefined && !this.#verified.has(whole(record))) records.set(whole(record), record)
    return [...records.values()]
  }

  /** What is signed by nobody, or refused by its validator, is no answer: somebody else is asked in its place. */
  #verify(effects: RoutingEffects): void {
    const records = this.#unverified()
    this.#context.ask(
      { type: 'verify', records },
      (answer, later) => {
        if (this.#isOver) return
        if (answer?.type !== 'verified') {
          this.#end(undefined, 'busy', later)
          return
        }
        for (const [index, record] of records.entries())
          this.#verified.set(whole(record), answer.good[index] === true)
        this.#answers = this.#answers.filter(
          record => record === undefined || this.#verified.get(whole(record))
        )
        this.#ask(later)
      },
      effects
    )
  }

  /** One of each version is put before the selector of the key. */
  #choose(effects: RoutingEffects): void {
    const versions = new Map<string, StoredRecord>()
    for (const record of this.#answers) if (record !== undefined) versions.set(whole(record), record)
    const records = [...versions.values()]
    if (records.length < 2) {
      // Where there were answers, but no good ones, it was not for want of a route.
      const isSilent = this.#answers.length === 0 && this.#verified.size === 0
      this.#finish(records[0], isSilent ? 'no-route' : undefined, effects)
      return
    }
    this.#context.ask(
      { type: 'select', key: this.#init.key, records },
      (answer, later) => {
        if (this.#isOver) return
        const best = answer?.type === 'selected' ? records[answer.index] : undefined
        this.#finish(best, best === undefined ? 'busy' : undefined, later)
      },
      effects
    )
  }

  #finish(best: StoredRecord | undefined, failure: LookupFailure | undefined, effects: RoutingEffects): void {
    if (best !== undefined) this.#repair(best, effects)
    this.#end(best, failure, effects)
  }

  /** The root copies what it is given again to all of its replica set, so it alone is told. */
  #repair(best: StoredRecord, effects: RoutingEffects): void {
    const fingerprint = fingerprintOf(best)
    const isEverywhere =
      this.#answers.every(record => record !== undefined && fingerprintOf(record) === fingerprint) &&
      [...this.#verified.values()].every(isGood => isGood)
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

/** Tells records apart that differ in anything: the fingerprint names a version, and two bodies may claim one. */
function whole(record: StoredRecord): string {
  return `${fingerprintOf(record)} ${record.expiresMs} ${nameOf(record.body)}`
}
