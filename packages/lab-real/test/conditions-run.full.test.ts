/** Runs on real peers of this process over networks that are slow, break and refuse, and in which many die at once. */
import { compare, type OverlayResults, type PlanInput, resolvePlan } from '@servent/lab'
import type { OverlayId } from '@servent/lab/backend'
import { describe, expect, it } from 'vitest'
import { realBackend } from '../src/index.ts'

const WORK = {
  nodes: 8,
  lookups: 32,
  latency: 'constant:10',
  backend: 'in-process',
  warmup: 2,
  duration: 5
} as const satisfies PlanInput

async function runOf(overlay: OverlayId, more: PlanInput): Promise<OverlayResults> {
  const plan = resolvePlan({ ...WORK, overlays: [overlay], ...more })
  const { overlays, ...rest } = await compare(plan, {
    backends: async name => realBackend(name as 'in-process', { command: [] })
  })
  // What network was made stands in the results.
  expect(rest.plan).toMatchObject(more)
  return overlays[0]!
}

// They wait for clocks more than they compute.
describe.concurrent('a run on real peers of this process', { timeout: 120_000 }, () => {
  it('over slow lines takes longer', async () => {
    const [plain, slow] = await Promise.all([
      runOf('gnutella', {}),
      runOf('gnutella', { bandwidth: '5kB/1MB' })
    ])
    expect(slow.lookups.issued).toBe(32)
    expect(slow.latency_ms!.p50).toBeGreaterThan(2 * plain.latency_ms!.p50)
    expect(plain.faults).toBeNull()
  })

  it('whose connections break goes on, and counts what broke', async () => {
    const { lookups, faults, connections_per_node, population } = await runOf('chord', { resets: '20/m' })
    expect(faults!.broken).toBeGreaterThan(5)
    expect(faults!.refused).toBe(0)
    expect(lookups.issued).toBe(32)
    expect(lookups.correct).toBeGreaterThan(10)
    expect(population.end.live).toBe(8)
    expect(connections_per_node!.mean).toBeGreaterThan(1)
  })

  it('of which half are behind firewalls has them as users of a server', async () => {
    const { lookups, population, faults } = await runOf('napster', { firewalled: 0.5 })
    expect(population.end).toEqual({ live: 8, members: 8 })
    expect(lookups.correct).toBe(32)
    // Nobody calls a user.
    expect(faults).toEqual({ broken: 0, refused: 0 })
  })

  it('of which half die before the questions goes on with the others', async () => {
    const { lookups, population } = await runOf('gnutella', { failures: 0.5 })
    expect(population).toEqual({ start: { live: 8, members: 8 }, end: { live: 4, members: 4 } })
    expect(lookups.issued + lookups.unissued).toBe(32)
    expect(lookups.correct).toBeGreaterThan(20)
  })
})
