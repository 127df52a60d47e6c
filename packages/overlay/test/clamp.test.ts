import { clamp } from '@servent/overlay/machine'
import { expect, it } from 'vitest'

it.each([
  [3, 3],
  [1, 1],
  [8, 8],
  [0, 1],
  [9, 8],
  [3.9, 3],
  [0.5, 1],
  [-2.5, 1],
  [Number.POSITIVE_INFINITY, 8],
  [Number.NEGATIVE_INFINITY, 1],
  [Number.NaN, 1]
])('%s from 1 to 8 is %s', (value, kept) => {
  expect(clamp(value, 1, 8)).toBe(kept)
})

it('a range may begin at zero or below', () => {
  expect(clamp(Number.NaN, 0, 10)).toBe(0)
  expect(clamp(0.7, 0, 10)).toBe(0)
  expect(clamp(-1.5, -2, 10)).toBe(-2)
})
