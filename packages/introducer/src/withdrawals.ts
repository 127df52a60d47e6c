/**
 * Who has left, and when it said so: whoever kept an older announcement of it cannot have it listed again. One is kept
 * until the clock alone refuses whatever was announced before it.
 */
import { ANNOUNCEMENT_SKEW_MS_MAX, WITHDRAWALS_REMEMBERED_MAX } from './limits.ts'

export class Withdrawals {
  /** The latest comes last. */
  readonly #issuedMs = new Map<string, number>()

  get size(): number {
    return this.#issuedMs.size
  }

  add(peerId: string, issuedMs: number, nowMs: number): void {
    this.#issuedMs.delete(peerId)
    this.#issuedMs.set(peerId, issuedMs)
    for (const [other, otherMs] of this.#issuedMs) {
      const isOver = nowMs - otherMs > ANNOUNCEMENT_SKEW_MS_MAX
      if (!isOver && this.#issuedMs.size <= WITHDRAWALS_REMEMBERED_MAX) break
      this.#issuedMs.delete(other)
    }
  }

  /** When its last withdrawal was made, where that still matters. */
  of(peerId: string, nowMs: number): number | undefined {
    const issuedMs = this.#issuedMs.get(peerId)
    if (issuedMs !== undefined && nowMs - issuedMs > ANNOUNCEMENT_SKEW_MS_MAX) {
      this.#issuedMs.delete(peerId)
      return undefined
    }
    return issuedMs
  }
}
