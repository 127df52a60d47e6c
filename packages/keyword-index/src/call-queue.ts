/** A bound on calls that wait for a store, and on the memory that they hold: one more is refused, not kept. */
import { IndexUnavailableError } from './errors.ts'
import { QUEUED_BYTES_MAX, QUEUED_CALLS_MAX } from './limits.ts'

export class CallQueue {
  readonly #bytesMax: number
  #calls = 0
  #bytes = 0

  constructor(bytesMax = QUEUED_BYTES_MAX) {
    this.#bytesMax = bytesMax
  }

  /**
   * Counts a call until it is done.
   *
   * @throws IndexUnavailableError  too much waits already
   */
  async hold<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    if (this.#calls >= QUEUED_CALLS_MAX)
      throw new IndexUnavailableError(`${QUEUED_CALLS_MAX} calls wait for the index. Ask again later.`)
    // One that is larger than the bound by itself may come while nothing waits: it has limits of its own.
    if (this.#bytes > 0 && this.#bytes + bytes > this.#bytesMax)
      throw new IndexUnavailableError(
        `Calls with ${this.#bytes} bytes wait for the index, and ${this.#bytesMax} are the most. Ask again later.`
      )
    this.#calls += 1
    this.#bytes += bytes
    try {
      return await work()
    } finally {
      this.#calls -= 1
      this.#bytes -= bytes
    }
  }
}
