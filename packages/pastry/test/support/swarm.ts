/**
 * Swarm testing (Groce et al., ISSTA 2012): each seed draws which faults there are and a network of its own, and a
 * Pastry network goes through them. Once they are over, leaf sets are ideal again within a stated time, and lookups are
 * right. Peers that cannot be dialled, and pairs that cannot hear each other, do not pass, so no run has them.
 */
import {
  describePlan,
  drawFaultPlan,
  injectFaults,
  latencyModel,
  networkOfPlan,
  randomOf
} from '@servent/simulator'
import { Lookups, randomKey } from './lookups.ts'
import { PastryNetwork, truthOf } from './network.ts'

const NODES = 12
const SECOND_US = 1_000_000
const FAULTS_FROM_US = 20 * SECOND_US
const FAULTS_UNTIL_US = 200 * SECOND_US
/** Virtual time from the end of the faults until leaf sets are ideal, at most. */
const HEALED_WITHIN_MS = 180_000
const LOOKUPS = 20

export interface SwarmRun {
  readonly seed: string
  readonly faults: number
  readonly healedMs: number
  readonly correct: number
  readonly incorrect: number
  /** Seed, trace hash, plan and what is not ideal; nothing where all is. */
  readonly broken: string | undefined
}

export function swarmRun(seed: string): SwarmRun {
  const random = randomOf(seed)
  const drawn = drawFaultPlan(random, {
    nodes: NODES,
    fromUs: FAULTS_FROM_US,
    untilUs: FAULTS_UNTIL_US,
    goneMost: 5
  })
  const { undiallableShare: _undialled, deafPairShare: _deaf, ...conditions } = drawn.conditions
  const plan = { ...drawn, conditions }
  const base = latencyModel('planetlab', randomOf(`${seed} base`))
  const faulty = networkOfPlan(base, plan, randomOf(`${seed} network`))
  const isOver = (afterUs = 0): boolean => network.simulation.nowUs + afterUs >= FAULTS_UNTIL_US
  const network: PastryNetwork = new PastryNetwork({
    seed,
    settings: {
      leafSet: 8,
      digitBits: random.below(2) === 0 ? 4 : 2,
      proximity: random.below(2) === 0 ? 'on' : 'off',
      heartbeatMs: 2000,
      leafExchangeMs: 4000,
      tableProbeMs: 10_000,
      rowMs: 10_000,
      neighbourhoodMs: 10_000,
      mergeMs: 5000,
      saveMs: 5000,
      replicas: 2
    },
    simulation: {
      // Spikes and resets end with the faults: whose answer takes seconds is taken for dead by whoever asks.
      network: {
        ...faulty,
        oneWayUs: (from, to, random) => (isOver() ? base : faulty).oneWayUs(from, to, random),
        ...(faulty.resetAfterUs && {
          resetAfterUs: (from, to, random) => {
            const afterUs = faulty.resetAfterUs!(from, to, random)
            return afterUs === undefined || isOver(afterUs) ? undefined : afterUs
          }
        })
      },
      limits: { stallTimeoutUs: 10 * SECOND_US, openTimeoutUs: 5 * SECOND_US }
    }
  })
  const { simulation } = network
  const nodes = network.startIdeal(NODES)
  // Everybody was told of two others: without it whoever lost all that it knew could find nobody.
  for (const node of nodes)
    for (const step of [1, 5])
      simulation.command(node, {
        type: 'join',
        contacts: [simulation.peerOf(node, nodes[(node + step) % NODES]!)]
      })
  const counts = injectFaults(simulation, plan)
  for (const fault of plan.faults) {
    if (fault.type !== 'restart') continue
    // Whoever starts anew is told of somebody again.
    simulation.at(fault.atUs + fault.afterUs + SECOND_US, () => {
      const other = simulation.aliveNodes().find(node => node !== fault.node)
      if (simulation.alive(fault.node) && other !== undefined) simulation.contact(fault.node, other)
    })
  }
  simulation.runUntil(FAULTS_UNTIL_US)
  const healedMs = network.runUntilIdeal(HEALED_WITHIN_MS)
  const wrong = healedMs === undefined ? network.whatIsNotIdeal() : undefined
  const { correct, incorrect } = lookUp(network)
  return {
    seed,
    faults: counts.done,
    healedMs: healedMs ?? Number.POSITIVE_INFINITY,
    correct,
    incorrect,
    broken: wrong && `seed ${seed}, trace ${simulation.traceHash}: ${wrong}\n${describePlan(plan)}`
  }
}

function lookUp(network: PastryNetwork) {
  const { simulation } = network
  // What was late still arrives, in its order, and round trips are measured anew.
  simulation.runFor(60 * SECOND_US)
  const lookups = new Lookups(network, truthOf(network))
  const random = simulation.random.of('swarm lookups')
  const alive = simulation.aliveNodes()
  for (let issued = 0; issued < LOOKUPS; issued += 1)
    lookups.issue(alive[random.below(alive.length)]!, randomKey(random))
  simulation.runFor(30 * SECOND_US)
  return lookups.tally
}
