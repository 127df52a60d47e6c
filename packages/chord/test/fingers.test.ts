/** How finger tables follow a ring that grows, and what a finger costs that is there and lives. */
import { describe, expect, it } from 'vitest'
import { PROXIMITY_PINGS_MAX, PROXIMITY_SEARCH_ONE_IN } from '../src/constants.ts'
import { fixFingers, takeFinger } from '../src/finger-refresh.ts'
import type { ChordSettings } from '../src/machine.ts'
import { NOBODY } from '../src/ring-key.ts'
import {
  type AnsweredRing,
  answeredRing,
  contactOfNumber,
  keyOfNumber,
  ref
} from './support/answered-ring.ts'
import { Lookups, randomKey, truthOf } from './support/lookups.ts'
import { ChordNetwork } from './support/network.ts'

/** Half of all numbers that there are: the keys of peers have two bytes. */
const HALF = 1 << 15

/** Lookups are answered with the first of these peers at or behind the key, and written down. */
function withPeers(all: AnsweredRing, peers: readonly number[]): { readonly lookups: number[] } {
  const lookups: number[] = []
  const lookup = (key: Uint8Array, _options: unknown, done: (outcome: unknown, fx: unknown) => void) => {
    const wanted = (key[0]! << 8) + key[1]!
    lookups.push(wanted)
    const root = peers.find(peer => peer >= wanted)
    if (root === undefined) done({ failed: 'budget' }, all.fx)
    else done({ root: contactOfNumber(root), to: keyOfNumber(root) }, all.fx)
  }
  const calls = { ...all.ring.router.calls, rttMs: () => 20 }
  all.ring.router = { ...all.ring.router, calls, lookup } as unknown as typeof all.ring.router
  return { lookups }
}

function ringOf(settings: Partial<ChordSettings>, fingersOfHead: readonly number[] = []): AnsweredRing {
  const named = fingersOfHead.map(peer => ({ contact: contactOfNumber(peer), index: 0 }))
  return answeredRing({ successors: 2, ...settings }, [1, 2], (peer, { type, id }) => {
    if (type === 'fingers-request') return { type: 'fingers', id, fingers: named }
    if (type === 'next-hops-request') {
      const range = { from: keyOfNumber(peer - 1), to: keyOfNumber(peer) }
      return { type: 'next-hops-answer', id, range, hops: [], replicas: [] }
    }
    if (type === 'neighbours-request')
      return {
        type: 'neighbours',
        id,
        standing: 'ring',
        version: 1,
        unchanged: false,
        listLength: 2,
        successors: []
      }
    return { type: 'pong', id }
  })
}

const fingersOf = ({ place: { fingers } }: AnsweredRing) =>
  Array.from({ length: fingers.length }, (_, at) => fingers.at(at))

describe.each(['on', 'off'] as const)('one round, proximity %s', proximity => {
  it('fills every gap, the nearest first, after the guesses of the successor', () => {
    const all = ringOf({ proximity }, [HALF, HALF >> 2])
    // The list reaches 2, so intervals from 4 on want a finger; the successor knows two.
    const intervals = Array.from({ length: 14 }, (_, bit) => 4 << bit).filter(start => start <= HALF)
    const { lookups } = withPeers(all, intervals)
    fixFingers(all.ring, all.place, all.fx)
    expect(fingersOf(all)).toEqual(intervals.toReversed().map(ref))
    expect(lookups).toEqual(intervals.filter(start => start !== HALF && start !== HALF >> 2))
    expect(all.place.fixing).toBe(false)
  })

  it('ends at a gap that cannot be filled, and the next begins behind it', () => {
    const all = ringOf({ proximity })
    // Nobody lies in [4, 32).
    const { lookups } = withPeers(all, [32, 64, HALF])
    fixFingers(all.ring, all.place, all.fx)
    expect(lookups).toEqual([4])
    expect(all.place.fixing).toBe(false)
    fixFingers(all.ring, all.place, all.fx)
    expect(lookups.slice(1, 4)).toEqual(proximity === 'on' ? [32, 64, 128] : [64, 128])
    // In the end it is looked for again: somebody may have come.
    for (let round = 0; round < 12; round += 1) fixFingers(all.ring, all.place, all.fx)
    expect(lookups.filter(start => start === 4).length).toBeGreaterThan(1)
  })

  it('takes nobody whose link cannot be had', () => {
    const all = answeredRing({ successors: 2, proximity }, [1, 2], (_peer, { type, id }) =>
      type === 'fingers-request' ? { type: 'fingers', id, fingers: [] } : undefined
    )
    const { calls } = all.ring.router
    all.ring.router = { ...all.ring.router, calls: { ...calls, linkOf: () => undefined } } as never
    withPeers(all, [HALF])
    fixFingers(all.ring, all.place, all.fx)
    expect(fingersOf(all)).toEqual([])
  })
})

describe('a finger chosen by proximity', () => {
  const samples = 2 * PROXIMITY_PINGS_MAX
  const asked = (all: AnsweredRing) => {
    const before = all.sent.length
    fixFingers(all.ring, all.place, all.fx)
    return all.sent.slice(before).map(({ message }) => message.type)
  }

  it('is compared until all of its samples were; then a round costs it one question, but for one in a few', () => {
    const all = ringOf({ proximity: 'on', samples })
    // Nothing else is to be filled: the list wants no finger nearer than this.
    all.place.gapsFrom = 256
    withPeers(all, [HALF])
    takeFinger(all.ring, all.place, 255, ref(HALF), all.fx)
    const rounds = Array.from({ length: 4 }, () => {
      all.place.gapsFrom = 256
      return asked(all)
    })
    expect(rounds).toEqual([
      ['neighbours-request'],
      ['neighbours-request'],
      ['next-hops-request'],
      ['next-hops-request']
    ])
    all.fx.random = () => PROXIMITY_SEARCH_ONE_IN
    all.place.gapsFrom = 256
    expect(asked(all)[0]).toBe('neighbours-request')
  })

  it('that died leaves its place', () => {
    const all = answeredRing({ successors: 2, proximity: 'on' }, [1, 2], () => undefined)
    takeFinger(all.ring, all.place, 255, ref(HALF), all.fx)
    all.place.gapsFrom = 256
    fixFingers(all.ring, all.place, all.fx)
    expect(all.place.fingers.get(255)).toBe(NOBODY)
  })
})

describe('a ring that doubles within two rounds', () => {
  it.each(['on', 'off'] as const)(
    'is looked up in no more steps than one that stands, proximity %s',
    proximity => {
      const settings = { successors: 4, proximity, stabiliseMs: 30_000, fixFingersMs: 60_000 }
      const network = new ChordNetwork({ seed: `grows ${proximity}`, settings })
      const { simulation } = network
      const random = simulation.random.of('workload')
      network.startIdeal(32)
      for (let size = 32; size < 256; size *= 2)
        for (let count = 0; count < size; count += 1) {
          const contact = network.pickMember(random)
          network.join(simulation.addNode(), contact)
          simulation.runFor(Math.floor(120_000_000 / size))
        }
      const lookups = new Lookups(network, truthOf(network))
      for (let count = 0; count < 300; count += 1) {
        lookups.issue(network.pickMember(random), randomKey(random))
        simulation.runFor(20_000)
      }
      simulation.runFor(20_000_000)
      const { correct, hops } = lookups.tally
      expect(correct).toBe(300)
      // Half of log2 N less half of log2 r, and one (ToN section IV-E.3), and a fifth more while tables follow.
      const published = 0.5 * Math.log2(256) - 0.5 * Math.log2(4) + 1
      expect(hops.reduce((sum, each) => sum + each, 0) / hops.length).toBeLessThan(1.2 * published)
    }
  )
})
