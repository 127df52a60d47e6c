import { expect, it } from 'vitest'
import { Estimate } from '../src/progress.ts'

it('promises nothing before every overlay has shown what it costs, and then counts each by its own', () => {
  let now = 0
  const tasks = [1, 2].flatMap(seed => [
    { overlay: 'chord' as const, seed, work: 1 },
    { overlay: 'gnutella' as const, seed, work: 1 }
  ])
  const estimate = new Estimate(tasks, 2, () => now)
  estimate.began(0)
  estimate.began(1)
  now = 1000
  expect(estimate.at(0, 0.5)).toEqual({ runs: 4, runsDone: 0, done: 0.125, remainingMs: undefined })
  // Gnutella takes 10 s a run, chord 2 s.
  const { done, remainingMs } = estimate.at(1, 0.1)
  expect(remainingMs).toBeCloseTo((1000 + 9000 + 2000 + 10_000) / 2, 6)
  expect(done).toBeCloseTo(2000 / 24_000, 6)
})

it('the last run is not parted among workers', () => {
  let now = 0
  const estimate = new Estimate([{ overlay: 'chord', work: 1 }], 8, () => now)
  estimate.began(0)
  now = 4000
  expect(estimate.at(0, 0.8).remainingMs).toBeCloseTo(1000, 6)
  expect(estimate.at(0, 1)).toEqual({ runs: 1, runsDone: 1, done: 1, remainingMs: 0 })
})

it('a run with more work is expected to take as much longer', () => {
  let now = 0
  const jobs = [
    { overlay: 'chord' as const, work: 1 },
    { overlay: 'chord' as const, work: 9 }
  ]
  const estimate = new Estimate(jobs, 1, () => now)
  estimate.began(0)
  now = 1000
  const first = estimate.at(0, 1)
  expect([first.done, first.remainingMs]).toEqual([expect.closeTo(0.1, 6), 9000])
  estimate.began(1)
  // Half as long as was expected, so far.
  now = 3250
  expect(estimate.at(1, 0.5).remainingMs).toBeCloseTo((4.5 * 3250) / 5.5, 6)
})
