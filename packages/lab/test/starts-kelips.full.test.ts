/**
 * Kelips's two starts held against each other: tables that were put down, and tables of peers that joined, came and
 * went. Nobody looks for a foreign network here: only who joined remembers peers to look for it by.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { resolvePlan } from '../src/plan.ts'
import { runOnce } from '../src/run.ts'
import type { RunResult } from '../src/run-result.ts'
import { mean, percentile, pooled } from '../src/statistics.ts'

const NODES = 64
const LOOKUPS = 400
const SEEDS = [1, 2, 3]
const GROUPS = 4
const RUNS_MS_MAX = 240_000
/** Gossip every 8 s: a quarter of the work, and four times the time for the same. */
const SET = { 'kelips.merge-ms': 0, 'kelips.groups': GROUPS, 'kelips.gossip-ms': 8000 }
/** Peers that joined settle half of it. */
const WARMUP_S = { ideal: 200, joined: 600 } as const

type Start = keyof typeof WARMUP_S
type Of = (run: RunResult) => Float64Array

const runs = {} as Record<Start, RunResult[]>
const samples = (start: Start, of: Of) => pooled(runs[start].map(of))
/** Of the mean of peers that joined to the other one. */
const ratio = (of: Of) => mean(samples('joined', of)) / mean(samples('ideal', of))

describe('groups that were put down and those that peers came to and went from', () => {
  beforeAll(() => {
    for (const start of ['ideal', 'joined'] as const) {
      const plan = resolvePlan({
        overlays: ['kelips'],
        nodes: NODES,
        lookups: LOOKUPS,
        start,
        warmup: WARMUP_S[start],
        duration: 60,
        set: SET
      })
      runs[start] = SEEDS.map(seed => runOnce(plan, {}, { overlay: 'kelips', seed }))
    }
  }, RUNS_MS_MAX)

  it('have all peers in them, and answer every lookup', () => {
    for (const { nodes, lookups } of [...runs.ideal, ...runs.joined]) {
      expect(nodes.atStart).toEqual({ live: NODES, members: NODES })
      expect(lookups.correct).toBe(LOOKUPS)
    }
  })

  it('look up in one step but for their own group', () => {
    const hops: Of = ({ lookups }) => lookups.hops
    for (const start of ['ideal', 'joined'] as const) {
      expect(Math.abs(mean(samples(start, hops)) - (1 - 1 / GROUPS))).toBeLessThan(0.05)
      expect(percentile(samples(start, hops), 99)).toBe(1)
    }
  })

  it('differ in time: who joined has nearer contacts than chance draws, and looks up a quarter faster', () => {
    const time = ratio(({ lookups }) => lookups.latencyUs)
    expect(time).toBeGreaterThan(0.6)
    expect(time).toBeLessThan(1)
  })

  it('have tables of the same size: whoever is there, and two contacts for each other group', () => {
    const entries: Of = ({ nodes }) => nodes.stateEntries
    expect(Math.abs(ratio(entries) - 1)).toBeLessThan(0.03)
    for (const percent of [5, 50, 95])
      expect(
        Math.abs(
          percentile(samples('joined', entries), percent) - percentile(samples('ideal', entries), percent)
        )
      ).toBeLessThanOrEqual(3)
  })

  it('send as much: gossip is a ration', () => {
    expect(Math.abs(ratio(({ nodes }) => nodes.bytesSent) - 1)).toBeLessThan(0.1)
  })
})
