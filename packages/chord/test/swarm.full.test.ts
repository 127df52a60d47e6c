/** As `swarm.test.ts`, with as many seeds as there is time for. */
import { expect, it } from 'vitest'
import { LASTING, LASTING_FAILED_MOST, lastingFailures, swarmRun } from './support/swarm.ts'

const BOX_MS = 180_000
const SEEDS_MIN = 100
const LASTING_SEEDS = 40
/**
 * Of lookups in the whole ring. Whose acknowledgement comes a moment too late is taken for dead, and the one behind
 * answers in its place: one in twelve thousand.
 */
const FAILED_MOST = 0.001

it(
  'when the faults are over, the ring is ideal again and lookups are right',
  () => {
    const beganMs = performance.now()
    const broken: string[] = []
    let [seeds, faults, lookups, correct] = [0, 0, 0, 0]
    while (performance.now() - beganMs < BOX_MS || seeds < SEEDS_MIN) {
      const run = swarmRun(`full swarm ${seeds}`)
      seeds += 1
      faults += run.faults
      lookups += run.lookups
      correct += run.correct
      if (run.broken !== undefined) broken.push(run.broken)
    }
    console.log(`${seeds} seeds, ${faults} faults, ${correct} of ${lookups} lookups right`)
    expect(broken).toEqual([])
    expect((lookups - correct) / lookups).toBeLessThan(FAILED_MOST)
    expect(faults).toBeGreaterThan(seeds)
  },
  2 * BOX_MS
)

it.each(LASTING)(
  '%s: hardly a lookup fails or is wrong',
  (_, lasting) => {
    expect(lastingFailures(LASTING_SEEDS, lasting)).toBeLessThan(LASTING_FAILED_MOST)
  },
  240_000
)
