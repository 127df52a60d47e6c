/**
 * When which wish is searched for. Pure: the caller says what time it is, and gives chance.
 *
 * When a wish is due is a time of the wall clock, which outlives the program. That clock may jump: forward, and
 * all wishes are due at once, so two searches are `WISH_SPACING_MS` apart by the clock that does not jump, and
 * two of one wish the least period; backward, and no wish would be due for long, so one that is further ahead
 * than it can be is due a period from now.
 */
import { WISH_MINUTES_MIN, WISH_SPACING_MS } from './wish-limits.ts'

export interface Moment {
  /** Milliseconds since 1970. */
  readonly wallMs: number
  /** Of a clock that never jumps. */
  readonly nowMs: number
}

/** A period is so much longer at most: many nodes must not ask at the same times. */
const JITTER = 0.25
const PERIOD_MS_MIN = WISH_MINUTES_MIN * 60_000

export class WishSchedule {
  readonly #periodMs: number
  readonly #dueMs = new Map<number, number>()
  /** By the clock that never jumps. */
  readonly #ranMs = new Map<number, number>()
  #lastMs = Number.NEGATIVE_INFINITY

  constructor(periodMs: number) {
    this.#periodMs = Math.max(periodMs, PERIOD_MS_MIN)
  }

  /** Due at a time of the wall clock. */
  add(wish: number, dueMs: number): void {
    this.#dueMs.set(wish, dueMs)
  }

  delete(wish: number): void {
    this.#dueMs.delete(wish)
    this.#ranMs.delete(wish)
  }

  /** The wish to search for now: of those that are due the one that waits for longest. */
  next({ wallMs, nowMs }: Moment): number | undefined {
    const latestMs = wallMs + this.#periodMs * (1 + JITTER)
    let next: number | undefined
    for (const [wish, dueMs] of this.#dueMs) {
      if (dueMs > latestMs) this.#dueMs.set(wish, wallMs + this.#periodMs)
      if (dueMs > wallMs || nowMs - (this.#ranMs.get(wish) ?? -Infinity) < PERIOD_MS_MIN) continue
      if (next === undefined || dueMs < this.#dueMs.get(next)!) next = wish
    }
    return nowMs - this.#lastMs < WISH_SPACING_MS ? undefined : next
  }

  /** It is being searched for; gives when it is due again. `chance` is from 0 to 1. */
  began(wish: number, { wallMs, nowMs }: Moment, chance: number): number {
    const dueMs = Math.round(wallMs + this.#periodMs * (1 + JITTER * chance))
    this.#lastMs = nowMs
    this.#ranMs.set(wish, nowMs)
    this.#dueMs.set(wish, dueMs)
    return dueMs
  }
}
