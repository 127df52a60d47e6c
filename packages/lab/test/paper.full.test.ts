/**
 * Table II of Chord's paper (ToN 2003, section VI-D), 4,000 lookups in each of thirty networks at each part that fails,
 * as the command line runs it; and that its fingerprint does not depend on the number of workers.
 */
import { Check } from 'typebox/value'
import { expect, it } from 'vitest'
import { compare } from '../src/compare.ts'
import { resolvePlan } from '../src/plan.ts'
import { type Results, ResultsSchema } from '../src/results.ts'

const SEEDS = 30
const LOOKUPS = 4000
const TEST_MS_MAX = 1_200_000
/** Of the table, from the lower of model and paper to the higher one, give or take a tenth. */
const timeouts = (lower: number, higher: number): [number, number] => [lower * 0.9, higher * 1.1]
const TABLE: readonly [failures: number, path: number, timeouts: [number, number]][] = [
  [0, 3.77, [0, 0]],
  [0.1, 3.92, timeouts(0.42, 0.6)],
  [0.2, 4.09, timeouts(0.95, 1.17)],
  [0.3, 4.37, [1.67, 2.22]],
  [0.4, 4.64, timeouts(2.97, 3.23)],
  [0.5, 5.01, timeouts(4.81, 5.1)]
]
const run = (failures: number, { workers = 2, seeds = SEEDS, seed = 1 } = {}): Promise<Results> =>
  compare(
    resolvePlan({
      nodes: 1000,
      lookups: LOOKUPS,
      seeds,
      seed,
      failures,
      workers,
      set: { 'chord.successors': 20, 'chord.proximity': 'off' }
    })
  )
/** Of the part that the plan of docs/benchmarks.md has: run once for both tests. */
const OF_PLAN = 0.3
let ofPlan: Promise<Results> | undefined
function runOfPlan(): Promise<Results> {
  ofPlan ??= run(OF_PLAN)
  return ofPlan
}

it.each(TABLE)(
  'with %f dead the path is %f steps',
  async (failures, path, [least, most]) => {
    const results = await (failures === OF_PLAN ? runOfPlan() : run(failures))
    expect(Check(ResultsSchema, results)).toBe(true)
    const { lookups, hops_as_published: hops, timeouts_per_lookup: found } = results.overlays[0]!
    const issued = LOOKUPS * SEEDS
    expect(lookups).toMatchObject({ issued, incorrect: 0, failed: 0, unissued: 0 })
    expect(hops!.mean / path).toBeGreaterThan(0.95)
    expect(hops!.mean / path).toBeLessThan(1.05)
    expect(found!.mean).toBeGreaterThanOrEqual(least)
    expect(found!.mean).toBeLessThanOrEqual(most)
  },
  TEST_MS_MAX
)

it(
  'has one fingerprint, with one worker and with two; another seed has another',
  async () => {
    const [two, one] = [await runOfPlan(), await run(OF_PLAN, { workers: 1 })]
    expect(one.fingerprint).toBe(two.fingerprint)
    const [first, other] = [await run(OF_PLAN, { seeds: 1 }), await run(OF_PLAN, { seeds: 1, seed: 2 })]
    expect(other.fingerprint).not.toBe(first.fingerprint)
  },
  TEST_MS_MAX
)
