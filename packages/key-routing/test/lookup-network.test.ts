/** Lookups from end to end, on a small ring whose tables stand still. Each way takes 25 ms, a dial 76 ms more. */
import type { NetworkModel } from '@servent/simulator'
import { describe, expect, it } from 'vitest'
import type { LookupStyle } from '../src/machine.ts'
import { keyAt } from './solo.ts'
import { type RingInit, StaticRing } from './static-ring.ts'

const STYLES: readonly LookupStyle[] = ['semi-recursive', 'recursive', 'iterative']
const NODES = 16
/** A key of which the node is the root. */
const keyOf = (node: number) => keyAt((256 / NODES) * node)
const ring = (init: Partial<RingInit> = {}): StaticRing =>
  new StaticRing({ nodes: NODES, ...init, settings: { lookupAttempts: 1, ...init.settings } })

describe.each(STYLES)('%s', style => {
  it('walks by successors to the root, from anywhere to anywhere', () => {
    const all = ring({ fingers: true })
    for (let from = 0; from < NODES; from += 1) {
      for (let to = 0; to < NODES; to += 1) {
        const { hops, ...outcome } = all.lookup(from, keyOf(to), style)
        expect(outcome).toMatchObject({ root: to, timeouts: 0 })
        // Fingers halve what is left: at most log2 N, and 0 to itself.
        expect(hops).toBeLessThanOrEqual(4)
        expect(hops === 0).toBe(from === to)
      }
    }
  })

  it('takes the same path as the others', () => {
    const { hops } = ring().lookup(0, keyOf(10), style)
    // 0, 3, 6, 9 and, since 9 is the last before the key, 10.
    expect(hops).toBe(4)
  })

  it('goes on by the next best where hops are dead, and counts each', () => {
    const all = ring()
    for (const dead of [3, 9]) all.simulation.crash(dead)
    all.simulation.runFor(1_000_000)
    // 0, (3), 2, 5, 8 and straight to 10, for 8 has it in its list: one dead hop, and 9 was no candidate.
    expect(all.lookup(0, keyOf(10), style)).toMatchObject({ root: 10, hops: 4, timeouts: 1 })
  })

  it('goes on by the next best where hops say nothing', () => {
    const all = ring()
    all.simulation.silence(3)
    expect(all.lookup(0, keyOf(10), style)).toMatchObject({ root: 10, hops: 4, timeouts: 1 })
    expect(all.tables(0).silent).toEqual([all.peer(3)])
  })

  it('hands the key to the next live peer, which takes it though its tables still name the dead', () => {
    const all = ring()
    for (const dead of [10, 11]) all.simulation.crash(dead)
    all.simulation.runFor(1_000_000)
    expect(all.lookup(0, keyOf(10), style)).toMatchObject({ root: 12, timeouts: 2 })
  })

  it('fails in an honest way where all are dead', () => {
    const all = ring()
    for (let node = 1; node < NODES; node += 1) all.simulation.crash(node)
    all.simulation.runFor(1_000_000)
    // The list of three does not reach around: this peer cannot know that it is alone.
    expect(all.lookup(0, keyOf(10), style)).toMatchObject({ failed: 'no-route', timeouts: 3 })
  })

  it('is the same run from the same seed', () => {
    const hashes = [1, 2].map(() => {
      const all = ring({ fingers: true })
      all.simulation.silence(8)
      for (let to = 0; to < NODES; to += 1) all.start(1, keyOf(to), style)
      all.simulation.runFor(20_000_000)
      return all.simulation.traceHash
    })
    expect(hashes[0]).toBe(hashes[1])
  })

  it('ends in time when every link is slow', () => {
    const slow: NetworkModel = { oneWayUs: () => 900_000 }
    const all = ring({ network: slow, settings: { lookupBudgetMs: 4000, callTimeoutFirstMs: 3000 } })
    expect(all.lookup(0, keyOf(10), style)).toMatchObject({ failed: 'budget', elapsedMs: 4000 })
  })
})

describe('answers', () => {
  it('come back along the path rather than over a dial', () => {
    const all = ring()
    expect(all.lookup(0, keyOf(10)).elapsedMs).toBeCloseTo(8 * 25, 1)
    expect(all.sent('found')).toBe(4)
  })

  it('come straight to the origin over a link that is up', () => {
    const all = ring()
    all.simulation.connect(10, 0)
    expect(all.lookup(0, keyOf(10)).elapsedMs).toBeCloseTo(5 * 25, 1)
    expect(all.sent('found')).toBe(1)
  })

  it('come back along the path where that is asked for', () => {
    const all = ring()
    expect(all.lookup(0, keyOf(10), 'recursive').elapsedMs).toBeCloseTo(8 * 25, 1)
    expect(all.sent('found')).toBe(4)
    // The root's answer is its acknowledgement.
    expect(all.sent('hop-ack')).toBe(3)
  })

  it('cost an iterative origin a round trip a step, and dials', () => {
    const all = ring()
    const { elapsedMs } = all.lookup(0, keyOf(10), 'iterative')
    // Four round trips, and dials of 6, 9 and 10.
    expect(elapsedMs).toBeGreaterThan(4 * 50 + 3 * 75)
    expect(all.sent('next-hops-request')).toBe(4)
  })
})

describe('a slow hop', () => {
  it('that acknowledges late makes a duplicate, and the answer comes once', () => {
    const all = ring({ settings: { callTimeoutFirstMs: 40, lookupAttempts: 3 } })
    // A round trip takes 50 ms: every first hop is given up, and goes on none the less.
    const command = all.start(0, keyOf(4))
    all.simulation.runFor(20_000_000)
    expect(all.outcome(0, command)).toMatchObject({ root: 4 })
    const duplicates = Array.from(
      { length: NODES },
      (_, node) => all.simulation.machine(node).snapshot().counters.duplicates!
    )
    expect(duplicates.reduce((sum, count) => sum + count)).toBeGreaterThan(0)
  })

  it('that dies with the lookup in its hands costs the origin an attempt', () => {
    const all = ring({ settings: { lookupAttempts: 3, lookupBudgetMs: 6000 } })
    const command = all.start(0, keyOf(10))
    // Node 3 has acknowledged it and sent it on, and node 6 has not got it: nobody will tell node 0.
    all.simulation.runFor(45_000)
    all.simulation.silence(3)
    all.simulation.silence(6)
    all.simulation.runFor(20_000_000)
    const outcome = all.outcome(0, command)
    // The second attempt goes by another hop: what is counted is the first one.
    expect(outcome).toMatchObject({ root: 10, timeouts: 1 })
    expect(outcome.elapsedMs).toBeGreaterThan(2000)
  })
})

describe('a crowd', () => {
  it('of lookups at once is served whole', () => {
    const all = ring({ fingers: true, settings: { style: 'recursive' } })
    const commands = Array.from({ length: 200 }, (_, index) => all.start(3, keyOf(index % NODES)))
    all.simulation.runFor(20_000_000)
    for (const [index, command] of commands.entries())
      expect(all.outcome(3, command)).toMatchObject({ root: index % NODES })
    expect(all.simulation.machine(3).snapshot()).toMatchObject({ lookups: 0, calls: 0 })
  })
})
