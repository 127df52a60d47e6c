/**
 * A network in which two of eighteen peers forge: their machines are right but for the gossip that they send. Chains are
 * of SHA-256, and nobody can sign as somebody else. Whoever believes everything is found out by the observer.
 */
import { SimulationError } from '@servent/simulator'
import { expect, it } from 'vitest'
import { type KelipsRules, SHA_CHAIN } from '../src/machine.ts'
import { SECOND_US } from './support/experiments.ts'
import { Forger } from './support/forger.ts'
import { InvariantChecker, InvariantError } from './support/invariants.ts'
import { KelipsNetwork } from './support/network.ts'
import { answerSealed } from './support/seals.ts'
import { keyOf, Workload } from './support/workload.ts'

interface Outcome {
  /** Dead members that honest peers have in their views at the end, and living ones that they lack. */
  readonly ghosts: number
  readonly missing: number
  /** Providers that are found, of those that live. */
  readonly found: number
  readonly forged: number
  readonly refused: number
}

/** Five die at once; what is left has half a minute, and makes an end of them. */
function forgingRun(seed: string, rules: Partial<KelipsRules> = {}): Outcome {
  const forgers: Forger[] = []
  const network: KelipsNetwork = new KelipsNetwork({
    seed,
    rules: { oneWay: SHA_CHAIN, ...rules },
    settings: { groups: 2, gossipMs: 500, heartbeatMs: 1000 },
    liar: (node, settings, all) => {
      if (node > 1) return undefined
      const forger = new Forger(settings, all)
      forgers.push(forger)
      return forger
    },
    simulation: {
      trace: false,
      answer: (question, node) => answerSealed(question, network.simulation.contactOf(node))
    }
  })
  const { simulation } = network
  const nodes = network.startIdeal(18, 1)
  const work = new Workload(network)
  const checker = new InvariantChecker(network, { liars: new Set([0, 1]) })
  network.observe(() => checker.check())
  for (const node of nodes) work.publish(node, work.record(node, 'provider', keyOf(`${seed} ${node}`)))
  simulation.runFor(5 * SECOND_US)
  const dead = nodes.slice(13)
  for (const node of dead) simulation.silence(node)
  simulation.runFor(30 * SECOND_US)
  checker.checkTuples()
  const honest = nodes.slice(2, 13)
  const asked = nodes.slice(0, 13).map(node =>
    work.give(honest[node % honest.length]!, {
      type: 'fetch',
      kind: 'provider',
      key: keyOf(`${seed} ${node}`),
      limit: 2
    })
  )
  simulation.runFor(5 * SECOND_US)
  const known = honest.map(node => network.membersOf(node))
  const sameGroup = (a: number, b: number) => simulation.keyOf(a)[0]! >> 7 === simulation.keyOf(b)[0]! >> 7
  const states = honest.map(node => network.machine(node).state)
  return {
    ghosts: known.flat().filter(node => dead.includes(node)).length,
    missing: honest.flatMap((node, at) =>
      honest.filter(other => other !== node && sameGroup(node, other) && !known[at]!.includes(other))
    ).length,
    found: work.providersOf(asked).filter((found, node) => found.length === 1 && found[0] === node).length,
    forged: forgers.reduce((sum, { forged }) => sum + forged, 0),
    refused: states.reduce((sum, { counters }) => sum + counters.livesRefused, 0)
  }
}

it('nobody keeps a dead entry alive or forges one forward: views are right, whoever lives is found', () => {
  const { forged, refused, ...rest } = forgingRun('one')
  expect(forged).toBeGreaterThan(200)
  expect(refused).toBeGreaterThan(1000)
  expect(rest).toEqual({ ghosts: 0, missing: 0, found: 13 })
}, 60_000)

it('a mutant that believes everything is found', () => {
  let cause: unknown
  try {
    forgingRun('one', { believes: () => true })
  } catch (error) {
    cause = error instanceof SimulationError ? error.cause : error
  }
  expect(cause).toBeInstanceOf(InvariantError)
  expect((cause as InvariantError).invariant).toBe('K2 forged')
}, 60_000)
