/** Tables of a part: all that was measured of its points, and how overlays differ run by run. */
import type { FigureName, PartResults } from '@servent/lab'
import { titleOf, wordsOf } from './axes.ts'
import { labelOf } from './looks.ts'
import { FIGURES, MEASURES, measureOf } from './measures.ts'
import { capital, count, shown } from './numbers.ts'
import type { Cell, Table } from './table.ts'
import { BACKEND, distinct, type Member, type PartView, type Row, settingWords, valueAt } from './view.ts'
import { whichPoint } from './which-point.ts'

/** What the visible table has of each overlay; all that there is stands in the other one. */
const FIRST: readonly FigureName[] = [
  'success',
  'recall',
  'put_success',
  'get_success',
  'success_before',
  'success_during',
  'incorrect_during',
  'success_after',
  'recall_before',
  'recall_during',
  'recall_after',
  'healing_s',
  'hops',
  'latency_ms',
  'latency_ms_p95',
  'timeouts',
  'first_hit_ms',
  'search_messages',
  'search_bytes',
  'bytes_per_s',
  'state_entries',
  'connections',
  'load_gini'
]

/** The network that a part ends with, studies beside each other; nothing of settings that vary. */
export function lastTable(view: PartView): Table | undefined {
  if (view.hasGrid || view.last.length === 0) return undefined
  const overlays = distinct(view.last.map(({ point }) => point.overlay))
  const rows = overlays.flatMap(overlay => view.last.filter(({ point }) => point.overlay === overlay))
  const where = view.lastWords === '' ? '' : `, ${view.lastWords}`
  const isApart = (field: string) => distinct(rows.map(({ point }) => valueAt(point, field))).length > 1
  const varies = view.varies.filter(field => field === BACKEND || isApart(field))
  return {
    ...tableOf(view, rows, FIRST, varies, true),
    caption: `Summary${where}: medians of runs, with their 95 % intervals where there are five or more; failed, incorrect and unissued of all runs together${aliveWords(rows.map(({ point }) => point))}`
  }
}

/** A row for each point, a column for each figure that any of them has. */
export function summaryTable(view: PartView): Table {
  const all = view.members.flatMap(({ study, part }) => part.points.map(point => ({ study, point })))
  return tableOf(view, all, FIGURES, view.varies)
}

function tableOf(
  view: PartView,
  all: readonly Pick<Row, 'study' | 'point'>[],
  of: readonly FigureName[],
  varies: readonly string[],
  isShort = false
): Table {
  const which = whichPoint(view, varies)
  const points = all.map(({ point }) => point)
  const figures = of
    .filter(name => points.some(({ figures }) => (figures[name]?.median ?? null) !== null))
    .map(name => {
      const { label, write } = measureOf(name, points)
      return {
        title: label,
        write,
        of: ({ figures: { [name]: figure } }: Point): Cell =>
          figure?.median === null || figure === undefined
            ? null
            : { median: figure.median, ci95: figure.ci95 }
      }
    })
  const works = WORKS.filter(work => all.some(({ point }) => point.plan[work] > 0))
  const counts = works.flatMap(work =>
    COUNTS[work]
      .filter(({ isTrouble }) => isTrouble || !isShort)
      .map(({ title, of }) => ({
        title: works.length === 1 ? title : `${capital(work)} ${title.toLowerCase()}`,
        write: count,
        of: ({ results }: Point) => of(results)
      }))
  )
  const alive = points.every(hasAllAlive) ? [] : ALIVE
  // What was lost stands beside what it was lost of, as not every screen has room for all of the table.
  const measured = isShort
    ? [...alive, ...figures.slice(0, works.length), ...counts, ...figures.slice(works.length)]
    : [...alive, ...figures, ...counts]
  return {
    caption: `All points: medians of runs with their 95 % intervals; counts of all runs together${aliveWords(points)}`,
    heads: which.columns.length,
    columns: [...which.columns, ...measured],
    rows: all.map(({ study, point }) => [
      ...which.cells(study, point),
      ...measured.map(({ of }) => of(point))
    ])
  }
}

type Point = PartResults['points'][number]

/** Of the measured time: more or fewer than the plan has where peers come, go or die. */
const ALIVE = (['start', 'end'] as const).map(when => ({
  title: `Peers alive at the ${when}`,
  write: shown,
  of: ({ results: { population } }: Point): Cell => population[when].live
}))
const hasAllAlive = ({ plan: { nodes }, results: { population } }: Point) =>
  population.start.live === nodes && population.end.live === nodes

const aliveWords = (points: readonly Point[]) =>
  points.every(hasAllAlive)
    ? ''
    : '; peers alive when the measured time begins and when it ends, means over runs'

type Results = Point['results']

interface Count {
  readonly title: string
  /** What a summary has too: trouble, and what could not be asked. */
  readonly isTrouble: boolean
  readonly of: (results: Results) => number | null
}

const WORKS = ['lookups', 'searches', 'puts', 'gets'] as const

/** Failed, incorrect and unissued apart. */
const COUNTS: Readonly<Record<(typeof WORKS)[number], readonly Count[]>> = {
  lookups: (['correct', 'incorrect', 'failed', 'unissued'] as const).map(kind => ({
    title: capital(kind),
    isTrouble: kind !== 'correct',
    of: ({ lookups }) => lookups[kind]
  })),
  searches: (['issued', 'failed', 'unissued'] as const).map(kind => ({
    title: capital(kind),
    isTrouble: kind !== 'issued',
    of: ({ searches }) => searches?.[kind] ?? null
  })),
  puts: (['acknowledged', 'few_copies', 'failed', 'unissued'] as const).map(kind => ({
    title: capital(kind.replace('few_', 'with few ')),
    isTrouble: kind !== 'acknowledged',
    of: ({ values }) => values?.puts[kind] ?? null
  })),
  gets: (['correct', 'incorrect', 'failed', 'unissued'] as const).map(kind => ({
    title: capital(kind),
    isTrouble: kind !== 'correct',
    of: ({ values }) => values?.gets[kind] ?? null
  }))
}

/** Of differences those that somebody asks for; the others follow from the points. */
const COMPARED: readonly FigureName[] = [
  'success',
  'hops',
  'latency_ms',
  'messages',
  'recall',
  'search_messages',
  'search_bytes',
  'get_success',
  'success_during',
  'success_after',
  'healing_s',
  'bytes_per_s',
  'load_gini'
]

/** What a difference, or a figure of others, has of a field: they have no plan of their own, and a point has one. */
function valueIn({ points }: PartResults, { overlay, at }: Pick<Point, 'overlay' | 'at'>, field: string) {
  const point = points.find(
    one => one.overlay === overlay && Object.entries(at).every(([name, value]) => one.at[name] === value)
  )
  return valueAt({ at, plan: point?.plan ?? {} }, field)
}

/** Nothing where a part has one overlay, or settings that vary in all of them. */
export function pairedTable({ study, part }: Member, { varies, members }: PartView): Table | undefined {
  const [first] = part.paired
  if (first === undefined) return undefined
  const figures = COMPARED.filter(name => part.paired.some(({ figure }) => figure === name))
  const key = ({ overlay, at }: (typeof part.paired)[number]) => JSON.stringify([overlay, at])
  const groups = Map.groupBy(part.paired, key)
  const against = labelOf(first.against)
  return {
    caption: `How much more than ${against} on the same work${members.length > 1 ? `, ${study}` : ''}: medians of the differences, run by run`,
    heads: 1 + varies.length,
    columns: [
      { title: 'Overlay' },
      ...varies.map(field => ({ title: titleOf(field) })),
      ...figures.map(name => {
        const { label, isPart, write } = measureOf(name, part.points)
        return { title: label, write: isPart ? points : write }
      })
    ],
    rows: [...groups.values()].map(group => [
      `${labelOf(group[0]!.overlay)} less ${against}`,
      ...varies.map(field => wordsOf(field, valueIn(part, group[0]!, field))),
      ...figures.map((name): Cell => group.find(({ figure }) => figure === name) ?? null)
    ])
  }
}

/** What others published, beside what came out; nothing where a part's plan names none. */
export function publishedTable(view: PartView): Table | undefined {
  const all = view.members.flatMap(({ study, part }) => part.published.map(one => ({ study, part, one })))
  if (all.length === 0) return undefined
  const hasStudies = view.members.length > 1
  return {
    caption: 'What was published, and what came out here',
    heads: 1 + Number(hasStudies) + view.varies.length + Number(view.hasGrid) + 1,
    columns: [
      { title: 'Overlay' },
      ...(hasStudies ? [{ title: 'Study' }] : []),
      ...view.varies.map(field => ({ title: titleOf(field) })),
      ...(view.hasGrid ? [{ title: 'Settings' }] : []),
      { title: 'Figure' },
      { title: 'Published' },
      { title: 'Here' },
      { title: 'Source', isText: true }
    ],
    rows: all.map(({ study, part, one: { overlay, at, set, figure, value, source, median, ci95 } }) => [
      labelOf(overlay),
      ...(hasStudies ? [study] : []),
      ...view.varies.map(field => wordsOf(field, valueIn(part, { overlay, at }, field))),
      ...(view.hasGrid ? [settingWords({ set })] : []),
      MEASURES[figure].label,
      value,
      median === null ? null : { median, ci95 },
      source
    ])
  }
}

/** A difference of two parts is no part of anything: it is written in points of a hundred. */
const points = (difference: number) => `${MEASURES.hops.write(difference * 100)} points`
