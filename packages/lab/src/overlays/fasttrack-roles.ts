/**
 * Who is a supernode, and what it takes them: looked at each minute of the measured time, and counted by the machines
 * themselves, those of peers that died meanwhile too.
 */
import type { Counter, FastTrackTables, FastTrackTypes } from '@servent/fasttrack/machine'
import type { NodeIndex, Simulation } from '@servent/simulator'
import type { RoleSamples } from '../run-result.ts'

const LOOK_EVERY_US = 60_000_000
const US_PER_S = 1_000_000

type Counts = Record<keyof RoleSamples['counts'], number>

const COUNTED = {
  handovers: 'usersHandedOver',
  cutOff: 'usersCutOff',
  promotions: 'promotions',
  demotions: 'demotions',
  supernodesLost: 'supernodesLost',
  sparesTaken: 'sparesTaken'
} as const satisfies Record<keyof Counts, Counter>

interface Seen {
  readonly bytes: number
  readonly queries: number
}

export class RoleWatch {
  readonly #simulation: Simulation<FastTrackTypes>
  readonly #samples = {
    supernodes: [] as number[],
    ordinariesPerSupernode: [] as number[],
    users: [] as number[],
    bytesPerS: [] as number[],
    queriesPerS: [] as number[]
  }
  #homeless = 0
  #ordinaries = 0
  readonly #counts: Counts
  /** Of those that were supernodes at the last look. */
  #seen = new Map<NodeIndex, Seen>()
  #isOver = false

  /** Begins now. */
  constructor(simulation: Simulation<FastTrackTypes>) {
    this.#simulation = simulation
    this.#counts = Object.fromEntries(Object.keys(COUNTED).map(name => [name, 0])) as Counts
    for (const node of simulation.aliveNodes()) this.#count(this.#tables(node), -1)
    this.#look()
  }

  /** A peer that lived until now. */
  onDeath(tables: FastTrackTables): void {
    this.#count(tables, 1)
  }

  /** Ends now. */
  end(): RoleSamples {
    this.#isOver = true
    for (const node of this.#simulation.aliveNodes()) this.#count(this.#tables(node), 1)
    const { supernodes, ordinariesPerSupernode, users, bytesPerS, queriesPerS } = this.#samples
    return {
      supernodes: Float64Array.from(supernodes),
      ordinariesPerSupernode: Float64Array.from(ordinariesPerSupernode),
      users: Float64Array.from(users),
      bytesPerS: Float64Array.from(bytesPerS),
      queriesPerS: Float64Array.from(queriesPerS),
      homeless: this.#homeless,
      ordinaries: this.#ordinaries,
      counts: this.#counts
    }
  }

  #look(): void {
    if (this.#isOver) return
    const { metrics, aliveCount } = this.#simulation
    const samples = this.#samples
    const before = this.#seen
    this.#seen = new Map()
    for (const node of this.#simulation.aliveNodes()) {
      const { role, users, supernode, counters } = this.#tables(node)
      if (role === 'ordinary') {
        this.#ordinaries += 1
        if (supernode === null) this.#homeless += 1
        continue
      }
      const now: Seen = {
        bytes: metrics.sentBy(node).bytes + metrics.receivedBy(node).bytes,
        queries: counters.queriesReceived!
      }
      this.#seen.set(node, now)
      samples.users.push(users)
      const then = before.get(node)
      if (then === undefined) continue
      samples.bytesPerS.push(((now.bytes - then.bytes) * US_PER_S) / LOOK_EVERY_US)
      samples.queriesPerS.push(((now.queries - then.queries) * US_PER_S) / LOOK_EVERY_US)
    }
    const supernodes = this.#seen.size
    samples.supernodes.push(supernodes)
    if (supernodes > 0) samples.ordinariesPerSupernode.push((aliveCount - supernodes) / supernodes)
    this.#simulation.after(LOOK_EVERY_US, () => this.#look())
  }

  #count({ counters }: FastTrackTables, sign: 1 | -1): void {
    for (const [name, counter] of Object.entries(COUNTED))
      this.#counts[name as keyof Counts] += sign * counters[counter]!
  }

  #tables(node: NodeIndex): FastTrackTables {
    return this.#simulation.machine(node).snapshot()
  }
}
