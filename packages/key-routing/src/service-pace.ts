/** How fast announcing goes of late, and what holds it back: its budget, or the answers of those who are told. */
import { PACE_BATCHES_MAX, PACE_MS } from './service-constants.ts'

interface Batch {
  /** Of which nothing is left to do: they are found now, or were refused. */
  readonly files: number
  readonly startMs: number
  readonly waitedMs: number
  readonly toldMs: number
}

export interface PaceView {
  readonly filesPerS: number
  readonly leftMs: number
  readonly isPaid: boolean
}

export class Pace {
  readonly #batches: Batch[] = []

  /** A batch that waited so long for its budget and then so long for its answers. */
  add(batch: Batch): void {
    this.#batches.push(batch)
    if (this.#batches.length > PACE_BATCHES_MAX) this.#batches.shift()
  }

  /** With so many files left. Nothing where none came through within `PACE_MS`. */
  view(left: number, nowMs: number): PaceView | undefined {
    const late = this.#batches.filter(({ startMs }) => nowMs - startMs < PACE_MS)
    const sum = (of: (batch: Batch) => number) => late.reduce((total, batch) => total + of(batch), 0)
    const files = sum(batch => batch.files)
    const ms = nowMs - (late[0]?.startMs ?? nowMs)
    if (files === 0 || ms <= 0) return undefined
    const isPaid = sum(batch => batch.waitedMs) >= sum(batch => batch.toldMs)
    return {
      filesPerS: Number(((1000 * files) / ms).toPrecision(3)),
      leftMs: Math.round((left * ms) / files),
      isPaid
    }
  }
}
