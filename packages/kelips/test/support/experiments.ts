/** The experiments of Kelips's paper, each from a seed. */
import type { NodeIndex } from '@servent/simulator'
import type { KelipsSettings } from '../../src/machine.ts'
import { KelipsNetwork, type NetworkInit } from './network.ts'
import { keyOf, randomKey, Workload } from './workload.ts'

export const SECOND_US = 1_000_000
/** IPTPS section 3. */
export const ROUND_US = 2 * SECOND_US

export interface Still {
  readonly network: KelipsNetwork
  readonly nodes: readonly NodeIndex[]
  readonly work: Workload
}

/** Peers with their tables, which have gossiped for a while. */
export function quiet(
  seed: string,
  count: number,
  level: number,
  settings: Partial<KelipsSettings> = {},
  rounds = 5,
  rules: NetworkInit['rules'] = {}
): Still {
  const network = new KelipsNetwork({
    seed,
    rules,
    settings: { groups: 2 ** level, ...settings },
    simulation: { trace: false, network: { oneWayUs: (_from, _to, random) => 10_000 + random.below(60_000) } }
  })
  const work = new Workload(network)
  const nodes = network.startIdeal(count, level)
  network.simulation.runFor(rounds * ROUND_US)
  return { network, nodes, work }
}

export interface KillOutcome {
  /** Lookups of files whose provider lives: found, and not. */
  readonly found: number
  readonly missed: number
  /** Of files whose provider is dead: told of nonetheless. */
  readonly ghosts: number
  /** Rounds until no view held a dead peer, or missed a living one. */
  readonly settledRounds: number | undefined
}

/** Section 4: half of all peers die at one instant, silently; somebody looks for every file at once. */
export function killHalf(seed: string, count: number, level: number): KillOutcome {
  const { network, nodes, work } = quiet(seed, count, level)
  const { simulation } = network
  const keys = nodes.map(node => keyOf(`${seed} ${node}`))
  for (const [at, node] of nodes.entries()) work.publish(node, work.record(node, 'provider', keys[at]!))
  simulation.runFor(10 * ROUND_US)
  const dead = new Set(nodes.filter(() => work.random.below(2) === 0))
  for (const node of dead) simulation.silence(node)
  const asked = keys.map(key => work.give(work.anybody(), { type: 'fetch', kind: 'provider', key, limit: 5 }))
  let settledRounds: number | undefined
  for (let round = 1; round <= 60; round += 1) {
    simulation.runFor(ROUND_US)
    const { missing, dead: left } = network.views()
    if (missing === 0 && left === 0 && settledRounds === undefined) settledRounds = round
  }
  const found = work.providersOf(asked)
  const tally = { found: 0, missed: 0, ghosts: 0 }
  for (const [at, node] of nodes.entries()) {
    const isThere = found[at]!.includes(node)
    if (dead.has(node)) tally.ghosts += isThere ? 1 : 0
    else if (isThere) tally.found += 1
    else tally.missed += 1
  }
  return { ...tally, settledRounds }
}

/** Section 3: rounds after which a new tuple is known to half, and to all, of its group's members. */
export function spread(
  seed: string,
  count: number,
  level: number,
  settings: Partial<KelipsSettings>
): { half: number; all: number } {
  const { network, nodes, work } = quiet(seed, count, level, settings, 2)
  const { simulation } = network
  const key = randomKey(work.random)
  const group = network.ideal(nodes, level).groups[key[0]! >> (8 - level)]!.map(at => nodes[at]!)
  const provider = group[0]!
  work.publish(provider, work.record(provider, 'provider', key))
  const informed = () => group.filter(node => network.machine(node).heldKeys().length > 0).length
  let half = 0
  for (let step = 1; step < 400; step += 1) {
    simulation.runFor(ROUND_US / 4)
    const now = informed()
    if (half === 0 && 2 * now >= group.length) half = step / 4
    if (now === group.length) return { half, all: step / 4 }
  }
  return { half, all: Number.POSITIVE_INFINITY }
}

export interface LookupTally {
  readonly issued: number
  readonly correct: number
  /** How many took so many steps. */
  readonly hops: readonly number[]
}

/** The peer that is nearest to a random key. */
export function lookUp({ network, work }: Still, count: number): LookupTally {
  const { simulation } = network
  const asked = Array.from({ length: count }, () => {
    const key = randomKey(work.random)
    return { key, command: work.give(work.anybody(), { type: 'lookup', key }) }
  })
  simulation.runFor(15 * SECOND_US)
  const hops: number[] = []
  let correct = 0
  for (const { key, command } of asked) {
    const [found] = work.told(command, 'looked-up')
    if (found === undefined) continue
    hops[found.hops] = (hops[found.hops] ?? 0) + 1
    if (simulation.nodeOf(found.root) === network.rootOf(key)) correct += 1
  }
  return { issued: count, correct, hops: Array.from(hops, tally => tally ?? 0) }
}

/** Section 4, figure 4: tries until a copy of a value has its homenode; index 0 is one try. */
export function insertTries({ network, work }: Still, count: number): { tries: number[]; failed: number } {
  const tries = [0, 0, 0, 0]
  network.notices.push((_node, notice) => {
    if (notice.type === 'placed') for (const one of notice.tries) tries[one - 1]! += 1
  })
  const { simulation } = network
  const puts = Array.from({ length: count }, (_, at) => {
    const node = work.anybody()
    return work.publish(node, work.record(node, 'value', keyOf(`insert ${at}`)))
  })
  simulation.runFor(30 * SECOND_US)
  const failed = puts.filter(
    put => !['kept', 'few-copies'].includes(work.told(put, 'published')[0]?.outcomes[0] ?? '')
  )
  return { tries, failed: failed.length }
}
