/** Networks that live through drawn faults: healed within a stated time once they are over, whatever they were. */
import { expect, it } from 'vitest'
import { swarmRun } from './support/swarm.ts'

const SEEDS = 20

it(`${SEEDS} networks are right again, and every lookup is`, () => {
  const runs = Array.from({ length: SEEDS }, (_, seed) => swarmRun(`swarm-${seed}`))
  const slowest = Math.max(...runs.map(({ healedMs }) => healedMs))
  const faults = runs.reduce((sum, run) => sum + run.faults, 0)
  console.log(`${faults} faults; the slowest network was right after ${slowest} ms`)
  expect(runs.flatMap(({ broken }) => broken ?? [])).toEqual([])
  for (const { correct, incorrect } of runs)
    expect({ correct, incorrect }).toEqual({ correct: 20, incorrect: 0 })
  expect(faults).toBeGreaterThan(SEEDS)
}, 240_000)
