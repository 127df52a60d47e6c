/**
 * Who is a supernode, and what it takes them: looked at each minute of the measured time, and counted by the machines
 * themselves, those of peers that died meanwhile too.
 */
import type { Counter, FastTrackTables, FastTrackTypes } from '@servent/fasttrack/machine'
import type { NodeIndex, Simulation } from '@servent/simulator'
import type { RoleSamples } from '../run-result.ts'
import { RoleLooks, type RolesNow, type Serving } from './role-looks.ts'

const COUNTED = {
  handovers: 'usersHandedOver',
  cutOff: 'usersCutOff',
  promotions: 'promotions',
  demotions: 'demotions',
  supernodesLost: 'supernodesLost',
  sparesTaken: 'sparesTaken'
} as const satisfies Record<keyof RoleSamples['counts'], Counter>

type Counts = Record<keyof typeof COUNTED, number>

export class RoleWatch {
  readonly #simulation: Simulation<FastTrackTypes>
  readonly #looks: RoleLooks
  readonly #counts: Counts

  /** Begins now. */
  constructor(simulation: Simulation<FastTrackTypes>) {
    this.#simulation = simulation
    this.#counts = Object.fromEntries(Object.keys(COUNTED).map(name => [name, 0])) as Counts
    for (const node of simulation.aliveNodes()) this.#count(this.#tables(node), -1)
    this.#looks = new RoleLooks(simulation, () => this.#rolesNow())
  }

  /** A peer that lived until now. */
  onDeath(tables: FastTrackTables): void {
    this.#count(tables, 1)
  }

  /** Ends now. */
  end(): RoleSamples {
    for (const node of this.#simulation.aliveNodes()) this.#count(this.#tables(node), 1)
    return { ...this.#looks.end(), counts: this.#counts }
  }

  #rolesNow(): RolesNow {
    const serving: Serving[] = []
    let ordinaries = 0
    let homeless = 0
    for (const node of this.#simulation.aliveNodes()) {
      const { role, users, supernode, counters } = this.#tables(node)
      if (role === 'supernode') serving.push({ node, users, queries: counters.queriesReceived! })
      else {
        ordinaries += 1
        if (supernode === null) homeless += 1
      }
    }
    return { serving, ordinaries, homeless }
  }

  #count({ counters }: FastTrackTables, sign: 1 | -1): void {
    for (const [name, counter] of Object.entries(COUNTED))
      this.#counts[name as keyof Counts] += sign * counters[counter]!
  }

  #tables(node: NodeIndex): FastTrackTables {
    return this.#simulation.machine(node).snapshot()
  }
}
