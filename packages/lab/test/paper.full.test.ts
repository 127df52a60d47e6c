/**
 * Table II of Chord's paper, 4,000 lookups in each network, as the command line runs it: thirty networks where three
 * tenths fail, ten elsewhere. `packages/chord/test/paper.full.test.ts` has thirty of each.
 */
import { Check } from 'typebox/value'
import { expect, it } from 'vitest'
import { compare } from '../src/compare.ts'
import { resolvePlan } from '../src/plan.ts'
import { ResultsSchema } from '../src/results.ts'

const TABLE: [failures: number, seeds: number, path: number, timeouts: [number, number]][] = [
  [0, 10, 3.77, [0, 0]],
  [0.1, 10, 3.92, [0.42 * 0.9, 0.6 * 1.1]],
  [0.2, 10, 4.09, [0.95 * 0.9, 1.17 * 1.1]],
  [0.3, 30, 4.37, [1.67, 2.22]]
]
const plan = (failures: number, seeds: number, seed = 1, workers = 2) =>
  resolvePlan({
    nodes: 1000,
    lookups: 4000,
    seeds,
    seed,
    failures,
    workers,
    set: { 'chord.successors': 20, 'chord.proximity': 'off' }
  })

it.each(TABLE)(
  'with %f dead, %i networks, the path is %f steps',
  async (failures, seeds, path, [least, most]) => {
    const results = await compare(plan(failures, seeds))
    expect(Check(ResultsSchema, results)).toBe(true)
    const { lookups, hops_as_published: hops, timeouts_per_lookup: timeouts } = results.overlays[0]!
    expect(lookups).toEqual({
      issued: 4000 * seeds,
      correct: 4000 * seeds,
      incorrect: 0,
      failed: 0,
      unissued: 0
    })
    expect(hops!.mean / path).toBeGreaterThan(0.95)
    expect(hops!.mean / path).toBeLessThan(1.05)
    expect(timeouts!.mean).toBeGreaterThanOrEqual(least)
    expect(timeouts!.mean).toBeLessThanOrEqual(most)
  },
  600_000
)

it('has one fingerprint, with one worker and with two; another seed has another', async () => {
  const [one, two, other] = [
    await compare(plan(0.3, 6, 1, 1)),
    await compare(plan(0.3, 6, 1, 2)),
    await compare(plan(0.3, 6, 31))
  ]
  expect(two!.fingerprint).toBe(one!.fingerprint)
  expect(other!.fingerprint).not.toBe(one!.fingerprint)
}, 900_000)
