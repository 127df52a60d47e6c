/** When something may be tried again: longer after each failure, and not in step with others. Pure. */
import type { RandomSource } from '@servent/overlay/machine'

const FAILED_FIRST_MS = 5_000
const FAILED_LAST_MS = 10 * 60_000
/** An introducer must not be able to send anybody away for good. */
const RETRY_MS_MAX = 60 * 60_000
/** Of a wait, as much is added by chance. */
const JITTER = 0.2

export class Waits {
  /** On the clock that the others are given. */
  atMs = 0
  #failedMs = FAILED_FIRST_MS

  succeeded(nowMs: number, waitMs: number): void {
    this.#failedMs = FAILED_FIRST_MS
    this.atMs = nowMs + waitMs
  }

  /** `retryMs`: what the other side asked for. */
  failed(nowMs: number, random: RandomSource, retryMs = 0): void {
    const waitMs = Math.max(this.#failedMs, Math.min(RETRY_MS_MAX, retryMs))
    this.atMs = nowMs + jittered(waitMs, random)
    this.#failedMs = Math.min(FAILED_LAST_MS, this.#failedMs * 2)
  }
}

export const jittered = (ms: number, random: RandomSource): number =>
  Math.round(ms * (1 + (JITTER * random.random()) / 2 ** 32))
