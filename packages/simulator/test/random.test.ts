/** Streams of chance: of their own, and the same everywhere. */
import { expect, test } from 'vitest'
import { randomOf, Streams } from '../src/index.ts'

const draws = (random: { u32(): number }, count: number) => Array.from({ length: count }, () => random.u32())

const EXPECTED = [2278702438, 699001303, 2652085453, 1447441818]

test('a seed gives the same numbers on every machine', () => {
  expect(draws(randomOf('a seed'), 4)).toEqual(EXPECTED)
  expect(draws(randomOf('another seed'), 4)).not.toEqual(EXPECTED)
})

test('a stream stays what it is, whatever is drawn from others and in which order they begin', () => {
  const alone = draws(new Streams('s').of('churn'), 10)
  const streams = new Streams('s')
  draws(streams.of('workload'), 7)
  const churn = [...draws(streams.of('churn'), 5)]
  draws(streams.of('network'), 3)
  churn.push(...draws(streams.of('churn'), 5))
  expect(churn).toEqual(alone)
  expect(draws(new Streams('s').of('workload'), 10)).not.toEqual(alone)
})

test('a fork depends on its label and on the seed, not on what was drawn', () => {
  const [fresh, used] = [randomOf('s'), randomOf('s')]
  draws(used, 100)
  expect(draws(used.fork('x'), 5)).toEqual(draws(fresh.fork('x'), 5))
  expect(draws(fresh.fork('y'), 5)).not.toEqual(draws(fresh.fork('x'), 5))
})

test('whole numbers below n are uniform, and a fraction is at most one less 2^-32', () => {
  const random = randomOf('uniform')
  const counts = new Array<number>(6).fill(0)
  for (let draw = 0; draw < 60_000; draw += 1) counts[random.below(6)]! += 1
  // Five degrees of freedom: over 20.5 once in a thousand.
  const chiSquared = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0)
  expect(chiSquared).toBeLessThan(20.5)
  // With n = 3 x 2^30 a quarter of the draws is of no use: taken none the less, they would make half of them low.
  let low = 0
  for (let draw = 0; draw < 6_000; draw += 1) if (random.below(3 * 2 ** 30) < 2 ** 30) low += 1
  expect(Math.abs(low - 2_000)).toBeLessThan(150)
  let most = 0
  for (let draw = 0; draw < 10_000; draw += 1) most = Math.max(most, random.unit())
  expect(most).toBeLessThan(1)
  expect(most).toBeGreaterThan(0.99)
})

test.each([0, -1, 1.5, 2 ** 32 + 1, Number.NaN])('no whole number lies below %d', n => {
  expect(() => randomOf('s').below(n)).toThrow(RangeError)
})
