/** Networks that live through drawn faults, of so many seeds: each is right again, and so is every lookup. */
import { expect } from 'vitest'
import { swarmRun } from './swarm.ts'

const LOOKUPS = 20

export function expectHealed(seeds: number): void {
  const runs = Array.from({ length: seeds }, (_, seed) => swarmRun(`swarm-${seed}`))
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
  expect(faults).toBeGreaterThan(seeds)
}
