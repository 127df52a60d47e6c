/**
 * Storing at the k nearest to a key (paper section 2.3; spec, "Content provider advertisement", "Value storage"). A
 * file's own key and those of its words get a provider record each, however many files a word has; the files
 * themselves stay here, and whoever looks for a word asks (`search.ts`). A value goes to its holders itself.
 */
import {
  nameOf,
  PUBLISH_LOOKUPS,
  PUBLISH_RECORDS_MAX,
  PUBLISHES_MAX,
  type StoredRecord,
  type StoreOutcome
} from '@servent/key-routing/machine'
import { type Key, type Peer, SELF } from '@servent/overlay/machine'
import { holdersOf } from './holders.ts'
import { inTurns } from './in-turns.ts'
import type { Fx, Kad } from './kad.ts'
import type { KeptValues } from './kept-values.ts'
import { startLookup } from './lookup-run.ts'
import { KAD_PRIORITY_STORE, REPUBLISH_RETRY_MS } from './machine-constants.ts'
import type { Provided } from './provided.ts'
import { keepProvider } from './serving.ts'

const REPUBLISH_TIMER = 'kad/republish'

/** Records of one command that go to the same holders. */
interface Group {
  readonly key: Key
  /** Of records in the command. */
  readonly indices: number[]
  readonly value: StoredRecord | undefined
}

type Outcome = StoreOutcome | 'unreachable'

export class Publishing {
  readonly #kad: Kad
  readonly #provided: Provided
  readonly #values: KeptValues
  #commands = 0
  /** When the timer fires, by `nowMs`. */
  #timerMs = Number.POSITIVE_INFINITY
  #isRepublishing = false

  constructor(kad: Kad, provided: Provided, values: KeptValues) {
    this.#kad = kad
    this.#provided = provided
    this.#values = values
  }

  /** Told by `published`. */
  publish(command: number, records: readonly StoredRecord[], fx: Fx): void {
    const outcomes = records.map((): Outcome => 'busy')
    const copies = records.map(() => 0)
    const tell = (later: Fx) => later.notify({ type: 'published', command, outcomes, copies })
    if (this.#commands >= PUBLISHES_MAX || records.length > PUBLISH_RECORDS_MAX) {
      tell(fx)
      return
    }
    this.#commands += 1
    inTurns(
      this.#grouped(records, outcomes, fx),
      PUBLISH_LOOKUPS,
      (group, done, later) => {
        const end = (outcome: Outcome, count: number, after: Fx): void => {
          for (const index of group.indices) {
            outcomes[index] = outcome
            copies[index] = count
          }
          done(after)
        }
        if (group.value === undefined) this.#provide(group.key, end, later)
        else this.#put(group.value, end, later)
      },
      later => {
        this.#commands -= 1
        tell(later)
      },
      fx
    )
  }

  /** True where the timer was its own: what is due is provided again, one key after the other. */
  onTimer(timer: string | number, fx: Fx): boolean {
    if (timer !== REPUBLISH_TIMER) return false
    this.#isRepublishing = true
    this.#timerMs = Number.POSITIVE_INFINITY
    inTurns(
      this.#provided.due(fx.nowMs()),
      1,
      (key, done, later) => this.#provide(key, (_outcome, _copies, after) => done(after), later),
      later => {
        this.#isRepublishing = false
        this.#arm(this.#provided.nextDueMs(), later)
      },
      fx
    )
    return true
  }

  #grouped(records: readonly StoredRecord[], outcomes: Outcome[], fx: Fx): Group[] {
    const groups: Group[] = []
    const byKey = new Map<string, Group>()
    for (const [index, record] of records.entries()) {
      if (record.kind === 'value') {
        groups.push({ key: record.key, indices: [index], value: record })
        continue
      }
      if (!this.#provided.add(record, fx.nowMs() + this.#kad.settings.republishMs)) {
        outcomes[index] = 'full'
        continue
      }
      // Nobody is told of what is taken back: it expires, and until then whoever asks gets nothing.
      if (record.withdrawn === true) outcomes[index] = 'kept'
      else {
        const name = nameOf(record.key)
        const group = byKey.get(name) ?? { key: record.key, indices: [], value: undefined }
        if (group.indices.length === 0) groups.push(group)
        byKey.set(name, group)
        group.indices.push(index)
      }
    }
    return groups
  }

  #provide(key: Key, done: (outcome: Outcome, copies: number, fx: Fx) => void, fx: Fx): void {
    const kad = this.#kad
    this.#lookUp(key, fx, (holders, later) => {
      const provider = later.peers.contact(SELF)
      for (const holder of holders) {
        if (holder === SELF) keepProvider(kad, key, provider, later)
        else kad.calls.tell(holder, { type: 'add-provider', key, provider }, KAD_PRIORITY_STORE, later)
      }
      // A peer that nobody but itself knows of provides nothing.
      const isTold = holders.some(holder => holder !== SELF)
      const againMs = isTold ? kad.settings.republishMs : REPUBLISH_RETRY_MS
      const dueMs = later.nowMs() + againMs
      this.#provided.setDue(key, dueMs)
      this.#arm(dueMs, later)
      done(isTold ? 'kept' : 'unreachable', holders.length, later)
    })
  }

  #put(value: StoredRecord, done: (outcome: Outcome, copies: number, fx: Fx) => void, fx: Fx): void {
    this.#lookUp(value.key, fx, (holders, later) => {
      let copies = 0
      let left = holders.length
      const heard = (isKept: boolean, after: Fx): void => {
        if (isKept) copies += 1
        left -= 1
        if (left > 0) return
        const isKeptByMost = 2 * copies > holders.length
        done(copies === 0 ? 'unreachable' : isKeptByMost ? 'kept' : 'few-copies', copies, after)
      }
      if (holders.every(holder => holder === SELF)) {
        done('unreachable', 0, later)
        return
      }
      for (const holder of holders) this.#values.putAt(holder, value, heard, later)
    })
  }

  #lookUp(key: Key, fx: Fx, found: (holders: readonly Peer[], fx: Fx) => void): void {
    const kad = this.#kad
    startLookup(
      kad,
      {
        key,
        purpose: 'user',
        budgetMs: kad.settings.lookupBudgetMs,
        // Of a lookup whose time ran out those that were found by then keep it.
        done: ({ closest }, later) => found(holdersOf(kad, key, closest, later), later)
      },
      fx
    )
  }

  #arm(dueMs: number | undefined, fx: Fx): void {
    if (this.#isRepublishing || dueMs === undefined || dueMs >= this.#timerMs) return
    this.#timerMs = dueMs
    fx.setTimer(REPUBLISH_TIMER, Math.max(1, dueMs - fx.nowMs()))
  }
}
