/**
 * Zave's invariant and what follows from it, after every event of runs of random joins, leaves, crashes and silent
 * deaths; and the checker itself: it must find what is wrong with machines that are known to be wrong.
 */
import { describe, expect, it } from 'vitest'
import type { ChordRules } from '../src/machine.ts'
import { ORIGINAL_CHORD } from './mutants/original-chord.ts'
import { WITHOUT_RECTIFY } from './mutants/without-rectify.ts'
import { WRONG_ROOTS } from './mutants/wrong-roots.ts'
import { faultRun } from './support/fault-run.ts'
import { faultRuns } from './support/fault-runs.ts'

const SEEDS = 40
/** Runs in one of which each mutant must be found. */
const MUTANT_SEEDS = 40

/** The invariants that a mutant breaks, until it breaks this one. */
function brokenBy(rules: ChordRules, wanted: string, virtualNodes = 1): string[] {
  const found = new Set<string>()
  for (let seed = 0; seed < MUTANT_SEEDS; seed += 1) {
    const { invariant } = faultRun(`mutant-${seed}`, rules, virtualNodes)
    if (invariant !== undefined) found.add(invariant)
    if (invariant === wanted) break
  }
  return [...found]
}

describe('C1 to C10 (reference 5.1) after every event', () => {
  it(`hold in ${SEEDS} seeded runs, those aside in which an assumption was broken`, () => {
    const { broken, setAside, checks, refused, doubted, answers, late } = faultRuns('run', SEEDS)
    console.log(`${SEEDS} runs, ${setAside} set aside, ${checks} states checked, ${doubted} answers doubted`)
    expect(broken).toEqual([])
    // Everybody is honest: no root that answered was taken for a liar.
    expect(refused).toBe(0)
    expect(setAside).toBeLessThan(SEEDS / 4)
    expect(late).toBeLessThan(answers / 100)
    expect(checks).toBeGreaterThan(20 * SEEDS)
  }, 240_000)

  it('one seed gives one run', () => {
    expect(faultRun('again')).toEqual(faultRun('again'))
    expect(faultRun('again').traceHash).not.toBe(faultRun('another').traceHash)
  })
})

describe('what is known to be wrong is found', () => {
  it('Chord as it was published: members are left without a living successor', () => {
    expect(brokenBy(ORIGINAL_CHORD, 'C1 OneLiveSuccessor')).toContain('C1 OneLiveSuccessor')
  }, 240_000)

  it('a machine without rectify: a dead predecessor stays, and the ring never becomes ideal', () => {
    expect(brokenBy(WITHOUT_RECTIFY, 'convergence')).toContain('convergence')
  }, 240_000)

  it('a machine that answers for the keys of its successor: roots are wrong', () => {
    expect(brokenBy(WRONG_ROOTS, 'C9 owner')).toContain('C9 owner')
  }, 240_000)

  it('the same where every peer has several places', () => {
    expect(brokenBy(WRONG_ROOTS, 'C9 owner', 2)).toContain('C9 owner')
  }, 240_000)
})
