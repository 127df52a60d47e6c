/** Who serves whom, looked at each minute of the measured time: supernodes, or what does their work in an overlay. */
import type { NodeIndex } from '@servent/simulator'
import type { AnySimulation } from '../deployment.ts'
import type { RoleSamples } from '../run-result.ts'

const LOOK_EVERY_US = 60_000_000
const US_PER_S = 1_000_000

/** One that serves others. */
export interface Serving {
  readonly node: NodeIndex
  readonly users: number
  /** That came to it since it began. */
  readonly queries: number
}

/** Everybody at one moment. */
export interface RolesNow {
  readonly serving: readonly Serving[]
  /** Those who are served, and of them those who have nobody to serve them. */
  readonly ordinaries: number
  readonly homeless: number
}

interface Seen {
  readonly bytes: number
  readonly queries: number
}

export class RoleLooks {
  readonly #simulation: Pick<AnySimulation, 'metrics' | 'after'>
  readonly #lookAt: () => RolesNow
  readonly #samples = {
    supernodes: [] as number[],
    ordinariesPerSupernode: [] as number[],
    users: [] as number[],
    bytesPerS: [] as number[],
    queriesPerS: [] as number[]
  }
  #homeless = 0
  #ordinaries = 0
  /** Of those that served at the last look. */
  #seen = new Map<NodeIndex, Seen>()
  #isOver = false

  /** Begins now. */
  constructor(simulation: Pick<AnySimulation, 'metrics' | 'after'>, lookAt: () => RolesNow) {
    this.#simulation = simulation
    this.#lookAt = lookAt
    this.#look()
  }

  /** Ends now. */
  end(): Omit<RoleSamples, 'counts'> {
    this.#isOver = true
    const { supernodes, ordinariesPerSupernode, users, bytesPerS, queriesPerS } = this.#samples
    return {
      supernodes: Float64Array.from(supernodes),
      ordinariesPerSupernode: Float64Array.from(ordinariesPerSupernode),
      users: Float64Array.from(users),
      bytesPerS: Float64Array.from(bytesPerS),
      queriesPerS: Float64Array.from(queriesPerS),
      homeless: this.#homeless,
      ordinaries: this.#ordinaries
    }
  }

  #look(): void {
    if (this.#isOver) return
    const { metrics } = this.#simulation
    const samples = this.#samples
    const before = this.#seen
    const { serving, ordinaries, homeless } = this.#lookAt()
    this.#homeless += homeless
    this.#ordinaries += ordinaries
    this.#seen = new Map()
    for (const { node, users, queries } of serving) {
      const now: Seen = { bytes: metrics.sentBy(node).bytes + metrics.receivedBy(node).bytes, queries }
      this.#seen.set(node, now)
      samples.users.push(users)
      const then = before.get(node)
      if (then === undefined) continue
      samples.bytesPerS.push(((now.bytes - then.bytes) * US_PER_S) / LOOK_EVERY_US)
      samples.queriesPerS.push(((now.queries - then.queries) * US_PER_S) / LOOK_EVERY_US)
    }
    samples.supernodes.push(serving.length)
    if (serving.length > 0) samples.ordinariesPerSupernode.push(ordinaries / serving.length)
    this.#simulation.after(LOOK_EVERY_US, () => this.#look())
  }
}
