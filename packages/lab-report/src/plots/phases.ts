/** The measured time in three, where a partition parts it: before it, while it lasts, and when it has healed. */
import type { FigureName } from '@servent/lab'
import { labelOf } from '../looks.ts'
import { MEASURES } from '../measures.ts'
import { coded, type Datum, framed, heightWith, type Plot, scaled, seriesOf } from '../spec.ts'
import type { Cell } from '../table.ts'
import { alongWords, distinct, figureOf, howDrawn, type PartView, type Row } from '../view.ts'
import { linesOf } from './lines.ts'

type Phases = readonly (readonly [phase: string, figure: FigureName])[]

const SUCCESS: Phases = [
  ['before', 'success_before'],
  ['parted', 'success_during'],
  ['healed', 'success_after']
]
const RECALL: Phases = [
  ['before', 'recall_before'],
  ['parted', 'recall_during'],
  ['healed', 'recall_after']
]

/** Of lookups and of searches, where there are any. */
export function phasePlots(view: PartView): Plot[] {
  return [
    phasePlot(view, SUCCESS, {
      name: 'success-by-phase',
      title: 'Lookups that succeed before, during and after a partition',
      axis: MEASURES.success.axis
    }),
    phasePlot(view, RECALL, {
      name: 'recall-by-phase',
      title: 'What searches find before, during and after a partition',
      axis: MEASURES.recall.axis
    })
  ].flatMap(plot => plot ?? [])
}

function phasePlot(
  view: PartView,
  phases: Phases,
  { name, title, axis }: { readonly name: string; readonly title: string; readonly axis: string }
): Plot | undefined {
  const rows = view.rows.filter(row => phases.some(([, figure]) => figureOf(row, figure) !== undefined))
  if (rows.length === 0) return undefined
  const panelOf = (row: Row) =>
    [row.panel, ...(view.axis === undefined ? [] : [alongWords(row, view.axis)])].filter(Boolean).join(' · ')
  const lines = linesOf(rows)
  const data: Datum[] = rows.flatMap(row =>
    phases.flatMap(([phase, figure]) => {
      const found = figureOf(row, figure)
      if (found === undefined) return []
      const { median: y, ci95 } = found
      const [low, high] = ci95 ?? [null, null]
      return [{ panel: panelOf(row), series: lines.of(row), set: row.set, x: phase, y, low, high }]
    })
  )
  const numbers = data.flatMap(({ y, low, high }) =>
    [y, low, high].filter(value => typeof value === 'number')
  )
  const series = seriesOf(lines.all)
  const { color, dash, shape } = coded(series, 'points')
  const x = {
    field: 'x',
    type: 'ordinal',
    scale: { domain: phases.map(([phase]) => phase), padding: 0.3 },
    axis: { title: null, labelAngle: 0 }
  }
  const y = { field: 'y', type: 'quantitative', ...scaled(axis, numbers, 'y', true) }
  const layers = [
    {
      transform: [{ filter: { field: 'low', valid: true } }],
      mark: { type: 'rule', strokeWidth: 1.5, opacity: 0.7 },
      encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color }
    },
    {
      mark: { type: 'line', strokeWidth: 1.75 },
      encoding: { x, y, color, strokeDash: dash, detail: { field: 'set' } }
    },
    {
      mark: { type: 'point', filled: true, opacity: 1, size: 45 },
      encoding: { x, y, color, shape }
    }
  ]
  const spec = framed(data, layers, { height: heightWith(series) })
  const hasPanels = distinct(rows.map(panelOf)).length > 1
  const cell = (row: Row, figure: FigureName): Cell => {
    const found = figureOf(row, figure)
    return found === undefined ? null : { median: found.median, ci95: found.ci95 }
  }
  return {
    name,
    title,
    caption: [
      'By when it was asked. While the network is parted that is right which is so on the side of who asks. Whoever has no time of healing was not whole again in half of the runs.',
      howDrawn(rows),
      ...lines.words
    ].join(' '),
    spec,
    table: {
      caption: title,
      heads: 1 + Number(hasPanels) + Number(view.hasGrid),
      columns: [
        ...(hasPanels ? [{ title: 'Panel' }] : []),
        { title: 'Overlay' },
        ...(view.hasGrid ? [{ title: 'Settings' }] : []),
        ...phases.map(([phase, figure]) => ({ title: phase, write: MEASURES[figure].write })),
        { title: MEASURES.healing_s.label, write: MEASURES.healing_s.write }
      ],
      rows: rows.map(row => [
        ...(hasPanels ? [panelOf(row)] : []),
        labelOf(row.point.overlay),
        ...(view.hasGrid ? [row.set] : []),
        ...phases.map(([, figure]) => cell(row, figure)),
        cell(row, 'healing_s')
      ])
    }
  }
}
