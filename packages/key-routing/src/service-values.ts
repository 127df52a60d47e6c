/** `put`, `get` and `provide`, and keeping alive what they wrote. */
import { peerIdText } from '@servent/overlay'
import { keyOfValue } from './records-body.ts'
import { providerRecord, type Stamp, valueRecord } from './records-sealing.ts'
import { RENEWAL_RETRY_MS, STORE_RETRY_MS, STORE_TRIES_MAX, VALUE_MS } from './service-constants.ts'
import { isPassing, type PublishOutcome } from './service-outcomes.ts'
import { OwnRecords } from './service-own.ts'
import { pause } from './service-pause.ts'
import type { ReadsInit } from './service-reads.ts'
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
  busy: 'the peer that is responsible for the key is busy; try again',
  'not-root': 'no peer is responsible for the key just now; try again',
  unreachable: 'no peer that is responsible for the key could be reached; is this node connected?'
}

/** Waits until so many bytes may be sent. */
type Spend = (bytes: number) => Promise<void>

export class ServiceValues {
  readonly #init: ServiceValuesInit
  readonly own = new OwnRecords()

  constructor(init: ServiceValuesInit) {
    this.#init = init
  }

  async put(key: Uint8Array, value: Uint8Array, options: PutOptions): Promise<{ copies: number }> {
    checkKey(key)
    if (value.length > VALUE_BYTES_MAX)
      throw new ValueError(`A value has at most ${VALUE_BYTES_MAX} bytes, not ${value.length}.`)
    await this.#init.validators.validate(key, value)
    return this.#put(key, value, options)
  }

  async #put(
    key: Uint8Array,
    value: Uint8Array,
    options: PutOptions,
    spend?: Spend
  ): Promise<{ copies: number }> {
    const stamp = this.#init.stamp()
    const record = await valueRecord(key, value, stamp)
    await spend?.(recordByteLength(record))
    const { signal, end } = await this.#until(options)
    // A renewal has its next turn.
    const tries = spend === undefined ? STORE_TRIES_MAX : 1
    try {
      let put = await this.#store(record, signal, tries)
      if (put.outcome === 'older') {
        // Another writer's clock is ahead of this one.
        const there = await this.#read(key, QUORUM_OF_WRITES, true, signal)
        const sequence = (there?.sequence ?? 0) + 1
        if (sequence <= this.#init.clock.wallMs() + SEQUENCE_AHEAD_MS_MAX && sequence > stamp.sequence)
          put = await this.#store(await valueRecord(key, value, { ...stamp, sequence }), signal, tries)
      }
      if (put.outcome !== 'kept' && put.outcome !== 'few-copies')
        throw new ValueError(`The value was not kept: ${REASONS[put.outcome]}.`)
      this.own.put(key, value, this.#init.clock.wallMs())
      return { copies: put.copies }
    } finally {
      end()
    }
  }

  async get(key: Uint8Array, options: ValueOptions): Promise<FoundValue | undefined> {
    checkKey(key)
    const { signal, end } = await this.#until(options)
    try {
      return await this.#read(key, options.quorum ?? QUORUM_OF_WRITES, options.partial ?? false, signal)
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
    await this.#provide(multihash, options)
  }

  async #provide(multihash: Uint8Array, options: PutOptions, spend?: Spend): Promise<void> {
    const record = await providerRecord(multihash, this.#init.stamp())
    await spend?.(recordByteLength(record))
    const { signal, end } = await this.#until(options)
    try {
      const { outcome } = await this.#store(record, signal, spend === undefined ? STORE_TRIES_MAX : 1)
      if (outcome !== 'kept' && outcome !== 'few-copies')
        throw new ValueError(`The provider record was not kept: ${REASONS[outcome]}.`)
      this.own.provide(multihash, this.#init.clock.wallMs())
    } finally {
      end()
    }
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
    const attempt = async (run: () => Promise<void>, later: (dueMs: number) => void): Promise<void> => {
      signal.throwIfAborted()
      try {
        await run()
      } catch (error) {
        signal.throwIfAborted()
        errors.push(error)
        later(this.#init.clock.wallMs() + RENEWAL_RETRY_MS)
      }
    }
    for (const multihash of this.own.dueProvided(wallMs))
      await attempt(
        () => this.#provide(multihash, { signal }, pay),
        dueMs => this.own.postponeProvided(multihash, dueMs)
      )
    for (const { bytes: key, value } of this.own.dueValues(wallMs))
      await attempt(
        () => this.#renewValue(key, value, signal, pay),
        dueMs => this.own.postponeValue(key, dueMs)
      )
    if (errors.length > 0)
      throw new AggregateError(errors, `${errors.length} values or contents could not be renewed just now.`)
  }

  async #renewValue(key: Uint8Array, value: Uint8Array, signal: AbortSignal, pay: Spend): Promise<void> {
    const there = await this.get(key, { signal })
    const isOwn = there === undefined || there.writer === this.#init.self
    if (isOwn) await this.#put(key, value, { signal }, pay)
    else this.own.forgetValue(key)
  }

  async #store(
    record: StoredRecord,
    signal: AbortSignal,
    triesMax: number
  ): Promise<{ outcome: PublishOutcome; copies: number }> {
    const command = { type: 'publish', records: [record] } as const
    for (let tries = 1; ; tries += 1) {
      const { outcomes, copies } = await this.#init.commands.ask(command, ['published'], signal)
      const outcome = outcomes[0] ?? 'unreachable'
      if (!isPassing(outcome) || tries === triesMax) return { outcome, copies: copies[0] ?? 0 }
      await pause(this.#init.clock, STORE_RETRY_MS * 2 ** (tries - 1), signal)
    }
  }

  async #read(
    key: Uint8Array,
    quorum: number,
    partial: boolean,
    signal: AbortSignal
  ): Promise<FoundValue | undefined> {
    const command = { type: 'read-value', key: keyOfValue(key), quorum } as const
    const { record, holders, incomplete, failure } = await this.#init.commands.ask(
      command,
      ['value-read'],
      signal
    )
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

  /** Once it can be answered, for the time that is left. */
  async #until({
    signal,
    timeoutMs = VALUE_MS
  }: PutOptions): Promise<{ signal: AbortSignal; end: () => void }> {
    const { clock, readiness } = this.#init
    const leftMs = await readiness.wait({ signal, timeoutMs })
    const late = new AbortController()
    const timer = clock.setTimeout(
      () => late.abort(new ValueError(`Nobody answered within ${timeoutMs} ms.`)),
      leftMs
    )
    return {
      signal: signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]),
      end: () => clock.clearTimeout(timer)
    }
  }
}

function checkKey(key: Uint8Array): void {
  if (key.length === 0 || key.length > VALUE_KEY_BYTES_MAX)
    throw new ValueError(`A key has 1 to ${VALUE_KEY_BYTES_MAX} bytes, not ${key.length}.`)
}
