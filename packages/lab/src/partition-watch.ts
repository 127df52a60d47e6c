/**
 * A partition of a run as it goes: it begins and heals at its times, and from then on it is looked at each second whether
 * the overlay is as whole again as it was when that began.
 */
import type { Deployment } from './deployment.ts'
import type { PlannedPartition, Sides } from './partition.ts'
import type { Phase } from './run-result.ts'

const LOOK_EVERY_US = 1_000_000

export class PartitionWatch {
  readonly #deployment: Deployment
  readonly #sides: Sides
  #phase: Phase = 'before'
  #healedUs: number | undefined

  constructor(deployment: Deployment, sides: Sides) {
    this.#deployment = deployment
    this.#sides = sides
  }

  /** `fromUs`: how long from now. */
  begin(fromUs: number, { us }: PlannedPartition): void {
    const { simulation } = this.#deployment
    let before = 0
    simulation.after(fromUs, () => {
      before = this.#deployment.wholeness()
      this.#phase = 'during'
      this.#sides.split(simulation.nowUs)
    })
    simulation.after(fromUs + us, () => {
      this.#phase = 'after'
      this.#sides.heal(simulation.nowUs)
      this.#look(simulation.nowUs, before)
    })
  }

  /** Of the measured time. */
  get phase(): Phase {
    return this.#phase
  }

  /** Microseconds from the healing of the network until the overlay is one; nothing as long as it is not. */
  get healedUs(): number | undefined {
    return this.#healedUs
  }

  get apart(): number {
    return this.#sides.apart
  }

  #look(sinceUs: number, before: number): void {
    const { simulation } = this.#deployment
    if (this.#deployment.wholeness() >= before) this.#healedUs = simulation.nowUs - sinceUs
    else simulation.after(LOOK_EVERY_US, () => this.#look(sinceUs, before))
  }
}
