/**
 * What each node's clocks show. A node whose clock nobody touched shows virtual time; others run fast or slow,
 * and their wall clock may jump. Whole milliseconds, so that a timer of n ms fires when n have passed.
 */
import type { NodeIndex } from './types.ts'

/** 2026-01-01T00:00:00Z: what wall clocks show when a simulation begins. */
export const WALL_START_MS = 1_767_225_600_000
/** Of what a clock may run fast or slow, in millionths: one in a hundred. */
export const DRIFT_PPM_MAX = 10_000

interface SetClock {
  ppm: number
  /** When the rate was set, and what the clock showed then. */
  sinceUs: number
  shownUs: number
  wallOffsetMs: number
}

export class Clocks {
  readonly #clocks = new Map<NodeIndex, SetClock>()

  nowMs(node: NodeIndex, nowUs: number): number {
    return Math.floor(this.#shownUs(node, nowUs) / 1000)
  }

  wallMs(node: NodeIndex, nowUs: number): number {
    const offsetMs = this.#clocks.size === 0 ? 0 : (this.#clocks.get(node)?.wallOffsetMs ?? 0)
    return WALL_START_MS + Math.floor(this.#shownUs(node, nowUs) / 1000) + offsetMs
  }

  /** How long it takes in virtual time until the node's clock has gone on by so much. */
  virtualUs(node: NodeIndex, afterUs: number): number {
    const ppm = this.#clocks.size === 0 ? 0 : (this.#clocks.get(node)?.ppm ?? 0)
    // A microsecond more, for the clock rounds down.
    return ppm === 0 ? afterUs : Math.ceil((afterUs * 1e6) / (1e6 + ppm)) + 1
  }

  /**
   * Gives what becomes of a virtual time to come at which the clock would have shown something: the one at which
   * it shows that now.
   *
   * @throws RangeError  not within `DRIFT_PPM_MAX` either way
   */
  setDrift(node: NodeIndex, ppm: number, nowUs: number): (dueUs: number) => number {
    if (!(Math.abs(ppm) <= DRIFT_PPM_MAX))
      throw new RangeError(`A clock drifts by ${DRIFT_PPM_MAX} millionths at most, not ${ppm}.`)
    const clock = this.#clock(node)
    const before = { ...clock }
    const shownUs = shownBy(before, nowUs)
    Object.assign(clock, { ppm, sinceUs: nowUs, shownUs })
    return dueUs => (dueUs <= nowUs ? dueUs : nowUs + this.virtualUs(node, shownBy(before, dueUs) - shownUs))
  }

  jumpWall(node: NodeIndex, byMs: number): void {
    this.#clock(node).wallOffsetMs += byMs
  }

  #shownUs(node: NodeIndex, nowUs: number): number {
    const clock = this.#clocks.size === 0 ? undefined : this.#clocks.get(node)
    return clock === undefined ? nowUs : shownBy(clock, nowUs)
  }

  #clock(node: NodeIndex): SetClock {
    let clock = this.#clocks.get(node)
    if (clock === undefined) {
      clock = { ppm: 0, sinceUs: 0, shownUs: 0, wallOffsetMs: 0 }
      this.#clocks.set(node, clock)
    }
    return clock
  }
}

function shownBy(clock: SetClock, us: number): number {
  const elapsedUs = us - clock.sinceUs
  return clock.shownUs + elapsedUs + Math.floor((elapsedUs * clock.ppm) / 1e6)
}
