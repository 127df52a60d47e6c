/**
 * One number of each run, and what they say together: the median, its interval by the bootstrap, and the differences
 * between overlays run by run, for runs of one seed have the same work.
 */
import { randomOf } from '@servent/simulator'
import type { Phase, RunResult } from '../run-result.ts'
import { inequality, mean, percentile, pooled, sum } from '../statistics.ts'
import type { Figure, Paired, PointResults } from './study-results.ts'
import type { FigureName } from './study-schema.ts'

const RESAMPLES = 2_000
/** Of fewer runs a bootstrap says nothing. */
const BOOTSTRAP_RUNS_MIN = 5
const US_PER_MS = 1000
const US_PER_S = 1_000_000

type Of = (run: RunResult) => number | null

const meanOf = (samples: ArrayLike<number> | undefined) =>
  samples === undefined || samples.length === 0 ? null : mean(samples)
const quantile = (samples: Float64Array | undefined, percent: number, by = 1) =>
  samples === undefined || samples.length === 0 ? null : percentile(pooled([samples]), percent) / by
const part = (right: number, of: number) => (of === 0 ? null : right / of)

function successOf({ partition }: RunResult, phase: Phase): number | null {
  if (partition === undefined) return null
  const { correct, incorrect, failed } = partition.phases[phase]
  return part(correct, correct + incorrect + failed)
}

function recallOf({ partition }: RunResult, phase: Phase): number | null {
  if (partition === undefined) return null
  const { right, wanted } = partition.phases[phase].searches
  return part(right, wanted)
}

/** Of a time: it did not come before the run ended. */
const NEVER = Number.POSITIVE_INFINITY

const FIGURES: Readonly<Record<FigureName, Of>> = {
  success: ({ lookups: { correct, incorrect, failed } }) => part(correct, correct + incorrect + failed),
  hops: ({ lookups }) => meanOf(lookups.hops),
  hops_as_published: ({ lookups }) => meanOf(lookups.hopsAsPublished),
  hops_p95: ({ lookups }) => quantile(lookups.hops, 95),
  latency_ms: ({ lookups }) => quantile(lookups.latencyUs, 50, US_PER_MS),
  latency_ms_p95: ({ lookups }) => quantile(lookups.latencyUs, 95, US_PER_MS),
  timeouts: ({ lookups }) => meanOf(lookups.timeouts),
  messages: ({ lookups }) => meanOf(lookups.messages),
  stretch: ({ lookups }) => meanOf(lookups.stretch),
  recall: ({ searches }) => (searches === undefined ? null : part(searches.right, searches.wanted)),
  recall_single_copy: ({ searches }) =>
    searches?.single === undefined ? null : part(searches.single.right, searches.single.wanted),
  search_messages: ({ searches }) => meanOf(searches?.messages),
  search_bytes: ({ searches }) => meanOf(searches?.bytes),
  first_hit_ms: ({ searches }) => quantile(searches?.firstHitUs, 50, US_PER_MS),
  put_success: ({ values }) =>
    values === undefined ? null : part(values.puts.acknowledged, values.puts.issued),
  get_success: ({ values }) =>
    values === undefined
      ? null
      : part(values.gets.correct, values.gets.correct + values.gets.incorrect + values.gets.failed),
  success_before: run => successOf(run, 'before'),
  success_during: run => successOf(run, 'during'),
  success_after: run => successOf(run, 'after'),
  incorrect_during: ({ partition }) => {
    if (partition === undefined) return null
    const { correct, incorrect, failed } = partition.phases.during
    return part(incorrect, correct + incorrect + failed)
  },
  recall_before: run => recallOf(run, 'before'),
  recall_during: run => recallOf(run, 'during'),
  recall_after: run => recallOf(run, 'after'),
  healing_s: ({ partition }) => {
    if (partition === undefined || partition.healedUs === null) return null
    return partition.healedUs === undefined ? NEVER : partition.healedUs / US_PER_S
  },
  bytes_per_s: ({ nodes, traffic }) => {
    if (nodes.aliveUs === 0 || traffic.bytesByType === undefined) return null
    return (sum(Object.values(traffic.bytesByType)) * US_PER_S) / nodes.aliveUs
  },
  state_entries: ({ nodes }) => meanOf(nodes.stateEntries),
  connections: ({ nodes }) => meanOf(nodes.connections),
  load_gini: ({ nodes }) => inequality([nodes.messagesReceived])?.gini ?? null
}

/**
 * `runs` in the order of their seeds. A run in which what is timed did not come counts as the longest of all: a median of
 * those alone in which it came would be shorter the fewer they are.
 */
export function figuresOf(runs: readonly RunResult[]): Record<FigureName, Figure> {
  const entries = Object.entries(FIGURES).map(([name, of]) => {
    const each = runs.map(of)
    const values = each.filter(value => value !== null)
    const median = medianOf(values)
    const ci95 = bootstrap(values)
    return [
      name,
      {
        runs: each.map(value => (value === NEVER ? null : value)),
        median: median === NEVER ? null : median,
        ci95: ci95?.includes(NEVER) ? null : ci95
      }
    ] as const
  })
  return Object.fromEntries(entries) as Record<FigureName, Figure>
}

/** Whose runs have no number where it did not come, which says more than any number of the others. */
const isTimed = (name: string) => name === 'healing_s'

/** Every other overlay against the first, at the same place; settings that vary are no pair of anything. */
export function pairsOf(points: readonly PointResults[]): Paired[] {
  const [first] = points
  if (first === undefined) return []
  const plain = points.filter(({ set }) => Object.keys(set).length === 0)
  return plain.flatMap(({ overlay, at, figures }) => {
    const against = plain.find(other => other.overlay === first.overlay && sameAs(other.at, at))
    if (against === undefined || overlay === first.overlay) return []
    return Object.entries(figures).flatMap(([name, { runs }]) => {
      const others = against.figures[name as FigureName].runs
      if (isTimed(name) && [...runs, ...others].includes(null)) return []
      const differences = runs.flatMap((value, index) => {
        const other = others[index] ?? null
        return value === null || other === null ? [] : [value - other]
      })
      const median = medianOf(differences)
      if (median === null) return []
      return [
        {
          overlay,
          against: first.overlay,
          at,
          figure: name as FigureName,
          median,
          ci95: bootstrap(differences)
        }
      ]
    })
  })
}

const sameAs = (a: PointResults['at'], b: PointResults['at']) => JSON.stringify(a) === JSON.stringify(b)

/** Of an even number the mean of the two in the middle. */
export function medianOf(values: readonly number[]): number | null {
  if (values.length === 0) return null
  const sorted = Float64Array.from(values).sort()
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** The middle 95 % of medians of as many values drawn from these, again and again; the same draws each time. */
export function bootstrap(values: readonly number[]): [number, number] | null {
  if (values.length < BOOTSTRAP_RUNS_MIN) return null
  const random = randomOf(`bootstrap ${values.length}`)
  const medians = Array.from(
    { length: RESAMPLES },
    () => medianOf(values.map(() => values[random.below(values.length)]!))!
  )
  // Numbers that have no end among them, which no difference sorts.
  medians.sort((a, b) => (a === b ? 0 : a - b))
  return [percentile(medians, 2.5), percentile(medians, 97.5)]
}
