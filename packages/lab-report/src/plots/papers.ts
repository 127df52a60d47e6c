/**
 * What papers say, beside what was measured: a line of their theory where steps go with size, and figures that they
 * printed, as the plan file names them.
 */
import type { FigureName, Published } from '@servent/lab'
import { labelOf, type OverlayId } from '../looks.ts'
import { extent } from '../numbers.ts'
import { type Datum, overlaysOf } from '../spec.ts'
import { hopsExpected, settingsOfTheory, theoryOfPoint } from '../theory.ts'
import { distinct, type PartView, type Row, settingWords, valueAt } from '../view.ts'

/** Points of a theory's line: enough to look like a curve. */
const THEORY_STEPS = 24

export interface Paper {
  readonly overlay: OverlayId
  /** In the legend, and over its column. */
  readonly label: string
  readonly sources: readonly string[]
  readonly line: readonly Datum[]
  /** For the point of a row; null where the paper says nothing of it. */
  readonly of: (row: Row) => number | null
}

/** `rows` are those that are drawn. */
export function papersOf(view: PartView, rows: readonly Row[], figure: FigureName): Paper[] {
  const ofOverlay = (overlay: OverlayId) => rows.filter(({ point }) => point.overlay === overlay)
  return overlaysOf(rows).flatMap(overlay => [
    ...(figure === 'hops' && view.axis?.field === 'nodes' ? theoryPapers(ofOverlay(overlay)) : []),
    ...printed(view, overlay, ofOverlay(overlay), figure)
  ])
}

/** One for each group of settings that theory tells apart, of the points that it speaks of. */
function theoryPapers(rows: readonly Row[]): Paper[] {
  const told = rows.flatMap(row => {
    const theory = theoryOfPoint(row.point)
    return theory === undefined
      ? []
      : [{ row, theory, set: settingWords({ set: settingsOfTheory(row.point) }) }]
  })
  return [...Map.groupBy(told, ({ set }) => set)].map(([set, group]) => {
    const [{ row: first, theory }] = group as [(typeof group)[number]]
    const label = [theory.label, set].filter(Boolean).join(', ')
    const own = group.map(({ row }) => row)
    const line = [...Map.groupBy(own, ({ panel }) => panel)].flatMap(([panel, inside]) => {
      const [least, most] = extent(inside.map(({ point }) => point.plan.nodes))
      return Array.from({ length: THEORY_STEPS + 1 }, (_, step) => {
        // Even steps of the logarithm, as the axis has it.
        const x = least * (most / least) ** (step / THEORY_STEPS)
        return datum(panel, label, x, theory.hops(x, inside[0]!.point.results.settings))
      })
    })
    const of = (row: Row) => (own.includes(row) ? (hopsExpected(row.point) ?? null) : null)
    return { overlay: first.point.overlay, label, sources: [theory.source], line, of }
  })
}

function printed(view: PartView, overlay: OverlayId, rows: readonly Row[], figure: FigureName): Paper[] {
  const all = view.members.flatMap(({ study, part }) =>
    part.published
      .filter(one => one.overlay === overlay && one.figure === figure)
      .map(one => ({ study, ...one }))
  )
  const of = (row: Row) => all.find(one => one.study === row.study && isOf(one, row))?.value ?? null
  const label = `${labelOf(overlay)}, published`
  const line = rows.flatMap(row => {
    const value = of(row)
    return value === null ? [] : [datum(row.panel, label, row.x!, value)]
  })
  return line.length === 0
    ? []
    : [{ overlay, label, sources: distinct(all.map(({ source }) => source)), line, of }]
}

/** A plan file may name only some of what varies: the lab fills in the rest, as the point has it. */
const isOf = ({ at, set }: Published, { point }: Row) =>
  Object.entries(at).every(([field, value]) => valueAt(point, field) === value) &&
  Object.entries(set).every(([key, value]) => point.set[key] === value)

const datum = (panel: string, series: string, x: number | string, y: number): Datum => ({
  kind: 'paper',
  panel,
  series,
  set: '',
  x,
  y,
  low: null,
  high: null
})
