/** Sections 3 and 4 of Gupta et al., IPTPS 2003, at the paper's own sizes, over several seeds. */
import { describe, expect, it } from 'vitest'
import {
  curveText,
  type InsertTally,
  insertTries,
  killHalf,
  quiet,
  SETTLED_ROUNDS,
  spreadCurve,
  thinViews
} from './support/experiments.ts'

const HOUR_MS = 3_600_000

it.each(['paper', 'b', 'c'])(
  `500 of 1,000 peers die at one instant: lookups fail only where no provider lives, and views are right within 40 rounds and stay so for ${SETTLED_ROUNDS}: seed %s`,
  seed => {
    const { found, missed, ghosts, settledRounds, missingMost } = killHalf(seed, 1000, 5)
    console.log(`${seed}: ${found} found, ${missed} missed, views settled after ${settledRounds} rounds`)
    expect({ missed, ghosts, missingMost }).toEqual({ missed: 0, ghosts: 0, missingMost: 0 })
    expect(found).toBeGreaterThan(400)
    expect(settledRounds).toBeLessThanOrEqual(40)
  },
  HOUR_MS
)

describe('tries until a value has its homenode, of 1,000 values with one copy each', () => {
  const INSERTS = 1000
  const settings = { replicas: 1 }
  /** Of a hundred inserts, those that took so many tries at most. */
  const within = ({ tries }: InsertTally): number[] =>
    tries.map((_, at) => (100 * tries.slice(0, at + 1).reduce((sum, count) => sum + count, 0)) / INSERTS)

  it(
    '1,000 peers with whole views take no more than the paper’s 66.2, 33 and 0.8 of a hundred in 1 to 3, and none fails',
    () => {
      const tally = insertTries(quiet('inserts', 1000, 5, settings), INSERTS)
      console.log(`whole views: ${tally.tries.join(', ')} in 1 to 4 tries, ${tally.failed} failed`)
      // A walk may end where nobody takes the file; whoever is drawn here takes it, if it lives.
      expect(tally).toEqual({ tries: [INSERTS, 0, 0, 0], failed: 0 })
    },
    HOUR_MS
  )

  it(
    '1,500 peers with views that are 55.8 % full: the paper’s are 47.2, 47.04, 3.76 and 0.96, and 1.04 fail',
    () => {
      const still = quiet('inserts', 1500, 5, settings)
      expect(Math.abs(thinViews(still, 0.558) - 0.558)).toBeLessThan(0.01)
      const tally = insertTries(still, INSERTS)
      console.log(`views 55.8 % full: ${tally.tries.join(', ')} in 1 to 4 tries, ${tally.failed} failed`)
      for (const [at, paper] of [47.2, 94.24, 98, 98.96].entries())
        expect(within(tally)[at]).toBeGreaterThanOrEqual(paper)
      expect(tally.failed / INSERTS).toBeLessThanOrEqual(0.0104)
    },
    HOUR_MS
  )

  it(
    '1,000 peers of which half died at this instant: half of the tries come to nothing',
    () => {
      const still = quiet('inserts', 1000, 5, settings)
      for (const node of still.nodes)
        if (still.work.random.below(2) === 0) still.network.simulation.silence(node)
      const tally = insertTries(still, INSERTS)
      console.log(`half died: ${tally.tries.join(', ')} in 1 to 4 tries, ${tally.failed} failed`)
      // A sixteenth would have four dead ones drawn; whom the first ones found dead the others do not draw.
      for (const [at, chance] of [50, 75, 87.5, 93.75].entries())
        expect(within(tally)[at]).toBeGreaterThan(chance - 5)
      expect(tally.failed / INSERTS).toBeLessThan(1 / 16 + 0.03)
    },
    HOUR_MS
  )
})

it(
  'a new tuple spreads in rounds that grow with the logarithm of the group: 64 to 4,096 peers',
  () => {
    const seeds = ['a', 'b', 'c', 'd', 'e']
    const usual = spreadCurve(seeds, [
      [64, 2],
      [256, 4],
      [1024, 5],
      [4096, 6]
    ])
    console.log(
      `as many groups as there are: ${curveText(usual.points)}; ${usual.slope.toFixed(2)} a doubling`
    )
    const four = spreadCurve(seeds, [
      [64, 2],
      [128, 2],
      [256, 2],
      [512, 2],
      [1024, 2]
    ])
    const large = spreadCurve(['a', 'b', 'c'], [[2048, 2]])
    console.log(`four groups: ${curveText(four.points)}; ${four.slope.toFixed(2)} a doubling`)
    console.log(`and ${curveText(large.points)}`)
    expect(Math.max(...usual.points.map(({ all }) => all))).toBeLessThan(5)
    // By one doubling as by another: a line against the logarithm, where the group's size would have it double.
    expect(four.slope).toBeGreaterThan(0.4)
    expect(four.slope).toBeLessThan(1)
    const line = four.points.at(-1)!.all + four.slope
    expect(Math.abs(large.points[0]!.all - line)).toBeLessThan(1.5)
  },
  HOUR_MS
)
