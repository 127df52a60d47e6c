/**
 * Reading a value: all of the k nearest to its key are asked while they are looked up, what they have is verified and
 * held against each other by the key's validator, and whoever of them has none or another one is given the best
 * (spec, "Entry correction").
 */
import { fingerprintOf, isReadable, nameOf, type StoredRecord } from '@servent/key-routing/machine'
import { type Key, type Peer, SELF } from '@servent/overlay/machine'
import { holdersOf } from './holders.ts'
import type { Fx, Kad } from './kad.ts'
import type { KeptValues } from './kept-values.ts'
import { type LookupEnd, startLookup } from './lookup-run.ts'
import type { KademliaAnswer } from './messages.ts'

export interface ValueReadInit {
  readonly command: number
  readonly key: Key
  /** Holders with a value whose answers are waited for; 0: all of the k nearest. */
  readonly quorum: number
  /** Told as what is read page by page, and not as a value. */
  readonly asRecords: boolean
  readonly done: () => void
}

export class ValueRead {
  readonly #kad: Kad
  readonly #values: KeptValues
  readonly #init: ValueReadInit
  readonly #found = new Map<Peer, StoredRecord>()
  #isOver = false

  constructor(kad: Kad, values: KeptValues, init: ValueReadInit) {
    this.#kad = kad
    this.#values = values
    this.#init = init
  }

  heldPeers(hold: (peer: Peer) => void): void {
    for (const peer of this.#found.keys()) hold(peer)
  }

  start(fx: Fx): void {
    const { key } = this.#init
    const own = this.#values.find(key, fx)
    if (own !== undefined) this.#found.set(SELF, own)
    startLookup(
      this.#kad,
      {
        key,
        purpose: 'user',
        asking: 'get-value',
        budgetMs: this.#kad.settings.lookupBudgetMs,
        onAnswer: (from, answer, _steps, later) => this.#onAnswer(from, answer, later),
        done: (end, later) => this.#onLookedUp(end, later)
      },
      fx
    )
  }

  /** There is no place for it. */
  refuse(fx: Fx): void {
    this.#isOver = true
    this.#tell(
      { failed: 'busy', isComplete: false, traffic: { messages: 0, bytes: 0 }, hops: 0, elapsedMs: 0 },
      undefined,
      0,
      fx
    )
  }

  giveUp(): void {
    this.#isOver = true
    this.#init.done()
  }

  #onAnswer(from: Peer, answer: KademliaAnswer, fx: Fx): boolean {
    if (this.#isOver) return true
    const record = answer.type === 'value-found' ? answer.record : undefined
    const isOfKey =
      record?.kind === 'value' &&
      nameOf(record.key) === nameOf(this.#init.key) &&
      isReadable(record, fx.wallMs())
    if (isOfKey) this.#found.set(from, record)
    const { quorum } = this.#init
    return quorum > 0 && this.#found.size >= quorum
  }

  #onLookedUp(end: LookupEnd, fx: Fx): void {
    if (this.#isOver) return
    const records = [...new Map([...this.#found.values()].map(record => [whole(record), record])).values()]
    if (records.length === 0) {
      this.#end(end, undefined, fx)
      return
    }
    this.#values.ask(
      { type: 'verify', records },
      (answer, later) => {
        if (this.#isOver) return
        const good = records.filter((_, at) => answer?.type === 'verified' && answer.good[at] === true)
        // What nobody signed is no answer.
        const names = new Set(good.map(whole))
        for (const [peer, record] of this.#found) if (!names.has(whole(record))) this.#found.delete(peer)
        this.#choose(end, good, later)
      },
      fx
    )
  }

  #choose(end: LookupEnd, good: readonly StoredRecord[], fx: Fx): void {
    if (good.length < 2) {
      this.#end(end, good[0], fx)
      return
    }
    this.#values.ask(
      { type: 'select', key: this.#init.key, records: good },
      (answer, later) => {
        if (this.#isOver) return
        this.#end(end, answer?.type === 'selected' ? good[answer.index] : undefined, later)
      },
      fx
    )
  }

  #end(end: LookupEnd, best: StoredRecord | undefined, fx: Fx): void {
    this.#isOver = true
    this.#init.done()
    let holders = 0
    if (best !== undefined) {
      const name = whole(best)
      for (const record of this.#found.values()) if (whole(record) === name) holders += 1
      for (const peer of holdersOf(this.#kad, this.#init.key, end.closest, fx)) {
        const theirs = this.#found.get(peer)
        if (theirs === undefined || whole(theirs) !== name) this.#values.putAt(peer, best, () => {}, fx)
      }
    }
    this.#tell(end, best, holders, fx)
  }

  #tell(
    end: Pick<LookupEnd, 'failed' | 'isComplete' | 'traffic' | 'hops' | 'elapsedMs'>,
    record: StoredRecord | undefined,
    holders: number,
    fx: Fx
  ): void {
    const { command, quorum, asRecords } = this.#init
    const { failed, isComplete, traffic, hops, elapsedMs } = end
    const failure = record === undefined && failed !== undefined && { failure: failed }
    if (asRecords) {
      const total = record === undefined ? 0 : 1
      if (record !== undefined)
        fx.notify({ type: 'records', command, records: [record], total, hops, elapsedMs })
      fx.notify({ type: 'records-end', command, total, traffic, ...failure })
      return
    }
    // A newer one may be with those that did not answer.
    const isIncomplete = quorum > 0 ? this.#found.size < quorum : !isComplete
    fx.notify({
      type: 'value-read',
      command,
      holders,
      ...(record !== undefined && { record }),
      ...(isIncomplete && { incomplete: true as const }),
      ...failure
    })
  }
}

/** Tells records apart that differ in anything: the fingerprint names a version, and two bodies may claim one. */
function whole(record: StoredRecord): string {
  return `${fingerprintOf(record)} ${record.expiresMs} ${nameOf(record.body)}`
}
