/**
 * K1 to K6 under joins and deaths from seeds, and mutants that break each of them: the observer finds them all. Nothing
 * else is wrong with a mutant: its chains and signatures are those of the runs that hold.
 */
import { describe, expect, it } from 'vitest'
import type { KelipsRules } from '../src/machine.ts'
import { announceRun, expectInvariants, type FaultRun, faultRun } from './support/fault-run.ts'

const SEEDS = 4

it(`K1 to K6 hold under joins and deaths of ${SEEDS} seeds`, () => expectInvariants(SEEDS), 120_000)

describe('a mutant is found', () => {
  it.each([
    ['K1 groups', 'has everybody in its view', faultRun, { belongs: () => true }],
    [
      'K2 heartbeats',
      'takes old heartbeats for new ones',
      faultRun,
      { isNewer: () => true, isRisen: () => true }
    ],
    ['K3 bytes', 'sends gossip without a bound', faultRun, { mayGo: () => true }],
    ['K3 bytes', 'tells those nearest to a key without one', announceRun, { mayTell: () => true }],
    ['K3 message', 'has twice its rations in a message', faultRun, { ration: entries => 2 * entries }],
    ['K4 expiry', 'forgets nobody', faultRun, { expire: () => undefined }],
    [
      'K5 lookups',
      'never tries again',
      faultRun,
      { retries: { contact: false, walk: false, member: false } }
    ],
    ['K6 joiners', 'tells nobody of a joiner', faultRun, { introduce: () => undefined, isNews: () => false }]
  ] satisfies [
    string,
    string,
    (seed: string, rules: Partial<KelipsRules>) => FaultRun,
    Partial<KelipsRules>
  ][])(
    'by %s: it %s',
    (invariant, _, run, rules) => {
      const found: string[] = []
      for (let seed = 0; seed < 6 && !found.some(text => text.startsWith(invariant)); seed += 1)
        found.push(run(`mutant ${seed}`, rules).broken ?? 'none')
      expect(found).toContainEqual(expect.stringMatching(`^${invariant}`))
    },
    120_000
  )
})
