/**
 * What is said of a set of numbers. Only + - * / and sqrt are used, whose last bits are the same on every CPU.
 *
 * Percentiles are by nearest rank over all samples of all runs together. A mean is the mean of the runs' means, so
 * that it is the middle of its own interval, which is Student's t over those means: networks of different seeds are
 * independent of each other, lookups in one network are not. With few runs it is wider than a bootstrap, which has
 * too little to draw from and promises too much.
 */

export interface Summary {
  /** Of the runs' means: each network counts once, however many samples it gave. */
  readonly mean: number
  readonly p1: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  /** 95 % of such intervals hold the true mean. Nothing of one run: it does not say how networks differ. */
  readonly ci95: [number, number] | null
}

export interface Inequality {
  readonly max_over_mean: number
  readonly p99_over_mean: number
  /** 0: all have the same. Towards 1: one has all. */
  readonly gini: number
}

/** Quantile 0.975 of Student's t by degrees of freedom from 1; beyond the table by its last rows. */
const T_975 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042
]
const T_975_BEYOND: readonly (readonly [degrees: number, t: number])[] = [
  [40, 2.042],
  [60, 2.021],
  [120, 2],
  [Number.POSITIVE_INFINITY, 1.98]
]

export function sum(samples: ArrayLike<number>): number {
  let total = 0
  for (let index = 0; index < samples.length; index += 1) total += samples[index]!
  return total
}

export function mean(samples: ArrayLike<number>): number {
  return sum(samples) / samples.length
}

/** The smallest sample that a part of at least `percent` of all is not above. `sorted` is in rising order. */
export function percentile(sorted: ArrayLike<number>, percent: number): number {
  const rank = Math.ceil((percent * sorted.length) / 100)
  return sorted[Math.max(1, rank) - 1]!
}

/** The samples of each run; runs without samples count for nothing. Nothing where no run has any. */
export function summarise(runs: readonly ArrayLike<number>[]): Summary | null {
  const sampled = runs.filter(run => run.length > 0)
  if (sampled.length === 0) return null
  const sorted = pooled(sampled)
  const means = sampled.map(mean)
  return {
    mean: mean(means),
    p1: percentile(sorted, 1),
    p50: percentile(sorted, 50),
    p95: percentile(sorted, 95),
    p99: percentile(sorted, 99),
    ci95: interval(means)
  }
}

/** Student's interval of the mean of independent values; nothing of fewer than two. */
export function interval(values: readonly number[]): [number, number] | null {
  if (values.length < 2) return null
  const centre = mean(values)
  const squares = sum(values.map(value => (value - centre) * (value - centre)))
  const degrees = values.length - 1
  const half = tQuantile(degrees) * Math.sqrt(squares / degrees / values.length)
  return [centre - half, centre + half]
}

/** Past the table the value of the next smaller row is taken, so that an interval is never too narrow. */
function tQuantile(degrees: number): number {
  return T_975[degrees - 1] ?? T_975_BEYOND.find(([upTo]) => degrees < upTo)![1]
}

/** How unevenly a burden is shared. Nothing where there is none to share. */
export function inequality(runs: readonly ArrayLike<number>[]): Inequality | null {
  const each = runs.flatMap(run => inequalityOf(run) ?? [])
  if (each.length === 0) return null
  const meanOf = (key: keyof Inequality) => mean(each.map(one => one[key]))
  return {
    max_over_mean: meanOf('max_over_mean'),
    p99_over_mean: meanOf('p99_over_mean'),
    gini: meanOf('gini')
  }
}

function inequalityOf(values: ArrayLike<number>): Inequality | undefined {
  const sorted = pooled([values])
  const total = sum(sorted)
  if (!(total > 0)) return undefined
  const average = total / sorted.length
  let weighted = 0
  for (const [index, value] of sorted.entries()) weighted += (index + 1) * value
  const count = sorted.length
  return {
    max_over_mean: sorted[count - 1]! / average,
    p99_over_mean: percentile(sorted, 99) / average,
    gini: (2 * weighted) / (count * total) - (count + 1) / count
  }
}

/** All samples in rising order. */
export function pooled(runs: readonly ArrayLike<number>[]): Float64Array {
  const all = new Float64Array(sum(runs.map(run => run.length)))
  let offset = 0
  for (const run of runs) {
    all.set(run, offset)
    offset += run.length
  }
  return all.sort()
}
