/** How far a run on real peers is, by the clock: how long all who are missing will take to come is what the others took. */

export class Progress {
  readonly #onDone: (done: number) => void
  readonly #startedMs = performance.now()
  /** What is left once all are there. */
  readonly #afterMs: number
  #endsMs: number | undefined
  #told = 0

  constructor(afterMs: number, onDone: (done: number) => void) {
    this.#afterMs = afterMs
    this.#onDone = onDone
  }

  came(count: number, of: number): void {
    const tookMs = performance.now() - this.#startedMs
    this.#tell(tookMs, (tookMs * (of - count)) / count + this.#afterMs)
    if (count === of) this.#endsMs = performance.now() + this.#afterMs
  }

  /** All are there, and time goes by. */
  pass(): void {
    if (this.#endsMs === undefined) return
    const nowMs = performance.now()
    this.#tell(nowMs - this.#startedMs, Math.max(0, this.#endsMs - nowMs))
  }

  /** It never goes back. */
  #tell(tookMs: number, leftMs: number): void {
    this.#told = Math.max(this.#told, Math.min(0.999, tookMs / (tookMs + leftMs)))
    this.#onDone(this.#told)
  }
}
