/** Peers with several places: each place comes into the ring by itself, and none of them stays half in it. */
import { describe, expect, it } from 'vitest'
import type { ChordSettings } from '../src/machine.ts'
import { Lookups, randomKey, truthOf } from './support/lookups.ts'
import { ChordNetwork } from './support/network.ts'

const QUICK: Partial<ChordSettings> = {
  successors: 4,
  virtualNodes: 3,
  proximity: 'off',
  stabiliseMs: 2000,
  fixFingersMs: 2000,
  checkPredecessorMs: 4000,
  replicas: 2,
  traceLookups: true
}

function expectAllFound(network: ChordNetwork, count = 40): void {
  const { simulation } = network
  const lookups = new Lookups(network, truthOf(network))
  const random = simulation.random.of('look')
  const alive = simulation.aliveNodes()
  for (let issued = 0; issued < count; issued += 1)
    lookups.issue(alive[random.below(alive.length)]!, randomKey(random))
  simulation.runFor(30_000_000)
  const { correct, incorrect, failed } = lookups.tally
  expect({ correct, incorrect, failed }).toEqual({ correct: count, incorrect: 0, failed: 0 })
}

describe('each place of a peer', () => {
  it.each([1, 2, 3])(
    'is a member in the end, where joins fail for those who died meanwhile (run %i)',
    run => {
      const network = new ChordNetwork({ seed: `places-${run}`, settings: QUICK })
      const nodes = network.startIdeal(20)
      const { simulation } = network
      simulation.runFor(10_000_000)
      for (const node of nodes.slice(0, 5)) simulation.silence(node)
      for (let count = 0; count < 6; count += 1) network.join(simulation.addNode(), nodes[5 + count]!)
      const tookMs = network.runUntilIdeal(180_000)
      expect(network.whatIsNotIdeal()).toBeUndefined()
      expect(tookMs).toBeDefined()
      expectAllFound(network)
    }
  )
})
