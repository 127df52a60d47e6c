/** Runs on real peers of this process over networks that are slow, break and refuse, and in which many die at once. */
import { describe, expect, it } from 'vitest'
import { runOf } from './conditions-work.ts'

const HEADER_BYTES = 23
/** Yamux's, and Noise's with its tag. */
const FRAME_BYTES = 12 + 18
/** A Query with its speed and an empty text, and a QueryHit with one file that has no name. */
const QUESTION_BYTES = FRAME_BYTES + HEADER_BYTES + 2 + 1
const ANSWER_BYTES = FRAME_BYTES + HEADER_BYTES + 11 + 10 + 16
/** As they go up at 2 kB/s, one after the other, and a round trip. */
const FLOOR_MS = 10 + (QUESTION_BYTES + ANSWER_BYTES) / 2

// They wait for clocks more than they compute.
describe.concurrent('a run on real peers of this process', { timeout: 120_000 }, () => {
  it('over slow lines takes as long as their bytes at least', async () => {
    const slow = await runOf('gnutella', { bandwidth: '2kB/1MB', lookups: 16 })
    expect(slow.lookups.issued).toBe(16)
    // Who asks knows some by itself.
    expect(slow.latency_ms!.p50).toBeGreaterThan(FLOOR_MS)
    expect(slow.faults).toBeNull()
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
