/** Medians and their intervals. */
import { randomOf } from '@servent/simulator'
import { expect, it } from 'vitest'
import { bootstrap, medianOf } from '../src/study/figures.ts'

it('a median is the one in the middle, or between the two there', () => {
  expect([medianOf([]), medianOf([3]), medianOf([9, 1, 5]), medianOf([4, 1, 2, 9])]).toEqual([null, 3, 5, 3])
})

it('a bootstrap says nothing of four runs, and the same each time of five', () => {
  expect(bootstrap([1, 2, 3, 4])).toBeNull()
  expect(bootstrap([1, 2, 3, 4, 5])).toEqual(bootstrap([1, 2, 3, 4, 5]))
  expect(bootstrap([7, 7, 7, 7, 7])).toEqual([7, 7])
})

it('of ten runs its interval holds the true median nineteen times in twenty, or nearly', () => {
  const random = randomOf('coverage')
  const sets = 400
  let held = 0
  for (let set = 0; set < sets; set += 1) {
    // The median of an even distribution over [0, 1) is a half.
    const [low, high] = bootstrap(Array.from({ length: 10 }, () => random.unit()))!
    if (low <= 0.5 && 0.5 <= high) held += 1
  }
  // The bootstrap of a median of so few is known to hold it a little less often, or more.
  expect(held / sets).toBeGreaterThan(0.9)
  expect(held / sets).toBeLessThan(0.995)
})
