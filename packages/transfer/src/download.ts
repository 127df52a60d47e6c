/** One download as the program around it sees it: its state, its events, and what may be done with it. */
import { ContentId, type Provider } from '@servent/overlay'
import { DownloadRun } from './download-run.ts'
import { DownloadCancelledError } from './errors.ts'
import { discardFolder } from './folder-discard.ts'
import { FolderRun } from './folder-run.ts'
import type { DownloadDeps, Job } from './job.ts'
import { PartFile } from './part-file.ts'
import type { DownloadStore, StoredDownload } from './store.ts'
import type {
  DownloadEvent,
  DownloadPhase,
  DownloadPriority,
  DownloadResult,
  DownloadStatus
} from './types.ts'
import { Waker } from './waker.ts'

/** Why a run was stopped. `shutdown` leaves the download to go on at the next start, `yield` when its turn comes. */
type StopReason = 'pause' | 'shutdown' | 'yield' | 'cancel'

const RANKS: Readonly<Record<DownloadPriority, number>> = { high: 0, normal: 1, low: 2 }

/** Where a file is to go. Without a name it keeps the one that it has. */
export interface Output {
  readonly folder: string
  readonly name: string | undefined
  /** Whether that is the node's own folder for downloads. */
  readonly isOwnFolder: boolean
}

export class Download {
  readonly id: ContentId
  readonly #deps: DownloadDeps
  readonly #store: DownloadStore
  readonly #row: StoredDownload
  readonly #waker = new Waker()
  #phase: DownloadPhase
  #reason: string | undefined
  #run:
    | { readonly run: DownloadRun | FolderRun; readonly stop: AbortController; readonly ended: Promise<void> }
    | undefined
  #outcome = Promise.withResolvers<DownloadResult>()
  #isCancelled = false
  /** Whether the database has an older row than this one. */
  #isUnsaved = false

  /** @internal */
  constructor(deps: DownloadDeps, store: DownloadStore, row: StoredDownload) {
    this.id = ContentId.parse(row.id)
    this.#deps = deps
    this.#store = store
    this.#row = row
    this.#phase = row.state === 'active' ? 'locating' : row.state
    this.#reason = row.reason
    // Whoever waits is told; that nobody waits is no fault.
    this.#outcome.promise.catch(() => {})
    if (row.state === 'done') this.#outcome.resolve(this.#result())
    if (row.state === 'failed') this.#outcome.reject(this.#error())
  }

  /**
   * Where the file is and how big, when it is there. It rejects when the download fails or is cancelled; after
   * that it can be resumed and has a new promise. A paused one leaves it open.
   */
  get finished(): Promise<DownloadResult> {
    return this.#outcome.promise
  }

  get isDone(): boolean {
    return this.#phase === 'done'
  }

  /** Whether it runs or waits for its turn. */
  get isActive(): boolean {
    return this.#row.state === 'active'
  }

  get isFolder(): boolean {
    return this.#row.isFolder === true
  }

  /** 0 runs before 1. */
  get rank(): number {
    return RANKS[this.#row.priority]
  }

  /** Where the finished file will be, or is, and what was made there until then. */
  get target(): Pick<StoredDownload, 'folder' | 'name' | 'path'> & { readonly made: string | undefined } {
    const { folder, name, path, part } = this.#row
    return { folder, name, path, made: part }
  }

  status(): DownloadStatus {
    const { name, size, error, verifiedBytes, path, priority, files, filesDone, missing } = this.#row
    const nowMs = performance.now()
    const sources = [...(this.#run?.run.sources ?? [])].map(source => source.status(nowMs))
    return {
      id: this.#row.id,
      name: name === '' ? this.#row.id : name,
      ...(size === undefined ? {} : { size }),
      phase: this.#phase,
      priority,
      ...(this.#reason ? { reason: this.#reason } : {}),
      ...(error === undefined || this.#phase !== 'failed' ? {} : { error }),
      verifiedBytes,
      totalBytes: size ?? 0,
      sources: this.#phase === 'fetching' ? sources : [],
      banned: this.#run?.run.bans ?? this.#row.banned,
      ...(this.#phase === 'done' && path !== undefined ? { path } : {}),
      ...(files === undefined ? {} : { files, filesDone: filesDone ?? 0 }),
      ...(missing === undefined || missing.length === 0 ? {} : { missing })
    }
  }

  /**
   * What happens, from now on: at most one event in `progressMs` unless the phase changes, `done` or `failed`
   * last. A paused download waits. Whoever reads slowly misses what is old.
   */
  async *events(): AsyncGenerator<DownloadEvent, void, undefined> {
    let shown = ''
    for (;;) {
      const woken = this.#waker.next()
      const status = this.status()
      const text = JSON.stringify(status)
      if (text !== shown) yield { event: 'progress', ...status }
      shown = text
      if (this.#phase === 'done') return yield { event: 'done', ...this.#result() }
      if (this.#isCancelled || this.#phase === 'failed') {
        const { name, message } = this.#error()
        return yield { event: 'failed', reason: message, error: name }
      }
      await woken
      // More of the same can wait; another phase cannot.
      for (const untilMs = performance.now() + this.#deps.limits.progressMs; this.#phase === status.phase; ) {
        const leftMs = untilMs - performance.now()
        if (leftMs <= 0 || this.#isCancelled) break
        await this.#waker.orAfter(this.#waker.next(), leftMs)
      }
    }
  }

  /** @internal  Somebody who has the file. */
  add(providers: readonly Provider[]): void {
    if (this.#run !== undefined) for (const provider of providers) this.#run.run.add(provider)
    else this.#row.providers = [...providers, ...this.#row.providers].slice(0, this.#deps.limits.providersMax)
  }

  /** @internal  To another place. It must not run, and nothing of it may be verified. */
  async move({ folder, name, isOwnFolder }: Output): Promise<void> {
    const row = this.#row
    const { part } = row
    Object.assign(row, { folder, name: name ?? row.name, isOwnFolder, part: undefined, path: undefined })
    this.#save()
    // What is left there is empty; a disk that is gone must not keep the file from another.
    if (part !== undefined && !this.isFolder) await PartFile.remove(part, this.#deps.files).catch(() => {})
  }

  /** @internal */
  prioritize(priority: DownloadPriority): void {
    if (this.#row.priority === priority) return
    this.#row.priority = priority
    this.#save()
    this.#waker.wake()
  }

  /** @internal  It may be as large as it is. */
  unbound(): void {
    if (this.#row.sizeMax === undefined) return
    this.#row.sizeMax = undefined
    this.#save()
  }

  /** @internal  It is to run, now or when its turn comes. */
  activate(reason?: string): void {
    if (this.#row.state === 'failed' || this.#row.state === 'done') {
      this.#outcome = Promise.withResolvers()
      this.#outcome.promise.catch(() => {})
    }
    this.#row.state = 'active'
    this.#row.error = undefined
    this.#show('locating', reason)
    this.#save()
  }

  /** @internal  Runs it; ends when the run ended, however it did. */
  async begin(): Promise<void> {
    const stop = new AbortController()
    const Run = this.isFolder ? FolderRun : DownloadRun
    const run = new Run(this.#job(), stop.signal)
    const ended = this.#drive(run, stop.signal)
    this.#run = { run, stop, ended }
    this.#show('locating')
    await ended
  }

  /** @internal  Stops a run and waits for its end. */
  async stop(reason: StopReason): Promise<void> {
    this.#run?.stop.abort(reason)
    await this.#run?.ended
    if (reason === 'shutdown' || this.#phase === 'done') return
    if (reason === 'yield') {
      if (this.isActive) this.#show('locating', 'It waits: one of a higher priority runs in its place.')
      return
    }
    this.#row.state = 'paused'
    this.#row.reason = undefined
    this.#save()
    try {
      if (reason === 'cancel') await this.#discard()
    } finally {
      this.#show('paused')
    }
  }

  /** @throws DiskError  the part of a single file cannot be removed: it is paused then */
  async #discard(): Promise<void> {
    if (this.isFolder) await discardFolder(this.#row, this.#deps)
    else if (this.#row.part !== undefined) await PartFile.remove(this.#row.part, this.#deps.files)
    this.#isCancelled = true
    this.#outcome.reject(this.#error())
  }

  /** @internal  Tries again to save what the database could not take before. */
  saveAgain(): void {
    if (this.#isUnsaved && !this.#isCancelled) this.#save()
  }

  /** @internal  It ended by an error that is nobody's but this program's. */
  broke({ name, message }: Error): void {
    Object.assign(this.#row, { state: 'failed', error: name, reason: message })
    this.#save()
    this.#show('failed', message)
    this.#outcome.reject(this.#error())
  }

  /** Never throws: a full disk must not end the program. The row stays in memory until it can be saved. */
  #save(): void {
    try {
      this.#store.save(this.#row)
      this.#isUnsaved = false
    } catch (error) {
      this.#isUnsaved = true
      const { message } = error as Error
      this.#deps.logger?.warn({ id: this.#row.id, reason: message }, 'a download could not be saved')
    }
  }

  async #drive(run: DownloadRun | FolderRun, signal: AbortSignal): Promise<void> {
    const row = this.#row
    const startedMs = performance.now()
    try {
      row.path = await run.run()
      row.verifiedBytes = row.size ?? 0
      row.state = 'done'
      this.#reason = undefined
    } catch (error) {
      const { name, message } = error as Error
      if (!signal.aborted) {
        // What the user can mend pauses it; what only others can mend fails it.
        row.state = name === 'DiskError' || name === 'OutputError' ? 'paused' : 'failed'
        row.error = name
        this.#reason = message
      }
    }
    row.reason = this.#reason
    row.seconds += (performance.now() - startedMs) / 1000
    this.#run = undefined
    if (!this.#isCancelled) this.#save()
    if (signal.aborted && row.state === 'active') return
    this.#show(row.state === 'active' ? 'locating' : row.state, this.#reason)
    const level = row.state === 'done' ? 'info' : 'warn'
    this.#deps.logger?.[level]({ id: row.id, state: row.state, reason: row.reason }, 'a download ended')
    if (row.state === 'done') this.#outcome.resolve(this.#result())
    if (row.state === 'failed') this.#outcome.reject(this.#error())
  }

  #job(): Job {
    const row = this.#row
    return {
      ...this.#deps,
      id: this.id,
      row,
      show: (phase, reason) => this.#show(phase, reason),
      progress: verifiedBytes => {
        row.verifiedBytes = Math.min(verifiedBytes, row.size ?? verifiedBytes)
        this.#waker.wake()
      },
      changed: () => this.#waker.wake(),
      save: () => this.#save(),
      mustSave: () => this.#store.save(row)
    }
  }

  #show(phase: DownloadPhase, reason?: string): void {
    this.#phase = phase
    this.#reason = reason === '' ? undefined : reason
    this.#waker.wake()
  }

  #result(): DownloadResult {
    const { path = '', size = 0, givers, seconds, files } = this.#row
    return { path, bytes: size, sources: givers.length, seconds, ...(files === undefined ? {} : { files }) }
  }

  #error(): Error {
    if (this.#isCancelled) return new DownloadCancelledError('This download was taken out of the list.')
    const error = new Error(this.#reason ?? 'This download failed.')
    error.name = this.#row.error ?? 'Error'
    return error
  }
}
