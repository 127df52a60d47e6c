/**
 * Chord's Table II (Stoica et al., ToN 2003, section VI-D) as the lab gives it: 1,000 peers, 20 successors, 30 % of
 * them dead at one instant, stabilisation off. `paper.full.test.ts` has all of its lookups, and all of the table.
 */
import { expect, it } from 'vitest'
import { resolvePlan } from '../src/plan.ts'
import { runOnce } from '../src/run.ts'
import { mean } from '../src/statistics.ts'

/** What models and the paper find (reference 2.8): mean path 4.37, timeouts 1.85 and 2.02, each give or take. */
const PATH = 4.37

it('every lookup finds its root, in as many steps as the model says', () => {
  const plan = resolvePlan({
    lookups: 1000,
    failures: 0.3,
    set: { 'chord.successors': 20, 'chord.proximity': 'off' }
  })
  const { correct, incorrect, failed, unissued, hopsAsPublished, timeouts } = runOnce(
    plan,
    {},
    { overlay: 'chord', seed: 1 }
  ).lookups
  expect({ correct, incorrect, failed, unissued }).toEqual({
    correct: 1000,
    incorrect: 0,
    failed: 0,
    unissued: 0
  })
  const path = mean(hopsAsPublished)
  expect(path / PATH).toBeGreaterThan(0.95)
  expect(path / PATH).toBeLessThan(1.05)
  expect(mean(timeouts!)).toBeGreaterThan(1.67)
  expect(mean(timeouts!)).toBeLessThan(2.22)
}, 60_000)
