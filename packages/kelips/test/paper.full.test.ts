/** Section 4 of Gupta et al., IPTPS 2003, at the paper's own size, and the spread of news up to 4,096 peers. */
import { expect, it } from 'vitest'
import { killHalf, spread } from './support/experiments.ts'

it('500 of 1,000 peers die at one instant: lookups fail only where no provider lives, and views settle in 40 rounds', () => {
  const { found, missed, ghosts, settledRounds } = killHalf('paper', 1000, 5)
  console.log(`${found} found, ${missed} missed, views settled after ${settledRounds} rounds`)
  expect({ missed, ghosts }).toEqual({ missed: 0, ghosts: 0 })
  expect(settledRounds).toBeLessThanOrEqual(40)
}, 900_000)

it('a new tuple spreads in rounds that grow with the logarithm of the group', () => {
  const rounds = ([64, 256, 1024, 4096] as const).map(
    (count, at) => spread('full', count, [2, 4, 5, 6][at]!, { news: 'by-round' }).all
  )
  console.log(`64, 256, 1,024 and 4,096 peers: ${rounds.join(', ')} rounds`)
  expect(Math.max(...rounds)).toBeLessThan(8)
}, 900_000)

it('a new tuple spreads as fast in three networks of each size', () => {
  const rounds = ([64, 256, 1024] as const).map((count, at) => {
    const seeds = ['a', 'b', 'c'].map(seed => spread(seed, count, 2 + at, { news: 'by-round' }).all)
    return seeds.reduce((sum, all) => sum + all, 0) / seeds.length
  })
  console.log(`64, 256 and 1,024 peers: ${rounds.map(mean => mean.toFixed(1)).join(', ')} rounds`)
  expect(Math.max(...rounds)).toBeLessThan(6)
}, 300_000)
