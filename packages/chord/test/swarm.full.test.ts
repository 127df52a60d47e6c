/** As `swarm.test.ts`, with many more seeds. */
import { expect, it } from 'vitest'
import { swarmRun } from './support/swarm.ts'

const SEEDS = 400

it(`${SEEDS} seeds: when the faults are over, the ring is ideal again and lookups are right`, () => {
  const runs = Array.from({ length: SEEDS }, (_, seed) => swarmRun(`full swarm ${seed}`))
  const faults = runs.reduce((sum, run) => sum + run.faults, 0)
  const longestMs = Math.max(...runs.map(run => run.healedMs))
  console.log(`${SEEDS} seeds, ${faults} faults, healed after ${longestMs} ms at most`)
  expect(runs.flatMap(({ broken }) => broken ?? [])).toEqual([])
  expect(faults).toBeGreaterThan(SEEDS)
}, 600_000)
