/** The experiments of Pastry's papers, each from a seed. */
import type { Key } from '@servent/overlay/machine'
import { type NodeIndex, type Random, randomOf } from '@servent/simulator'
import {
  CORRECT_PASTRY,
  type IdealProximity,
  type PastryRules,
  type PastrySettings
} from '../../src/machine.ts'
import { Lookups, type LookupTally, mean, randomKey } from './lookups.ts'
import { type NetworkInit, PastryNetwork, type StartInit, truthOf } from './network.ts'

/** What one lookup meets does not depend on those before it: it is begun once, and waits are bounded alike. */
const PAPER_CALLS = { lookupAttempts: 1, callTimeoutFirstMs: 500, callTimeoutHighMs: 500 }

export interface StillNetwork {
  readonly network: PastryNetwork
  readonly nodes: readonly NodeIndex[]
  readonly random: Random
}

/** A network with its ideal tables, in which maintenance stands still. */
export function stillNetwork(
  seed: string,
  count: number,
  settings: Partial<PastrySettings> = {},
  simulation: NetworkInit['simulation'] = {},
  start: StartInit = { unlinked: true },
  rules: PastryRules = CORRECT_PASTRY
): StillNetwork {
  const network = new PastryNetwork({
    seed,
    rules,
    settings: { proximity: 'off', replicas: 1, lookupBudgetMs: 60_000, routing: PAPER_CALLS, ...settings },
    simulation: { trace: false, ...simulation }
  })
  const nodes = network.startIdeal(count, start)
  for (const node of nodes) network.simulation.command(node, { type: 'maintenance', on: false })
  return { network, nodes, random: network.simulation.random.of('workload') }
}

/** So many lookups from random living nodes, of keys that `keyOf` gives. */
export function lookUp(
  { network, random }: StillNetwork,
  count: number,
  keyOf: (random: Random) => Key = randomKey
): LookupTally {
  const { simulation } = network
  const lookups = new Lookups(network, truthOf(network))
  const alive = simulation.aliveNodes()
  for (let issued = 0; issued < count; issued += 1)
    lookups.issue(alive[random.below(alive.length)]!, keyOf(random))
  simulation.runFor(70_000_000)
  if (lookups.unfinished > 0) throw new Error(`${lookups.unfinished} lookups never ended.`)
  return lookups.tally
}

/** Rowstron section 3.2, figures 4 and 5: steps from a random node to another one, by its id. */
export function routeHops(seed: string, count: number, lookups: number): LookupTally {
  const still = stillNetwork(seed, count)
  const { simulation } = still.network
  // Ids are asked for once, since keys name lookups here.
  const asked = new Set<NodeIndex>()
  return lookUp(still, lookups, random => {
    for (;;) {
      const node = still.nodes[random.below(count)]!
      if (asked.has(node)) continue
      asked.add(node)
      return simulation.keyOf(node)
    }
  })
}

/** Points of a square, in microseconds of one way. */
export function plane(seed: string, count: number): (from: number, to: number) => number {
  const points = randomOf(`${seed} points`)
  const xs: number[] = []
  const ys: number[] = []
  for (let node = 0; node < count; node += 1) {
    xs.push(points.below(100_000))
    ys.push(points.below(100_000))
  }
  return (from, to) => 1 + Math.floor(Math.sqrt((xs[from]! - xs[to]!) ** 2 + (ys[from]! - ys[to]!) ** 2))
}

export interface DistanceRatio {
  readonly correct: number
  /** Of all routes together: distance travelled over the distance between their ends. */
  readonly ratio: number
}

/** Rowstron section 3.3, figure 6: nodes are points of a plane, and have the tables that an observer gives them. */
export function distanceRatio(
  seed: string,
  count: number,
  lookups: number,
  proximity: 'on' | 'off',
  samples = 64
): DistanceRatio {
  const oneWayUs = plane(seed, count)
  const rtt: IdealProximity['rtt'] = (from, to) => 2 * oneWayUs(from, to)
  const still = stillNetwork(
    seed,
    count,
    { proximity, traceLookups: true },
    {},
    { unlinked: true, ...(proximity === 'on' && { proximity: { samples, rtt } }) }
  )
  return routesOnPlane(still, oneWayUs, lookups)
}

const DAY_MS = 24 * 3_600_000
const SECOND_US = 1_000_000

/**
 * Figure 7: nodes are points of a plane, and each joins by one that is there, by chance, two seconds after the one
 * before. Their tables are what joins have made of them: nobody looks for nearer entries later.
 */
export function joinedDistanceRatio(
  seed: string,
  count: number,
  lookups: number,
  secondStage: 'on' | 'off'
): DistanceRatio & { readonly filled: number } {
  const oneWayUs = plane(seed, count)
  const network = new PastryNetwork({
    seed,
    ...(secondStage === 'off' && { rules: { ...CORRECT_PASTRY, secondStageAsks: () => 0 } }),
    settings: {
      replicas: 1,
      lookupBudgetMs: 60_000,
      routing: PAPER_CALLS,
      traceLookups: true,
      rowMs: DAY_MS,
      neighbourhoodMs: DAY_MS
    },
    simulation: { trace: false, network: { oneWayUs } }
  })
  const { simulation } = network
  const by = simulation.random.of('by')
  const nodes = simulation.addNodes(count)
  simulation.start(nodes[0]!)
  for (const node of nodes.slice(1)) {
    simulation.runFor(2 * SECOND_US)
    network.join(node, nodes[by.below(node)]!)
  }
  simulation.runFor(60 * SECOND_US)
  const ideal = network.ideal(nodes)
  let [is, should] = [0, 0]
  for (const [at, node] of nodes.entries()) {
    is += network.viewOf(node).table.size
    should += ideal.tables(at, network.settings.leafSet, network.settings.digitBits).entries.length
  }
  for (const node of nodes) simulation.command(node, { type: 'maintenance', on: false })
  const still = { network, nodes, random: simulation.random.of('workload') }
  return { ...routesOnPlane(still, oneWayUs, lookups), filled: is / should }
}

/** A route is as long as its steps. */
function routesOnPlane(
  { network, nodes, random }: StillNetwork,
  oneWayUs: (from: number, to: number) => number,
  lookups: number
): DistanceRatio {
  const { simulation } = network
  const rootOf = truthOf(network)
  let [travelled, direct] = [0, 0]
  network.notices.push((node, notice) => {
    if (notice.type === 'lookup-step' && notice.what === 'sent')
      travelled += oneWayUs(node, simulation.nodeOfPeer(node, notice.peer))
  })
  const lookupsMade = new Lookups(network, rootOf)
  for (let issued = 0; issued < lookups; issued += 1) {
    const origin = nodes[random.below(nodes.length)]!
    const key = randomKey(random)
    const root = rootOf(key)
    if (root === origin) continue
    direct += oneWayUs(origin, root)
    lookupsMade.issue(origin, key)
  }
  simulation.runFor(70_000_000)
  return { correct: lookupsMade.tally.correct / lookupsMade.tally.issued, ratio: travelled / direct }
}

export interface Unrepaired {
  readonly before: number
  /** Right after a tenth failed, nothing repaired: steps that led to somebody. */
  readonly unrepaired: number
  /** Dead nodes that a route met: they are no steps. */
  readonly deadMet: number
  readonly incorrect: number
  readonly failed: number
}

export interface Failures extends Unrepaired {
  readonly repaired: number
  /** Requests of maintenance for each node that failed, until the tables were repaired. */
  readonly callsPerFailure: number
}

/** Requests that look after tables: the paper's remote procedure calls. */
const CALLS: ReadonlySet<string> = new Set(['leaf-probe', 'row-request', 'ping', 'neighbours-request'])

/** What is sent is sent because of failures alone. */
const ONLY_REPAIR = {
  leafExchangeMs: DAY_MS,
  tableProbeMs: DAY_MS,
  rowMs: DAY_MS,
  neighbourhoodMs: DAY_MS
}

/** Rowstron section 3.5, figure 8: a tenth of the nodes fails at one instant, silently, and nobody repairs anything. */
export function unrepaired(seed: string, count: number, lookups: number, rules?: PastryRules): Unrepaired {
  return fallen(stillNetwork(seed, count, {}, {}, { unlinked: true }, rules), lookups).figures
}

/** The same, and then tables are looked after again. */
export function failures(seed: string, count: number, lookups: number): Failures {
  const still = stillNetwork(seed, count, ONLY_REPAIR, {}, {})
  const { network } = still
  const { simulation } = network
  const { figures, victims } = fallen(still, lookups)
  const callsBefore = callsSent(network)
  for (const node of simulation.aliveNodes()) simulation.command(node, { type: 'maintenance', on: true })
  // Heartbeats find dead leaves; dead entries are found by use, and by probes.
  for (let round = 0; round < 6; round += 1) {
    lookUpOnly(still, lookups)
    simulation.runFor(120_000_000)
  }
  const calls = callsSent(network) - callsBefore
  const repaired = lookUp(still, lookups)
  return {
    ...figures,
    repaired: mean(repaired.hops),
    incorrect: figures.incorrect + repaired.incorrect,
    failed: figures.failed + repaired.failed,
    callsPerFailure: calls / victims.length
  }
}

function fallen(
  still: StillNetwork,
  lookups: number
): { figures: Unrepaired; victims: readonly NodeIndex[] } {
  const { network, nodes, random } = still
  const before = lookUp(still, lookups)
  const victims = shuffled(nodes, random).slice(0, Math.round(0.1 * nodes.length))
  for (const node of victims) network.simulation.silence(node)
  const after = lookUp(still, lookups)
  const figures = {
    before: mean(before.hops),
    unrepaired: mean(after.hops),
    deadMet: mean(after.timeouts),
    incorrect: before.incorrect + after.incorrect,
    failed: before.failed + after.failed
  }
  return { figures, victims }
}

/** Traffic that shows nodes who is dead. */
function lookUpOnly({ network, random }: StillNetwork, count: number): void {
  const alive = network.simulation.aliveNodes()
  for (let issued = 0; issued < count; issued += 1)
    network.simulation.command(alive[random.below(alive.length)]!, { type: 'lookup', key: randomKey(random) })
}

function callsSent(network: PastryNetwork): number {
  let calls = 0
  for (const [type, { messages }] of Object.entries(network.simulation.metrics.byType()))
    if (CALLS.has(type)) calls += messages
  return calls
}

function shuffled<T>(all: readonly T[], random: Random): T[] {
  const mixed = [...all]
  for (let at = mixed.length - 1; at > 0; at -= 1) {
    const other = random.below(at + 1)
    ;[mixed[at], mixed[other]] = [mixed[other]!, mixed[at]!]
  }
  return mixed
}
