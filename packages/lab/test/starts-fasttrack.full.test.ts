/** FastTrack's two starts held against each other: tiers that were put down, and those that peers made who came and went. */
import { beforeAll, describe, expect, it } from 'vitest'
import type { RunResult } from '../src/run-result.ts'
import { mean } from '../src/statistics.ts'
import { TwoStarts } from './two-starts.ts'

const NODES = 240
const TARGET = 12
const RUNS_MS_MAX = 240_000

describe('a network that was put down and one that peers came to and went from', () => {
  let ideal: readonly RunResult[]
  let joined: readonly RunResult[]
  const both = (of: (run: RunResult) => number): [number, number] => [
    mean(ideal.map(of)),
    mean(joined.map(of))
  ]
  const ratio = (of: (run: RunResult) => number): number => {
    const [one, other] = both(of)
    return one / other
  }

  beforeAll(() => {
    ;({ ideal, joined } = new TwoStarts({
      plan: {
        overlays: ['fasttrack'],
        nodes: NODES,
        lookups: 200,
        searches: 100,
        duration: 300,
        set: { 'fasttrack.ordinaries-per-supernode': TARGET }
      },
      warmup: { ideal: 120, joined: 3600 },
      seeds: [1, 2, 3]
    }))
  }, RUNS_MS_MAX)

  it('have everybody in, none without a supernode, and none that loses it while all is quiet', () => {
    for (const { nodes, roles } of [...ideal, ...joined]) {
      expect(nodes.atStart).toEqual({ live: NODES, members: NODES })
      expect(roles!.homeless).toBe(0)
      expect(roles!.counts).toMatchObject({ cutOff: 0, demotions: 0, supernodesLost: 0 })
    }
  })

  it('have as many supernodes, within a tenth of each other, with as many users', () => {
    expect(Math.abs(ratio(({ roles }) => mean(roles!.supernodes)) - 1)).toBeLessThan(0.1)
    expect(Math.abs(ratio(({ roles }) => mean(roles!.users)) - 1)).toBeLessThan(0.1)
    for (const { roles } of [...ideal, ...joined]) {
      for (const others of roles!.ordinariesPerSupernode) {
        expect(others).toBeGreaterThan(TARGET / 2)
        expect(others).toBeLessThan(2 * TARGET)
      }
    }
    expect(Math.abs(ratio(({ nodes }) => mean(nodes.connections)) - 1)).toBeLessThan(0.1)
  })

  it('find nearly all that there is, by as many steps and messages', () => {
    for (const { searches, lookups } of [...ideal, ...joined]) {
      expect(searches!.found).toBe(searches!.right)
      // Of twenty supernodes a query with this TTL may leave some out.
      expect(lookups.correct).toBeGreaterThanOrEqual(190)
      expect(lookups.incorrect).toBe(0)
    }
    const [one, other] = both(({ searches }) => searches!.right / searches!.wanted)
    expect(Math.abs(one - other)).toBeLessThan(0.02)
    expect(Math.abs(ratio(({ lookups }) => mean(lookups.hops)) - 1)).toBeLessThan(0.1)
    expect(Math.abs(ratio(({ searches }) => mean(searches!.messages)) - 1)).toBeLessThan(0.1)
  })
})
