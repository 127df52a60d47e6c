/**
 * One small plan on all three backends. What docs/lab.md says of how far they agree is asserted here: all lookups right,
 * nearly as much found, steps within three quarters of one, messages within a factor, and no answer sooner than the network lets it come.
 */
import { compare, type OverlayResults, type PlanInput, resolvePlan } from '@servent/lab'
import type { OverlayId } from '@servent/lab/backend'
import { realBackend } from '@servent/lab-real'
import { expect, it } from 'vitest'
import { SERVENT } from './harness.ts'

const WORK = {
  nodes: 12,
  lookups: 24,
  searches: 12,
  latency: 'constant:20',
  start: 'joined',
  duration: 10
} as const
const STEPS_APART_MAX = 0.75
/** What is announced while a ring forms is at its place once it has stood for a while. */
const RECALL_APART_MAX = 0.2
const FACTOR_MAX = 1.75
/** Real peers wait for the processor, too: for others' of theirs and for this machine's other work. */
const LATENCY_FACTOR_MAX = 12

async function on(
  backend: 'simulator' | 'in-process' | 'processes',
  overlay: OverlayId,
  more: PlanInput & { readonly warmup?: number } = {}
) {
  const warmup = backend === 'simulator' ? 60 : (more.warmup ?? 10)
  const plan = resolvePlan({ ...WORK, ...more, overlays: [overlay], backend, warmup, workers: 1 })
  const { overlays } = await compare(plan, {
    backends: async name => realBackend(name, { command: SERVENT })
  })
  return overlays[0]!
}

const within = (factor: number, value: number, of: number) => {
  expect(value / of).toBeLessThan(factor)
  expect(of / value).toBeLessThan(factor)
}

/** What is found, and by how many links: all that libp2p's Kademlia tells. */
function findsAlike(real: OverlayResults, simulated: OverlayResults): void {
  expect(real.population).toEqual(simulated.population)
  expect(real.lookups).toEqual(simulated.lookups)
  expect(real.searches).toMatchObject({ issued: 12, failed: 0, precision: 1 })
  expect(real.searches!.recall).toBeGreaterThan(simulated.searches!.recall! - RECALL_APART_MAX)
  within(FACTOR_MAX, real.connections_per_node!.mean, simulated.connections_per_node!.mean)
}

function agrees(real: OverlayResults, simulated: OverlayResults): void {
  findsAlike(real, simulated)
  expect(Math.abs(real.hops!.mean - simulated.hops!.mean)).toBeLessThan(STEPS_APART_MAX)
  within(FACTOR_MAX, real.messages_per_lookup!.mean, simulated.messages_per_lookup!.mean)
  // Half of the peers are a step nearer or further than in the other network.
  expect(real.latency_ms!.mean).toBeGreaterThan(simulated.latency_ms!.mean / 2)
  expect(real.latency_ms!.mean).toBeLessThan(LATENCY_FACTOR_MAX * simulated.latency_ms!.mean)
}

it.each(['chord', 'gnutella', 'fasttrack', 'napster', 'pastry'] as const)(
  'of %s, 12 peers in the simulator, in this process and in one each agree',
  async overlay => {
    const simulated = await on('simulator', overlay)
    expect(simulated.lookups).toMatchObject({ issued: 24, correct: 24 })
    for (const backend of ['in-process', 'processes'] as const) agrees(await on(backend, overlay), simulated)
  },
  300_000
)

it('of kelips, 12 peers in four groups in the simulator, in this process and in one each agree', async () => {
  // In one group, as 12 peers would be, everybody knows everybody and asks nobody. What files there are goes from peer
  // to peer by gossip, which takes real seconds.
  const four = { set: { 'kelips.groups': 4 }, warmup: 45 }
  const simulated = await on('simulator', 'kelips', four)
  expect(simulated.lookups).toMatchObject({ issued: 24, correct: 24 })
  expect(simulated.hops!.mean).toBeGreaterThan(0.5)
  for (const backend of ['in-process', 'processes'] as const)
    agrees(await on(backend, 'kelips', four), simulated)
}, 600_000)

it("of kademlia, 12 peers of ours in the simulator and of libp2p's in this process and in one each find alike", async () => {
  const simulated = await on('simulator', 'kademlia')
  expect(simulated.lookups).toMatchObject({ issued: 24, correct: 24 })
  for (const backend of ['in-process', 'processes'] as const) {
    const real = await on(backend, 'kademlia')
    findsAlike(real, simulated)
    // kad-dht tells nobody by which way it came, and what it sends is counted by no host of ours.
    for (const figure of [
      'hops',
      'messages_per_lookup',
      'timeouts_per_lookup',
      'bytes_per_node_per_s'
    ] as const)
      expect([figure, real[figure]]).toEqual([figure, null])
    // It answers when the k nearest have answered, ours as soon as the nearest is known: later, by as much as the slowest takes.
    expect(real.latency_ms!.p50).toBeGreaterThan(simulated.latency_ms!.p50 - 1)
  }
}, 300_000)

it('daemons die and come while others ask, and who dies with a question under way has not asked', async () => {
  const plan = resolvePlan({
    overlays: ['chord', 'gnutella'],
    backend: 'processes',
    nodes: 6,
    lookups: 60,
    latency: 'uniform:10-80',
    churn: 'rate:0.3',
    warmup: 5,
    duration: 20,
    workers: 1
  })
  const { overlays } = await compare(plan, {
    backends: async name => realBackend(name, { command: SERVENT })
  })
  for (const { lookups, population } of overlays) {
    expect(lookups.issued + lookups.unissued).toBe(60)
    expect(lookups.correct).toBeGreaterThan(20)
    expect(population.end.live).toBeGreaterThan(1)
  }
}, 300_000)

/** A plan of daemons over a network that does something. */
async function over(more: PlanInput, overlay: OverlayId = 'gnutella') {
  const plan = resolvePlan({
    overlays: [overlay],
    backend: 'processes',
    nodes: 6,
    lookups: 40,
    latency: 'constant:10',
    warmup: 4,
    duration: 10,
    workers: 1,
    ...more
  })
  const { overlays } = await compare(plan, {
    backends: async name => realBackend(name, { command: SERVENT })
  })
  return overlays[0]!
}

it('daemons over slow lines answer later', async () => {
  const plain = await over({})
  const slow = await over({ bandwidth: '8kB/1MB' })
  expect(slow.lookups.issued).toBe(40)
  expect(slow.latency_ms!.p50).toBeGreaterThan(1.5 * plain.latency_ms!.p50)
}, 300_000)

it('daemons get over connections that break, and those behind firewalls find by those they call', async () => {
  const broken = await over({ resets: '20/m' })
  expect(broken.faults!.broken).toBeGreaterThan(5)
  expect(broken.lookups.correct).toBeGreaterThan(20)
  const walled = await over({ firewalled: 0.5 })
  expect(walled.population.end).toEqual({ live: 6, members: 6 })
  expect(walled.lookups.correct).toBeGreaterThan(30)
}, 300_000)

it('daemons of which half die at once go on with the others', async () => {
  const { population, lookups } = await over({ failures: 0.5 })
  expect(population).toEqual({ start: { live: 6, members: 6 }, end: { live: 3, members: 3 } })
  expect(lookups.correct).toBeGreaterThan(20)
}, 300_000)

it('a network of daemons parts, and each side is right by its own truth', async () => {
  const { partition, faults } = await over({ partition: '0.4/2s' })
  expect(partition).toMatchObject({ apart: 2, healing_s: null })
  expect(partition!.during.issued).toBeGreaterThan(2)
  expect(partition!.during.incorrect).toBe(0)
  expect(partition!.during.success).toBeGreaterThan(0.5)
  expect(faults!.broken).toBeGreaterThan(0)
}, 300_000)
