/**
 * Writes of some owners, one after another in the order in which they were asked for. What waits while one is under way
 * goes together: announcements that follow each other become one.
 */
import type { IndexedFile } from './types.ts'

/** Files of announcements that go together. */
const TOGETHER_FILES = 8192

export interface Announcement {
  readonly owner: string
  readonly files: readonly IndexedFile[]
}

type Job = { readonly resolve: (result: number) => void; readonly reject: (error: unknown) => void } & (
  | { readonly announcement: Announcement }
  | { readonly work: () => Promise<number> }
)

export class WriteLane {
  readonly #announce: (announcements: readonly Announcement[]) => Promise<void>
  readonly #jobs: Job[] = []
  #isRunning = false

  /** @param announce  writes all of them, or none */
  constructor(announce: (announcements: readonly Announcement[]) => Promise<void>) {
    this.#announce = announce
  }

  announce(announcement: Announcement): Promise<number> {
    return new Promise((resolve, reject) => this.#push({ announcement, resolve, reject }))
  }

  run(work: () => Promise<number>): Promise<number> {
    return new Promise((resolve, reject) => this.#push({ work, resolve, reject }))
  }

  #push(job: Job): void {
    this.#jobs.push(job)
    if (!this.#isRunning) void this.#runAll()
  }

  async #runAll(): Promise<void> {
    this.#isRunning = true
    while (this.#jobs.length > 0) {
      const together = this.#take()
      try {
        const [first] = together
        const isWork = 'work' in first!
        const result = isWork ? await first.work() : 0
        if (!isWork)
          await this.#announce(together.map(job => (job as { announcement: Announcement }).announcement))
        for (const job of together) job.resolve(result)
      } catch (error) {
        for (const job of together) job.reject(error)
      }
    }
    this.#isRunning = false
  }

  /** One piece of work, or as many announcements as go together. */
  #take(): Job[] {
    let files = 0
    let count = 0
    for (const job of this.#jobs) {
      if ('work' in job) break
      files += job.announcement.files.length
      if (count > 0 && files > TOGETHER_FILES) break
      count += 1
    }
    return this.#jobs.splice(0, Math.max(1, count))
  }
}
