/**
 * Pastry's two starts held against each other, with proximity: tables that were put down, and tables of peers that
 * joined, came and went. Nobody looks for a foreign ring here: only who joined remembers peers to look for it by.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { resolvePlan } from '../src/plan.ts'
import { runOnce } from '../src/run.ts'
import type { RunResult } from '../src/run-result.ts'
import { mean, percentile, pooled } from '../src/statistics.ts'

const NODES = 100
const LOOKUPS = 1000
const SEEDS = [1, 2, 3]
const RUNS_MS_MAX = 240_000
/** Peers that joined settle half of it. Nothing changes in a network that was put down. */
const WARMUP_S = { ideal: 60, joined: 2400 } as const

type Start = keyof typeof WARMUP_S
type Of = (run: RunResult) => Float64Array

const runs = {} as Record<Start, RunResult[]>
const samples = (start: Start, of: Of) => pooled(runs[start].map(of))
/** Of the mean of peers that joined to the other one. */
const ratio = (of: Of) => mean(samples('joined', of)) / mean(samples('ideal', of))

/** The largest difference of both distributions at any value: Kolmogorov's and Smirnov's distance. */
function distance(of: Of): number {
  const [ideal, joined] = [samples('ideal', of), samples('joined', of)]
  const upTo = (all: Float64Array, value: number) => all.filter(one => one <= value).length / all.length
  return Math.max(...[...new Set(ideal)].map(value => Math.abs(upTo(ideal, value) - upTo(joined, value))))
}

describe('a network that was put down and one that peers came to and went from', () => {
  beforeAll(() => {
    for (const start of ['ideal', 'joined'] as const) {
      const plan = resolvePlan({
        overlays: ['pastry'],
        nodes: NODES,
        lookups: LOOKUPS,
        start,
        warmup: WARMUP_S[start],
        duration: 60,
        set: { 'pastry.merge-ms': 0 }
      })
      runs[start] = SEEDS.map(seed => runOnce(plan, {}, { overlay: 'pastry', seed }))
    }
  }, RUNS_MS_MAX)

  it('have all peers in it, and answer every lookup', () => {
    for (const { nodes, lookups } of [...runs.ideal, ...runs.joined]) {
      expect(nodes.atStart).toEqual({ live: NODES, members: NODES })
      expect(lookups.correct).toBe(LOOKUPS)
    }
  })

  it('look up in as many steps, mean and distribution', () => {
    const hops: Of = ({ lookups }) => lookups.hops
    expect(Math.abs(ratio(hops) - 1)).toBeLessThan(0.05)
    expect(distance(hops)).toBeLessThan(0.08)
    for (const percent of [10, 50, 99])
      expect(percentile(samples('joined', hops), percent)).toBe(percentile(samples('ideal', hops), percent))
  })

  it('look up in the same time', () => {
    expect(Math.abs(ratio(({ lookups }) => lookups.latencyUs) - 1)).toBeLessThan(0.15)
  })

  it('have tables of the same size', () => {
    const entries: Of = ({ nodes }) => nodes.stateEntries
    expect(Math.abs(ratio(entries) - 1)).toBeLessThan(0.03)
    for (const percent of [5, 50, 95])
      expect(
        Math.abs(
          percentile(samples('joined', entries), percent) - percentile(samples('ideal', entries), percent)
        )
      ).toBeLessThanOrEqual(1)
  })

  it('differ in links: peers that joined have up to a fifth more, to those that they measured last', () => {
    const links = ratio(({ nodes }) => nodes.connections)
    expect(links).toBeGreaterThan(0.98)
    expect(links).toBeLessThan(1.2)
  })
})
