/** What was measured along what varies, a line for each overlay, and what papers say of it. */
import type { FigureName } from '@servent/lab'
import { areAbsencesAlike, type Value, wordsOf } from '../axes.ts'
import { LOOKS, labelOf } from '../looks.ts'
import { measureOf } from '../measures.ts'
import { listed } from '../numbers.ts'
import { questionWords } from '../questions.ts'
import {
  along,
  coded,
  type Datum,
  framed,
  heightWith,
  overlaysOf,
  type Plot,
  scaled,
  seriesOf
} from '../spec.ts'
import type { Cell, Table } from '../table.ts'
import { alongWords, BACKEND, distinct, figureOf, howDrawn, type PartView, type Row } from '../view.ts'
import { linesOf } from './lines.ts'
import { type Paper, papersOf } from './papers.ts'

/**
 * Lines join medians, bars are their intervals, dotted lines are of papers. Settings that vary have a line each, in the
 * colour of their overlay. Nothing where no run measured it, or nothing varies.
 */
export function alongPlot(view: PartView, figure: FigureName, title: string): Plot | undefined {
  const { axis } = view
  const rows = view.rows.filter(row => figureOf(row, figure) !== undefined)
  if (axis === undefined || distinct(rows.map(({ x }) => x)).length < 2) return undefined
  const measure = measureOf(figure, pointsOf(rows))
  const lines = linesOf(rows)
  const papers = papersOf(view, rows, lines, figure)
  const data: Datum[] = rows.map(row => {
    const { median, ci95 } = figureOf(row, figure)!
    return {
      kind: 'measured',
      panel: row.panel,
      series: lines.of(row),
      set: row.set,
      x: row.x!,
      y: median,
      low: ci95?.[0] ?? null,
      high: ci95?.[1] ?? null
    }
  })
  const expected = papers.flatMap(({ line }) => line)
  const numbers = [...data, ...expected].flatMap(({ y, low, high }) =>
    [y, low, high].filter(value => typeof value === 'number')
  )
  const series = seriesOf([...lines.all, ...papers.map(({ look }) => look)])
  const { color, dash, shape } = coded(series, 'points')
  const x = along(axis)
  const y = { field: 'y', type: 'quantitative', ...scaled(measure.axis, numbers, 'y', measure.isPart) }
  const measured = { filter: { field: 'kind', equal: 'measured' } }
  const spec = framed(
    [...data, ...expected],
    [
      {
        transform: [{ filter: { field: 'kind', oneOf: ['theory', 'published'] } }],
        mark: { type: 'line', strokeWidth: 1.5 },
        encoding: { x, y, color, strokeDash: dash, detail: { field: 'set' } }
      },
      {
        transform: [measured, { filter: { field: 'low', valid: true } }],
        mark: { type: 'rule', strokeWidth: 1.5, opacity: 0.7 },
        encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color }
      },
      {
        transform: [measured],
        mark: { type: 'line', strokeWidth: 1.75 },
        encoding: { x, y, color, strokeDash: dash, detail: { field: 'set' } }
      },
      {
        // A figure that was published at one place alone has no line.
        transform: [{ filter: { field: 'kind', oneOf: ['measured', 'published'] } }],
        mark: { type: 'point', filled: true, opacity: 1, size: 45 },
        encoding: { x, y, color, shape }
      }
    ],
    { height: heightWith(series) }
  )
  const sources = distinct(papers.flatMap(paper => paper.sources))
  return {
    name: `${figure.replaceAll('_', '-')}-by-${axis.field}`,
    title,
    caption: [
      `${measure.means}.`,
      howDrawn(rows),
      ...lines.words,
      ...(figure === 'bytes_per_s' && axis.field === 'nodes' ? questionWords(pointsOf(rows)) : []),
      ...(axis.field === 'churn' ? absenceWords(axis.values) : []),
      ...(axis.field === BACKEND ? ['Where a line is level, backends agree.'] : []),
      ...(sources.length > 0 ? [`${paperWords(papers)} ${sources.join('; ')}.`] : []),
      ...(view.panelsLeftOut > 0
        ? [`${view.panelsLeftOut} more combinations stand in the table of the part.`]
        : [])
    ].join(' '),
    spec,
    table: tableOf(view, rows, papers, figure, title)
  }
}

const pointsOf = (rows: readonly Row[]) => rows.map(({ point }) => point)

/** Of the values that it is so of. */
function absenceWords(values: readonly Value[]): string[] {
  const alike = values.filter(areAbsencesAlike)
  if (alike.length === 0) return []
  const areAll = values.every(value => value === null || alike.includes(value))
  const who = areAll
    ? 'Peers'
    : `With ${listed(
        alike.map(value => wordsOf('churn', value)),
        'or'
      )} peers`
  return [`${who} are away as long as they stay, in the mean, so that half of them are away after a while.`]
}

/** What is theirs of what is drawn. */
function paperWords(papers: readonly Paper[]): string {
  const hasTheory = papers.some(({ kind }) => kind === 'theory')
  if (papers.every(({ kind }) => kind === 'theory')) return 'Dotted: what papers say.'
  return `${hasTheory ? 'Dotted: theory; crosses' : 'Crosses'}: what papers measured.`
}

/** Their columns, where each row has settings of its own. */
const PAPERS: readonly (readonly [Paper['kind'], title: string])[] = [
  ['theory', 'Theory'],
  ['published', 'Published']
]

/** A row for each value of what varies, a column for each overlay; a row for each point where settings vary too. */
function tableOf(
  view: PartView,
  rows: readonly Row[],
  papers: readonly Paper[],
  figure: FigureName,
  title: string
): Table {
  const axis = view.axis!
  const { write, label } = measureOf(figure, pointsOf(rows))
  const panels = distinct(rows.map(({ panel }) => panel))
  const hasPanels = panels.length > 1
  const cellOf = (row: Row | undefined): Cell => {
    const found = row === undefined ? undefined : figureOf(row, figure)
    return found === undefined ? null : { median: found.median, ci95: found.ci95 }
  }
  const saidOf = (row: Row, kind: Paper['kind']) =>
    papers.filter(paper => paper.kind === kind).flatMap(paper => paper.of(row) ?? [])[0] ?? null
  const first = [...(hasPanels ? [{ title: 'Panel' }] : []), { title: axis.title }]
  if (view.hasGrid) {
    const kinds = PAPERS.filter(([kind]) => papers.some(paper => paper.kind === kind))
    return {
      caption: title,
      heads: first.length + 2,
      columns: [
        ...first,
        { title: 'Overlay' },
        { title: 'Settings' },
        { title: label, write },
        ...kinds.map(([, title]) => ({ title, write }))
      ],
      rows: rows.map(row => [
        ...(hasPanels ? [row.panel] : []),
        alongWords(row, axis),
        labelOf(row.point.overlay),
        row.set,
        cellOf(row),
        ...kinds.map(([kind]) => saidOf(row, kind))
      ])
    }
  }
  const overlays = overlaysOf(rows)
  return {
    caption: title,
    heads: first.length,
    columns: [
      ...first,
      ...overlays.map(overlay => ({ title: LOOKS[overlay].label, write })),
      ...papers.map(({ look: { label: title } }) => ({ title, write }))
    ],
    rows: panels.flatMap(panel =>
      axis.values.flatMap(value => {
        const own = rows.filter(row => row.panel === panel && row.x === axis.at(value))
        const of = (overlay: string) => own.find(({ point }) => point.overlay === overlay)
        if (own.length === 0) return []
        return [
          [
            ...(hasPanels ? [panel] : []),
            alongWords(own[0]!, axis),
            ...overlays.map(overlay => cellOf(of(overlay))),
            ...papers.map(paper => {
              const row = of(paper.overlay)
              return row === undefined ? null : paper.of(row)
            })
          ]
        ]
      })
    )
  }
}
