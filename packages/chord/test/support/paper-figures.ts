/** Figures that Chord's papers print, and those of an independent model of the same experiments. */

/** Mean path by the number of nodes, one successor: an independent model (ToN figure 10 prints half of log2 N). */
export const PATH_MODEL: ReadonlyMap<number, number> = new Map([
  [64, 2.84],
  [128, 3.35],
  [256, 3.92],
  [512, 4.4],
  [1024, 4.85],
  [2048, 5.32],
  [4096, 5.87],
  [8192, 6.38],
  [16384, 6.83]
])
export const PATH_TOLERANCE = 0.03

/** ToN Table II: 1,000 nodes, 20 successors, a fraction fails at once and nothing is repaired. */
export const TABLE_TWO: readonly {
  readonly fraction: number
  readonly pathModel: number
  readonly timeoutsModel: number
  readonly timeoutsPaper: number
}[] = [
  { fraction: 0, pathModel: 3.77, timeoutsModel: 0, timeoutsPaper: 0 },
  { fraction: 0.1, pathModel: 3.92, timeoutsModel: 0.42, timeoutsPaper: 0.6 },
  { fraction: 0.2, pathModel: 4.09, timeoutsModel: 0.95, timeoutsPaper: 1.17 },
  { fraction: 0.3, pathModel: 4.37, timeoutsModel: 1.85, timeoutsPaper: 2.02 },
  { fraction: 0.4, pathModel: 4.64, timeoutsModel: 2.97, timeoutsPaper: 3.23 },
  { fraction: 0.5, pathModel: 5.01, timeoutsModel: 4.81, timeoutsPaper: 5.1 }
]
export const TABLE_TWO_PATH_TOLERANCE = 0.05
export const TABLE_TWO_TIMEOUTS_TOLERANCE = 0.1

/** ToN section VI-B: keys of a node over the mean, by virtual nodes; the model's 99th and 1st percentile. */
export const LOAD_MODEL: readonly {
  readonly virtualNodes: number
  readonly p99: number
  readonly p1: number
}[] = [
  { virtualNodes: 1, p99: 4.8, p1: 0.01 },
  { virtualNodes: 2, p99: 3.32, p1: 0.07 },
  { virtualNodes: 5, p99: 2.31, p1: 0.24 },
  { virtualNodes: 10, p99: 1.92, p1: 0.39 },
  { virtualNodes: 20, p99: 1.66, p1: 0.52 }
]
export const LOAD_TOLERANCE = 0.05

/** ToN Table III: failures of 10,000 lookups by joins, and as many leaves, a second. */
export const TABLE_THREE: readonly {
  readonly rate: number
  readonly failures: number
  readonly path: number
}[] = [
  { rate: 0.05, failures: 0, path: 3.9 },
  { rate: 0.1, failures: 0, path: 3.83 },
  { rate: 0.15, failures: 2, path: 3.84 },
  { rate: 0.2, failures: 5, path: 3.81 },
  { rate: 0.25, failures: 6, path: 3.83 },
  { rate: 0.3, failures: 8, path: 3.91 },
  { rate: 0.35, failures: 16, path: 3.94 },
  { rate: 0.4, failures: 15, path: 4.06 }
]
