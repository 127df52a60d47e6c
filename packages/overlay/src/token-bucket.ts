/**
 * A rate with a burst: `capacity` tokens at the start, `perSecond` more each second, never over the capacity.
 * Pure: the caller says what time it is, on a clock that does not jump.
 */
export class TokenBucket {
  readonly capacity: number
  readonly perSecond: number
  #tokens: number
  #atMs: number

  constructor(capacity: number, perSecond: number, nowMs: number) {
    this.capacity = capacity
    this.perSecond = perSecond
    this.#tokens = capacity
    this.#atMs = nowMs
  }

  /** Takes `tokens` where there are as many, and says whether it did. */
  take(tokens: number, nowMs: number): boolean {
    this.#refill(nowMs)
    if (this.#tokens < tokens) return false
    this.#tokens -= tokens
    return true
  }

  /** Takes `tokens` in any case, into debt where there are too few. */
  charge(tokens: number, nowMs: number): void {
    this.#refill(nowMs)
    this.#tokens -= tokens
  }

  /** Milliseconds until `tokens` are there: 0 where they are. A whole number, rounded up. */
  waitMs(tokens: number, nowMs: number): number {
    this.#refill(nowMs)
    const missing = Math.min(tokens, this.capacity) - this.#tokens
    return missing <= 0 ? 0 : Math.ceil((missing * 1000) / this.perSecond)
  }

  #refill(nowMs: number): void {
    if (nowMs <= this.#atMs) return
    this.#tokens = Math.min(this.capacity, this.#tokens + ((nowMs - this.#atMs) * this.perSecond) / 1000)
    this.#atMs = nowMs
  }
}
