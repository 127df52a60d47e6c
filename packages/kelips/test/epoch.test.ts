/**
 * Groups that split and merge as the number of peers changes: from 80 to 200 peers, and then four of five crash. Both
 * epochs answer meanwhile, and views are whole at each end.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { levelFor } from '../src/machine.ts'
import { ROUND_US, SECOND_US } from './support/experiments.ts'
import { KelipsNetwork } from './support/network.ts'
import { keyOf, Workload } from './support/workload.ts'

const PERIODS = { gossipMs: 1000, heartbeatMs: 2000 } as const
const FILES = 24
/** Rounds of `PERIODS`. */
const ROUND = ROUND_US / 2

const network = new KelipsNetwork({ seed: 'epochs', settings: PERIODS, simulation: { trace: false } })
const work = new Workload(network)
const { simulation } = network
const levels = (): number[] =>
  [...new Set(simulation.aliveNodes().map(node => network.machine(node).state.level))].sort()
const keys = Array.from({ length: FILES }, (_, file) => keyOf(`epochs ${file}`))

/** Anybody who has joined, whichever epoch it is in. */
function member(): number {
  let node = work.anybody()
  while (network.machine(node).mode !== 'member') node = work.anybody()
  return node
}

interface Tally {
  readonly asked: number
  readonly missed: number
  /** The levels that there were at one time, in their order. */
  readonly seen: readonly string[]
}

/** Looks for every file whose provider lives, every other round. */
function lookFor(rounds: number, providers: readonly number[]): Tally {
  const asked: { command: number; provider: number }[] = []
  const seen = new Set<string>()
  for (let round = 0; round < rounds; round += 2) {
    seen.add(levels().join(' and '))
    for (const [file, key] of keys.entries()) {
      const provider = providers[file]!
      if (!simulation.alive(provider)) continue
      const command = work.give(member(), { type: 'fetch', kind: 'provider', key, limit: 5 })
      asked.push({ command, provider })
    }
    simulation.runFor(2 * ROUND)
  }
  simulation.runFor(10 * SECOND_US)
  const found = work.providersOf(asked.map(({ command }) => command))
  const missed = asked.filter(({ provider }, at) => !found[at]!.includes(provider))
  console.log(`levels ${[...seen].join(', then ')}: ${missed.length} of ${asked.length} not found`)
  return { asked: asked.length, missed: missed.length, seen: [...seen] }
}

describe('80 peers, then 200, then 40', () => {
  let nodes: number[]
  let providers: number[]

  beforeAll(() => {
    nodes = network.startIdeal(80)
    simulation.runFor(5 * ROUND)
    providers = keys.map((_, file) => nodes[file * 3]!)
    for (const [file, key] of keys.entries())
      work.publish(providers[file]!, work.record(providers[file]!, 'provider', key))
    simulation.runFor(10 * ROUND)
  })

  it('80 have four groups, and everybody knows its own', () => {
    expect(levelFor(Math.log2(80))).toBe(2)
    expect(levels()).toEqual([2])
    expect(network.views()).toMatchObject({ missing: 0, dead: 0 })
  })

  it('120 more come: groups split, while every file is found by peers of both epochs', () => {
    for (let more = 0; more < 120; more += 1) {
      const node = simulation.addNode()
      network.join(node, nodes[work.random.below(nodes.length)]!)
      nodes.push(node)
      simulation.runFor(SECOND_US / 4)
    }
    const { missed, seen } = lookFor(50, providers)
    expect(missed).toBe(0)
    expect(seen).toContain('2 and 3')
    simulation.runFor(30 * ROUND)
    expect(levels()).toEqual([3])
    expect(network.views()).toMatchObject({ missing: 0, dead: 0 })
  }, 120_000)

  it('four of five crash: groups merge, while every file whose provider lives is found', () => {
    const alive = simulation.aliveNodes().filter((_, at) => at % 5 !== 0)
    for (const node of alive) simulation.crash(node)
    const left = simulation.aliveCount
    expect(left).toBe(40)
    // At the instant itself some know nobody who lives and has a way to the key's group (K5); five rounds mend that.
    const before: string[] = []
    for (let round = 0; round < 5; round += 1) {
      simulation.runFor(ROUND)
      before.push(levels().join(' and '))
    }
    const { missed, seen } = lookFor(100, providers)
    expect(missed).toBe(0)
    for (const both of ['2 and 3', '1 and 2']) expect([...before, ...seen]).toContain(both)
    expect(levels()).toEqual([1])
    expect(network.views()).toMatchObject({ missing: 0, dead: 0 })
    const changes = simulation.aliveNodes().map(node => network.machine(node).state.counters)
    expect(changes.some(({ splits, merges }) => splits === 1 && merges === 2)).toBe(true)
  }, 120_000)
})
