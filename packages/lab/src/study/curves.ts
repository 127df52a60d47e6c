/** What is drawn of a point beside its numbers: distributions of all its runs together. */
import type { RunResult } from '../run-result.ts'
import { percentile, pooled, sum } from '../statistics.ts'
import type { PointResults } from './study-results.ts'

const QUANTILES = 100
const LORENZ_STEPS = 20
const US_PER_MS = 1000

export function curvesOf(runs: readonly RunResult[]): PointResults['curves'] {
  const hops = pooled(runs.map(({ lookups }) => lookups.hops))
  const latency = pooled(runs.map(({ lookups }) => lookups.latencyUs))
  const load = pooled(runs.map(({ nodes }) => nodes.messagesReceived))
  return {
    hops: hops.length === 0 ? null : sharesOf(hops),
    latency_ms:
      latency.length === 0
        ? null
        : Array.from(
            { length: QUANTILES + 1 },
            (_, at) => percentile(latency, (100 * at) / QUANTILES) / US_PER_MS
          ),
    load: load.length === 0 ? null : lorenz(load)
  }
}

/** `sorted` is in rising order. */
function sharesOf(sorted: Float64Array): [number, number][] {
  const counts = new Map<number, number>()
  for (const value of sorted) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...counts].map(([value, count]) => [value, count / sorted.length])
}

/** The part of all that the least of them have, from none to all of them. */
function lorenz(sorted: Float64Array): number[] | null {
  const total = sum(sorted)
  if (total === 0) return null
  const curve = [0]
  let [index, had] = [0, 0]
  for (let step = 1; step <= LORENZ_STEPS; step += 1) {
    for (; index < Math.round((step * sorted.length) / LORENZ_STEPS); index += 1) had += sorted[index]!
    curve.push(had / total)
  }
  return curve
}
