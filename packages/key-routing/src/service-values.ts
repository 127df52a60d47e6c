/** `put`, `get` and `provide`, and keeping alive what they wrote. */
import { pause } from '@servent/libp2p-host'
import { peerIdText } from '@servent/overlay'
import { nameOf } from './records.ts'
import { keyOfValue } from './records-body.ts'
import type { Audited } from './service-audit.ts'
import {
  PUBLISHED_LIFETIME_MS,
  READ_RETRY_MS,
  READ_TRIES_MAX,
  RENEWAL_RETRY_MS,
  STORE_RETRY_MS,
  STORE_TRIES_MAX,
  VALUE_MS
} from './service-constants.ts'
import { isPassing, type PublishOutcome } from './service-outcomes.ts'
import { type Own, OwnRecords, type OwnValue } from './service-own.ts'
import type { ReadsInit } from './service-reads.ts'
import { providerRecord, type Stamp, valueRecord } from './service-sealing.ts'
import { type Turn, Turns, untilAborted } from './service-turns.ts'
import type { FoundValue, PutOptions, ValueOptions } from './service-types.ts'
import {
  MULTIHASH_BYTES_MAX,
  SEQUENCE_AHEAD_MS_MAX,
  VALUE_BYTES_MAX,
  VALUE_KEY_BYTES_MAX
} from './store-constants.ts'
import type { StoredRecord } from './store-messages.ts'
import { recordByteLength } from './store-wire-records.ts'
import { QuorumError, statementOf, type Validators, ValueError } from './validators.ts'

export interface ServiceValuesInit extends ReadsInit {
  readonly stamp: () => Stamp
  readonly validators: Validators
}

/** As many holders as meet every write that was acknowledged: the machine knows how many. */
const QUORUM_OF_WRITES = 0

const REASONS: Readonly<Record<PublishOutcome, string>> = {
  kept: '',
  'few-copies': '',
  older: 'a newer value is there',
  refused: 'the peer that is responsible for the key refuses it',
  full: 'the peer that is responsible for the key is full',
  'full-key': 'the key is full',
  'full-publisher': 'the peer that is responsible for the key keeps no more of this peer',
  busy: 'the peer that is responsible for the key is busy; try again',
  'not-root': 'no peer is responsible for the key just now; try again',
  unreachable: 'no peer that is responsible for the key could be reached; is this node connected?'
}

/** A renewal that fails has its next turn. */
const RENEWAL_TRIES = 1

interface Stored {
  readonly outcome: PublishOutcome
  readonly copies: number
}

/** Waits until so many bytes may be sent. */
type Spend = (bytes: number) => Promise<void>

export class ServiceValues {
  readonly #init: ServiceValuesInit
  readonly own = new OwnRecords()
  /** Of writes under one key, and of announcements of one content, the later call is the newer one. */
  readonly #keys = new Turns()
  readonly #contents = new Turns()

  constructor(init: ServiceValuesInit) {
    this.#init = init
  }

  async put(key: Uint8Array, value: Uint8Array, options: PutOptions): Promise<{ copies: number }> {
    checkKey(key)
    if (value.length > VALUE_BYTES_MAX)
      throw new ValueError(`A value has at most ${VALUE_BYTES_MAX} bytes, not ${value.length}.`)
    const validate = () => this.#init.validators.validate(key, value)
    return this.#inTurn(this.#keys.enter(nameOf(key)), options, validate, async signal => {
      const stamp = this.#init.stamp()
      const record = await valueRecord(key, value, stamp)
      let put = await this.#store(record, signal, STORE_TRIES_MAX)
      if (put.outcome === 'older') {
        const there = await this.#read(key, QUORUM_OF_WRITES, true, signal)
        put = await this.#storeAbove(there, key, value, stamp, signal, STORE_TRIES_MAX)
      }
      if (!isThere(put.outcome)) throw new ValueError(`The value was not kept: ${REASONS[put.outcome]}.`)
      this.own.put(key, value, this.#init.clock.wallMs())
      return { copies: put.copies }
    })
  }

  /**
   * Another writer's clock is ahead of this one: with a larger sequence than what is there. Where even so it is not
   * the better record, the same value is there with a longer life, or another one that its selector prefers.
   */
  async #storeAbove(
    there: FoundValue | undefined,
    key: Uint8Array,
    value: Uint8Array,
    stamp: Stamp,
    signal: AbortSignal,
    triesMax: number
  ): Promise<Stored> {
    const sequence = (there?.sequence ?? 0) + 1
    let put: Stored = { outcome: 'older', copies: 0 }
    if (sequence <= this.#init.clock.wallMs() + SEQUENCE_AHEAD_MS_MAX && sequence > stamp.sequence)
      put = await this.#store(await valueRecord(key, value, { ...stamp, sequence }), signal, triesMax)
    return put.outcome === 'older' && isSameValue(there, value)
      ? { outcome: 'kept', copies: there!.holders }
      : put
  }

  async get(key: Uint8Array, options: ValueOptions): Promise<FoundValue | undefined> {
    checkKey(key)
    const { signal, isLate, end } = await this.#until(options)
    try {
      const { quorum = QUORUM_OF_WRITES, partial = false } = options
      return await this.#read(key, quorum, partial, signal, isLate)
    } finally {
      end()
    }
  }

  /**
   * Tells the network that this peer has a content, and keeps telling it.
   *
   * @throws ValueError  the multihash is too long, or nobody could keep the record
   */
  async provide(multihash: Uint8Array, options: PutOptions): Promise<void> {
    if (multihash.length > MULTIHASH_BYTES_MAX)
      throw new ValueError(`A multihash has at most ${MULTIHASH_BYTES_MAX} bytes, not ${multihash.length}.`)
    await this.#inTurn(this.#contents.enter(nameOf(multihash)), options, undefined, async signal => {
      const record = await providerRecord(multihash, this.#init.stamp())
      await this.#storeProvider(record, multihash, signal, STORE_TRIES_MAX)
    })
  }

  /** A content that is being told of just now is left out as soon as that has ended. */
  async cancelProvide(multihash: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    const cancelled = this.#cancel(multihash)
    if (signal === undefined) return cancelled
    await untilAborted(cancelled, signal)
  }

  async #cancel(multihash: Uint8Array): Promise<void> {
    this.own.cancel(multihash)
    const turn = this.#contents.enter(nameOf(multihash))
    try {
      await turn.reached()
      this.own.cancel(multihash)
    } finally {
      turn.leave()
    }
  }

  async #storeProvider(
    record: StoredRecord,
    multihash: Uint8Array,
    signal: AbortSignal,
    triesMax: number
  ): Promise<void> {
    const { outcome } = await this.#store(record, signal, triesMax)
    if (!isThere(outcome)) throw new ValueError(`The provider record was not kept: ${REASONS[outcome]}.`)
    this.own.provide(multihash, record.expiresMs - PUBLISHED_LIFETIME_MS)
  }

  /**
   * What is due is told again, at the pace of a budget; what somebody else has overwritten is left to them. What
   * cannot be renewed now has its turn later, and keeps nothing else from it.
   *
   * @throws AggregateError  what could not be renewed, once all had their turn
   */
  async renew(
    signal: AbortSignal,
    spend: (bytes: number, signal: AbortSignal) => Promise<void>
  ): Promise<void> {
    const wallMs = this.#init.clock.wallMs()
    const pay: Spend = bytes => spend(bytes, signal)
    const errors: unknown[] = []
    const attempt = async (one: Own, run: () => Promise<void>): Promise<void> => {
      signal.throwIfAborted()
      try {
        await run()
      } catch (error) {
        signal.throwIfAborted()
        errors.push(error)
        one.dueMs = this.#init.clock.wallMs() + RENEWAL_RETRY_MS
      }
    }
    for (const one of this.own.dueProvided(wallMs))
      await attempt(one, () => this.#renewProvided(one, signal, pay))
    for (const one of this.own.dueValues(wallMs)) await attempt(one, () => this.#renewValue(one, signal, pay))
    if (errors.length > 0)
      throw new AggregateError(errors, `${errors.length} values or contents could not be renewed just now.`)
  }

  /** Contents that are provided, to see whether the network still has them. Values may be others' by now. */
  *audited(onDue: () => void): Generator<Audited, void> {
    const { clock } = this.#init
    for (const one of this.own.allProvided)
      yield {
        expiresMs: one.toldMs + PUBLISHED_LIFETIME_MS,
        records: async stamp =>
          this.own.isProvided(one) && one.dueMs > clock.wallMs()
            ? [await providerRecord(one.bytes, { ...this.#init.stamp(), ...stamp })]
            : undefined,
        missed: () => {
          one.dueMs = clock.wallMs()
          onDue()
        }
      }
  }

  /** What was due may have been cancelled while the others had their turn. */
  async #renewProvided(one: Own, signal: AbortSignal, pay: Spend): Promise<void> {
    if (!this.own.isProvided(one)) return
    const record = await providerRecord(one.bytes, this.#init.stamp())
    await pay(recordByteLength(record))
    await this.#inTurn(this.#contents.enter(nameOf(one.bytes)), { signal }, undefined, async until => {
      if (this.own.isProvided(one)) await this.#storeProvider(record, one.bytes, until, RENEWAL_TRIES)
    })
  }

  /** A newer one may have been put in the meantime: the older must not come after it. */
  async #renewValue(one: OwnValue, signal: AbortSignal, pay: Spend): Promise<void> {
    if (!this.own.isLatest(one)) return
    const { bytes: key, value } = one
    const stamp = this.#init.stamp()
    const record = await valueRecord(key, value, stamp)
    await pay(recordByteLength(record))
    await this.#inTurn(this.#keys.enter(nameOf(key)), { signal }, undefined, async until => {
      if (!this.own.isLatest(one)) return
      const isOthers = (there: FoundValue | undefined): boolean =>
        there !== undefined && there.writer !== this.#init.self && !isSameValue(there, value)
      const read = () => this.#read(key, QUORUM_OF_WRITES, false, until)
      if (isOthers(await read())) {
        this.own.forgetValue(key)
        return
      }
      let put = await this.#store(record, until, RENEWAL_TRIES)
      if (put.outcome === 'older') {
        const there = await read()
        if (isOthers(there)) {
          this.own.forgetValue(key)
          return
        }
        put = await this.#storeAbove(there, key, value, stamp, until, RENEWAL_TRIES)
      }
      if (!isThere(put.outcome)) throw new ValueError(`The value was not kept: ${REASONS[put.outcome]}.`)
      this.own.put(key, value, this.#init.clock.wallMs())
    })
  }

  async #store(record: StoredRecord, signal: AbortSignal, triesMax: number): Promise<Stored> {
    const command = { type: 'publish', records: [record] } as const
    for (let tries = 1; ; tries += 1) {
      const { outcomes, copies } = await this.#init.commands.ask(command, ['published'], signal)
      const outcome = outcomes[0] ?? 'unreachable'
      if (!isPassing(outcome) || tries === triesMax) return { outcome, copies: copies[0] ?? 0 }
      await pause(this.#init.clock, STORE_RETRY_MS * 2 ** (tries - 1), signal)
    }
  }

  /** `isLate`: the time is over, and nobody has called it off. What an earlier try has read is the answer then. */
  async #read(
    key: Uint8Array,
    quorum: number,
    partial: boolean,
    signal: AbortSignal,
    isLate = (): boolean => false
  ): Promise<FoundValue | undefined> {
    const command = { type: 'read-value', key: keyOfValue(key), quorum } as const
    const ask = () => this.#init.commands.ask(command, ['value-read'], signal)
    const isWhole = (read: Awaited<ReturnType<typeof ask>>): boolean =>
      read.failure === undefined && (partial || read.incomplete !== true)
    let read = await ask()
    // A root that has just changed, or is busy, may name others a moment later.
    for (let tries = 1; tries < READ_TRIES_MAX && !isWhole(read); tries += 1) {
      try {
        await pause(this.#init.clock, READ_RETRY_MS * 2 ** (tries - 1), signal)
        read = await ask()
      } catch (error) {
        if (!isLate()) throw error
        break
      }
    }
    const { record, holders, incomplete, failure } = read
    if (failure === 'busy') throw new ValueError('The value could not be read: this node is busy; try again.')
    if (failure !== undefined)
      throw new ValueError(`The value could not be read: ${REASONS.unreachable} (${failure})`)
    if (incomplete === true && !partial)
      throw new QuorumError(
        'Too few of those who keep the value answer to tell which is the newest; try again.'
      )
    if (record === undefined) return undefined
    const { value } = statementOf(record)
    const { sequence, expiresMs, publisher } = record
    return {
      value,
      writer: peerIdText(publisher.id),
      sequence,
      expiresMs,
      holders,
      complete: incomplete !== true
    }
  }

  /** Runs a task once its turn has come and the overlay can answer. A check that fails ends it before. */
  async #inTurn<R>(
    turn: Turn,
    options: PutOptions,
    check: (() => Promise<void>) | undefined,
    task: (signal: AbortSignal) => Promise<R>
  ): Promise<R> {
    try {
      await check?.()
      const { signal, end } = await this.#until(options)
      try {
        await turn.reached(signal)
        return await task(signal)
      } finally {
        end()
      }
    } finally {
      turn.leave()
    }
  }

  /** Once it can be answered, for the time that is left. */
  async #until({
    signal,
    timeoutMs = VALUE_MS
  }: PutOptions): Promise<{ signal: AbortSignal; isLate: () => boolean; end: () => void }> {
    const { clock, readiness } = this.#init
    const leftMs = await readiness.wait({ signal, timeoutMs })
    const late = new AbortController()
    const timer = clock.setTimeout(
      () => late.abort(new ValueError(`Nobody answered within ${timeoutMs} ms.`)),
      leftMs
    )
    return {
      signal: signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]),
      isLate: () => late.signal.aborted && signal?.aborted !== true,
      end: () => clock.clearTimeout(timer)
    }
  }
}

function isThere(outcome: PublishOutcome): boolean {
  return outcome === 'kept' || outcome === 'few-copies'
}

function isSameValue(there: FoundValue | undefined, value: Uint8Array): boolean {
  return there !== undefined && nameOf(there.value) === nameOf(value)
}

function checkKey(key: Uint8Array): void {
  if (key.length === 0 || key.length > VALUE_KEY_BYTES_MAX)
    throw new ValueError(`A key has 1 to ${VALUE_KEY_BYTES_MAX} bytes, not ${key.length}.`)
}
