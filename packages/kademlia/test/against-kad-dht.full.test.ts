/**
 * The machine held against `@libp2p/kad-dht` itself: 64 real peers on loopback and 64 machines in the simulator, with
 * the same k, alpha and paths, joined one after the other through one that was there.
 */
import { keyOfPeer } from '@servent/overlay/machine'
import { randomOf } from '@servent/simulator'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KademliaNetwork, mean, randomKey } from './support/network.ts'
import { type LookupCost, type RealPeer, realLookup, startRealPeers, stopAll } from './support/real-peers.ts'

const PEERS = 64
const LOOKUPS = 64
/** Of real lookups, so many find the nearest where the peers have met. */
const REAL_FOUND_LEAST = 0.9

function simulated(settings: { k: number; alpha: number; disjointPaths: number }): LookupCost[] {
  const network = new KademliaNetwork({ seed: 'against', settings: { ...settings, traceLookups: true } })
  const nodes = network.startJoined(PEERS)
  network.simulation.runFor(600_000_000)
  const random = network.simulation.random.of('workload')
  const requests = new Map<string, number>()
  network.notices.push((_node, notice) => {
    if (notice.type !== 'lookup-step' || notice.what !== 'sent') return
    const name = `${notice.key}`
    requests.set(name, (requests.get(name) ?? 0) + 1)
  })
  const asks = Array.from({ length: 8 * LOOKUPS }, () => ({
    origin: nodes[random.below(PEERS)]!,
    key: randomKey(random)
  }))
  return network
    .lookUp(asks)
    .filter(({ origin, key }) => network.nearest(key)[0] !== origin)
    .map(({ key, end, isCorrect }) => ({
      isCorrect,
      hops: end?.hops ?? Number.NaN,
      requests: requests.get(`${key}`) ?? Number.NaN
    }))
}

describe.each([
  { k: 20, alpha: 10, disjointPaths: 10 },
  { k: 6, alpha: 3, disjointPaths: 2 }
])('k = $k, alpha = $alpha, d = $disjointPaths', settings => {
  let peers: RealPeer[] = []

  beforeAll(async () => {
    peers = await startRealPeers(PEERS, settings)
  }, 600_000)
  afterAll(() => stopAll(peers), 60_000)

  it(`${PEERS} real peers and as many machines take the same hops and requests`, async () => {
    const random = randomOf('real lookups')
    const real: LookupCost[] = []
    for (let lookup = 0; lookup < LOOKUPS; lookup += 1) {
      const bytes = randomKey(random)
      const cost = await realLookup(peers, peers[random.below(PEERS)]!, bytes, keyOfPeer(bytes))
      if (cost !== undefined) real.push(cost)
    }
    const machine = simulated(settings)
    const of = (costs: readonly LookupCost[]) => ({
      correct: mean(costs.map(({ isCorrect }) => (isCorrect ? 1 : 0))),
      hops: mean(costs.map(({ hops }) => hops)),
      requests: mean(costs.map(({ requests }) => requests))
    })
    const [a, b] = [of(real), of(machine)]
    console.info(`kad-dht ${JSON.stringify(a)}, machine ${JSON.stringify(b)}`)
    expect(b.correct).toBe(1)
    // On a busy machine dials come too late, and what peers that have not met find says nothing of Kademlia.
    expect(a.correct, 'real peers that found the nearest; run this test alone').toBeGreaterThan(
      REAL_FOUND_LEAST
    )
    // Real peers may not have met all others yet: they ask some more.
    expect(b.requests / a.requests).toBeGreaterThan(0.67)
    expect(b.requests / a.requests).toBeLessThan(1.5)
    expect(Math.abs(b.hops - a.hops)).toBeLessThan(0.6)
  }, 600_000)
})
