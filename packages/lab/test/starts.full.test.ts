/** Gnutella's two starts held against each other: links that were put down, and links that peers made who came and went. */
import { randomOf } from '@servent/simulator'
import { beforeAll, describe, expect, it } from 'vitest'
import { settledGraph } from '../src/overlays/gnutella-graph.ts'
import { resolvePlan } from '../src/plan.ts'
import { runOnce } from '../src/run.ts'
import type { RunResult } from '../src/run-result.ts'
import { mean, summarise } from '../src/statistics.ts'

const NODES = 48
const PLACES = 6
const SEEDS = [1, 2, 3]
const RUNS_MS_MAX = 240_000

function runs(start: 'ideal' | 'joined'): RunResult[] {
  const plan = resolvePlan({
    overlays: ['gnutella'],
    nodes: NODES,
    lookups: 200,
    searches: 50,
    start,
    warmup: start === 'ideal' ? 60 : 2400,
    duration: 120
  })
  return SEEDS.map(seed => runOnce(plan, {}, { overlay: 'gnutella', seed }))
}

/** The part of all peers that have so many neighbours. */
function shareWith(neighbours: number, results: readonly RunResult[]): number {
  const all = results.flatMap(({ nodes }) => [...nodes.connections])
  return all.filter(count => count === neighbours).length / all.length
}

describe('a network that was put down and one that peers came to and went from', () => {
  let ideal: RunResult[]
  let joined: RunResult[]

  beforeAll(() => {
    ideal = runs('ideal')
    joined = runs('joined')
  }, RUNS_MS_MAX)

  it('have neighbours alike: nobody too few, and two thirds of the peers no place left', () => {
    for (const results of [ideal, joined]) {
      for (const { nodes } of results) {
        expect(nodes.atStart).toEqual({ live: NODES, members: NODES })
        expect(Math.min(...nodes.connections)).toBeGreaterThanOrEqual(PLACES / 2)
        expect(Math.max(...nodes.connections)).toBe(PLACES)
      }
    }
    for (let neighbours = PLACES / 2; neighbours <= PLACES; neighbours += 1)
      expect(Math.abs(shareWith(neighbours, ideal) - shareWith(neighbours, joined))).toBeLessThan(0.1)
    const [one, other] = [ideal, joined].map(all => mean(all.map(({ nodes }) => mean(nodes.connections))))
    expect(one! / other!).toBeCloseTo(1, 1)
  })

  it('reach everybody: searches find all that there is, lookups every file', () => {
    for (const results of [ideal, joined]) {
      for (const { searches, lookups } of results) {
        expect(searches!.right).toBe(searches!.wanted)
        expect(lookups.correct).toBe(200)
      }
    }
  })

  it('take as many steps, and as many messages', () => {
    const [from, to] = [ideal, joined].map(all => summarise(all.map(({ lookups }) => lookups.hops))!.ci95!)
    expect(Math.max(from![0], to![0])).toBeLessThanOrEqual(Math.min(from![1], to![1]))
    const [one, other] = [ideal, joined].map(all => mean(all.map(({ searches }) => mean(searches!.messages))))
    expect(one! / other!).toBeCloseTo(1, 1)
  })
})

describe('the graph that is put down', () => {
  it.each([1, 2, 6, 20])('links nobody twice, to itself, or to more than %i', places => {
    const pairs = settledGraph(200, places, randomOf(`${places}`))
    const names = pairs.map(pair => pair.toSorted((a, b) => a - b).join())
    expect(new Set(names).size).toBe(names.length)
    expect(pairs.every(([a, b]) => a !== b)).toBe(true)
    const counts = new Array<number>(200).fill(0)
    for (const pair of pairs) for (const place of pair) counts[place]! += 1
    expect(Math.max(...counts)).toBeLessThanOrEqual(places)
  })

  it('is within seven steps of nearly everybody for fifteen hundred', () => {
    const others = Array.from({ length: 1500 }, (): number[] => [])
    for (const [a, b] of settledGraph(1500, PLACES, randomOf('reach'))) {
      others[a]!.push(b)
      others[b]!.push(a)
    }
    const reached = new Set([0])
    for (let step = 0; step < 7; step += 1)
      for (const place of [...reached]) for (const other of others[place]!) reached.add(other)
    expect(reached.size).toBeGreaterThan(1480)
  })
})
