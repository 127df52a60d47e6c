/** What one thing costs in another: latency and success in bytes, as hulls of settings, and what searches find in what they send. */
import { type FigureName, lowerHull } from '@servent/lab'
import { labelOf } from '../looks.ts'
import { isStill, measureOf } from '../measures.ts'
import {
  coded,
  type Datum,
  framed,
  type Loose,
  looksOf,
  overlaysOf,
  type Plot,
  roomOf,
  scaled,
  seriesOf
} from '../spec.ts'
import { alongWords, distinct, figureOf, howDrawn, type PartView, type Row, runsWords } from '../view.ts'
import { labelLayers, labelled, placeOf } from './point-labels.ts'

/** Points of settings that a plot numbers, so that its caption can say which is which. Of more the table does. */
const NUMBERED_MOST = 12

/** What a line is, where it makes nothing the best. */
const LOWER = 'the lower hull of its points: the convex line under them, from the leftmost to the lowest'
const UPPER = 'the upper hull of its points: the concave line over them, from the leftmost to the highest'

/** Two figures of a point, one against the other: to the left costs less. */
interface Trade {
  readonly name: string
  readonly title: string
  readonly caption: string
  /** In its place where bytes are of questions alone, which no line makes the best of settings. */
  readonly captionOfQuestions?: string
  readonly cost: FigureName
  readonly gain: FigureName
  /** Whether settings are compared, of which the best lie below all others, or above them. */
  readonly hull?: 'below' | 'above'
}

const LATENCY: Trade = {
  name: 'cost-against-latency',
  title: 'What latency costs',
  caption:
    'Each point is a choice of settings; the line under them is the best that an overlay gives to whoever sets it well (Li et ' +
    'al., INFOCOM 2005). Lookups that failed are not in the latency: the table of the part has them.',
  captionOfQuestions: 'Lookups that failed are not in the latency: the table of the part has them.',
  cost: 'bytes_per_s',
  gain: 'latency_ms',
  hull: 'below'
}
const SUCCESS: Trade = {
  name: 'cost-against-success',
  title: 'What success costs',
  caption:
    'Each point is a choice of settings; the line over them is the best that an overlay gives to whoever sets it well.',
  cost: 'bytes_per_s',
  gain: 'success',
  hull: 'above'
}
const SEARCHES: readonly Trade[] = [
  {
    name: 'recall-against-messages',
    title: 'What searches find, by the messages that they send',
    caption: 'To the left is cheap, at the top is found. What announcing files costs is not in it.',
    cost: 'search_messages',
    gain: 'recall'
  },
  {
    name: 'recall-against-bytes',
    title: 'What searches find, by the bytes that they send',
    caption: 'To the left is cheap, at the top is found. What announcing files costs is not in it.',
    cost: 'search_bytes',
    gain: 'recall'
  }
]

export function tradePlots(view: PartView): Plot[] {
  const doAllSucceed = view.rows.every(row => (figureOf(row, 'success')?.median ?? 1) === 1)
  const hulls = doAllSucceed ? [LATENCY] : [SUCCESS, LATENCY]
  return [...(view.hasGrid ? hulls : []), ...SEARCHES].flatMap(trade => tradePlot(view, trade) ?? [])
}

function tradePlot(view: PartView, trade: Trade): Plot | undefined {
  const { cost, gain, hull } = trade
  const hasHull = hull !== undefined
  const rows = view.rows.filter(row => figureOf(row, cost) && figureOf(row, gain))
  if (rows.length === 0) return undefined
  // A hull is of one place of what varies, so each place is a panel.
  const panelOf = (row: Row) =>
    hasHull && view.axis !== undefined
      ? [row.panel, alongWords(row, view.axis)].filter(Boolean).join(' · ')
      : row.panel
  const points = rows.map(({ point }) => point)
  const [costs, gains] = [measureOf(cost, points), measureOf(gain, points)]
  const hasStill = cost === 'bytes_per_s' && points.some(isStill)
  const title = hasStill && points.every(isStill) ? `${trade.title}, upkeep not in it` : trade.title
  const place = (row: Row) => [figureOf(row, cost)!.median, figureOf(row, gain)!.median] as const
  const corners = new Set(
    hasHull
      ? distinct(rows.map(panelOf)).flatMap(panel =>
          overlaysOf(rows).flatMap(overlay =>
            lowerHull(
              rows.filter(row => panelOf(row) === panel && row.point.overlay === overlay),
              row => [place(row)[0], hull === 'above' ? -place(row)[1] : place(row)[1]]
            )
          )
        )
      : rows
  )
  const isNumbered = view.hasGrid && rows.length <= NUMBERED_MOST
  const measured: Datum[] = rows.map((row, at) => {
    const [x, y] = place(row)
    const [xs, ys] = [figureOf(row, cost)!.ci95, figureOf(row, gain)!.ci95]
    return {
      kind: 'measured',
      panel: panelOf(row),
      series: labelOf(row.point.overlay),
      at,
      x,
      y,
      xLow: xs?.[0] ?? null,
      xHigh: xs?.[1] ?? null,
      yLow: ys?.[0] ?? null,
      yHigh: ys?.[1] ?? null,
      isCorner: corners.has(row)
    }
  })
  const all = (names: readonly string[]) =>
    measured.flatMap(datum => names.map(name => datum[name])).filter(value => typeof value === 'number')
  const intervals = hasHull ? [] : ['Low', 'High']
  const [alongs, ups] = ['x', 'y'].map(side => all([side, ...intervals.map(end => `${side}${end}`)])) as [
    number[],
    number[]
  ]
  const x = { field: 'x', type: 'quantitative', ...scaled(costs.axis, alongs, 'x') }
  const y = {
    field: 'y',
    type: 'quantitative',
    ...scaled(gains.axis, ups, 'y', gains.isPart)
  }
  const { color, dash, shape } = coded(seriesOf(looksOf(rows)), 'points')
  const isLine = hasHull || view.axis !== undefined
  const has = (field: string) => ({ filter: { field, valid: true } })
  const data = isNumbered ? numbered(measured, [x, alongs], [y, ups]) : measured
  const spec = framed(data, [
    ...(hasHull
      ? []
      : [
          {
            transform: [has('xLow')],
            mark: { type: 'rule', strokeWidth: 1.25, opacity: 0.7 },
            encoding: { x: { ...x, field: 'xLow' }, x2: { field: 'xHigh' }, y, color }
          },
          {
            transform: [has('yLow')],
            mark: { type: 'rule', strokeWidth: 1.25, opacity: 0.7 },
            encoding: { x, y: { ...y, field: 'yLow' }, y2: { field: 'yHigh' }, color }
          }
        ]),
    ...(isLine
      ? [
          {
            transform: [{ filter: { field: 'isCorner', equal: true } }],
            mark: { type: 'line', strokeWidth: 1.75 },
            encoding: { x, y, color, strokeDash: dash, order: { field: hasHull ? 'x' : 'at' } }
          }
        ]
      : []),
    {
      mark: { type: 'point', filled: true, size: 55 },
      encoding: {
        x,
        y,
        color,
        shape,
        // Beside the hull: there, and not worth taking.
        opacity: { condition: { test: { field: 'isCorner', equal: true }, value: 1 }, value: 0.45 }
      }
    },
    ...(isNumbered ? labelLayers(x, y) : [])
  ])
  const hasPanels = distinct(rows.map(panelOf)).length > 1
  const isVaried = !hasHull && view.axis !== undefined
  return {
    name: trade.name,
    title,
    caption: [
      ...(hasStill
        ? [
            `Each point is a choice of settings; an overlay’s line is ${hull === 'above' ? UPPER : LOWER}. A point beside it may still be one that no other beats in both.`,
            ...(trade.captionOfQuestions === undefined ? [] : [trade.captionOfQuestions]),
            `${costs.label.split(',')[0]}: ${costs.means.charAt(0).toLowerCase()}${costs.means.slice(1)}.`
          ]
        : [trade.caption]),
      hasHull ? `Medians of ${runsWords(rows)} runs.` : howDrawn(rows),
      ...(isNumbered ? [`${rows.map((row, at) => numberedWords(row, at, rows)).join('; ')}.`] : []),
      ...(isVaried ? [`Lines go along what varies: ${view.axis!.title.toLowerCase()}.`] : [])
    ].join(' '),
    spec,
    table: {
      caption: title,
      heads: 1 + Number(hasPanels) + Number(isVaried) + Number(view.hasGrid),
      columns: [
        ...(hasPanels ? [{ title: 'Panel' }] : []),
        { title: 'Overlay' },
        ...(isVaried ? [{ title: view.axis!.title }] : []),
        ...(view.hasGrid ? [{ title: 'Settings' }] : []),
        { title: costs.label, write: costs.write },
        { title: gains.label, write: gains.write },
        ...(hasHull ? [{ title: 'On the hull' }] : [])
      ],
      rows: rows.map(row => [
        ...(hasPanels ? [panelOf(row)] : []),
        labelOf(row.point.overlay),
        ...(isVaried ? [alongWords(row, view.axis!)] : []),
        ...(view.hasGrid ? [row.set] : []),
        figureOf(row, cost)!,
        figureOf(row, gain)!,
        ...(hasHull ? [corners.has(row) ? 'yes' : 'no'] : [])
      ])
    }
  }
}

/** An axis, and all numbers that are drawn along it: ends of intervals make it longer. */
type Drawn = readonly [axis: Loose, numbers: readonly number[]]

/** Each point with its number, or one of those that lie too near each other with those of all of them. */
function numbered(data: readonly Datum[], [x, alongs]: Drawn, [y, ups]: Drawn): Datum[] {
  const panels = distinct(data.map(({ panel }) => panel))
  const { width, height } = roomOf(panels.length)
  const [along, up] = [placeOf(x, Math.max(...alongs), width), placeOf(y, Math.max(...ups), height)]
  const labels = panels.flatMap(panel => {
    const inside = data.filter(datum => datum.panel === panel)
    const points = inside.map(datum => [along(Number(datum.x)), height - up(Number(datum.y))] as const)
    const names = inside.map(datum => `${Number(datum.at) + 1}`)
    return labelled(points, names, { width, height }).map(label => ({ ...label, of: inside[label.at] }))
  })
  return data.map(datum => {
    const label = labels.find(({ of }) => of === datum)
    return { ...datum, label: label?.text ?? null, labelSide: label?.side ?? null }
  })
}

/** Which point has a number. */
function numberedWords({ point, set }: Row, at: number, rows: readonly Row[]): string {
  const overlay = overlaysOf(rows).length > 1 ? `${labelOf(point.overlay)} ` : ''
  return `${at + 1}: ${overlay}${set === '' ? 'as it is' : set}`
}
