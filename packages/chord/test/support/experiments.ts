/** The experiments of Chord's papers, each from a seed. */
import type { NodeIndex, Random } from '@servent/simulator'
import type { ChordSettings, IdealProximity } from '../../src/machine.ts'
import { Lookups, type LookupTally, randomKey, truthOf } from './lookups.ts'
import { ChordNetwork, type NetworkInit } from './network.ts'

/** Half a second and no backing off, as in ToN section VI-D. */
const PAPER_CALLS = { lookupAttempts: 1, callTimeoutFirstMs: 500, callTimeoutHighMs: 500 }

export interface StillNetwork {
  readonly network: ChordNetwork
  readonly nodes: readonly NodeIndex[]
  readonly random: Random
}

/** A network with its ideal tables, in which stabilisation stands still. */
export function stillNetwork(
  seed: string,
  count: number,
  settings: Partial<ChordSettings>,
  simulation: NetworkInit['simulation'] = {},
  proximity?: IdealProximity
): StillNetwork {
  const network = new ChordNetwork({
    seed,
    settings: {
      proximity: 'off',
      traceLookups: true,
      lookupBudgetMs: 60_000,
      routing: PAPER_CALLS,
      ...settings
    },
    simulation: { trace: false, ...simulation }
  })
  const nodes = network.startIdeal(count, proximity)
  for (const node of nodes) network.simulation.command(node, { type: 'maintenance', on: false })
  return { network, nodes, random: network.simulation.random.of('workload') }
}

/** So many lookups of random keys from random living nodes. */
export function lookUp({ network, random }: StillNetwork, count: number): LookupTally {
  const { simulation } = network
  const lookups = new Lookups(network, truthOf(network))
  const alive = simulation.aliveNodes()
  for (let issued = 0; issued < count; issued += 1)
    lookups.issue(alive[random.below(alive.length)]!, randomKey(random))
  simulation.runFor(70_000_000)
  if (lookups.unfinished > 0) throw new Error(`${lookups.unfinished} lookups never ended.`)
  return lookups.tally
}

/** ToN figure 10: steps until the key's predecessor is reached, with one successor. */
export function pathLengths(seed: string, count: number, lookups: number): LookupTally {
  return lookUp(stillNetwork(seed, count, { successors: 1, replicas: 1 }), lookups)
}

/** ToN section VI-D, Table II: a fraction dies at one instant, silently, and lookups run right after it. */
export function tableTwo(seed: string, fraction: number, lookups: number): LookupTally {
  const still = stillNetwork(seed, 1000, { successors: 20 })
  const { network, nodes, random } = still
  for (const node of shuffled(nodes, random).slice(0, Math.round(fraction * nodes.length)))
    network.simulation.silence(node)
  return lookUp(still, lookups)
}

export function shuffled<T>(all: readonly T[], random: Random): T[] {
  const mixed = [...all]
  for (let at = mixed.length - 1; at > 0; at -= 1) {
    const other = random.below(at + 1)
    ;[mixed[at], mixed[other]] = [mixed[other]!, mixed[at]!]
  }
  return mixed
}
