/** Peers with several places: each place comes into the ring by itself, and none of them stays half in it. */
import type { KeyRange, RoutingEffects } from '@servent/key-routing/machine'
import { SELF } from '@servent/overlay/machine'
import { describe, expect, it } from 'vitest'
import type { ChordSettings } from '../src/machine.ts'
import type { Place, Ring } from '../src/ring.ts'
import { refOf } from '../src/ring-key.ts'
import { leave } from '../src/ring-leave.ts'
import { answeredRing, keyOfNumber, ref } from './support/answered-ring.ts'
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

describe('a peer with several places that leaves', () => {
  it("hands each place's keys to the peer that takes that place", () => {
    const all = answeredRing({ successors: 4, virtualNodes: 2 }, [7, 8], () => undefined)
    const { ring, fx } = all
    const [first, second] = ring.places as [Place, Place]
    first.predecessor = ref(200)
    second.member = true
    second.successors = [refOf(SELF, 0), ref(90)]
    second.predecessor = ref(80)
    const given: { heir: number; from: unknown; to: unknown }[] = []
    const ends: ((effects: RoutingEffects) => void)[] = []
    ring.keeper = {
      handOverAll: (heir: number, done: (typeof ends)[0], _fx: unknown, { from, to }: KeyRange) => {
        given.push({ heir, from, to })
        ends.push(done)
      }
    } as unknown as Ring['keeper']
    leave(ring, fx)
    expect(given).toEqual([
      { heir: 7, from: keyOfNumber(200), to: first.key },
      { heir: 90, from: keyOfNumber(80), to: second.key }
    ])
    ends[0]!(fx as unknown as RoutingEffects)
    expect(ring.mode).toBe('ring')
    ends[1]!(fx as unknown as RoutingEffects)
    expect(ring.mode).toBe('idle')
  })
})
