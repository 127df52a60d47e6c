/**
 * Tells roots of the files of a batch within the budget, and settles what came of each: it is found, or refused, or some
 * of its records are lost on their way. Says how far announcing is, and what holds it back.
 */
import { type Clock, pause } from '@servent/libp2p-host'
import { type AnnouncedSnapshot, isPartial, TokenBucket } from '@servent/overlay'
import { nameOf } from './records.ts'
import type { Announced, AnyFile } from './service-announced.ts'
import {
  PUBLISH_BATCH_BYTES,
  PUBLISH_BATCH_BYTES_MOST,
  PUBLISH_BATCH_FILES,
  PUBLISH_BATCH_S
} from './service-constants.ts'
import type { LostRecords } from './service-lost.ts'
import { isKept, lostOf, type PublishOutcome } from './service-outcomes.ts'
import { Pace } from './service-pace.ts'
import { type RefusalReason, Refusals, reasonOf } from './service-refusals.ts'
import { FILE_WORDS_MAX, PUBLISH_RECORDS_MAX } from './store-constants.ts'
import { isFull, type StoredRecord } from './store-messages.ts'
import { recordByteLength } from './store-wire-records.ts'

export interface TellingInit {
  readonly clock: Clock
  readonly bytesPerS: number
  /** Whether there is anybody to tell. */
  readonly isReady: () => boolean
  readonly publish: (
    records: readonly StoredRecord[],
    signal: AbortSignal
  ) => Promise<readonly PublishOutcome[]>
}

/** A file with its records: that of its content first, then those of its words. */
export interface Prepared {
  readonly file: AnyFile
  readonly tag: number
  readonly records: readonly StoredRecord[]
  readonly expiresMs: number
}

/** Files that are told of with one command. */
export class Batch {
  readonly files: Prepared[] = []
  records = 0
  bytes = 0

  add(prepared: Prepared): void {
    this.files.push(prepared)
    this.records += prepared.records.length
    this.bytes += bytesOf(prepared.records)
  }
}

export class Telling {
  readonly #init: TellingInit
  readonly #announced: Announced
  readonly #lost: LostRecords
  readonly #bucket: TokenBucket
  readonly #pace = new Pace()
  /** Of records in one command, about. */
  readonly batchBytes: number
  readonly refusals = new Refusals()
  readonly counters = {
    filesAnnounced: 0,
    filesRefused: 0,
    filesWithdrawn: 0,
    recordsPublished: 0,
    recordsFull: 0
  }

  constructor(init: TellingInit, announced: Announced, lost: LostRecords) {
    this.#init = init
    this.#announced = announced
    this.#lost = lost
    const { bytesPerS, clock } = init
    this.batchBytes = Math.min(
      PUBLISH_BATCH_BYTES_MOST,
      Math.max(PUBLISH_BATCH_BYTES, PUBLISH_BATCH_S * bytesPerS)
    )
    this.#bucket = new TokenBucket(Math.max(bytesPerS, this.batchBytes), bytesPerS, clock.nowMs())
  }

  /** Whether a batch has its size: one file more could be too many for one command. */
  isWhole({ files, records, bytes }: Batch): boolean {
    return (
      files.length >= (PUBLISH_BATCH_FILES * this.batchBytes) / PUBLISH_BATCH_BYTES ||
      records + 1 + FILE_WORDS_MAX > PUBLISH_RECORDS_MAX ||
      bytes >= this.batchBytes
    )
  }

  /** Of so many files that are shared. */
  progress(of: number): AnnouncedSnapshot {
    const { clock, bytesPerS, isReady } = this.#init
    const files = Math.min(of, this.#announced.count(clock.wallMs()))
    const { partly, why } = this.refusals
    // One whose renewal was refused is announced for as long as it was.
    const refused = Math.min(this.refusals.files, of - files)
    const left = of - files - refused
    const pace = left > 0 ? this.#pace.view(left, clock.nowMs()) : undefined
    return {
      files,
      of,
      ...(refused > 0 && { refused, why }),
      ...(partly > 0 && { partly }),
      ...(pace !== undefined && {
        filesPerS: pace.filesPerS,
        leftMs: pace.leftMs,
        limit: pace.isPaid ? { name: 'publishRate', perS: bytesPerS } : { name: 'answers' }
      }),
      ...(left > 0 && !isReady() && { limit: { name: 'nobody' } })
    }
  }

  async announce(
    { files: batch }: Batch,
    signal: AbortSignal
  ): Promise<{ readonly isReached: boolean; readonly isShort: boolean }> {
    const { clock } = this.#init
    const all = batch.flatMap(({ file, records }) =>
      this.#announced.has(file.index) ? records : records.filter(record => !this.#isHopeless(record))
    )
    const startMs = clock.nowMs()
    if (all.length > 0) await this.spend(bytesOf(all), signal)
    const paidMs = clock.nowMs()
    const outcomes = await this.#publish(all, signal)
    const nowMs = clock.nowMs()
    const told = new Map(all.map((record, place) => [record, outcomes[place] ?? 'unreachable']))
    let files = 0
    let isShort = false
    for (const prepared of batch) {
      const own = prepared.records.map(record => told.get(record) ?? 'full-key')
      this.#noteFull(prepared.records, own, told)
      const lost = lostOf(prepared.records, own)
      if (lost.length > 0) isShort = true
      if (this.#settle(prepared, own, lost)) files += 1
    }
    this.#pace.add({ files, startMs, waitedMs: paidMs - startMs, toldMs: nowMs - paidMs })
    return { isReached: all.length === 0 || lostOf(all, outcomes).length < all.length, isShort }
  }

  /** Records one by one, as they are. */
  async tell(records: readonly StoredRecord[], signal: AbortSignal): Promise<readonly PublishOutcome[]> {
    await this.spend(bytesOf(records), signal)
    return this.#publish(records, signal)
  }

  /** Waits until what was sent before is paid for. */
  async spend(bytes: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#init
    for (let wait = 1; wait > 0; ) {
      wait = this.#bucket.waitMs(1, clock.nowMs())
      if (wait > 0) await pause(clock, wait, signal)
      signal.throwIfAborted()
    }
    this.#bucket.charge(bytes, clock.nowMs())
  }

  refuse(file: AnyFile, tag: number, reason: RefusalReason): void {
    this.counters.filesRefused += 1
    // What is being fetched is not counted among what is shared.
    if (!isPartial(file)) this.refusals.refuse(file.index, tag, reason, this.#init.clock.nowMs())
  }

  async #publish(records: readonly StoredRecord[], signal: AbortSignal): Promise<readonly PublishOutcome[]> {
    if (records.length === 0) return []
    this.counters.recordsPublished += records.length
    return this.#init.publish(records, signal)
  }

  /** Under a key that took no file of late a new one is not tried. What is there already is renewed all the same. */
  #isHopeless({ kind, key }: StoredRecord): boolean {
    return kind === 'word' && this.refusals.isKeyFull(nameOf(key), this.#init.clock.nowMs())
  }

  #noteFull(
    records: readonly StoredRecord[],
    outcomes: readonly PublishOutcome[],
    told: ReadonlyMap<StoredRecord, PublishOutcome>
  ): void {
    const nowMs = this.#init.clock.nowMs()
    for (const [place, record] of records.entries()) {
      const outcome = outcomes[place]
      if (isFull(outcome)) this.counters.recordsFull += 1
      if (outcome === 'full-key' && record.kind === 'word' && told.has(record))
        this.refusals.keyIsFull(nameOf(record.key), nowMs)
    }
  }

  /**
   * Whether nothing is left to do: it is found now, or was refused. A word that is full or lost elsewhere keeps nobody
   * from finding it by its others.
   */
  #settle(
    { file, tag, expiresMs }: Prepared,
    own: readonly PublishOutcome[],
    lost: readonly StoredRecord[]
  ): boolean {
    const isFound = isKept(own[0]) && (own.length === 1 || own.slice(1).some(isKept))
    if (isFound && this.#lost.set(file.index, lost)) {
      this.#announced.set(file.index, tag, expiresMs)
      if (!isPartial(file)) this.refusals.found(file.index, !own.some(isFull))
      this.counters.filesAnnounced += 1
      return true
    }
    if (lost.length > 0) return false
    this.refuse(file, tag, reasonOf(own))
    return true
  }
}

export function bytesOf(records: readonly StoredRecord[]): number {
  return records.reduce((bytes, record) => bytes + recordByteLength(record), 0)
}
