/**
 * How long the place of a dead peer stays open. Some deaths are watched, once a second each, as many at a time
 * as cost little; which ones does not depend on how long they take.
 */
import type { NodeIndex } from '@servent/simulator'
import type { Deployment } from './deployment.ts'

const WATCHED_MAX = 64
const LOOK_EVERY_US = 1_000_000

export class RepairWatch {
  readonly #deployment: Deployment
  readonly #tookUs: number[] = []
  #watched = 0

  constructor(deployment: Deployment) {
    this.#deployment = deployment
  }

  get tookUs(): Float64Array {
    return Float64Array.from(this.#tookUs)
  }

  /** A peer has died just now. */
  watch(dead: NodeIndex): void {
    if (this.#watched === WATCHED_MAX) return
    this.#watched += 1
    const { simulation } = this.#deployment
    const diedUs = simulation.nowUs
    const look = () => {
      simulation.after(LOOK_EVERY_US, () => {
        if (!this.#deployment.isRepaired(dead)) {
          look()
          return
        }
        this.#watched -= 1
        this.#tookUs.push(simulation.nowUs - diedUs)
      })
    }
    look()
  }
}
