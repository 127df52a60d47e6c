/** The experiments of Chord's papers at their sizes. `SERVENT_TEST_FULL=1` runs them. */
import { describe, expect, it } from 'vitest'
import { pathLengths, stretch, tableThree, tableTwo } from './support/experiments.ts'
import { keysPerNode, percentile } from './support/load.ts'
import { mean } from './support/lookups.ts'
import {
  LOAD_MODEL,
  LOAD_TOLERANCE,
  PATH_MODEL,
  PATH_TOLERANCE,
  TABLE_THREE,
  TABLE_TWO,
  TABLE_TWO_PATH_TOLERANCE,
  TABLE_TWO_TIMEOUTS_TOLERANCE
} from './support/paper-figures.ts'

const NETWORKS = 30
const LOOKUPS = 1000
const SEEDS = 30

describe('ToN figure 10: mean path length', () => {
  it.each([...PATH_MODEL])(
    '%i nodes, 30 networks: %f within 3 percent',
    (count, model) => {
      const runs = Array.from({ length: NETWORKS }, (_, seed) => pathLengths(`full-${seed}`, count, LOOKUPS))
      const path = mean(runs.map(({ published }) => mean(published)))
      const all = runs.flatMap(({ published }) => published)
      console.log(
        `N=${count}: ${path.toFixed(3)} (1st ${percentile(all, 0.01)}, 99th ${percentile(all, 0.99)})`
      )
      expect(Math.abs(path / model - 1)).toBeLessThan(PATH_TOLERANCE)
    },
    900_000
  )
})

describe('ToN Table II: 30 seeds', () => {
  it.each(TABLE_TWO)(
    '$fraction of 1,000 nodes fail',
    figures => {
      const runs = Array.from({ length: SEEDS }, (_, seed) =>
        tableTwo(`full-${seed}`, figures.fraction, LOOKUPS)
      )
      const path = mean(runs.map(({ published }) => mean(published)))
      const timeouts = mean(runs.map(run => mean(run.timeouts)))
      console.log(`${figures.fraction}: path ${path.toFixed(3)}, timeouts ${timeouts.toFixed(3)}`)
      for (const { incorrect, failed } of runs)
        expect({ incorrect, failed }).toEqual({ incorrect: 0, failed: 0 })
      expect(Math.abs(path / figures.pathModel - 1)).toBeLessThan(TABLE_TWO_PATH_TOLERANCE)
      expect(timeouts).toBeGreaterThanOrEqual(figures.timeoutsModel * (1 - TABLE_TWO_TIMEOUTS_TOLERANCE))
      expect(timeouts).toBeLessThanOrEqual(figures.timeoutsPaper * (1 + TABLE_TWO_TIMEOUTS_TOLERANCE))
    },
    600_000
  )
})

describe('ToN Table III: failures under churn', () => {
  it.each(TABLE_THREE.filter(({ rate }) => [0.05, 0.2, 0.4].includes(rate)))(
    '$rate joins and leaves a second',
    ({ rate, failures }) => {
      const { issued, incorrect, failed, hops, timeouts } = tableThree('full', rate, 4000)
      const of10000 = ((incorrect + failed) * 10_000) / issued
      console.log(
        `R=${rate}: ${of10000.toFixed(1)} failures of 10,000, paper ${failures}; path ${mean(hops).toFixed(2)}, timeouts ${mean(timeouts).toFixed(3)}`
      )
      // The same order or better; one failure of 4,000 lookups is 2.5 of 10,000.
      expect(of10000).toBeLessThanOrEqual(failures + 5)
    },
    600_000
  )
})

describe('ToN section VI-B: 10^4 nodes, 10^6 keys', () => {
  it.each(LOAD_MODEL)(
    '$virtualNodes virtual nodes',
    ({ virtualNodes, p99, p1 }) => {
      const counts = keysPerNode('load', 10_000, 1_000_000, virtualNodes)
      const ratio = percentile(counts, 0.99) / mean(counts)
      console.log(
        `v=${virtualNodes}: 99th ${ratio.toFixed(2)}, 1st ${(percentile(counts, 0.01) / mean(counts)).toFixed(2)}`
      )
      expect(Math.abs(ratio / p99 - 1)).toBeLessThan(LOAD_TOLERANCE)
      expect(Math.abs(percentile(counts, 0.01) / mean(counts) - p1)).toBeLessThan(0.03)
    },
    120_000
  )
})

describe('ToN section VI-E: recursive lookups in a plane', () => {
  it('are of the order that is printed, and shorter with proximity', () => {
    const off = stretch('plane', 4096, 'off', 4000)
    const on = stretch('plane', 4096, 'on', 4000)
    console.log(`median stretch ${off.median.toFixed(2)} without, ${on.median.toFixed(2)} with proximity`)
    // 2^16 nodes in the paper: 4.5 without, 1.7 with 16 candidates.
    expect(off.median).toBeGreaterThan(2.5)
    expect(off.median).toBeLessThan(7)
    expect(on.median).toBeLessThan(0.7 * off.median)
  }, 120_000)
})
