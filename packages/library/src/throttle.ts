/** Does something soon after it is asked for, and once however often it is asked for until then. */
export class Throttle {
  readonly #run: () => void
  readonly #afterMs: number
  #timer: NodeJS.Timeout | undefined

  constructor(run: () => void, afterMs: number) {
    this.#run = run
    this.#afterMs = afterMs
  }

  ask(): void {
    this.#timer ??= setTimeout(() => this.now(), this.#afterMs)
  }

  now(): void {
    this.cancel()
    this.#run()
  }

  cancel(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
