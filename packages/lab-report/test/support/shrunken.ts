/** Shipped plans, so small that each takes seconds: all their parts and all that varies in them, of few peers and questions. */
import { readdirSync, readFileSync } from 'node:fs'
import { resolveStudy, type StudyResults } from '@servent/lab'
import { studyOf, withRealBackend } from './studies.ts'

const FOLDER = new URL('../../../../plans/', import.meta.url)

export const PLANS = readdirSync(FOLDER).filter(name => name.endsWith('.yaml'))

const NODES = 16
const ASKS = 20
/** Enough for intervals, of parts that have few points. */
const SEEDS = 5
const POINTS_WITH_SEEDS_MAX = 8
/** What is enough for a partition of ten seconds, and for a peer or two to come and go. */
const DURATION_S = 40
const WARMUP_S = 40

type StudyPart = ReturnType<typeof resolveStudy>['parts'][number]

/** Real backends are simulated ones by another name. */
export async function shrunken(name: string): Promise<StudyResults> {
  const text = readFileSync(new URL(name, FOLDER), 'utf8')
  const { parts } = resolveStudy(text, name)
  const study = await studyOf(text, name, parts.flatMap(changes))
  return parts.some(({ varies }) => varies.includes('backend')) ? withRealBackend(study) : study
}

/** As `--set` has them. */
function changes({ name, varies, points, published }: StudyPart): string[] {
  const valuesOf = (field: string) => [...new Set(points.map(({ at }) => at[field] ?? null))]
  const sizes = new Map(valuesOf('nodes').map((value, at) => [value, NODES * (at + 1)]))
  const plans = points.map(({ plan }) => plan)
  const asked = (['lookups', 'searches', 'puts', 'gets'] as const).filter(field =>
    plans.some(plan => plan[field] > 0)
  )
  const counts = (field: string) =>
    varies.includes(field) ? valuesOf(field).map((_, at) => ASKS * (at + 1)) : ASKS
  const partitions = [...new Set(plans.map(({ partition }) => partition))].flatMap(value =>
    value === null ? [] : [value.replace(/\/.*$/, '/10s')]
  )
  const set: Record<string, unknown> = {
    nodes: varies.includes('nodes') ? [...sizes.values()] : NODES,
    duration: DURATION_S,
    warmup: WARMUP_S,
    seeds: points.length <= POINTS_WITH_SEEDS_MAX ? SEEDS : 1,
    ...Object.fromEntries(asked.map(field => [field, counts(field)])),
    ...(partitions.length > 0 && { partition: partitions.length === 1 ? partitions[0] : partitions }),
    ...(varies.includes('backend') && { backend: 'simulator' }),
    published: published.map(({ point, ...one }) => {
      const { overlay, at, set } = points[point]!
      return { overlay, at: at.nodes === undefined ? at : { ...at, nodes: sizes.get(at.nodes) }, set, ...one }
    })
  }
  return Object.entries(set).map(([field, value]) => `${name}.${field}=${JSON.stringify(value)}`)
}
