/**
 * Values that this peer keeps. A value that does not come by a link from its writer has its signature checked by the
 * world; of two under one key the validator of the key says which is the better one (spec, "Value storage and
 * retrieval").
 */
import {
  fingerprintOf,
  isReadable,
  isTimely,
  type RoutingAnswer,
  type RoutingQuestion,
  type StoredRecord
} from '@servent/key-routing/machine'
import { type Key, type Peer, SELF, sameBytes } from '@servent/overlay/machine'
import type { Fx, Kad } from './kad.ts'
import { KAD_PRIORITY_STORE, VALUES_WAITING_MAX, VALUES_WAITING_PER_PEER_MAX } from './machine-constants.ts'

type OnAnswer = (answer: RoutingAnswer | undefined, fx: Fx) => void

export class KeptValues {
  readonly #kad: Kad
  /** Questions to the world, by their ids. */
  readonly #asked = new Map<number, OnAnswer>()
  readonly #waitingOf = new Map<Peer, number>()
  #waiting = 0

  constructor(kad: Kad) {
    this.#kad = kad
  }

  get waiting(): number {
    return this.#waiting
  }

  heldPeers(hold: (peer: Peer) => void): void {
    for (const peer of this.#waitingOf.keys()) hold(peer)
  }

  ask(question: RoutingQuestion, done: OnAnswer, fx: Fx): void {
    const id = this.#kad.calls.nextId()
    this.#asked.set(id, done)
    fx.ask(id, question)
  }

  onAnswer(id: number, answer: RoutingAnswer | undefined, fx: Fx): void {
    const done = this.#asked.get(id)
    this.#asked.delete(id)
    done?.(answer, fx)
  }

  find(key: Key, fx: Fx): StoredRecord | undefined {
    const fit = () => 1
    const [record] = this.#kad.records.page('value', key, 0, fit, fx.nowMs(), fx.wallMs()).records
    return record
  }

  /** `done` is told whether it is kept. */
  accept(sender: Peer, record: StoredRecord, done: (isKept: boolean, fx: Fx) => void, fx: Fx): void {
    const ofSender = this.#waitingOf.get(sender) ?? 0
    const isFull = this.#waiting >= VALUES_WAITING_MAX || ofSender >= VALUES_WAITING_PER_PEER_MAX
    if (isFull || !isTimely(record, fx.wallMs()) || !isReadable(record, fx.wallMs())) {
      this.#kad.counters.refused += 1
      done(false, fx)
      return
    }
    this.#waiting += 1
    this.#waitingOf.set(sender, ofSender + 1)
    const end = (isKept: boolean, later: Fx): void => {
      this.#waiting -= 1
      const left = this.#waitingOf.get(sender)! - 1
      if (left === 0) this.#waitingOf.delete(sender)
      else this.#waitingOf.set(sender, left)
      if (!isKept) this.#kad.counters.refused += 1
      done(isKept, later)
    }
    if (sameBytes(record.publisher.id, fx.peers.contact(sender).id)) this.#keep(record, end, fx)
    else
      this.ask(
        { type: 'verify', records: [record] },
        (answer, later) => {
          if (answer?.type === 'verified' && answer.good[0] === true) this.#keep(record, end, later)
          else end(false, later)
        },
        fx
      )
  }

  /** Puts a value at one of its holders. */
  putAt(holder: Peer, record: StoredRecord, done: (isKept: boolean, fx: Fx) => void, fx: Fx): void {
    if (holder === SELF) {
      this.accept(SELF, record, done, fx)
      return
    }
    const { calls, mark } = this.#kad
    calls.request(
      holder,
      { type: 'put-value', id: calls.nextId(), record, ...mark },
      KAD_PRIORITY_STORE,
      (outcome, later) => {
        const answer = 'answer' in outcome ? outcome.answer : undefined
        done(answer?.type === 'value-put' && answer.record !== undefined, later)
      },
      fx
    )
  }

  #keep(record: StoredRecord, end: (isKept: boolean, fx: Fx) => void, fx: Fx): void {
    const kept = this.find(record.key, fx)
    if (kept === undefined || fingerprintOf(kept) === fingerprintOf(record)) {
      end(this.#put(record, fx), fx)
      return
    }
    this.ask(
      { type: 'select', key: record.key, records: [record, kept] },
      (answer, later) => {
        const isBetter = answer?.type === 'selected' && answer.index === 0
        // Another one may have come meanwhile: it is held against that one, too.
        const now = this.find(record.key, later)
        if (isBetter && now !== undefined && fingerprintOf(now) !== fingerprintOf(kept))
          this.#keep(record, end, later)
        else end(isBetter && this.#put(record, later), later)
      },
      fx
    )
  }

  #put(record: StoredRecord, fx: Fx): boolean {
    const outcome = this.#kad.records.put(record, fx.nowMs(), fx.wallMs())
    return outcome === 'kept' || outcome === 'same'
  }
}
