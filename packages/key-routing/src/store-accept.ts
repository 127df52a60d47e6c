/**
 * Taking records in. What can be seen at once is checked first: form, expiry, whose key it is, and whether a
 * newer version is there. A record that comes by a link from its own publisher is believed, for the link has
 * proven the PeerId; any other has its signature checked by the world, all of a request in one question. Which
 * of two values is the better one its validator says. A root then copies what it kept (`replica-copies.ts`).
 */
import { type Key, type Peer, SELF } from '@servent/overlay/machine'
import { LazyMap } from './lazy-map.ts'
import { isTimely, nameOf } from './records.ts'
import { fingerprintOf } from './records-digest.ts'
import { Copying } from './replica-copies.ts'
import {
  RECORD_BODY_BYTES_MAX,
  SELECTIONS_MAX,
  STORES_WAITING_MAX,
  STORES_WAITING_PER_PEER_MAX
} from './store-constants.ts'
import type { StoreContext } from './store-context.ts'
import { isFull, type StoredRecord, type StoreOutcome, type StoreRecords } from './store-messages.ts'
import type { RoutingEffects } from './types.ts'

/** `pulled`: this peer asked for it, as the root of the key or for a read. */
export type AcceptAs = StoreRecords['as'] | 'pulled'

export interface Acceptable {
  readonly sender: Peer
  readonly as: AcceptAs
  readonly records: readonly StoredRecord[]
}

export type OnAccepted = (
  outcomes: readonly StoreOutcome[],
  copies: readonly number[],
  effects: RoutingEffects
) => void

interface Job extends Acceptable {
  readonly outcomes: (StoreOutcome | undefined)[]
  readonly done: OnAccepted
}

export class Acceptance {
  readonly #context: StoreContext
  readonly #onKept: (as: AcceptAs, effects: RoutingEffects) => void
  readonly #bySender = new LazyMap<Peer, number>()
  #waiting = 0

  /** `onKept` is called after something was kept that was not there before. */
  constructor(context: StoreContext, onKept: (as: AcceptAs, effects: RoutingEffects) => void) {
    this.#context = context
    this.#onKept = onKept
  }

  get waiting(): number {
    return this.#waiting
  }

  heldPeers(hold: (peer: Peer) => void): void {
    for (const peer of this.#bySender.keys()) hold(peer)
  }

  accept(request: Acceptable, done: OnAccepted, effects: RoutingEffects): void {
    const { sender, records } = request
    const ofSender = this.#bySender.get(sender) ?? 0
    if (this.#waiting >= STORES_WAITING_MAX || ofSender >= STORES_WAITING_PER_PEER_MAX) {
      const busy = records.map(() => 'busy' as const)
      done(
        busy,
        records.map(() => 0),
        effects
      )
      return
    }
    this.#waiting += 1
    this.#bySender.set(sender, ofSender + 1)
    const job: Job = {
      ...request,
      outcomes: records.map(record => this.#check(record, request, effects)),
      done
    }
    const unsure = indicesOf(job, outcome => outcome === undefined).filter(
      index => !isTrusted(job.records[index]!, sender, effects)
    )
    if (unsure.length === 0) {
      this.#keepAll(job, effects)
      return
    }
    const asked = unsure.map(index => job.records[index]!)
    this.#context.ask(
      { type: 'verify', records: asked },
      (answer, later) => {
        for (const [place, index] of unsure.entries()) {
          if (answer === undefined) job.outcomes[index] = 'busy'
          else if (answer.type !== 'verified' || answer.good[place] !== true) job.outcomes[index] = 'refused'
        }
        this.#keepAll(job, later)
      },
      effects
    )
  }

  /** What can be said of a record without the world; nothing where it may be kept. */
  #check(
    record: StoredRecord,
    { as, sender }: Acceptable,
    effects: RoutingEffects
  ): StoreOutcome | undefined {
    const { settings, table } = this.#context
    const wallMs = effects.wallMs()
    if (!isTimely(record, wallMs) || record.body.length > RECORD_BODY_BYTES_MAX) return 'refused'
    if (!this.#takes(as)) return 'busy'
    if (as === 'root' && !this.#context.isRoot(record.key)) return 'not-root'
    if (as === 'hand-over' && !this.#mayInherit(record.key, sender)) return 'not-root'
    if (as === 'replica' && !this.#context.isPlausibleRoot(sender, record.key)) return 'not-root'
    const held = table.find(record)
    if (held !== undefined) {
      if (held.fingerprint === fingerprintOf(record)) {
        held.confirmedMs = effects.nowMs()
        held.placedMs = undefined
        if (as !== 'replica') held.root = this.#isOwn(as, record.key)
        return 'kept'
      }
      if (record.kind !== 'value' && held.record.sequence >= record.sequence) return 'older'
    }
    return settings.inspect?.(record, wallMs) === false ? 'refused' : undefined
  }

  /** What this peer itself asked for it keeps for its own use. */
  #takes(as: AcceptAs): boolean {
    return as === 'pulled' || this.#context.takesOver
  }

  /** From a former root, or from a holder that leaves, perhaps the last one: this peer's tables need not know that yet. */
  #mayInherit(key: Key, sender: Peer): boolean {
    const context = this.#context
    return context.isRoot(key, peer => peer === sender, true) || context.isPlausibleHolder(sender, key)
  }

  /** What it inherited and is not the root of it brings to the root at once. */
  #isOwn(as: AcceptAs, key: Key): boolean {
    return as === 'hand-over' || this.#context.isRoot(key)
  }

  #keepAll(job: Job, effects: RoutingEffects): void {
    const open = indicesOf(job, outcome => outcome === undefined)
    const values: number[] = []
    for (const index of open) {
      if (job.records[index]!.kind === 'value') values.push(index)
      else this.#keep(job, index, effects)
    }
    this.#keepValues(job, values, 0, effects)
  }

  /** One after the other, since each may have to be held against the one that is there. */
  #keepValues(job: Job, indices: readonly number[], tries: number, effects: RoutingEffects): void {
    const index = indices[0]
    if (index === undefined) {
      this.#copy(job, effects)
      return
    }
    const record = job.records[index]!
    const held = this.#context.table.find(record)?.record
    const rest = indices.slice(1)
    if (held === undefined || held.expiresMs <= effects.wallMs()) {
      this.#keep(job, index, effects)
      this.#keepValues(job, rest, 0, effects)
      return
    }
    this.#context.ask(
      { type: 'select', key: record.key, records: [held, record] },
      (answer, later) => {
        const isSame = this.#context.table.find(record)?.record === held
        if (!isSame && tries < SELECTIONS_MAX) {
          this.#keepValues(job, indices, tries + 1, later)
          return
        }
        if (!isSame || answer?.type !== 'selected') job.outcomes[index] = 'busy'
        else if (answer.index === 1) this.#keep(job, index, later)
        else job.outcomes[index] = answer.index === 0 ? 'older' : 'refused'
        this.#keepValues(job, rest, 0, later)
      },
      effects
    )
  }

  #keep(job: Job, index: number, effects: RoutingEffects): void {
    const { table, counters } = this.#context
    const record = job.records[index]!
    // It may have begun to leave while signatures were checked.
    if (!this.#takes(job.as)) {
      job.outcomes[index] = 'busy'
      return
    }
    const outcome = table.put(record, effects.nowMs(), effects.wallMs())
    job.outcomes[index] = outcome === 'same' ? 'kept' : outcome
    if (outcome !== 'kept') {
      if (isFull(outcome)) counters.storesRefused += 1
      return
    }
    counters.stored += 1
    table.find(record)!.root = this.#isOwn(job.as, record.key)
    this.#onKept(job.as, effects)
  }

  #copy(job: Job, effects: RoutingEffects): void {
    const kept = indicesOf(job, outcome => outcome === 'kept')
    if (job.as !== 'root' || kept.length === 0) {
      this.#end(
        job,
        job.records.map((_, index) => (job.outcomes[index] === 'kept' ? 1 : 0)),
        effects
      )
      return
    }
    const copies = job.records.map(() => 0)
    const records = kept.map(index => job.records[index]!)
    new Copying(this.#context, records, (holders, needed, later) => {
      for (const [place, index] of kept.entries()) {
        copies[index] = holders[place]!
        if (holders[place]! < needed[place]!) job.outcomes[index] = 'few-copies'
      }
      this.#end(job, copies, later)
    }).start(effects)
  }

  #end(job: Job, copies: readonly number[], effects: RoutingEffects): void {
    this.#waiting -= 1
    const left = this.#bySender.get(job.sender)! - 1
    if (left === 0) this.#bySender.delete(job.sender)
    else this.#bySender.set(job.sender, left)
    // Every record has its outcome by now.
    job.done(job.outcomes as StoreOutcome[], copies, effects)
  }
}

/**
 * A value is never trusted by its link alone: its namespace may have a validator, which only the world can ask.
 */
function isTrusted(record: StoredRecord, sender: Peer, effects: RoutingEffects): boolean {
  if (sender === SELF) return true
  return record.kind !== 'value' && nameOf(effects.peers.contact(sender).id) === nameOf(record.publisher.id)
}

function indicesOf(job: Job, wanted: (outcome: StoreOutcome | undefined) => boolean): number[] {
  return job.records.flatMap((_, index) => (wanted(job.outcomes[index]) ? [index] : []))
}
