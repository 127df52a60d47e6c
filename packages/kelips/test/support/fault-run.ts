/**
 * Networks of Kelips that are looked at after every event (K1 to K6): under joins and deaths that a seed draws, and while
 * many announce at once.
 */
import { SimulationError } from '@servent/simulator'
import { expect } from 'vitest'
import type { KelipsRules } from '../../src/machine.ts'
import { InvariantChecker, InvariantError } from './invariants.ts'
import { KelipsNetwork } from './network.ts'
import { keyOf, Workload } from './workload.ts'

const SECOND_US = 1_000_000
const LEVEL = 2
/** Twice as many as may be told of beside gossip at once. */
const ANNOUNCED = 1000

export interface FaultRun {
  /** The invariant that broke, and how. */
  readonly broken: string | undefined
  /** Tables that were looked at, and messages of gossip. */
  readonly checks: number
  readonly messages: number
  /** Of the messages those that a ration does not bound, to members nearest to a key. */
  readonly longTold: number
}

/** Nothing is wrong but what an observer throws. */
function watched(network: KelipsNetwork, run: (watch: () => InvariantChecker) => void): FaultRun {
  let checker: InvariantChecker | undefined
  let broken: string | undefined
  network.observe(() => checker?.check())
  try {
    run(() => {
      checker = new InvariantChecker(network)
      return checker
    })
    checker?.checkTuples()
  } catch (error) {
    const cause = error instanceof SimulationError ? error.cause : error
    if (!(cause instanceof InvariantError)) throw error
    broken = cause.message
  }
  const { checks = 0, messages = 0, longTold = 0 } = checker ?? {}
  return { broken, checks, messages, longTold }
}

/** Half a minute of peace, joins and deaths by the seed, then the death of a third at one instant. */
export function faultRun(seed: string, rules: Partial<KelipsRules> = {}): FaultRun {
  const network = new KelipsNetwork({
    seed,
    rules,
    settings: { groups: 2 ** LEVEL, gossipMs: 500, heartbeatMs: 1000, gossipBytesPerS: 2048 }
  })
  const { simulation } = network
  const random = simulation.random.of('faults')
  return watched(network, watch => {
    const nodes = network.startIdeal(32, LEVEL)
    const work = new Workload(network)
    const keys = nodes.map(node => keyOf(`${seed} ${node}`))
    for (const [at, node] of nodes.entries()) work.publish(node, work.record(node, 'provider', keys[at]!))
    const checker = watch()
    const joiners: number[] = []
    for (let act = 0; act < 16; act += 1) {
      simulation.runFor(SECOND_US + random.below(2 * SECOND_US))
      const alive = simulation.aliveNodes()
      if (random.below(2) === 0) {
        const node = simulation.addNode()
        network.join(node, alive[random.below(alive.length)]!)
        joiners.push(node)
      } else {
        const victim = nodes[random.below(nodes.length)]!
        if (!simulation.alive(victim)) continue
        if (random.below(2) === 0) simulation.silence(victim)
        else simulation.crash(victim)
      }
    }
    // Ten rounds for the last joiner.
    simulation.runFor(5 * SECOND_US)
    for (const joiner of joiners) checker.checkJoiner(joiner, 0.75)
    // Some die at one instant, and everything that is left is looked for at once.
    for (const node of nodes.filter((_, at) => at % 3 === 0))
      if (simulation.alive(node)) simulation.silence(node)
    const asked = keys.map(key =>
      work.give(work.anybody(), { type: 'fetch', kind: 'provider', key, limit: 5 })
    )
    simulation.runFor(20 * SECOND_US)
    const found = work.providersOf(asked)
    const missed = nodes.filter((node, at) => simulation.alive(node) && !found[at]!.includes(node))
    if (missed.length > 0)
      throw new InvariantError('K5 lookups', `${missed.length} of ${found.length} failed`)
  })
}

/** One peer announces so much at once that the members nearest to the keys cannot all be told at once. */
export function announceRun(seed: string, rules: Partial<KelipsRules> = {}): FaultRun {
  const network = new KelipsNetwork({ seed, rules, settings: { groups: 1 } })
  return watched(network, watch => {
    const nodes = network.startIdeal(12, 0)
    watch()
    const work = new Workload(network)
    const keys = Array.from({ length: ANNOUNCED }, (_, at) => keyOf(`${seed} ${at}`))
    work.publish(nodes[0]!, ...keys.map(key => work.record(nodes[0]!, 'provider', key)))
    network.simulation.runFor(5 * SECOND_US)
  })
}

export function expectInvariants(seeds: number): void {
  const all = Array.from({ length: seeds }, (_, seed) => seed)
  const runs = all.map(seed => faultRun(`kelips ${seed}`))
  expect(runs.flatMap(({ broken }) => broken ?? [])).toEqual([])
  expect(Math.min(...runs.map(({ checks }) => checks))).toBeGreaterThan(15_000)
  expect(Math.min(...runs.map(({ messages }) => messages))).toBeGreaterThan(3000)
  const announced = all.map(seed => announceRun(`kelips ${seed}`))
  expect(announced.flatMap(({ broken }) => broken ?? [])).toEqual([])
  expect(Math.min(...announced.map(({ longTold }) => longTold))).toBeGreaterThan(10)
}
