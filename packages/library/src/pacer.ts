/** Lets a thread that works in long loops hear its messages and timers in between. */
import { setImmediate } from 'node:timers/promises'
import { SLICE_MS } from './limits.ts'

export class Pacer {
  #sinceMs = performance.now()

  /** Lets whatever waits have its turn so many times. */
  async pass(times: number): Promise<void> {
    for (let turn = 0; turn < times; turn += 1) await setImmediate()
  }

  /** Returns at once until a slice of time is used up, then after what waits has had its turn. */
  async turn(): Promise<void> {
    if (performance.now() - this.#sinceMs < SLICE_MS) return
    await setImmediate()
    this.#sinceMs = performance.now()
  }
}
