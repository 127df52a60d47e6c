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

/** The part of all that the least of them have, from none to all of them; of a peer that a step parts its part of the load. */
function lorenz(sorted: Float64Array): number[] | null {
  const total = sum(sorted)
  if (total === 0) return null
  const curve: number[] = []
  let [index, had] = [0, 0]
  for (let step = 0; step <= LORENZ_STEPS; step += 1) {
    const peers = (step * sorted.length) / LORENZ_STEPS
    for (; index < Math.floor(peers); index += 1) had += sorted[index]!
    curve.push((had + (peers - index) * (sorted[index] ?? 0)) / total)
  }
  return curve
}
