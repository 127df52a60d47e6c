/**
 * Who waits for what. A share's files are due at minus its number, so that the newest share goes first and
 * asking whether one is done is a look at an index.
 */
import { Progress } from './progress.ts'
import type { LibraryProgress } from './types.ts'

export interface ShareJob {
  readonly request: number
  readonly due: number
  readonly path: string
  readonly kind: 'folder' | 'file'
  isScanned: boolean
  readonly progress: Progress
  /** Newer shares that took files of this one over. */
  readonly waitsFor: Set<ShareJob>
}

export class ShareJobs {
  readonly #jobs = new Map<number, ShareJob>()
  readonly #isDue: (due: number) => boolean
  readonly #onDone: (job: ShareJob) => void
  #last = 0

  constructor(isDue: (due: number) => boolean, onDone: (job: ShareJob) => void) {
    this.#isDue = isDue
    this.#onDone = onDone
  }

  open(
    request: number,
    path: string,
    kind: 'folder' | 'file',
    tell: (progress: LibraryProgress) => void
  ): ShareJob {
    this.#last += 1
    const progress = new Progress(tell)
    const job: ShareJob = {
      request,
      due: -this.#last,
      path,
      kind,
      isScanned: false,
      progress,
      waitsFor: new Set()
    }
    this.#jobs.set(job.due, job)
    progress.phase('scanning')
    return job
  }

  /** A file is due to a share, and perhaps no longer to the one that it was due to. */
  found(size: number, due: number, from: number | null): void {
    const job = this.#jobs.get(due)
    job?.progress.found(size)
    const before = from === null ? undefined : this.#jobs.get(from)
    if (before === undefined || before === job) return
    before.progress.lost(size)
    if (job !== undefined) before.waitsFor.add(job)
  }

  /** A file of one share is hashed for another one, which is newer: the older waits for the newer, never both. */
  sooner(due: number, sooner: number): void {
    const newer = this.#jobs.get(sooner)
    if (newer !== undefined) this.#jobs.get(due)?.waitsFor.add(newer)
  }

  hashing(path: string, bytes: number, due: number | null): void {
    if (due !== null) this.#jobs.get(due)?.progress.hashing(path, bytes)
  }

  hashed(size: number, due: number | null, hashedBytes: number): void {
    const job = due === null ? undefined : this.#jobs.get(due)
    if (job === undefined) return
    job.progress.done(size, hashedBytes)
    this.check()
  }

  scanned(job: ShareJob): void {
    job.isScanned = true
    job.progress.phase('hashing')
    this.check()
  }

  /** Ends the jobs that have nothing left to wait for: the newest first, since older ones wait for newer. */
  check(): void {
    for (const job of [...this.#jobs.values()].reverse()) {
      if (!job.isScanned || this.#isDue(job.due)) continue
      if ([...job.waitsFor].some(other => this.#jobs.has(other.due))) continue
      this.drop(job)
      job.progress.phase('idle')
      this.#onDone(job)
    }
  }

  drop(job: ShareJob): void {
    this.#jobs.delete(job.due)
    job.progress.stop()
  }

  stop(): void {
    for (const job of [...this.#jobs.values()]) this.drop(job)
  }
}
