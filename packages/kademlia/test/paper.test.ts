/**
 * Rules and figures that are published, by section. Paper: Maymounkov, Mazières, "Kademlia", IPTPS 2002. S/Kademlia:
 * Baumgart, Mies, ICPADS 2007. Spec: libp2p's kad-dht, revision 2.
 */
import { compareKeys, type Key, xorDistance } from '@servent/overlay/machine'
import type { NodeIndex } from '@servent/simulator'
import { describe, expect, it } from 'vitest'
import { kademliaSettings, PROVIDER_VALIDITY_MS, REPUBLISH_MS } from '../src/machine.ts'
import { randomKeys } from './support/lookup-world.ts'
import { KademliaNetwork, mean, randomKey } from './support/network.ts'

const HOUR_MS = 3_600_000

function asksOf(network: KademliaNetwork, count: number) {
  const random = network.simulation.random.of('workload')
  const origins = network.simulation.aliveNodes().filter(node => network.machine(node).mode === 'member')
  return Array.from({ length: count }, (): { origin: NodeIndex; key: Key } => ({
    origin: origins[random.below(origins.length)]!,
    key: randomKey(random)
  }))
}

/** Lookups of random keys in a network that stands, whose origins are not the nearest themselves. */
function still(count: number, settings: Parameters<typeof kademliaSettings>[0], lookups = 100) {
  const network = new KademliaNetwork({ seed: `still ${count}`, settings: { ...settings } })
  network.startIdeal(count)
  const ends = network.lookUp(asksOf(network, lookups))
  return {
    correct: ends.filter(({ isCorrect }) => isCorrect).length,
    hops: mean(ends.filter(({ origin, root }) => origin !== root).map(({ end }) => end!.hops))
  }
}

describe('Paper 2.1: the metric', () => {
  const [x, y, z] = randomKeys('metric', 3) as [Key, Key, Key]

  it('is symmetric, and the triangle holds', () => {
    expect(xorDistance(x, y)).toEqual(xorDistance(y, x))
    const sum = (a: Key, b: Key) => BigInt(`0x${hex(a)}`) + BigInt(`0x${hex(b)}`)
    expect(sum(xorDistance(x, y), xorDistance(y, z))).toBeGreaterThanOrEqual(
      BigInt(`0x${hex(xorDistance(x, z))}`)
    )
  })

  it('is unidirectional: at each distance from a key there is one point', () => {
    const distance = xorDistance(x, y)
    expect(compareKeys(xorDistance(x, distance), y)).toBe(0)
  })
})

describe('Paper 2.2 and 2.3: lookups', () => {
  it('find the nearest of all, in every network that stands', () => {
    for (const count of [1, 2, 20, 21, 100])
      expect(still(count, {}, 20).correct, `${count} peers`).toBe(count === 1 ? 0 : 20)
  })

  it.each([
    [64, 2],
    [256, 2],
    [1024, 2]
  ])('with k = 1 take no more than log2 N steps: %i peers', count => {
    const { hops } = still(count, { k: 1, alpha: 1, disjointPaths: 1 }, 200)
    // Each step brings at least one bit more in common, and half a bit more of those that are left by chance.
    expect(hops).toBeLessThan(Math.log2(count))
    expect(hops).toBeGreaterThan(0.3 * Math.log2(count))
  })

  it('with k = 20 gain log2 k bits with a step more: a network 16 times as large takes a step more', () => {
    const settings = { alpha: 3, disjointPaths: 1 }
    const [small, large] = [still(128, settings, 80), still(2048, settings, 80)]
    expect([small.correct, large.correct]).toEqual([80, 80])
    expect(large.hops - small.hops).toBeGreaterThan(0.4)
    expect(large.hops - small.hops).toBeLessThan(1.3)
    // p2psim's 512 peers took 1.77 hops with k = 8 and alpha = 3 under churn.
    const { hops } = still(512, { k: 8, alpha: 3, disjointPaths: 1 }, 200)
    expect(Math.abs(hops - 1.77)).toBeLessThan(0.5)
  }, 60_000)
})

describe('Paper 2.3: joining', () => {
  it('a peer that knows one other is known by those around it, and finds its own place', () => {
    const network = new KademliaNetwork({ seed: 'joining' })
    const nodes = network.startJoined(60)
    network.simulation.runFor(60_000_000)
    expect(nodes.map(node => network.machine(node).mode)).toEqual(nodes.map(() => 'member'))
    for (const node of nodes) {
      const around = network.nearest(network.simulation.keyOf(node), 11).slice(1)
      const known = network.tablesOf(node).buckets.flatMap(({ peers }) => peers)
      const isKnown = around.filter(other => known.includes(network.simulation.peerOf(node, other)))
      expect(isKnown.length).toBeGreaterThanOrEqual(9)
    }
    expect(network.lookUp(asksOf(network, 60)).filter(({ isCorrect }) => isCorrect)).toHaveLength(60)
  })
})

describe('S/Kademlia 4.4: disjoint paths', () => {
  it.each([
    [1, 3],
    [8, 3]
  ])('d = %i, alpha = %i: with a fifth of the peers silent, lookups are right', (disjointPaths, alpha) => {
    const network = new KademliaNetwork({
      seed: 'silent',
      settings: { alpha, disjointPaths, lookupBudgetMs: 60_000 }
    })
    const nodes = network.startIdeal(300)
    for (const node of nodes) if (node % 5 === 0) network.simulation.silence(node)
    const ends = network.lookUp(asksOf(network, 100), 61_000_000)
    expect(ends.filter(({ isCorrect }) => isCorrect).length).toBeGreaterThanOrEqual(97)
  })
})

describe('Spec: numbers', () => {
  it('k = 20, alpha = 10, as many paths, a refresh every five minutes', () => {
    expect(kademliaSettings()).toMatchObject({
      k: 20,
      alpha: 10,
      disjointPaths: 10,
      refreshMs: 300_000,
      selfLookupMs: 300_000
    })
  })

  it('provider records are valid for 48 hours, and said again after 24', () => {
    expect([PROVIDER_VALIDITY_MS / HOUR_MS, REPUBLISH_MS / HOUR_MS]).toEqual([48, 24])
  })
})

describe('churn', () => {
  it('of exponential sessions of ten minutes leaves lookups right (Li et al.: failures are separate from delay)', () => {
    const network = new KademliaNetwork({ seed: 'churn', settings: { alpha: 3, disjointPaths: 3 } })
    network.startIdeal(150)
    const { simulation } = network
    const random = simulation.random.of('churn')
    const results: boolean[] = []
    let failed = 0
    for (let minute = 0; minute < 6; minute += 1) {
      for (let death = 0; death < 15; death += 1) {
        simulation.silence(simulation.pickAlive(random)!)
        const node = simulation.addNode()
        simulation.start(node)
        simulation.contact(node, simulation.pickAlive(random)!)
        simulation.runFor(4_000_000)
      }
      if (minute < 2) continue
      for (const { end, isCorrect } of network.lookUp(asksOf(network, 20), 15_000_000)) {
        results.push(isCorrect)
        if (end?.type !== 'looked-up') failed += 1
      }
    }
    expect(results.filter(isCorrect => isCorrect).length / results.length).toBeGreaterThan(0.9)
    expect(failed / results.length).toBeLessThan(0.1)
  }, 60_000)
})

function hex(key: Key): string {
  return [...key].map(byte => byte.toString(16).padStart(2, '0')).join('')
}
