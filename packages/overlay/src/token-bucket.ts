/**
 * A rate with a burst: `capacity` tokens at the start, `perSecond` more each second, never over the capacity.
 * Pure: the caller says what time it is, on a clock that does not jump.
 *
 * It counts thousandths of tokens, so that with whole numbers of milliseconds, tokens and tokens a second
 * nothing is ever rounded: what `waitMs` says is enough, and a millisecond less is not.
 */
export class TokenBucket {
  readonly capacity: number
  readonly perSecond: number
  #thousandths: number
  #atMs: number

  /** @throws RangeError  the capacity or the rate is not over 0 */
  constructor(capacity: number, perSecond: number, nowMs: number) {
    if (!(capacity > 0 && perSecond > 0)) {
      throw new RangeError(`A bucket needs a capacity and a rate over 0, not ${capacity} and ${perSecond}.`)
    }
    this.capacity = capacity
    this.perSecond = perSecond
    this.#thousandths = capacity * 1000
    this.#atMs = nowMs
  }

  /** Takes `tokens` where there are as many, and says whether it did. More than the capacity there never are. */
  take(tokens: number, nowMs: number): boolean {
    this.#refill(nowMs)
    if (this.#thousandths < tokens * 1000) return false
    this.#thousandths -= tokens * 1000
    return true
  }

  /** Takes `tokens` in any case, into debt where there are too few: for what has come and cannot be refused. */
  charge(tokens: number, nowMs: number): void {
    this.#refill(nowMs)
    this.#thousandths -= tokens * 1000
  }

  /**
   * Milliseconds until `tokens` are there, or until the bucket is full where they are more than it holds: 0
   * where they are. A whole number, rounded up.
   */
  waitMs(tokens: number, nowMs: number): number {
    this.#refill(nowMs)
    const missing = Math.min(tokens, this.capacity) * 1000 - this.#thousandths
    return missing <= 0 ? 0 : Math.ceil(missing / this.perSecond)
  }

  #refill(nowMs: number): void {
    // A clock that went back gives nothing, and nothing twice when it has caught up.
    if (nowMs <= this.#atMs) return
    this.#thousandths = Math.min(
      this.capacity * 1000,
      this.#thousandths + (nowMs - this.#atMs) * this.perSecond
    )
    this.#atMs = nowMs
  }
}
