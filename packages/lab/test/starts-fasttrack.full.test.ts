/** FastTrack's two starts held against each other: tiers that were put down, and those that peers made who came and went. */
import { randomOf } from '@servent/simulator'
import { beforeAll, describe, expect, it } from 'vitest'
import { settledTiers } from '../src/overlays/fasttrack-tiers.ts'
import { resolvePlan } from '../src/plan.ts'
import { runOnce } from '../src/run.ts'
import type { RunResult } from '../src/run-result.ts'
import { mean } from '../src/statistics.ts'

const NODES = 240
const TARGET = 12
const SEEDS = [1, 2, 3]
const RUNS_MS_MAX = 240_000

function runs(start: 'ideal' | 'joined'): RunResult[] {
  const plan = resolvePlan({
    overlays: ['fasttrack'],
    nodes: NODES,
    lookups: 200,
    searches: 100,
    start,
    warmup: start === 'ideal' ? 120 : 3600,
    duration: 300,
    set: { 'fasttrack.ordinaries-per-supernode': TARGET }
  })
  return SEEDS.map(seed => runOnce(plan, {}, { overlay: 'fasttrack', seed }))
}

describe('a network that was put down and one that peers came to and went from', () => {
  let ideal: RunResult[]
  let joined: RunResult[]
  const both = (of: (run: RunResult) => number): [number, number] => [
    mean(ideal.map(of)),
    mean(joined.map(of))
  ]
  const ratio = (of: (run: RunResult) => number): number => {
    const [one, other] = both(of)
    return one / other
  }

  beforeAll(() => {
    ideal = runs('ideal')
    joined = runs('joined')
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

describe('the tiers that are put down', () => {
  const tiers = (count: number, target: number) =>
    settledTiers({
      count,
      target,
      roundTripMs: (from, to) => Math.abs(from - to),
      random: randomOf(`${count}`)
    })

  it.each([
    [2, 100, 1],
    [101, 100, 1],
    [1000, 100, 10],
    [1000, 10, 88]
  ])(
    'of %i peers at a target of %i have %i supernodes, and all others a place',
    (count, target, supernodes) => {
      const made = tiers(count, target)
      expect(made.supernodes).toHaveLength(supernodes)
      expect(made.ordinaries).toHaveLength(count - supernodes)
      const users = new Array<number>(supernodes).fill(0)
      for (const { place, home, spare } of made.ordinaries) {
        expect(made.supernodes).not.toContain(place)
        expect(spare).not.toBe(home)
        users[home]! += 1
      }
      expect(Math.max(...users)).toBeLessThanOrEqual(1.5 * target)
    }
  )

  it('links supernodes with 40 to 60 others, or with all', () => {
    expect(tiers(1000, 100).peerings).toHaveLength((10 * 9) / 2)
    const { supernodes, peerings } = tiers(2000, 10)
    const links = new Array<number>(supernodes.length).fill(0)
    for (const pair of peerings) for (const one of pair) links[one]! += 1
    expect(Math.min(...links)).toBeGreaterThanOrEqual(40)
    expect(Math.max(...links)).toBeLessThanOrEqual(60)
    expect(new Set(peerings.map(pair => pair.toSorted((a, b) => a - b).join())).size).toBe(peerings.length)
  })
})
