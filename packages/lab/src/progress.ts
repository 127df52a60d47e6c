/**
 * How far a comparison is, and how long it will take. Overlays cost differently, so each is judged by its own
 * runs, and nothing is promised before every overlay has shown what it costs.
 */
import type { Job } from './messages.ts'
import type { OverlayId } from './overlays/settings.ts'

export interface Progress {
  readonly runs: number
  readonly runsDone: number
  /** Of the whole work, from 0 to 1: by expected time where it is known, by runs else. */
  readonly done: number
  /** Nothing while it cannot be told. */
  readonly remainingMs: number | undefined
}

/** A part of a run that says something of the rest. */
const DONE_MIN = 0.05

interface Run {
  readonly overlay: OverlayId
  readonly work: number
  done: number
  beganMs: number
  tookMs: number
}

export class Estimate {
  readonly #runs: readonly Run[]
  readonly #workers: number
  readonly #now: () => number

  constructor(
    jobs: readonly Pick<Job, 'overlay' | 'work'>[],
    workers: number,
    now: () => number = () => performance.now()
  ) {
    this.#runs = jobs.map(({ overlay, work }) => ({ overlay, work, done: 0, beganMs: 0, tookMs: 0 }))
    this.#workers = workers
    this.#now = now
  }

  began(index: number): void {
    this.#runs[index]!.beganMs = this.#now()
  }

  at(index: number, done: number): Progress {
    const run = this.#runs[index]!
    run.done = done
    run.tookMs = this.#now() - run.beganMs
    const runs = this.#runs.length
    const runsDone = this.#runs.filter(one => one.done === 1).length
    const costs = this.#costs()
    if (costs === undefined) {
      const part = this.#runs.reduce((sum, one) => sum + one.done, 0) / runs
      return { runs, runsDone, done: part, remainingMs: undefined }
    }
    let allMs = 0
    let leftMs = 0
    let longestMs = 0
    for (const one of this.#runs) {
      const costMs = one.work * costs.get(one.overlay)!
      const restMs = (1 - one.done) * costMs
      allMs += costMs
      leftMs += restMs
      longestMs = Math.max(longestMs, restMs)
    }
    // The last runs are not parted among threads.
    const remainingMs = Math.max(leftMs / this.#workers, longestMs)
    return { runs, runsDone, done: 1 - leftMs / allMs, remainingMs }
  }

  /** Milliseconds of a unit of work of each overlay; nothing while one of them has not shown enough. */
  #costs(): Map<OverlayId, number> | undefined {
    const spent = new Map<OverlayId, { ms: number; done: number; work: number }>()
    for (const { overlay, work, done, tookMs } of this.#runs) {
      const sum = spent.get(overlay) ?? { ms: 0, done: 0, work: 0 }
      sum.ms += tookMs
      sum.done += done
      sum.work += done * work
      spent.set(overlay, sum)
    }
    const costs = new Map<OverlayId, number>()
    for (const [overlay, { ms, done, work }] of spent) {
      if (done < DONE_MIN) return undefined
      costs.set(overlay, ms / work)
    }
    return costs
  }
}
