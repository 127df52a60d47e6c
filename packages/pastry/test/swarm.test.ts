/** Networks that live through drawn faults: healed within a stated time once they are over, whatever they were. */
import { expect, it } from 'vitest'
import { swarmRun } from './support/swarm.ts'

const SEEDS = 60
const LOOKUPS = 20

it(`${SEEDS} networks are right again, and so is every lookup`, () => {
  const runs = Array.from({ length: SEEDS }, (_, seed) => swarmRun(`swarm-${seed}`))
  const slowest = Math.max(...runs.map(({ healedMs }) => healedMs))
  const faults = runs.reduce((sum, run) => sum + run.faults, 0)
  console.log(`${faults} faults; the slowest network was right after ${slowest} ms`)
  expect(runs.flatMap(({ broken }) => broken ?? [])).toEqual([])
  // A root that answers late is waited for, and not overruled by the next closest.
  expect(
    runs
      .filter(({ correct }) => correct !== LOOKUPS)
      .map(({ seed, correct, incorrect }) => ({ seed, correct, incorrect }))
  ).toEqual([])
  expect(faults).toBeGreaterThan(SEEDS)
}, 240_000)
