/** The experiments of Kelips's paper, each from a seed. */
import type { NodeIndex } from '@servent/simulator'
import { INSERT_TRIES, type KelipsSettings } from '../../src/machine.ts'
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
  /** Rounds until no view held a dead peer or missed a living one, and stayed so for `SETTLED_ROUNDS`. */
  readonly settledRounds: number | undefined
  /** Living members that were missing from views, at the end of the round in which that was most. */
  readonly missingMost: number
}

/** Views that were right at the end of so many rounds, one after the other, have settled. */
export const SETTLED_ROUNDS = 20
const WATCHED_ROUNDS = 100

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
  let rightSince: number | undefined
  let missingMost = 0
  for (let round = 1; round <= WATCHED_ROUNDS; round += 1) {
    simulation.runFor(ROUND_US)
    const { missing, dead: left } = network.views()
    missingMost = Math.max(missingMost, missing)
    if (missing > 0 || left > 0) rightSince = undefined
    else rightSince ??= round
    if (rightSince !== undefined && round - rightSince === SETTLED_ROUNDS) break
  }
  const found = work.providersOf(asked)
  const tally = { found: 0, missed: 0, ghosts: 0 }
  for (const [at, node] of nodes.entries()) {
    const isThere = found[at]!.includes(node)
    if (dead.has(node)) tally.ghosts += isThere ? 1 : 0
    else if (isThere) tally.found += 1
    else tally.missed += 1
  }
  return { ...tally, settledRounds: rightSince, missingMost }
}

export interface Spread {
  /** Members of the group, its provider among them. */
  readonly group: number
  /** Rounds, in quarters, after which a new tuple is known to half, and to all, of them. */
  readonly half: number
  readonly all: number
}

/** Section 3: how a new tuple goes round a group whose tables have no other one. */
export function spread(
  seed: string,
  count: number,
  level: number,
  settings: Partial<KelipsSettings>
): Spread {
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
    if (now === group.length) return { group: group.length, half, all: step / 4 }
  }
  return { group: group.length, half, all: Number.POSITIVE_INFINITY }
}

export interface SpreadCurve {
  /** Of each size of network, in the mean of the seeds. */
  readonly points: readonly { readonly count: number; readonly group: number; readonly all: number }[]
  /** Rounds by which each doubling of the group makes it longer: least squares over all runs. */
  readonly slope: number
}

/** Rounds until all know it, against the size of the group, as in the paper: at the rounds, and not before them. */
export function spreadCurve(
  seeds: readonly string[],
  sizes: readonly (readonly [number, number])[]
): SpreadCurve {
  const runs = sizes.map(([count, level]) =>
    seeds.map(seed => spread(seed, count, level, { news: 'by-round' }))
  )
  const points = runs.map((all, at) => ({
    count: sizes[at]![0],
    group: mean(all.map(({ group }) => group)),
    all: mean(all.map(one => one.all))
  }))
  return { points, slope: slopeOf(runs.flat().map(({ group, all }) => [Math.log2(group), all])) }
}

export function curveText(points: SpreadCurve['points']): string {
  return points
    .map(
      ({ count, group, all }) => `${count} peers, a group of ${group.toFixed(0)}: ${all.toFixed(2)} rounds`
    )
    .join('; ')
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length
}

/** Of the line that lies nearest to points, by least squares. */
function slopeOf(points: readonly (readonly [number, number])[]): number {
  const [meanX, meanY] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))]
  const of = (weigh: (x: number, y: number) => number): number =>
    points.reduce((sum, [x, y]) => sum + weigh(x - meanX, y - meanY), 0)
  return of((x, y) => x * y) / of(x => x * x)
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

export interface InsertTally {
  /** Copies that had their homenode at the first try, the second, and so on. */
  readonly tries: readonly number[]
  /** Values that nobody keeps. */
  readonly failed: number
}

/** Section 4, figure 4: tries until a copy of a value has its homenode. */
export function insertTries({ network, work }: Still, count: number): InsertTally {
  const tries = Array.from({ length: INSERT_TRIES }, () => 0)
  network.notices.push((_node, notice) => {
    if (notice.type === 'placed') for (const one of notice.tries) tries[one - 1]! += 1
  })
  const { simulation } = network
  const puts = Array.from({ length: count }, (_, at) => {
    const node = work.anybody()
    return work.publish(node, work.record(node, 'value', keyOf(`insert ${at}`)))
  })
  // Two contacts that are dead, members that are looked for, and four tries of one of them.
  simulation.runFor(60 * SECOND_US)
  const failed = puts.filter(
    put => !['kept', 'few-copies'].includes(work.told(put, 'published')[0]?.outcomes[0] ?? '')
  )
  return { tries, failed: failed.length }
}

/** Figure 4's second network: views with this share of their members, which they keep. Gives what share it came to. */
export function thinViews({ network, nodes, work }: Still, share: number): number {
  let [left, whole] = [0, 0]
  for (const node of nodes) {
    network.simulation.command(node, { type: 'maintenance', on: false })
    const { view } = network.machine(node).state
    whole += view.size
    for (let row = view.size - 1; row >= 0; row -= 1)
      if (work.random.below(1_000_000) >= share * 1_000_000) view.remove(row)
    left += view.size
  }
  return left / whole
}
