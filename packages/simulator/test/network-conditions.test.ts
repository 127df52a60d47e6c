/** What is laid around a network: lateness, broken links, who cannot be dialled or heard, access links, partitions. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ToyMachine, type ToyTypes, toyCodec } from '../../../test/conformance/toy.ts'
import {
  ACCESS_LINKS_MAX,
  DIAL_ROUND_TRIPS_MAX,
  JITTER_MAX,
  latencyModel,
  type NetworkConditions,
  Partitions,
  sidesByShare,
  sidesOf,
  withConditions
} from '../src/network/index.ts'
import { randomOf } from '../src/random.ts'
import { Simulation } from '../src/simulation.ts'
import type { NetworkModel } from '../src/types.ts'

const ONE_WAY_US = 25_000
const DRAWS = 20_000

const base = () => latencyModel('constant:50', randomOf('base'))
const network = (conditions: NetworkConditions, seed = 'x') =>
  withConditions(base(), conditions, randomOf(seed))
const delays = (conditions: NetworkConditions) => {
  const [model, random] = [network(conditions), randomOf('messages')]
  return Array.from({ length: DRAWS }, () => model.oneWayUs(1, 2, random))
}
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
const nodes = Array.from({ length: DRAWS }, (_, node) => node)

describe('conditions', () => {
  it('without any, the network is the base, and has no method more', () => {
    const model = network({})
    expect(model.oneWayUs(1, 2, randomOf('m'))).toBe(ONE_WAY_US)
    expect([model.dialUs, model.usable, model.bandwidthBytesPerS, model.resetAfterUs]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined
    ])
  })

  it('jitter makes messages late by up to its share, uniformly', () => {
    const times = delays({ jitter: 0.4 })
    expect(Math.min(...times)).toBeGreaterThanOrEqual(ONE_WAY_US)
    expect(Math.max(...times)).toBeLessThan(ONE_WAY_US * 1.4)
    expect(mean(times) / (ONE_WAY_US * 1.2)).toBeCloseTo(1, 2)
    expect(times.every(Number.isInteger)).toBe(true)
  })

  it('a share of messages is held up for an exponential time', () => {
    const held = delays({ spikeShare: 0.1, spikeMeanUs: 200_000 }).filter(us => us > ONE_WAY_US)
    expect(held.length / DRAWS).toBeCloseTo(0.1, 2)
    expect(mean(held) / (ONE_WAY_US + 200_000)).toBeCloseTo(1, 1)
  })

  it('links break after an exponential life', () => {
    const [model, random] = [network({ linkLifeMeanUs: 60_000_000 }), randomOf('links')]
    const lives = nodes.map(() => model.resetAfterUs!(1, 2, random)!)
    expect(mean(lives) / 60_000_000).toBeCloseTo(1, 1)
    expect(lives.filter(us => us > 120_000_000).length / DRAWS).toBeCloseTo(Math.exp(-2), 2)
    // Of two causes the first one counts: the least of two such times is exponential with half of the mean.
    const twice = withConditions(model, { linkLifeMeanUs: 60_000_000 }, randomOf('y'))
    expect(mean(nodes.map(() => twice.resetAfterUs!(1, 2, random)!)) / 30_000_000).toBeCloseTo(1, 1)
  })

  it('some nodes can dial and not be dialled, by whomever', () => {
    const [model, random] = [network({ undiallableShare: 0.3 }), randomOf('dials')]
    const diallable = nodes.map(node => model.dialUs!(node + 1, node, random) !== undefined)
    expect(diallable.filter(yes => !yes).length / DRAWS).toBeCloseTo(0.3, 2)
    for (const node of nodes.slice(0, 100)) {
      for (const from of [7_000, 8_000, 9_000])
        expect(model.dialUs!(from, node, random) !== undefined).toBe(diallable[node])
    }
    expect(model.dialUs!(0, diallable.indexOf(true), random)).toBe(3 * ONE_WAY_US + 2_000)
  })

  it('a dial costs its round trips and its setup', () => {
    const dial = (conditions: NetworkConditions) => network(conditions).dialUs!(1, 2, randomOf('d'))
    expect(dial({ dialRoundTrips: 4 })).toBe(8 * ONE_WAY_US + 2_000)
    expect(dial({ dialRoundTrips: 2.5, dialSetupUs: 7_000 })).toBe(5 * ONE_WAY_US + 7_000)
    expect(dial({ dialSetupUs: 7_000 })).toBe(3 * ONE_WAY_US + 7_000)
    // What cannot be dialled stays so when a cost is laid around it.
    const layered = withConditions(network({ undiallableShare: 1 }), { dialRoundTrips: 2 }, randomOf('y'))
    expect(layered.dialUs!(1, 2, randomOf('d'))).toBeUndefined()
  })

  it('a share of pairs is deaf for good, both ways, and no node is deaf to all', () => {
    const model = network({ deafPairShare: 0.05 })
    const deaf = nodes.filter(node => !model.usable!(node, node + 1, 0))
    expect(deaf.length / DRAWS).toBeCloseTo(0.05, 2)
    for (const node of deaf) expect(model.usable!(node + 1, node, 9e9)).toBe(false)
    const heard = (node: number) => nodes.slice(0, 200).filter(other => model.usable!(node, other, 0)).length
    for (const node of nodes.slice(0, 50)) expect(heard(node)).toBeGreaterThan(150)
  })

  it('nodes have access links by their shares, the rest none', () => {
    const model = network({
      accessLinks: [
        { share: 0.5, up: 100_000, down: 1_000_000 },
        { share: 0.2, up: 10_000, down: 50_000 }
      ]
    })
    const ups = nodes.map(node => model.bandwidthBytesPerS!(node)?.up)
    const share = (up: number | undefined) => ups.filter(other => other === up).length / DRAWS
    expect(share(100_000)).toBeCloseTo(0.5, 1)
    expect(share(10_000)).toBeCloseTo(0.2, 1)
    expect(share(undefined)).toBeCloseTo(0.3, 1)
  })

  it('one more condition shifts no other', () => {
    const [one, both] = [
      network({ undiallableShare: 0.3 }),
      network({ deafPairShare: 0.1, undiallableShare: 0.3 })
    ]
    const random = randomOf('dials')
    for (const node of nodes.slice(0, 1_000))
      expect(both.dialUs!(0, node, random)).toBe(one.dialUs!(0, node, random))
    const other = network({ undiallableShare: 0.3 }, 'another seed')
    expect(nodes.some(node => other.dialUs!(0, node, random) !== one.dialUs!(0, node, random))).toBe(true)
  })

  it.each<NetworkConditions>([
    { jitter: -0.1 },
    { jitter: JITTER_MAX + 0.1 },
    { spikeShare: 1.1 },
    { spikeMeanUs: 3_600_000_001 },
    { linkLifeMeanUs: 0 },
    { undiallableShare: Number.NaN },
    { deafPairShare: 2 },
    { dialRoundTrips: DIAL_ROUND_TRIPS_MAX + 1 },
    { dialSetupUs: -1 },
    { accessLinks: [{ share: 0.5, up: 0, down: 5 }] },
    { accessLinks: Array.from({ length: ACCESS_LINKS_MAX + 1 }, () => ({ share: 0, up: 1, down: 1 })) }
  ])('refuses %j', conditions => {
    expect(() => network(conditions)).toThrow(expect.objectContaining({ name: 'ModelError' }))
  })

  it('takes each at its bound', () => {
    network({
      jitter: JITTER_MAX,
      spikeShare: 1,
      undiallableShare: 1,
      deafPairShare: 1,
      dialRoundTrips: DIAL_ROUND_TRIPS_MAX,
      accessLinks: Array.from({ length: ACCESS_LINKS_MAX }, () => ({ share: 0, up: 1, down: 1 }))
    })
  })
})

it('a dial of a condition costs what it costs in a network that says nothing of dials', () => {
  const linkedAfterUs = (model: NetworkModel) => {
    const simulation = new Simulation<ToyTypes>({
      seed: 'dial',
      codec: toyCodec,
      createMachine: () => new ToyMachine(),
      network: model
    })
    for (const node of simulation.addNodes(2)) simulation.start(node)
    simulation.contact(0, 1)
    simulation.runWhile(() => simulation.linkedTo(0).length === 0)
    return simulation.nowUs
  }
  const bare = linkedAfterUs(base())
  expect(bare).toBe(4 * ONE_WAY_US + 2_000)
  expect(linkedAfterUs(network({ undiallableShare: 0 }))).toBe(bare)
  expect(linkedAfterUs(network({ dialRoundTrips: 1.5 }))).toBe(bare)
})

describe('partitions', () => {
  it('hold between their times, and heal', () => {
    const partitions = new Partitions([{ fromUs: 100, untilUs: 200, sideOf: sidesOf([[1, 2], [3]]) }])
    const model = partitions.over(base())
    const heard = (a: number, b: number, nowUs: number) => model.usable!(a, b, nowUs)
    expect([99, 100, 199, 200].map(nowUs => heard(1, 3, nowUs))).toEqual([true, false, false, true])
    expect(heard(1, 2, 150)).toBe(true)
    // Whom no side names is with the others whom none names.
    expect([heard(8, 9, 150), heard(1, 9, 150)]).toEqual([true, false])
  })

  it('can be made and healed while the run goes, several at once', () => {
    const partitions = new Partitions()
    const model = partitions.over(base())
    partitions.split(sidesOf([[1]]), 10)
    partitions.split(sidesOf([[2]]), 20)
    const heard = (nowUs: number) => [model.usable!(1, 3, nowUs), model.usable!(2, 3, nowUs)]
    expect([heard(9), heard(15), heard(25)]).toEqual([
      [true, true],
      [false, true],
      [false, false]
    ])
    partitions.heal(30)
    expect(heard(30)).toEqual([true, true])
  })

  it('keep what else the network does not let through', () => {
    const model = new Partitions().over(network({ deafPairShare: 1 }))
    expect(model.usable!(1, 2, 0)).toBe(false)
    expect(model.oneWayUs(1, 2, randomOf('m'))).toBe(ONE_WAY_US)
  })

  it('by chance cut off about their share', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(), (share, salt) => {
        const sideOf = sidesByShare(share, salt)
        const cut = nodes.slice(0, 5_000).filter(node => sideOf(node) === 1).length / 5_000
        expect(Math.abs(cut - share)).toBeLessThan(0.04)
      })
    )
  })
})
