/**
 * Announces what this peer shares: for each file a provider record under its id's key and a word record under
 * each of its words, within a budget of bytes a second, again before they expire, and withdrawn when a file is
 * shared no more. A file that is being fetched has the provider record alone. What is announced is what roots have acknowledged; what a few of them could not take now is
 * remembered and tried again, while the rest goes on.
 */
import type { PrivateKey } from '@libp2p/interface'
import type { Clock, StateStore } from '@servent/libp2p-host'
import {
  type AnnouncedSnapshot,
  type Catalogue,
  type Contact,
  isPartial,
  type SharedFile
} from '@servent/overlay'
import { nameOf } from './records.ts'
import { Announced, type AnyFile, filesOf, tagOf } from './service-announced.ts'
import { Audit, type Audited } from './service-audit.ts'
import {
  CATALOGUE_PASS_MS,
  CATALOGUE_RETRY_MS,
  CATALOGUE_SETTLE_MS,
  LOST_RETRY_MS,
  PUBLISH_BATCH_BYTES,
  PUBLISHED_LIFETIME_MS,
  PUBLISHED_RENEW_MS,
  SAMPLE_FILES,
  WITHDRAWALS_MAX
} from './service-constants.ts'
import { LostRecords } from './service-lost.ts'
import { lostOf, type PublishOutcome } from './service-outcomes.ts'
import { providerRecord, type Stamp, withdrawals, wordRecords } from './service-sealing.ts'
import { Batch, bytesOf, type Prepared, Telling } from './service-telling.ts'
import type { StoredRecord } from './store-messages.ts'

export interface AnnouncerInit {
  readonly privateKey: PrivateKey
  readonly clock: Clock
  readonly store: StateStore | undefined
  readonly bytesPerS: number
  readonly self: () => Contact
  /** Whether there is anybody to tell. */
  readonly isReady: () => boolean
  readonly publish: (
    records: readonly StoredRecord[],
    signal: AbortSignal
  ) => Promise<readonly PublishOutcome[]>
  /** Whether the network has this peer's provider record of the file; nothing where nobody could say. */
  readonly isKnown: (file: SharedFile, signal: AbortSignal) => Promise<boolean | undefined>
  /** What else is due: contents that `provide` announced, and values. `spend` waits until so many bytes may go. */
  readonly renewOthers: (
    signal: AbortSignal,
    spend: (bytes: number, signal: AbortSignal) => Promise<void>
  ) => Promise<void>
  /** Left out: what was announced is not looked after. */
  readonly audits?: {
    /** Whether this peer is with others. */
    readonly isAmongOthers: () => boolean
    /** What else was announced. */
    readonly others: () => Iterable<Audited>
  }
  readonly onError: (error: Error) => void
}

export class Announcer {
  readonly #init: AnnouncerInit
  readonly #announced: Announced
  readonly #removed = new Map<number, AnyFile>()
  readonly #lost = new LostRecords()
  readonly #telling: Telling
  readonly #audit: Audit | undefined
  #catalogue: Catalogue | undefined
  #unsubscribe: (() => void) | undefined
  #stop = new AbortController()
  #isDirty = true
  /** A few roots could not be reached, and the others could. */
  #isShort = false
  #wake: (() => void) | undefined
  #sequence = 0
  #running: Promise<unknown> | undefined

  constructor(init: AnnouncerInit) {
    this.#init = init
    this.#announced = new Announced(init.store)
    this.#telling = new Telling(init, this.#announced, this.#lost)
    if (init.audits !== undefined)
      this.#audit = new Audit({
        clock: init.clock,
        isAmongOthers: init.audits.isAmongOthers,
        announced: () => this.#audited(),
        publish: init.publish,
        spend: (bytes, signal) => this.#telling.spend(bytes, signal),
        onError: init.onError
      })
  }

  /** Files announced of files shared, and while some are left what holds them back. */
  get progress(): AnnouncedSnapshot {
    return this.#telling.progress(this.#catalogue?.totals.files ?? 0)
  }

  get counters(): Readonly<Record<string, number>> {
    return { ...this.#telling.counters, ...this.#audit?.counters }
  }

  /** Files whose records are still to be withdrawn. */
  get withdrawing(): number {
    return this.#removed.size
  }

  attach(catalogue: Catalogue): void {
    this.#unsubscribe?.()
    this.#catalogue = catalogue
    const take = (changes: readonly { type: 'added' | 'removed'; file: AnyFile }[]) => {
      for (const { type, file } of changes) {
        this.#telling.refusals.forget(file.index)
        if (type === 'added') this.#removed.delete(file.index)
        else if (this.#removed.size < WITHDRAWALS_MAX) this.#removed.set(file.index, file)
      }
      this.changed()
    }
    const ends = [catalogue.subscribe(take), catalogue.partials?.subscribe(change => take([change]))]
    this.#unsubscribe = () => {
      for (const end of ends) end?.()
    }
    this.changed()
  }

  /** Something may be due: the catalogue, or an address, has changed. */
  changed(): void {
    this.#isDirty = true
    this.#wake?.()
  }

  start(): void {
    this.#stop = new AbortController()
    this.#isDirty = true
    const { signal } = this.#stop
    const guarded = (run: Promise<void> | undefined) =>
      run?.catch(error => {
        if (!signal.aborted) this.#init.onError(error as Error)
      })
    this.#running = Promise.all([guarded(this.#run(signal)), guarded(this.#audit?.run(signal))])
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('The overlay stops.'))
    this.#wake?.()
    await this.#running
    // What is lost is remembered by this run alone: the next one announces those files again.
    for (const [index] of this.#lost.entries()) {
      this.#announced.delete(index)
      this.#lost.set(index, [])
    }
    await this.#announced.save()
  }

  end(): void {
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
  }

  /** Newer than every one before, also where the clock was set back. */
  stamp(): Stamp {
    const { privateKey, clock, self } = this.#init
    const wallMs = clock.wallMs()
    this.#sequence = Math.max(this.#sequence + 1, wallMs)
    return {
      privateKey,
      self: self(),
      sequence: this.#sequence,
      expiresMs: wallMs + PUBLISHED_LIFETIME_MS
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    await this.#announced.load()
    let isChecked = this.#announced.size === 0
    // One that fails keeps no other from its turn.
    const steps: readonly (() => Promise<unknown>)[] = [
      async () => {
        if (!isChecked) isChecked = await this.#checkSample(signal)
      },
      () => this.#retryLost(signal),
      () => this.#withdraw(signal),
      () => this.#pass(signal),
      () => this.#init.renewOthers(signal, (bytes, until) => this.#telling.spend(bytes, until)),
      () => this.#announced.save()
    ]
    while (!signal.aborted) {
      // Changes come in crowds.
      await this.#sleep(CATALOGUE_SETTLE_MS, false, signal)
      // Whom nobody has answered yet would find everything forgotten, and announce it all anew to itself.
      if (!this.#init.isReady()) continue
      this.#isDirty = false
      this.#isShort = false
      let isReached = true
      for (const step of steps) {
        try {
          if ((await step()) === false) isReached = false
        } catch (error) {
          if (signal.aborted) return
          isReached = false
          this.#init.onError(error as Error)
        }
      }
      if (!isReached) await this.#sleep(CATALOGUE_RETRY_MS, false, signal)
      else if (!this.#isDirty) {
        const isShort = this.#isShort || this.#lost.size > 0
        await this.#sleep(isShort ? LOST_RETRY_MS : CATALOGUE_PASS_MS, true, signal)
      }
    }
  }

  /**
   * Where the network has forgotten what it was told, all is told again. False where nobody could say: what was saved
   * is believed until somebody can.
   */
  async #checkSample(signal: AbortSignal): Promise<boolean> {
    let seen = 0
    let isAnswered = false
    for await (const file of this.#catalogue?.files() ?? []) {
      if (seen >= SAMPLE_FILES) break
      if (!this.#announced.has(file.index)) continue
      seen += 1
      const isKnown = await this.#init.isKnown(file, signal)
      if (isKnown === false) {
        this.#announced.clear()
        return true
      }
      if (isKnown === true) isAnswered = true
    }
    return isAnswered || seen === 0
  }

  /** False: nobody could be reached, and it is to be tried again soon. */
  async #withdraw(signal: AbortSignal): Promise<boolean> {
    for (const [index, file] of [...this.#removed]) {
      signal.throwIfAborted()
      if (!this.#removed.has(index)) continue
      if (this.#announced.has(index) && !(await this.#isGiven(file))) {
        const records = await withdrawals(file, this.stamp())
        const lost = lostOf(records, await this.#telling.tell(records, signal))
        const isWhole = lost.length < records.length && this.#lost.set(index, lost)
        if (lost.length > 0) this.#isShort = true
        if (!isWhole) {
          // The others have their turn before it.
          if (this.#removed.delete(index)) this.#removed.set(index, file)
          if (lost.length === records.length) return false
          continue
        }
        this.#telling.counters.filesWithdrawn += 1
        // What is fetched under the same id has lost its record, too, and gets it anew.
        const fetched = this.#catalogue?.partials?.get(file.id)
        if (fetched !== undefined) this.#announced.delete(fetched.index)
      }
      this.#announced.delete(index)
      this.#removed.delete(index)
    }
    return true
  }

  /** Whether it was fetched and is shared now: the provider record of both is one. */
  async #isGiven(file: AnyFile): Promise<boolean> {
    return isPartial(file) && (await this.#catalogue?.get(file.id)) !== undefined
  }

  /** Announces what is due. False: the overlay could not be reached, and it is to be tried again soon. */
  async #pass(signal: AbortSignal): Promise<boolean> {
    const catalogue = this.#catalogue
    if (catalogue === undefined) return true
    const present = new Set<number>()
    let batch = new Batch()
    let isReached = true
    for await (const file of filesOf(catalogue)) {
      signal.throwIfAborted()
      present.add(file.index)
      const prepared = await this.#prepare(file)
      if (prepared === undefined) continue
      batch.add(prepared)
      if (!this.#telling.isWhole(batch)) continue
      isReached = await this.#announce(batch, signal)
      batch = new Batch()
      if (!isReached) return false
      if (this.#removed.size > 0) await this.#withdraw(signal)
    }
    if (batch.files.length > 0) isReached = await this.#announce(batch, signal)
    // What was unshared while this peer was off has no name here any more: its records expire.
    for (const index of [...this.#announced.indices()])
      if (!present.has(index) && !this.#removed.has(index)) this.#announced.delete(index)
    return isReached
  }

  /** Contents that are provided first, then files. */
  async *#audited(): AsyncGenerator<Audited, void> {
    yield* this.#init.audits?.others() ?? []
    const catalogue = this.#catalogue
    if (catalogue === undefined) return
    for await (const file of filesOf(catalogue)) {
      const until = () => this.#announced.until(file.index, tagOf(file, this.#init.self()))
      const expiresMs = until()
      yield {
        expiresMs,
        records: async stamp =>
          until() !== expiresMs || this.#removed.has(file.index) || this.#lost.has(file.index)
            ? undefined
            : this.#auditedRecords(file, stamp),
        missed: () => {
          this.#announced.delete(file.index)
          this.changed()
        }
      }
    }
  }

  /** Without words that had no room: to ask again and again is not for them. */
  async #auditedRecords(
    file: AnyFile,
    stamp: Pick<Stamp, 'sequence' | 'expiresMs'>
  ): Promise<StoredRecord[]> {
    const { clock, privateKey, self } = this.#init
    const records = await recordsOf(file, { ...stamp, privateKey, self: self() })
    return records.filter(
      ({ kind, key }) => kind !== 'word' || !this.#telling.refusals.isKeyFull(nameOf(key), clock.nowMs())
    )
  }

  /** The records of a file, where it is due. */
  async #prepare(file: AnyFile): Promise<Prepared | undefined> {
    const { clock, self } = this.#init
    const tag = tagOf(file, self())
    const until = this.#announced.until(file.index, tag)
    if (until - clock.wallMs() > PUBLISHED_RENEW_MS) return undefined
    if (this.#telling.refusals.isRefused(file.index, tag, clock.nowMs())) return undefined
    try {
      const stamp = this.stamp()
      return { file, tag, records: await recordsOf(file, stamp), expiresMs: stamp.expiresMs }
    } catch {
      // A name or tags that no record can hold: other files are no worse for it.
      this.#telling.refuse(file, tag, 'unfit')
      return undefined
    }
  }

  /** False: not one record came anywhere. */
  async #announce(batch: Batch, signal: AbortSignal): Promise<boolean> {
    const { isReached, isShort } = await this.#telling.announce(batch, signal)
    this.#isShort ||= isShort
    return isReached
  }

  /** Up to the first batch of which nothing comes anywhere: the rest has its turn later. */
  async #retryLost(signal: AbortSignal): Promise<void> {
    const wallMs = this.#init.clock.wallMs()
    let batch: [index: number, records: readonly StoredRecord[]][] = []
    const entries = this.#lost.entries()
    for (const [place, [index, records]] of entries.entries()) {
      signal.throwIfAborted()
      batch.push([index, records.filter(({ expiresMs }) => expiresMs > wallMs)])
      const all = batch.flatMap(([, own]) => own)
      if (place < entries.length - 1 && bytesOf(all) < PUBLISH_BATCH_BYTES) continue
      const lost = new Set(all.length === 0 ? [] : lostOf(all, await this.#telling.tell(all, signal)))
      for (const [file, own] of batch)
        this.#lost.set(
          file,
          own.filter(record => lost.has(record))
        )
      if (all.length > 0 && lost.size === all.length) return
      batch = []
    }
  }

  /** Ends early when it is stopped and, where it is said, when something has changed. */
  async #sleep(ms: number, wakes: boolean, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const { clock } = this.#init
    let timer: unknown
    await new Promise<void>(resolve => {
      timer = clock.setTimeout(resolve, ms)
      this.#wake = () => {
        if (wakes || signal.aborted) resolve()
      }
    })
    clock.clearTimeout(timer)
    this.#wake = undefined
  }
}

async function recordsOf(file: AnyFile, stamp: Stamp): Promise<StoredRecord[]> {
  return [await providerRecord(file.id.multihash, stamp), ...(await wordRecords(file, stamp))]
}
