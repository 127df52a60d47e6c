/** Does something soon after it is asked for, and once however often it is asked for until then. */
export class Throttle {
  readonly #run: () => void
  readonly #afterMs: number
  readonly #share: number
  #lastMs = 0
  #timer: NodeJS.Timeout | undefined

  /** @param share  of the time that it may take at most: what takes long is done the more seldom */
  constructor(run: () => void, afterMs: number, share = 1) {
    this.#run = run
    this.#afterMs = afterMs
    this.#share = share
  }

  ask(): void {
    this.#timer ??= setTimeout(() => this.now(), Math.max(this.#afterMs, this.#lastMs / this.#share))
  }

  now(): void {
    this.cancel()
    const beganMs = performance.now()
    this.#run()
    this.#lastMs = performance.now() - beganMs
  }

  cancel(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
