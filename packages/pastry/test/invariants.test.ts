/**
 * P1 to P8 (reference 5.1) after every event of runs of random joins, leaves, crashes and silent deaths; and the checker
 * itself: it must find what is wrong with machines that are known to be wrong.
 */
import { describe, expect, it } from 'vitest'
import type { PastryRules } from '../src/machine.ts'
import {
  ACTIVE_EARLY,
  AWAY_FROM_KEYS,
  DEAD_STAY,
  FURTHER_FIRST,
  FURTHER_STAY,
  ONE_SIDED,
  SWALLOWING,
  WRONG_ROOTS,
  WRONG_SLOTS
} from './mutants/mutants.ts'
import { faultRun } from './support/fault-run.ts'
import { faultRuns } from './support/fault-runs.ts'

const SEEDS = 5
/** Runs in one of which each mutant must be found. */
const MUTANT_SEEDS = 40

/** Whether a mutant breaks an invariant in some run. */
function breaks(rules: PastryRules, invariant: string): string[] {
  const found: string[] = []
  for (let seed = 0; seed < MUTANT_SEEDS; seed += 1) {
    // Whoever is not taken for a leaf lacks its place, too: that is not looked at where symmetry is.
    const placedWithinUs = invariant === 'P6 symmetry' ? Number.POSITIVE_INFINITY : undefined
    const { invariant: broken } = faultRun(`mutant-${seed}`, rules, placedWithinUs)
    if (broken !== undefined && !found.includes(broken)) found.push(broken)
    if (broken === invariant) break
  }
  return found
}

describe('P1 to P8 after every event', () => {
  it(`hold in ${SEEDS} seeded runs`, () => {
    const { broken, checks, lookups, held } = faultRuns('run', SEEDS)
    console.log(
      `${SEEDS} runs, ${checks} states checked, ${lookups} lookups while others joined, ${held} kept`
    )
    expect(broken).toEqual([])
    expect(checks).toBeGreaterThan(1000 * SEEDS)
    // Joiners had something to keep.
    expect(held).toBeGreaterThan(0)
  }, 240_000)

  it('one seed gives one run', () => {
    expect(faultRun('again')).toEqual(faultRun('again'))
    expect(faultRun('again').traceHash).not.toBe(faultRun('another').traceHash)
  }, 60_000)
})

describe('what is known to be wrong is found', () => {
  it.each([
    ['P1 entries', 'entries stand in the wrong column', WRONG_SLOTS],
    ['P2 leaf sets', 'probes that are not answered mean nothing: the dead stay', DEAD_STAY],
    ['P2 closest leaves', 'a leaf stays, though one that is closer has come', FURTHER_STAY],
    ['P3 progress', 'keys go anywhere', AWAY_FROM_KEYS],
    ['P4 active', 'a joiner delivers before its leaf set has answered', ACTIVE_EARLY],
    ['P5 roots', 'a node answers for keys of its right neighbour', WRONG_ROOTS],
    ['P6 symmetry', 'who takes a node for a leaf is not taken for one', ONE_SIDED],
    ['P7 joins', 'a joiner swallows what comes to it', SWALLOWING],
    ['P8 proximity', 'the further of two entries stays', FURTHER_FIRST]
  ])(
    '%s: %s',
    (invariant, _what, rules) => {
      expect(breaks(rules, invariant)).toContain(invariant)
    },
    240_000
  )
})
