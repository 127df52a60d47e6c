/**
 * Whether the network still has what it was told. Where all who keep a record die at one moment nobody is left to mend it,
 * and its publisher alone knows that it should be there. So each record is brought to its root again now and then, as one
 * that is older than what was announced: a root that has it says so and leaves it, and one that has not keeps this one, and
 * is told anew. Few go at a time; where a provider record was missed others will be, and all are looked after as fast as they
 * may be announced.
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
  /** Whether this peer is with others: alone it would find everything missing, and keep it itself. */
  readonly isAmongOthers: () => boolean
  /** What was announced and has not expired: each thing with its records, made when it is its turn. */
  readonly announced: () => AsyncIterable<Audited>
  readonly publish: (
    records: readonly StoredRecord[],
    signal: AbortSignal
  ) => Promise<readonly PublishOutcome[]>
  /** Waits until so many bytes may be announced. */
  readonly spend: (bytes: number, signal: AbortSignal) => Promise<void>
  readonly onError: (error: Error) => void
}

export interface Audited {
  /** Until when it was announced, milliseconds since 1970. */
  readonly expiresMs: number
  /** Nothing where it is not what was announced any more, or is told anew in any case. */
  readonly records: (
    stamp: Pick<Stamp, 'sequence' | 'expiresMs'>
  ) => Promise<readonly StoredRecord[] | undefined>
  /** It is to be announced anew: what a root has now is older than what others may have. */
  readonly missed: () => void
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
    const { clock, onError } = this.#init
    while (!signal.aborted) {
      const startMs = clock.nowMs()
      try {
        await this.#pass(signal)
      } catch (error) {
        if (signal.aborted) return
        onError(error as Error)
      }
      this.#hurriedPasses = Math.max(0, this.#hurriedPasses - 1)
      const restMs = this.#hurriedPasses > 0 ? 0 : startMs + AUDIT_PASS_MS - clock.nowMs()
      await pause(clock, Math.max(1, restMs), signal)
    }
  }

  async #pass(signal: AbortSignal): Promise<void> {
    const { announced, clock, isAmongOthers, publish } = this.#init
    for await (const { expiresMs, records: make, missed: onMissed } of announced()) {
      signal.throwIfAborted()
      if (!isAmongOthers() || expiresMs <= clock.wallMs()) continue
      const sequence = expiresMs - PUBLISHED_LIFETIME_MS - AUDIT_OLDER_MS
      const records = await make({ sequence, expiresMs })
      if (records === undefined || records.length === 0) continue
      await this.#spend(bytesOf(records), signal)
      const outcomes = await publish(records, signal)
      const missed = records.filter((_, at) => outcomes[at] === 'kept' || outcomes[at] === 'few-copies')
      this.counters.recordsAudited += records.length
      this.counters.recordsMissed += missed.length
      if (missed.length > 0) onMissed()
      // The rest of this pass, and what was looked after before it was known. A word may only have had no room before.
      if (missed.some(({ kind }) => kind === 'provider') && this.#hurriedPasses === 0) this.#hurriedPasses = 2
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
