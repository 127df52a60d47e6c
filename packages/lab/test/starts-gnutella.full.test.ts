/** Gnutella's two starts held against each other: links that were put down, and links that peers made who came and went. */
import { beforeAll, describe, expect, it } from 'vitest'
import type { RunResult } from '../src/run-result.ts'
import { mean, summarise } from '../src/statistics.ts'
import { TwoStarts } from './two-starts.ts'

const NODES = 48
const PLACES = 6
const RUNS_MS_MAX = 240_000

/** The part of all peers that have so many neighbours. */
function shareWith(neighbours: number, results: readonly RunResult[]): number {
  const all = results.flatMap(({ nodes }) => [...nodes.connections])
  return all.filter(count => count === neighbours).length / all.length
}

describe('a network that was put down and one that peers came to and went from', () => {
  let ideal: readonly RunResult[]
  let joined: readonly RunResult[]

  beforeAll(() => {
    ;({ ideal, joined } = new TwoStarts({
      plan: { overlays: ['gnutella'], nodes: NODES, lookups: 200, searches: 50, duration: 120 },
      warmup: { ideal: 60, joined: 2400 },
      seeds: [1, 2, 3]
    }))
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
