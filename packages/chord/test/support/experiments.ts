/** The experiments of Chord's papers, each from a seed. */
import type { Key } from '@servent/overlay/machine'
import { type NodeIndex, type Random, randomOf } from '@servent/simulator'
import type { ChordSettings, IdealProximity } from '../../src/machine.ts'
import { percentile } from './load.ts'
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

/** With exponential delays of 50 ms each way, one answer in 2,000 takes longer than the paper's 500 ms. */
const SLOW_CALLS = { callTimeoutFirstMs: 1000, callTimeoutLowMs: 1000, callTimeoutHighMs: 1000 }

/** ToN section VI-D, Table III: nodes join and leave of their own accord at a rate while somebody always looks. */
export function tableThree(seed: string, ratePerS: number, seconds: number, nodes = 1000): LookupTally {
  const network = new ChordNetwork({
    seed,
    settings: {
      successors: 20,
      proximity: 'off',
      traceLookups: true,
      // Uniform in [15, 45] s: each step refreshes the successor and one other entry.
      stabiliseMs: 30_000,
      fixFingersMs: 30_000,
      routing: SLOW_CALLS
    },
    simulation: { trace: false, network: { oneWayUs: (_from, _to, random) => exponentialUs(random) } }
  })
  network.startIdeal(nodes)
  const { simulation } = network
  const random = simulation.random.of('workload')
  const lookups = new Lookups(network, {
    rootOf: key => network.memberRootOf(key),
    before: () => undefined
  })
  const churn = simulation.random.of('churn')
  const everyUs = (perS: number, act: () => void) => {
    const again = () => {
      act()
      simulation.after(Math.round(exponential(churn) * (1_000_000 / perS)) + 1, again)
    }
    simulation.after(Math.round(exponential(churn) * (1_000_000 / perS)) + 1, again)
  }
  everyUs(ratePerS, () => {
    const node = simulation.addNode()
    const by = simulation.pickAlive(churn)!
    simulation.start(node)
    simulation.contact(node, by)
    simulation.contact(node, simulation.pickAlive(churn)!)
  })
  everyUs(ratePerS, () => simulation.stop(simulation.pickAlive(churn)!))
  everyUs(1, () => lookups.issue(network.pickMember(random), randomKey(random)))
  simulation.runFor(seconds * 1_000_000)
  return lookups.tally
}

/** Mean 1, from a table-free series: -ln(1 - u). */
function exponential(random: Random): number {
  return -Math.log1p(-random.unit())
}

/** Packet delays of ToN section VI-D: exponential, mean 50 ms. */
function exponentialUs(random: Random): number {
  return Math.min(400_000, Math.round(exponential(random) * 50_000))
}

export interface Stretch {
  readonly issued: number
  readonly correct: number
  /** Time of a lookup over the round trip between its origin and the root. */
  readonly median: number
}

/** ToN section VI-E: peers are points of a square, and a message takes as long as they are apart. */
export function stretch(seed: string, count: number, proximity: 'on' | 'off', lookups: number): Stretch {
  const points = randomOf(`${seed} points`)
  const xs: number[] = []
  const ys: number[] = []
  for (let node = 0; node < count; node += 1) {
    xs.push(points.below(100_000))
    ys.push(points.below(100_000))
  }
  const oneWayUs = (from: number, to: number) =>
    1000 + Math.floor(Math.sqrt((xs[from]! - xs[to]!) ** 2 + (ys[from]! - ys[to]!) ** 2))
  const still = stillNetwork(
    seed,
    count,
    { successors: 16, proximity, style: 'recursive' },
    { network: { oneWayUs } },
    proximity === 'on' ? { samples: 16, rtt: oneWayUs } : undefined
  )
  const { network, random } = still
  const { simulation } = network
  const ratios: number[] = []
  const asked = new Map<number, Key>()
  network.notices.push((node, notice) => {
    if (notice.type !== 'looked-up' || !asked.has(notice.command)) return
    const root = simulation.nodeOf(notice.root)
    if (root === undefined || root === node) return
    if (root !== truth.rootOf(asked.get(notice.command)!)) return
    ratios.push((notice.elapsedMs * 1000) / (2 * oneWayUs(node, root)))
  })
  const truth = truthOf(network)
  for (let issued = 0; issued < lookups; issued += 1) {
    const origin = still.nodes[random.below(count)]!
    const key = randomKey(random)
    if (truth.rootOf(key) !== origin) asked.set(simulation.command(origin, { type: 'lookup', key }), key)
  }
  simulation.runFor(70_000_000)
  return { issued: asked.size, correct: ratios.length, median: percentile(ratios, 0.5) }
}
