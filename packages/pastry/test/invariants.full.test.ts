/** P1 to P8 in many seeded runs. */
import { expect, it } from 'vitest'
import { faultRuns } from './support/fault-runs.ts'

const SEEDS = 300

it(`hold in ${SEEDS} seeded runs`, () => {
  const { broken, checks, lookups, held } = faultRuns('full', SEEDS)
  console.log(`${SEEDS} runs, ${checks} states checked, ${lookups} lookups while others joined, ${held} kept`)
  expect(broken).toEqual([])
}, 3_600_000)
