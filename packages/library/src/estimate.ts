/**
 * How long work will take yet, from the speed at which it was done lately. What a file costs beside its bytes
 * (finding, opening, writing it down) counts as so many bytes, so that a thousand small files and one large one
 * can be added up.
 */
import { ESTIMATE_AFTER_MS, ESTIMATE_STEP_MS, ESTIMATE_WINDOW_MS, FILE_COST_BYTES } from './limits.ts'

interface Sample {
  readonly ms: number
  readonly work: number
}

export const workOf = (files: number, bytes: number): number => files * FILE_COST_BYTES + bytes

export class Estimate {
  /** The oldest first, and the newest replaced until it is a step after the one before it. */
  #samples: Sample[] = []

  /** At this time (ms, of a clock that never jumps) so much was done in all. */
  note(ms: number, work: number): void {
    const before = this.#samples.at(-2)
    if (before !== undefined && ms - before.ms < ESTIMATE_STEP_MS) this.#samples.pop()
    this.#samples.push({ ms, work })
    // One that is older than the window stays, so that the window is always full.
    while (this.#samples.length > 2 && ms - this.#samples[1]!.ms >= ESTIMATE_WINDOW_MS) this.#samples.shift()
  }

  /** Milliseconds; nothing while too little was seen, or while nothing moves. */
  leftMs(workLeft: number): number | undefined {
    const first = this.#samples[0]
    const last = this.#samples.at(-1)
    if (first === undefined || last === undefined || last.ms - first.ms < ESTIMATE_AFTER_MS) return undefined
    const done = last.work - first.work
    return done > 0 ? Math.round((workLeft * (last.ms - first.ms)) / done) : undefined
  }

  clear(): void {
    this.#samples = []
  }
}
