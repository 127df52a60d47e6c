/** Tables of a part: all that was measured of its points, and how overlays differ run by run. */
import type { FigureName, PartResults } from '@servent/lab'
import { wordsOf } from './axes.ts'
import { labelOf } from './looks.ts'
import { FIGURES, MEASURES } from './measures.ts'
import { count } from './numbers.ts'
import type { Cell, Table } from './table.ts'
import { distinct, type Member, type PartView, type Row } from './view.ts'

const OUTCOMES = ['correct', 'incorrect', 'failed', 'unissued'] as const

/** What the visible table has of each overlay; all that there is stands in the other one. */
const FIRST: readonly FigureName[] = [
  'success',
  'hops',
  'latency_ms',
  'latency_ms_p95',
  'timeouts',
  'recall',
  'first_hit_ms',
  'search_messages',
  'search_bytes',
  'put_success',
  'get_success',
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
  return {
    ...tableOf(view, rows, FIRST, []),
    caption: `Summary${where}: medians of runs, with their 95 % intervals where there are five or more; failed, incorrect and unissued of all runs together`
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
  varies: readonly string[]
): Table {
  const hasStudies = view.members.length > 1
  const figures = of.filter(name => all.some(({ point }) => (point.figures[name]?.median ?? null) !== null))
  const works = ['lookups', 'searches', 'puts', 'gets'] as const
  const asked = works.filter(work => all.some(({ point }) => point.plan[work] > 0))
  const counts = asked.flatMap(work => countsOf(work))
  return {
    caption: 'All points: medians of runs with their 95 % intervals; counts of all runs together',
    heads: 1 + Number(hasStudies) + varies.length + Number(view.hasGrid),
    columns: [
      { title: 'Overlay' },
      ...(hasStudies ? [{ title: 'Study' }] : []),
      ...varies.map(title => ({ title })),
      ...(view.hasGrid ? [{ title: 'Settings' }] : []),
      ...figures.map(name => ({ title: MEASURES[name].label, write: MEASURES[name].write })),
      ...counts.map(({ title }) => ({ title, write: count }))
    ],
    rows: all.map(({ study, point }) => [
      labelOf(point.overlay),
      ...(hasStudies ? [study] : []),
      ...varies.map(field => wordsOf(field, point.at[field] ?? null)),
      ...(view.hasGrid
        ? [
            Object.entries(point.set)
              .map(([key, value]) => `${key.slice(key.indexOf('.') + 1)} ${value}`)
              .join(', ')
          ]
        : []),
      ...figures.map((name): Cell => {
        const { median, ci95 } = point.figures[name]!
        return median === null ? null : { median, ci95 }
      }),
      ...counts.map(({ of }): Cell => of(point.results))
    ])
  }
}

type Results = PartResults['points'][number]['results']

/** Failed, incorrect and unissued apart. */
function countsOf(work: 'lookups' | 'searches' | 'puts' | 'gets') {
  if (work === 'lookups')
    return OUTCOMES.map(kind => ({
      title: `Lookups ${kind}`,
      of: (results: Results): Cell => results.lookups[kind]
    }))
  if (work === 'searches')
    return (['issued', 'failed', 'unissued'] as const).map(kind => ({
      title: `Searches ${kind}`,
      of: ({ searches }: Results): Cell => searches?.[kind] ?? null
    }))
  if (work === 'puts')
    return (['acknowledged', 'few_copies', 'failed', 'unissued'] as const).map(kind => ({
      title: `Puts ${kind.replace('few_copies', 'with few copies')}`,
      of: ({ values }: Results): Cell => values?.puts[kind] ?? null
    }))
  return OUTCOMES.map(kind => ({
    title: `Gets ${kind}`,
    of: ({ values }: Results): Cell => values?.gets[kind] ?? null
  }))
}

const COMPARED: readonly FigureName[] = [
  'success',
  'hops',
  'latency_ms',
  'messages',
  'recall',
  'search_messages',
  'search_bytes',
  'get_success',
  'bytes_per_s',
  'load_gini'
]

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
      ...varies.map(title => ({ title })),
      ...figures.map(name => ({
        title: MEASURES[name].label,
        write: MEASURES[name].isPart ? points : MEASURES[name].write
      }))
    ],
    rows: [...groups.values()].map(group => [
      `${labelOf(group[0]!.overlay)} less ${against}`,
      ...varies.map(field => wordsOf(field, group[0]!.at[field] ?? null)),
      ...figures.map((name): Cell => group.find(({ figure }) => figure === name) ?? null)
    ])
  }
}

/** A difference of two parts is no part of anything: it is written in points of a hundred. */
const points = (difference: number) => `${MEASURES.hops.write(difference * 100)} points`
