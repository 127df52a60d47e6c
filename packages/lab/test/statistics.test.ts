import { describe, expect, it } from 'vitest'
import { inequality, interval, mean, percentile, summarise } from '../src/statistics.ts'

describe('summaries', () => {
  it('percentiles are samples by nearest rank, over all runs together', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => index + 1)
    expect([1, 50, 95, 99, 100].map(percent => percentile(hundred, percent))).toEqual([1, 50, 95, 99, 100])
    expect(percentile([7], 1)).toBe(7)
    expect(summarise([[3, 1], [2]])).toMatchObject({ mean: 2, p1: 1, p50: 2, p99: 3 })
  })

  it('the mean is the middle of its interval, however many samples a run has', () => {
    const { mean, ci95 } = summarise([[1], [3, 3, 3], [5]])!
    expect(mean).toBe(3)
    expect((ci95![0] + ci95![1]) / 2).toBeCloseTo(mean, 12)
    expect(summarise([[1], [4, 4, 4]])!.mean).toBe(2.5)
  })

  it('a run without samples counts for nothing, and none at all give nothing', () => {
    expect(summarise([[], [4], []])).toEqual({ mean: 4, p1: 4, p50: 4, p95: 4, p99: 4, ci95: null })
    expect(summarise([[], []])).toBeNull()
  })

  it('the interval is Student’s, over the means of runs', () => {
    // Five means with mean 3 and deviation sqrt(2.5): 3 +- 2.776 * sqrt(2.5 / 5).
    const [low, high] = interval([1, 2, 3, 4, 5])!
    expect(low).toBeCloseTo(3 - 2.776 * Math.sqrt(0.5), 9)
    expect(high).toBeCloseTo(3 + 2.776 * Math.sqrt(0.5), 9)
    expect(interval([1])).toBeNull()
    // Samples of one run do not narrow it: only their mean counts.
    expect(
      summarise([
        [1, 3],
        [2, 4]
      ])!.ci95
    ).toEqual(interval([2, 3]))
  })

  it('holds the true mean in 95 of 100 experiments, with few runs as with many', () => {
    let seed = 1
    const unit = () => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
      return seed / 2 ** 32
    }
    for (const runs of [4, 35, 130]) {
      let held = 0
      for (let experiment = 0; experiment < 2000; experiment += 1) {
        // Nearly normal, with mean 6.
        const means = Array.from({ length: runs }, () => mean(Array.from({ length: 12 }, unit)) * 12)
        const [low, high] = interval(means)!
        if (low <= 6 && 6 <= high) held += 1
      }
      expect(held / 2000).toBeGreaterThan(0.935)
      expect(held / 2000).toBeLessThan(0.965)
    }
  })
})

describe('inequality', () => {
  it('all the same is 0, one has all is nearly 1', () => {
    expect(inequality([[5, 5, 5, 5]])).toEqual({ max_over_mean: 1, p99_over_mean: 1, gini: 0 })
    expect(inequality([[0, 0, 0, 8]])).toEqual({ max_over_mean: 4, p99_over_mean: 4, gini: 0.75 })
    expect(inequality([[1, 3]])!.gini).toBeCloseTo(0.25, 12)
  })

  it('is the mean over runs, and nothing where there is no load', () => {
    expect(
      inequality([
        [1, 1],
        [0, 2]
      ])!.gini
    ).toBeCloseTo(0.25, 12)
    expect(inequality([[0, 0]])).toBeNull()
    expect(inequality([[]])).toBeNull()
  })
})
