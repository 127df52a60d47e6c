/** Peers with several places: each place comes into the ring by itself, and none of them stays half in it. */
import type { RoutingEffects } from '@servent/key-routing/machine'
import { SELF } from '@servent/overlay/machine'
import { describe, expect, it } from 'vitest'
import type { ChordSettings } from '../src/machine.ts'
import type { Place, Ring } from '../src/ring.ts'
import { distanceExponent, refOf } from '../src/ring-key.ts'
import { leave } from '../src/ring-leave.ts'
import { ChordRouting, nextHops, replicas, rootOf } from '../src/ring-routing.ts'
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

/** Peer 0 is a member in its places at 0 and at 8148: the key of its second one begins with 0x1fd4. */
function inTwoPlaces(
  before: { first: number; second: number },
  after: { first: number[]; second: number[] }
) {
  const { ring } = answeredRing({ successors: 4, virtualNodes: 2 }, after.first, () => undefined)
  const [first, second] = ring.places as [Place, Place]
  first.predecessor = ref(before.first)
  second.member = true
  second.predecessor = ref(before.second)
  second.successors = after.second.map(ref)
  return { ring, first, second }
}

const none = () => false
const only = (dead: number) => (peer: number) => peer === dead

it('a peer tells of the range of each of its places', () => {
  const { ring, first, second } = inTwoPlaces({ first: 60_000, second: 8000 }, { first: [1], second: [9000] })
  const routing = new ChordRouting(ring)
  expect(routing.ownRanges()).toEqual([
    { from: keyOfNumber(60_000), to: first.key },
    { from: keyOfNumber(8000), to: second.key }
  ])
  second.member = false
  expect(routing.ownRanges()).toEqual([{ from: keyOfNumber(60_000), to: first.key }])
})

describe('a key before the second place of a peer', () => {
  it('is of nobody behind it: the predecessor is tried, and where that is lost the key is its own', () => {
    const { ring, first, second } = inTwoPlaces(
      { first: 60_000, second: 8000 },
      { first: [], second: [9000, 10_000] }
    )
    first.successors = [refOf(SELF, 1), ref(9000), ref(10_000)]
    const key = keyOfNumber(5000)
    expect(rootOf(ring, key, none)).toBeUndefined()
    expect(nextHops(ring, key, 4, none)).toEqual([{ peer: 8000, root: true }])
    expect(nextHops(ring, key, 4, only(8000))).toEqual([])
    expect(rootOf(ring, key, only(8000))).toBeUndefined()
    second.predecessorLost = true
    expect(rootOf(ring, key, none)).toMatchObject({ to: second.key })
  })

  it('is of one between that lives', () => {
    const { ring, second } = inTwoPlaces(
      { first: 60_000, second: 8000 },
      { first: [6000, 9000], second: [9000] }
    )
    expect(nextHops(ring, keyOfNumber(5000), 4, none)).toEqual([
      { peer: 6000, root: true },
      { peer: 8000, root: true }
    ])
    second.predecessorLost = true
    expect(rootOf(ring, keyOfNumber(5000), none)).toBeUndefined()
  })

  it("does not fall to the first place when that one's predecessor is lost", () => {
    const { ring, first } = inTwoPlaces({ first: 60_000, second: 7000 }, { first: [100], second: [9000] })
    first.predecessorLost = true
    expect(rootOf(ring, keyOfNumber(5000), none, true)).toBeUndefined()
    expect(rootOf(ring, keyOfNumber(50_000), none, true)).toMatchObject({ to: first.key })
  })
})

describe('a key whose root is lost in one of its places', () => {
  const key = keyOfNumber(6000)

  it('does not fall to the place behind another of them', () => {
    const { ring, second } = inTwoPlaces({ first: 60_000, second: 9 }, { first: [100, 6300], second: [9000] })
    // It lies at 7140, and nobody knows who is between.
    second.predecessor = refOf(6300, 1)
    second.predecessorLost = true
    expect(rootOf(ring, key, none)).toBeUndefined()
  })

  it('falls to the place right behind that one, and to one that the list reaches', () => {
    const { ring, first, second } = inTwoPlaces(
      { first: 60_000, second: 6300 },
      { first: [100, 6300], second: [9000] }
    )
    second.predecessorLost = true
    expect(rootOf(ring, key, none)).toMatchObject({ to: second.key })
    first.successors = [ref(100), refOf(SELF, 1)]
    expect(rootOf(ring, key, none)).toMatchObject({ to: second.key })
    first.successors = [ref(100)]
    expect(rootOf(ring, key, none)).toBeUndefined()
    first.wrapped = true
    expect(rootOf(ring, key, none)).toMatchObject({ to: second.key })
  })
})

describe('a key before a node that a peer knows in the tables of another of its places', () => {
  it.each(['finger', 'successor', 'predecessor'])('does not fall to it (%s)', table => {
    const { ring, first, second } = inTwoPlaces(
      { first: 60_000, second: table === 'predecessor' ? 50_000 : 8000 },
      { first: [100], second: table === 'successor' ? [9000, 50_000] : [9000] }
    )
    if (table === 'finger') second.fingers.set(distanceExponent(second.key, keyOfNumber(50_000)), ref(50_000))
    first.predecessorLost = true
    expect(rootOf(ring, keyOfNumber(40_000), none, true)).toBeUndefined()
    expect(rootOf(ring, keyOfNumber(40_000), only(50_000), true)).toMatchObject({ to: keyOfNumber(0) })
  })
})

describe('a key that was brought to a place that is no member', () => {
  const key = keyOfNumber(5000)

  it('goes no further, and falls to no other place of the peer', () => {
    const { ring, first, second } = inTwoPlaces(
      { first: 60_000, second: 7000 },
      { first: [100, 200], second: [9000] }
    )
    second.member = false
    first.predecessorLost = true
    expect(nextHops(ring, key, 1, none)).toEqual([{ peer: 200, root: false }])
    expect(nextHops(ring, key, 1, none, true)).toEqual([])
    expect(rootOf(ring, key, none, true)).toBeUndefined()
  })

  it('goes back along the ring where the place is one', () => {
    const { ring } = inTwoPlaces({ first: 60_000, second: 7000 }, { first: [100, 200], second: [9000] })
    expect(nextHops(ring, key, 1, none, true)).toEqual([{ peer: 7000, root: true }])
  })
})

describe('a peer with several places that leaves', () => {
  it('has others for the keys of each, and goes when they have them', () => {
    const all = answeredRing({ successors: 4, virtualNodes: 2 }, [7, 8], () => undefined)
    const { ring, fx } = all
    const [first, second] = ring.places as [Place, Place]
    first.predecessor = ref(200)
    second.member = true
    second.successors = [refOf(SELF, 0), ref(90)]
    second.predecessor = ref(80)
    expect(replicas(ring, first.key, 2)).toEqual([7, 8])
    expect(replicas(ring, second.key, 2)).toEqual([90])
    const ends: ((effects: RoutingEffects) => void)[] = []
    ring.keeper = {
      handOverAll: (done: (typeof ends)[0]) => ends.push(done),
      left() {}
    } as unknown as Ring['keeper']
    leave(ring, fx)
    expect(ring.mode).toBe('ring')
    // Its places may have begun anew meanwhile.
    first.term += 1
    ends[0]!(fx as unknown as RoutingEffects)
    expect(ring.mode).toBe('idle')
  })

  it('goes at once where it is told so a second time', () => {
    const { ring, fx } = answeredRing({ successors: 4, virtualNodes: 2 }, [7, 8], () => undefined)
    ring.keeper = { handOverAll: () => {}, left() {} } as unknown as Ring['keeper']
    leave(ring, fx)
    expect(ring.mode).toBe('ring')
    leave(ring, fx)
    expect(ring.mode).toBe('idle')
  })
})
