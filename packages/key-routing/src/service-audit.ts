/**
 * Whether the network still has what it was told. Where all who keep a record die at one moment nobody is left to mend it,
 * and its publisher alone knows that it should be there. So each record is brought to its root again now and then, as one
 * that is older than what was announced: a root that has it says so, and one that has not keeps this one. Few go at a time;
 * where one was lost others will be, and all are looked after as fast as they may be announced.
 */
import { type Clock, pause } from '@servent/libp2p-host'
import { TokenBucket } from '@servent/overlay'
import {
  AUDIT_BURST_BYTES,
  AUDIT_BYTES_PER_S,
  AUDIT_OLDER_MS,
  AUDIT_PASS_MS,
  PUBLISHED_LIFETIME_MS
} from './service-constants.ts'
import type { PublishOutcome } from './service-outcomes.ts'
import type { Stamp } from './service-sealing.ts'
import { bytesOf } from './service-telling.ts'
import type { StoredRecord } from './store-messages.ts'

export interface AuditInit {
  readonly clock: Clock
  readonly isReady: () => boolean
  /** What was announced and has not expired: each thing with its records, made when it is its turn. */
  readonly announced: () => AsyncIterable<Audited>
  readonly publish: (
    records: readonly StoredRecord[],
    signal: AbortSignal
  ) => Promise<readonly PublishOutcome[]>
  /** Waits until so many bytes may be announced. */
  readonly spend: (bytes: number, signal: AbortSignal) => Promise<void>
}

export interface Audited {
  /** Until when it was announced, milliseconds since 1970. */
  readonly expiresMs: number
  /** Nothing where it is not what was announced any more. */
  readonly records: (
    stamp: Pick<Stamp, 'sequence' | 'expiresMs'>
  ) => Promise<readonly StoredRecord[] | undefined>
}

export class Audit {
  readonly #init: AuditInit
  readonly #bucket: TokenBucket
  readonly counters = { recordsAudited: 0, recordsMissed: 0 }
  /** Passes over everything that go as fast as announcing. */
  #hurriedPasses = 0

  constructor(init: AuditInit) {
    this.#init = init
    this.#bucket = new TokenBucket(AUDIT_BURST_BYTES, AUDIT_BYTES_PER_S, init.clock.nowMs())
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#init
    while (!signal.aborted) {
      const startMs = clock.nowMs()
      await this.#pass(signal)
      const isHurried = this.#hurriedPasses > 0
      this.#hurriedPasses = Math.max(0, this.#hurriedPasses - 1)
      const restMs = isHurried && this.#hurriedPasses > 0 ? 0 : startMs + AUDIT_PASS_MS - clock.nowMs()
      await pause(clock, Math.max(1, restMs), signal)
    }
  }

  async #pass(signal: AbortSignal): Promise<void> {
    const { announced, clock, isReady, publish } = this.#init
    for await (const { expiresMs, records: make } of announced()) {
      signal.throwIfAborted()
      // Whoever is alone would find everything missing, and keep it itself.
      if (!isReady() || expiresMs <= clock.wallMs()) continue
      const sequence = expiresMs - PUBLISHED_LIFETIME_MS - AUDIT_OLDER_MS
      const records = await make({ sequence, expiresMs })
      if (records === undefined) continue
      await this.#spend(bytesOf(records), signal)
      const outcomes = await publish(records, signal)
      const missed = outcomes.filter(outcome => outcome === 'kept' || outcome === 'few-copies').length
      this.counters.recordsAudited += records.length
      this.counters.recordsMissed += missed
      // The rest of this pass, and what was looked after before it was known.
      if (missed > 0 && this.#hurriedPasses === 0) this.#hurriedPasses = 2
    }
  }

  async #spend(bytes: number, signal: AbortSignal): Promise<void> {
    const { clock, spend } = this.#init
    if (this.#hurriedPasses > 0) {
      await spend(bytes, signal)
      return
    }
    for (;;) {
      const waitMs = this.#bucket.waitMs(1, clock.nowMs())
      if (waitMs === 0) break
      await pause(clock, waitMs, signal)
      signal.throwIfAborted()
    }
    this.#bucket.charge(bytes, clock.nowMs())
  }
}
