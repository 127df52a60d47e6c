/** K1 to K6 under joins and deaths from seeds, and mutants that break each of them: the observer finds them all. */
import { describe, expect, it } from 'vitest'
import { CORRECT_KELIPS, type KelipsRules } from '../src/machine.ts'
import { expectInvariants, faultRun } from './support/fault-run.ts'

const SEEDS = 4

it(`K1 to K6 hold under joins and deaths of ${SEEDS} seeds`, () => expectInvariants(SEEDS), 120_000)

describe('a mutant is found', () => {
  it.each([
    ['K1', { belongs: () => true }],
    ['K2', { isNewer: () => true, isRisen: () => true }],
    ['K3', { mayGo: () => true }],
    ['K4', { expire: () => undefined }],
    ['K5', { retries: false }],
    ['K6', { introduce: () => undefined, isNews: () => false }]
  ] satisfies [string, Partial<KelipsRules>][])(
    'that breaks %s',
    (invariant, rules) => {
      const found: string[] = []
      for (let seed = 0; seed < 6 && !found.some(text => text.startsWith(invariant)); seed += 1)
        found.push(
          faultRun(`mutant ${seed}`, { ...CORRECT_KELIPS, ...rules, oneWay: () => undefined }).broken ?? ''
        )
      expect(found.some(text => text.startsWith(invariant))).toBe(true)
    },
    120_000
  )
})
