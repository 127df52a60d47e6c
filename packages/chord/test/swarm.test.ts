/** A ring under partitions, pauses, restarts, crashes, skewed clocks and resets, as each seed draws them. */
import { describe, expect, it } from 'vitest'
import { type SwarmRun, swarmRun } from './support/swarm.ts'

const SEEDS = 40

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

/**
 * Chord's theorems do not hold where not everybody can reach everybody. With one pair in twenty deaf, 2.9 to 4.8 %
 * of the lookups of Chord failed in p2psim (Li et al., INFOCOM 2005).
 */
describe('where that does not pass', () => {
  const SEEDS = 40
  const FAILED_MOST = 0.048
  const failed = (runs: readonly SwarmRun[]) =>
    1 - runs.reduce((sum, run) => sum + run.correct, 0) / runs.reduce((sum, run) => sum + run.lookups, 0)

  it.each([
    ['one pair in twenty cannot hear each other', { deafPairShare: 0.05 }],
    ['one peer in ten cannot be dialled', { undiallableShare: 0.1 }]
  ])(
    '%s: hardly a lookup fails or is wrong',
    (_, lasting) => {
      const runs = Array.from({ length: SEEDS }, (_, seed) => swarmRun(`lasting ${seed}`, lasting))
      console.log(`${(100 * failed(runs)).toFixed(1)} % of lookups failed or were wrong`)
      expect(failed(runs)).toBeLessThan(FAILED_MOST)
    },
    60_000
  )
})
