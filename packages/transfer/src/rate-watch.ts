/** Watches that a source keeps giving: something within the stall time, and enough over a longer one. */
import { SourceLostError } from './errors.ts'
import type { DownloadLimits } from './limits.ts'

export type WatchLimits = Pick<DownloadLimits, 'stallMs' | 'rateBytesPerSecondMin' | 'rateWindowMs'>

/** Only the time in which somebody waits for the source counts: a slow disk here is not its fault. */
export class RateWatch {
  readonly #limits: WatchLimits
  readonly #timer: NodeJS.Timeout
  readonly #onSlow: (error: Error) => void
  #waiting = true
  #sinceMs = performance.now()
  #windowMs = 0
  #windowBytes = 0

  constructor(limits: WatchLimits, onSlow: (error: Error) => void) {
    this.#limits = limits
    this.#onSlow = onSlow
    this.#timer = setTimeout(() => this.#stalled(), limits.stallMs)
  }

  received(bytes: number): void {
    this.#waiting = false
    this.#windowBytes += bytes
    this.#windowMs += performance.now() - this.#sinceMs
    if (this.#windowMs < this.#limits.rateWindowMs) return
    const rate = (this.#windowBytes * 1000) / this.#windowMs
    if (rate < this.#limits.rateBytesPerSecondMin) {
      this.#onSlow(new SourceLostError(`It gives only ${Math.round(rate)} bytes a second.`))
    }
    this.#windowMs = 0
    this.#windowBytes = 0
  }

  wait(): void {
    this.#waiting = true
    this.#sinceMs = performance.now()
    this.#timer.refresh()
  }

  end(): void {
    clearTimeout(this.#timer)
  }

  #stalled(): void {
    if (this.#waiting) {
      this.#onSlow(new SourceLostError(`It gave nothing for ${this.#limits.stallMs / 1000} seconds.`))
    }
  }
}
