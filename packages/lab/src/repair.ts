/**
 * How long the place of a dead member stays open. Every so-many-th death is watched, by its number: which ones
 * depends neither on how long they take nor on whether they ever end. Each is looked at once a second.
 */
import type { NodeIndex } from '@servent/simulator'
import type { Deployment } from './deployment.ts'
import type { RepairSamples } from './run-result.ts'

/** Of deaths in the time in which as many peers die as there are. */
const WATCHED_OF_ALL = 64
const LOOK_EVERY_US = 1_000_000

export class RepairWatch {
  readonly #deployment: Deployment
  readonly #tookUs: number[] = []
  readonly #every: number
  #deaths = 0
  #watched = 0

  /** `nodes`: peers of the plan. */
  constructor(deployment: Deployment, nodes: number) {
    this.#deployment = deployment
    this.#every = Math.ceil(nodes / WATCHED_OF_ALL)
  }

  get samples(): RepairSamples {
    return { watched: this.#watched, tookUs: Float64Array.from(this.#tookUs) }
  }

  /** A member has died just now. */
  onDeath(dead: NodeIndex): void {
    this.#deaths += 1
    if ((this.#deaths - 1) % this.#every === 0) this.#watch(dead)
  }

  #watch(dead: NodeIndex): void {
    this.#watched += 1
    const { simulation } = this.#deployment
    const diedUs = simulation.nowUs
    const isRepaired = this.#deployment.watchRepair(dead)
    const look = () => {
      simulation.after(LOOK_EVERY_US, () => {
        if (isRepaired()) this.#tookUs.push(simulation.nowUs - diedUs)
        else look()
      })
    }
    look()
  }
}
