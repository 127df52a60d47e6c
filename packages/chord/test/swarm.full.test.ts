/** As `swarm.test.ts`, with as many seeds as there is time for. */
import { expect, it } from 'vitest'
import { swarmRun } from './support/swarm.ts'

const BOX_MS = 180_000
const SEEDS_MIN = 100

it(
  'when the faults are over, the ring is ideal again and all lookups are right',
  () => {
    const beganMs = performance.now()
    const broken: string[] = []
    let seeds = 0
    let faults = 0
    while (performance.now() - beganMs < BOX_MS || seeds < SEEDS_MIN) {
      const run = swarmRun(`full swarm ${seeds}`)
      seeds += 1
      faults += run.faults
      if (run.broken !== undefined) broken.push(run.broken)
    }
    console.log(`${seeds} seeds, ${faults} faults`)
    expect(broken).toEqual([])
    expect(faults).toBeGreaterThan(seeds)
  },
  2 * BOX_MS
)
