/**
 * The two starts of each structured overlay held against each other, with proximity. Nobody looks for a foreign network
 * here: only who joined remembers peers to look for it by.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { mean, percentile } from '../src/statistics.ts'
import { type Of, TwoStarts, type TwoStartsInit } from './two-starts.ts'

const RUNS_MS_MAX = 240_000
const DURATION_S = 60

const hops: Of = ({ lookups }) => lookups.hops
const latency: Of = ({ lookups }) => lookups.latencyUs
const entries: Of = ({ nodes }) => nodes.stateEntries
const links: Of = ({ nodes }) => nodes.connections

/** What holds for each: everybody is in, every lookup is answered, and tables have `apart` entries more or less at most. */
function bothStarts(init: TwoStartsInit, apart: number): { starts: TwoStarts } {
  const made = {} as { starts: TwoStarts }
  beforeAll(() => {
    made.starts = new TwoStarts({ ...init, plan: { ...init.plan, duration: DURATION_S } })
  }, RUNS_MS_MAX)

  it('have all peers in it, and answer every lookup', () => {
    const { nodes: count, lookups: asked } = init.plan
    for (const { nodes, lookups } of made.starts.all) {
      expect(nodes.atStart).toEqual({ live: count, members: count })
      expect(lookups.correct).toBe(asked)
    }
  })

  it('have tables of the same size', () => {
    expect(Math.abs(made.starts.ratio(entries) - 1)).toBeLessThan(0.03)
    for (const percent of [5, 50, 95]) expect(made.starts.apart(entries, percent)).toBeLessThanOrEqual(apart)
  })
  return made
}

describe('a ring of Chord that was put down and one that peers came to and went from', () => {
  const both = bothStarts(
    {
      plan: { overlays: ['chord'], nodes: 200, lookups: 1000, set: { 'chord.merge-ms': 0 } },
      // Fingers go on getting nearer for hours. After so long both starts have come as far.
      warmup: { ideal: 1200, joined: 4800 },
      seeds: [1, 2, 3, 4, 5, 6]
    },
    1
  )

  it('look up in as many steps, mean and distribution', () => {
    expect(Math.abs(both.starts.ratio(hops) - 1)).toBeLessThan(0.05)
    expect(both.starts.distance(hops)).toBeLessThan(0.06)
    for (const percent of [1, 50, 99]) expect(both.starts.apart(hops, percent)).toBe(0)
  })

  // Whom a joiner asked for its list is somebody to choose nearer fingers from, and a link that stays.
  it('differ in time: who joined looks up in a tenth less', () => {
    expect(both.starts.ratio(latency)).toBeGreaterThan(0.82)
    expect(both.starts.ratio(latency)).toBeLessThan(1)
  })

  it('differ in links: peers that joined have a third more', () => {
    expect(Math.abs(both.starts.ratio(links) - 4 / 3)).toBeLessThan(0.12)
  })
})

describe('a network of Pastry that was put down and one that peers came to and went from', () => {
  const both = bothStarts(
    {
      plan: { overlays: ['pastry'], nodes: 100, lookups: 1000, set: { 'pastry.merge-ms': 0 } },
      // Nothing changes in a network that was put down.
      warmup: { ideal: 60, joined: 2400 },
      seeds: [1, 2, 3]
    },
    1
  )

  it('look up in as many steps, mean and distribution', () => {
    expect(Math.abs(both.starts.ratio(hops) - 1)).toBeLessThan(0.05)
    expect(both.starts.distance(hops)).toBeLessThan(0.08)
    for (const percent of [10, 50, 99]) expect(both.starts.apart(hops, percent)).toBe(0)
  })

  it('look up in the same time', () => {
    expect(Math.abs(both.starts.ratio(latency) - 1)).toBeLessThan(0.15)
  })

  it('differ in links: peers that joined have up to a fifth more, to those that they measured last', () => {
    expect(both.starts.ratio(links)).toBeGreaterThan(0.98)
    expect(both.starts.ratio(links)).toBeLessThan(1.2)
  })
})

describe('groups of Kelips that were put down and those that peers came to and went from', () => {
  const GROUPS = 4
  const both = bothStarts(
    {
      // Gossip every 8 s: a quarter of the work, and four times the time for the same.
      plan: {
        overlays: ['kelips'],
        nodes: 64,
        lookups: 400,
        set: { 'kelips.merge-ms': 0, 'kelips.groups': GROUPS, 'kelips.gossip-ms': 8000 }
      },
      warmup: { ideal: 200, joined: 600 },
      seeds: [1, 2, 3]
    },
    // Whoever is there, and two contacts for each other group.
    3
  )

  it('look up in one step but for their own group', () => {
    for (const start of ['ideal', 'joined'] as const) {
      const steps = both.starts.samples(start, hops)
      expect(Math.abs(mean(steps) - (1 - 1 / GROUPS))).toBeLessThan(0.05)
      expect(percentile(steps, 99)).toBe(1)
    }
  })

  it('differ in time: who joined has nearer contacts than chance draws, and looks up a quarter faster', () => {
    const time = both.starts.ratio(latency)
    expect(time).toBeGreaterThan(0.6)
    expect(time).toBeLessThan(1)
  })

  it('send as much: gossip is a ration', () => {
    expect(Math.abs(both.starts.ratio(({ nodes }) => nodes.bytesSent) - 1)).toBeLessThan(0.1)
  })
})
