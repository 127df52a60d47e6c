/**
 * At most N pongs leave by one link in any time of T (Rohrs and Falco: N = 10, T = 3 s). A bucket of tokens
 * would let twice as many through at its edges, so the times of the last N are kept.
 */
import { PONG_AGE_MS, PONGS_PER_PING } from './constants.ts'

export class PongBudget {
  readonly #sentMs = new Float64Array(PONGS_PER_PING).fill(Number.NEGATIVE_INFINITY)
  #next = 0

  /** Whether one may leave now; it counts as having left. */
  take(nowMs: number): boolean {
    if (nowMs - this.#sentMs[this.#next]! < PONG_AGE_MS) return false
    this.#sentMs[this.#next] = nowMs
    this.#next = (this.#next + 1) % PONGS_PER_PING
    return true
  }
}
