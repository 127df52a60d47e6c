/** Looks for providers of one file over all overlays, one search at a time, and seldom where it finds nobody new. */
import type { Provider } from '@servent/overlay'
import type { Job } from './job.ts'

export class ProviderSearch {
  readonly #job: Job
  readonly #signal: AbortSignal
  readonly #add: (provider: Provider) => boolean
  #search: Promise<void> | undefined
  #pauseMs: number
  readonly #madeMs = performance.now()
  /** When the last search began. */
  beganMs = Number.NEGATIVE_INFINITY

  /** `add` says whether somebody was new. */
  constructor(job: Job, signal: AbortSignal, add: (provider: Provider) => boolean) {
    this.#job = job
    this.#signal = signal
    this.#add = add
    this.#pauseMs = job.limits.lookMs
  }

  /** Searches where the last time is long enough ago. */
  lookAgain(nowMs: number): void {
    if (this.beganMs !== Number.NEGATIVE_INFINITY) {
      if (nowMs - this.beganMs >= this.#pauseMs) void this.look()
    } else if (nowMs - this.#madeMs >= this.#job.limits.lookFirstMs) {
      void this.look()
    }
  }

  /** Ends with the search, which is one that is under way already where there is one. Never rejects. */
  look(): Promise<void> {
    this.#search ??= this.#look().finally(() => {
      this.#search = undefined
    })
    return this.#search
  }

  async #look(): Promise<void> {
    const { id, findProviders, limits, logger } = this.#job
    this.beganMs = performance.now()
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(limits.locateMs)])
    let isNew = false
    try {
      for await (const provider of findProviders(id, signal)) {
        if (this.#add(provider)) isNew = true
        if (signal.aborted) break
      }
    } catch (error) {
      const { message } = error as Error
      logger?.debug({ id: id.toString(), reason: message }, 'a search for providers failed')
    }
    this.#pauseMs = isNew ? limits.lookMs : Math.min(limits.lookMsMax, 2 * this.#pauseMs)
  }
}
