/** Backends beside each other: what real peers do, over what simulated ones do of the same work. */
import { bootstrap, type FigureName, medianOf, type PointResults } from '@servent/lab'
import { wordsOf } from './axes.ts'
import { isStill, measureOf } from './measures.ts'
import { capital, extent, inWords, NBSP, shown } from './numbers.ts'
import type { Cell, Measured, Table } from './table.ts'
import { BACKEND, distinct, type PartView } from './view.ts'
import { whichPoint } from './which-point.ts'

/** What is laid side by side, where two backends have it: whether answers are right, how soon they come, and what they take. All else is in the table of all points. */
const LAID: readonly FigureName[] = [
  'success',
  'success_before',
  'success_during',
  'success_after',
  'recall',
  'recall_before',
  'recall_during',
  'recall_after',
  'hops',
  'latency_ms',
  'messages',
  'first_hit_ms',
  'search_messages',
  'bytes_per_s'
]

/** Of them what a sentence says. */
const SAID: readonly (readonly [FigureName, string])[] = [
  ['success', 'success'],
  ['recall', 'recall'],
  ['hops', 'steps'],
  ['latency_ms', 'latency'],
  ['bytes_per_s', 'bytes sent']
]

/** One overlay with one choice of all else that varies, as each backend has it, in their order; nothing where one has not. */
interface Laid {
  readonly study: string
  readonly points: readonly (PointResults | undefined)[]
}

function laidOf(view: PartView): Laid[] {
  return view.members.flatMap(({ study, part }) => {
    const groups = Map.groupBy(part.points, ({ overlay, at: { [BACKEND]: _, ...at }, set }) =>
      JSON.stringify([overlay, at, set])
    )
    return [...groups.values()].map(group => ({
      study,
      points: view.backends.map(backend => group.find(({ plan }) => plan.backend === backend))
    }))
  })
}

/** A row for each figure of each overlay; nothing where there is one backend. */
export function backendsTable(view: PartView): Table | undefined {
  const { backends } = view
  if (backends.length === 0) return undefined
  const names = backends.map(backend => wordsOf(BACKEND, backend))
  const which = whichPoint(
    view,
    view.varies.filter(field => field !== BACKEND)
  )
  const laid = laidOf(view)
  const rows = laid.flatMap(({ study, points }) => {
    const own = points.filter(point => point !== undefined)
    const whichCells = which.cells(study, own[0]!)
    return LAID.flatMap((name): Cell[][] => {
      const { label, write } = measureOf(name, own)
      const cells = points.map(point => measuredOf(point, name))
      if (cells.filter(cell => cell !== null).length < 2) return []
      return [
        [
          ...whichCells,
          label,
          ...cells.map(cell => cell && { ...cell, write }),
          ...points.slice(1).map(point => ratioOf(point, points[0], name))
        ]
      ]
    })
  })
  if (rows.length === 0) return undefined
  const [first] = names as [string]
  const isUnlike = laid.some(({ points }) => points.some(point => isUpkeepUnlike(point, points[0])))
  const still = isUnlike
    ? '. Where peers are dead, simulated bytes are of questions alone, as upkeep stands still, and have no ratio'
    : ''
  return {
    caption: `Backends side by side: medians, and how many times as much as ${first}: medians of the ratios, run by run of one seed. What only one of them measures is not here${still}`,
    heads: which.columns.length + 1,
    columns: [
      ...which.columns,
      { title: 'Figure' },
      ...names.map(name => ({ title: capital(name) })),
      ...names.slice(1).map(name => ({ title: names.length > 2 ? `Ratio, ${name}` : 'Ratio', write: times }))
    ],
    rows
  }
}

/**
 * How far they agree, from the overlay with the least ratio to that with the greatest. What not all overlays have a ratio
 * of, as one backend does not tell it, is said with the number of those that have one.
 */
export function backendSentences(view: PartView): string[] {
  const [first, ...others] = view.backends
  if (first === undefined) return []
  const laid = laidOf(view)
  const all = overlaysIn(laid.flatMap(({ points }) => points))
  return others.flatMap((backend, at) => {
    const said = SAID.flatMap(([name, what]) => {
      const held = laid.flatMap(({ points }) => {
        const ratio = ratioOf(points[at + 1], points[0], name)
        return ratio === null ? [] : [{ ratio: ratio.median, point: points[0] }]
      })
      if (held.length === 0) return []
      const ratios = extent(held.map(({ ratio }) => ratio))
      const own = overlaysIn(held.map(({ point }) => point))
      const of = own === all ? '' : ` (of ${inWords(own)})`
      return [`${what} ${distinct(ratios.map(shown)).join(' to ')}${of}`]
    })
    const [name, than] = [backend, first].map(one => wordsOf(BACKEND, one))
    const among = all === 1 ? 'of one overlay' : `among ${inWords(all)} overlays`
    return said.length === 0 ? [] : [`Ratios of ${name} to ${than}, ${among}: ${said.join(', ')}.`]
  })
}

const overlaysIn = (points: readonly (PointResults | undefined)[]) =>
  distinct(points.flatMap(point => point?.overlay ?? [])).length

function measuredOf(point: PointResults | undefined, name: FigureName): Measured | null {
  const { median = null, ci95 = null } = point?.figures[name] ?? {}
  return median === null ? null : { median, ci95 }
}

/** Whether it stands still in one of them alone: their bytes are not of the same. */
const isUpkeepUnlike = (point: PointResults | undefined, first: PointResults | undefined) =>
  point !== undefined && first !== undefined && isStill(point) !== isStill(first)

/** Runs of one seed have the same work. Of nothing there is no ratio, nor of bytes with upkeep to bytes without. */
function ratioOf(
  point: PointResults | undefined,
  first: PointResults | undefined,
  name: FigureName
): Measured | null {
  if (name === 'bytes_per_s' && isUpkeepUnlike(point, first)) return null
  const [own = [], others = []] = [point, first].map(one => one?.figures[name]?.runs)
  const ratios = own.flatMap((value, run) => {
    const other = others[run] ?? null
    return value === null || other === null || other === 0 ? [] : [value / other]
  })
  const median = medianOf(ratios)
  return median === null ? null : { median, ci95: bootstrap(ratios) }
}

const times = (ratio: number) => `${shown(ratio)}${NBSP}×`
