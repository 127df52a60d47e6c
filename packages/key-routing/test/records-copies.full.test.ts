/** Storage invariants under churn, with many seeds. */
import { expect, it } from 'vitest'
import { churn } from './record-churn.ts'

const SEEDS = 100

it(`no acknowledged record is ever without a holder, in ${SEEDS} runs`, () => {
  let runs = 0
  for (let seed = 0; seed < SEEDS; seed += 1) {
    churn(`churn ${seed}`)
    runs += 1
  }
  expect(runs).toBe(SEEDS)
}, 600_000)
