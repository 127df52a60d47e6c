/**
 * A ring under partitions, pauses, restarts, crashes, skewed clocks and resets, as each seed draws them. As many seeds as
 * there is time for are in `swarm.full.test.ts`.
 */
import { describe, expect, it } from 'vitest'
import { LASTING, LASTING_FAILED_MOST, lastingFailures, swarmRun } from './support/swarm.ts'

const SEEDS = 12

it(`${SEEDS} seeds: when the faults are over, the ring is ideal again and all lookups are right`, () => {
  const runs = Array.from({ length: SEEDS }, (_, seed) => swarmRun(`swarm ${seed}`))
  const faults = runs.reduce((sum, run) => sum + run.faults, 0)
  const longestMs = Math.max(...runs.map(run => run.healedMs))
  console.log(`${SEEDS} seeds, ${faults} faults, healed after ${longestMs} ms at most`)
  expect(runs.flatMap(({ broken }) => broken ?? [])).toEqual([])
  expect(runs.filter(({ correct, lookups }) => correct < lookups)).toEqual([])
  expect(faults).toBeGreaterThan(SEEDS)
}, 120_000)

it('a seed gives one run', () => {
  expect(swarmRun('swarm 1').traceHash).toBe(swarmRun('swarm 1').traceHash)
  expect(swarmRun('swarm 1').traceHash).not.toBe(swarmRun('swarm 2').traceHash)
})

describe('where that does not pass', () => {
  it.each(LASTING)(
    '%s: hardly a lookup fails or is wrong',
    (_, lasting) => {
      expect(lastingFailures(SEEDS, lasting)).toBeLessThan(LASTING_FAILED_MOST)
    },
    60_000
  )
})
