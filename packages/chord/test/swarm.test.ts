/** A ring under partitions, pauses, restarts, crashes, skewed clocks and resets, as each seed draws them. */
import { expect, it } from 'vitest'
import { swarmRun } from './support/swarm.ts'

const SEEDS = 24

it(`${SEEDS} seeds: when the faults are over, the ring is ideal again and lookups are right`, () => {
  const runs = Array.from({ length: SEEDS }, (_, seed) => swarmRun(`swarm ${seed}`))
  const faults = runs.reduce((sum, run) => sum + run.faults, 0)
  const longestMs = Math.max(...runs.map(run => run.healedMs))
  console.log(`${SEEDS} seeds, ${faults} faults, healed after ${longestMs} ms at most`)
  expect(runs.flatMap(({ broken }) => broken ?? [])).toEqual([])
  expect(faults).toBeGreaterThan(SEEDS)
}, 60_000)

it('a seed gives one run', () => {
  expect(swarmRun('swarm 1').traceHash).toBe(swarmRun('swarm 1').traceHash)
  expect(swarmRun('swarm 1').traceHash).not.toBe(swarmRun('swarm 2').traceHash)
})
