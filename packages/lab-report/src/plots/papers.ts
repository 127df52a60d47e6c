/**
 * What papers say, beside what was measured: a line of their theory where steps go with size, and figures that they
 * printed, as the plan file names them.
 */
import type { FigureName, Published } from '@servent/lab'
import { LOOKS, labelOf, type OverlayId } from '../looks.ts'
import { extent } from '../numbers.ts'
import { type Datum, type LookOfLine, overlaysOf } from '../spec.ts'
import { hopsExpected, settingsOfTheory, theoryOfPoint } from '../theory.ts'
import { distinct, type PartView, type Row, settingWords, valueAt } from '../view.ts'
import type { Lines } from './lines.ts'

/** Points of a theory's line: enough to look like a curve. */
const THEORY_STEPS = 24

/** A line for what has no points, with the dashes that it is drawn in: a path of Vega’s. */
function strokeOf(dash: readonly number[]): string {
  const [drawn, left] = dash.map(px => px / SYMBOL_PX) as [number, number]
  const starts: number[] = []
  for (let from = -STROKE_HALF; from < STROKE_HALF; from += drawn + left) starts.push(from)
  const path = starts.map(from => `M${from.toFixed(2)},0L${Math.min(STROKE_HALF, from + drawn).toFixed(2)},0`)
  return path.join('')
}
/** Half of a symbol’s height in a legend, and of the length of a stroke in such. */
const SYMBOL_PX = 4.2
const STROKE_HALF = 1.5
/** Dotted, and further ones of the same overlay. */
const DASHES = [
  [1, 3],
  [3, 3],
  [1, 6],
  [5, 2]
]

/** Of published figures: crosses that lie, and further ones of the same overlay. */
const POINTS = [crossed(1 / 8), crossed(0, 3), crossed(1 / 6, 3)]

/** Bars through one middle, evenly about it. */
function crossed(turn: number, bars = 2): string {
  const [long, wide] = [1.35, 0.28]
  const each = Array.from({ length: bars }, (_, at) => {
    const angle = Math.PI * (2 * turn + at / bars)
    const [along, across] = [
      [long * Math.sin(angle), -long * Math.cos(angle)],
      [wide * Math.cos(angle), wide * Math.sin(angle)]
    ] as const
    const corners = [
      [1, 1],
      [1, -1],
      [-1, -1],
      [-1, 1]
    ].map(([a, b]) => [0, 1].map(side => (a! * along[side]! + b! * across[side]!).toFixed(2)).join(','))
    return `M${corners.join('L')}Z`
  })
  return each.join('')
}

export interface Paper {
  readonly kind: 'theory' | 'published'
  readonly overlay: OverlayId
  /** Its label stands in the legend, and over its column. */
  readonly look: LookOfLine
  readonly sources: readonly string[]
  readonly line: readonly Datum[]
  /** For the point of a row; null where the paper says nothing of it. */
  readonly of: (row: Row) => number | null
}

/** `rows` are those that are drawn, on these lines. */
export function papersOf(view: PartView, rows: readonly Row[], lines: Lines, figure: FigureName): Paper[] {
  const ofOverlay = (overlay: OverlayId) => rows.filter(({ point }) => point.overlay === overlay)
  return overlaysOf(rows).flatMap(overlay => [
    ...(figure === 'hops' && view.axis?.field === 'nodes' ? theoryPapers(ofOverlay(overlay), lines) : []),
    ...printed(view, overlay, ofOverlay(overlay), lines, figure)
  ])
}

/** One for each group of settings that theory tells apart, of the points that it speaks of. */
function theoryPapers(rows: readonly Row[], { areTooMany }: Lines): Paper[] {
  const told = rows.flatMap(row => {
    const theory = theoryOfPoint(row.point)
    return theory === undefined
      ? []
      : [{ row, theory, set: settingWords({ set: settingsOfTheory(row.point) }) }]
  })
  const groups = [...Map.groupBy(told, ({ set }) => set).values()]
  const papers = groups.map((group, at): Paper => {
    const [{ row: first, theory, set }] = group as [(typeof group)[number]]
    const { overlay } = first.point
    const isNamed = groups.length > 1 && !areTooMany
    const look = lookOf(overlay, [labelOf(overlay), ...(isNamed ? [set] : []), 'theory'], areTooMany ? 0 : at)
    const own = group.map(({ row }) => row)
    const line = [...Map.groupBy(own, ({ panel }) => panel)].flatMap(([panel, inside]) => {
      const [least, most] = extent(inside.map(({ point }) => point.plan.nodes))
      return Array.from({ length: THEORY_STEPS + 1 }, (_, step) => {
        // Even steps of the logarithm, as the axis has it.
        const x = least * (most / least) ** (step / THEORY_STEPS)
        return {
          ...datum('theory', panel, look.label, x, theory.hops(x, inside[0]!.point.results.settings)),
          set
        }
      })
    })
    const of = (row: Row) => (own.includes(row) ? (hopsExpected(row.point) ?? null) : null)
    return { kind: 'theory', overlay, look, sources: [theory.source], line, of }
  })
  const [first] = papers
  if (first === undefined || !areTooMany) return papers
  // All in one look, as what is measured is.
  const of = (row: Row) => papers.map(paper => paper.of(row)).find(value => value !== null) ?? null
  return [{ ...first, line: papers.flatMap(({ line }) => line), of }]
}

function lookOf(overlay: OverlayId, label: readonly string[], at: number): LookOfLine {
  const dash = DASHES[at % DASHES.length]!
  return { label: label.filter(Boolean).join(', '), light: LOOKS[overlay].light, dash, shape: strokeOf(dash) }
}

/** One for each line that any of them belongs to: points, and dotted where there are several. */
function printed(
  view: PartView,
  overlay: OverlayId,
  rows: readonly Row[],
  lines: Lines,
  figure: FigureName
): Paper[] {
  const all = view.members.flatMap(({ study, part }) =>
    part.published
      .filter(one => one.overlay === overlay && one.figure === figure)
      .map(one => ({ study, ...one }))
  )
  const valueHere = (row: Row) => all.find(one => one.study === row.study && isOf(one, row))?.value ?? null
  const held = rows.filter(row => valueHere(row) !== null)
  return [...Map.groupBy(held, lines.of)].map(([name, own], at) => {
    const shape = POINTS[at % POINTS.length]!
    const look = { ...lookOf(overlay, [name, 'published'], at), shape }
    return {
      kind: 'published',
      overlay,
      look,
      sources: distinct(all.map(({ source }) => source)),
      line: own.map(row => ({
        ...datum('published', row.panel, look.label, row.x!, valueHere(row)!),
        set: row.set
      })),
      of: row => (own.includes(row) ? valueHere(row) : null)
    }
  })
}

/** A plan file may name only some of what varies: the lab fills in the rest, as the point has it. */
const isOf = ({ at, set }: Published, { point }: Row) =>
  Object.entries(at).every(([field, value]) => valueAt(point, field) === value) &&
  Object.entries(set).every(([key, value]) => point.set[key] === value)

const datum = (kind: Paper['kind'], panel: string, series: string, x: number | string, y: number): Datum => ({
  kind,
  panel,
  series,
  set: '',
  x,
  y,
  low: null,
  high: null
})
