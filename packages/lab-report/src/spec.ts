/** What all plots have in common, in Vega-Lite's words. */
import type { TopLevelSpec } from 'vega-lite'
import type { Axis } from './axes.ts'
import { widthOf } from './draw.ts'
import { GRID, INK, LOOKS, type Look, type OverlayId, QUIET } from './looks.ts'
import { duration, extent, shown } from './numbers.ts'
import type { Table } from './table.ts'
import { distinct, type Row } from './view.ts'

export type Spec = TopLevelSpec
export type Datum = Readonly<Record<string, string | number | boolean | null>>
export type Loose = Record<string, unknown>

/** A plot before it is drawn. */
export interface Plot {
  /** Within its part. */
  readonly name: string
  readonly title: string
  /** How to read it: sentences. */
  readonly caption: string
  readonly spec: Spec
  readonly table: Table
}

export const WIDTH_PX = 360
const HEIGHT_PX = 290
const PANEL_HEIGHT_PX = 170
/** The place for an axis at the left, where panels do not fit themselves into a width. */
const AXIS_PX = 62
/** Letters may be wider than they are taken for: what is cut off at its limit still ends within the plot. */
const SLACK_PX = 24
const HEADER_LIMIT_PX = WIDTH_PX - AXIS_PX - SLACK_PX
/** What axis and legend take at least of the height of a plot of one panel. */
const BELOW_PX = 90
const TEXT_PX = 12

const CONFIG = {
  // The page describes each plot, and has its table.
  aria: false,
  background: 'transparent',
  font: 'system-ui, sans-serif',
  padding: 4,
  view: { stroke: null },
  axis: {
    labelColor: INK.light,
    titleColor: INK.light,
    labelFontSize: TEXT_PX,
    titleFontSize: TEXT_PX,
    titleFontWeight: 'normal',
    titlePadding: 8,
    labelLimit: 0,
    titleLimit: 0,
    gridColor: GRID.light,
    domainColor: QUIET.light,
    tickColor: QUIET.light,
    labelOverlap: 'greedy',
    labelSeparation: 5
  },
  legend: {
    orient: 'bottom',
    title: null,
    labelColor: INK.light,
    labelFontSize: TEXT_PX,
    symbolSize: 70,
    symbolStrokeWidth: 2,
    symbolOpacity: 1,
    labelLimit: 0,
    columnPadding: 14,
    rowPadding: 4,
    offset: 8,
    // From the left edge of all that is drawn, so that its columns fit.
    layout: { bottom: { anchor: 'start', frame: 'bounds', direction: 'vertical' } }
  },
  header: {
    labelColor: INK.light,
    labelFontSize: TEXT_PX,
    labelFontWeight: 'bold',
    labelLimit: HEADER_LIMIT_PX,
    titleColor: INK.light
  }
} as const

/** Between things that a panel is of, as a study and a backend. */
const BESIDE = ' · '
/** A bold letter of a header is so much larger than its height says. */
const HEADER_PX = 1.12 * TEXT_PX

/** A panel's name in as many lines as it takes, broken between two things: none of them is cut off for the others' sake. */
function inLines(name: string, roomPx: number): string {
  const lines: string[] = []
  for (const part of name.split(BESIDE)) {
    const longer = `${lines.at(-1)}${BESIDE}${part}`
    if (lines.length > 0 && HEADER_PX * widthOf(longer) <= roomPx) lines.splice(-1, 1, longer)
    else lines.push(part)
  }
  return lines.join('\n')
}

/** One panel, or one for each `panel` of the data where there are several, all with the same scales. */
export function framed(given: readonly Datum[], layer: readonly Loose[], more: Loose = {}): Spec {
  const { labelLimit = HEADER_LIMIT_PX } = (more.header ?? {}) as { labelLimit?: number }
  const data = given.map(datum => ({ ...datum, panel: inLines(`${datum.panel ?? ''}`, labelLimit) }))
  const panels = distinct(data.map(({ panel }) => panel))
  const copied = data.map(datum => ('series' in datum ? { ...datum, look: datum.series! } : datum))
  const ordered = copied.map(datum => ({ ...datum, order: panels.indexOf(datum.panel ?? '') }))
  const top = { $schema: 'https://vega.github.io/schema/vega-lite/v6.json', config: CONFIG }
  const { height = HEIGHT_PX, panelHeight = PANEL_HEIGHT_PX, axisPx = AXIS_PX, header = {}, ...rest } = more
  if (panels.length <= 1) {
    return {
      ...top,
      width: WIDTH_PX,
      height,
      autosize: { type: 'fit', contains: 'padding' },
      data: { values: copied },
      layer,
      ...rest
    } as unknown as Spec
  }
  return {
    ...top,
    data: { values: ordered },
    facet: {
      field: 'panel',
      type: 'nominal',
      // Not by the texts, which are others' and would stand in an expression.
      sort: { field: 'order', op: 'min' },
      header: {
        title: null,
        labelAnchor: 'start',
        labelExpr: 'split(datum.value, "\\n")',
        ...(header as Loose)
      }
    },
    columns: 1,
    spec: { width: WIDTH_PX - Number(axisPx), height: panelHeight, layer },
    ...rest
  } as unknown as Spec
}

/** What marks have at least of a panel, in a plot of so many. */
export const roomOf = (panels: number) => ({
  width: WIDTH_PX - AXIS_PX,
  height: panels > 1 ? PANEL_HEIGHT_PX : HEIGHT_PX - BELOW_PX
})

/** In the order of the looks. */
export const overlaysOf = (rows: readonly Row[]): OverlayId[] => {
  const there = new Set(rows.map(({ point }) => point.overlay))
  return (Object.keys(LOOKS) as OverlayId[]).filter(overlay => there.has(overlay))
}

/** The square of how long a line is in a legend: its dashes are to be seen. */
const LINE_SYMBOL = 600

/** How a line and its points look. */
export type LookOfLine = Pick<Look, 'label' | 'light' | 'dash' | 'shape'>

export interface Series {
  readonly labels: readonly string[]
  readonly colours: readonly string[]
  readonly dashes: readonly (readonly number[])[]
  readonly shapes: readonly string[]
}

export const seriesOf = (each: readonly LookOfLine[]): Series => ({
  labels: each.map(({ label }) => label),
  colours: each.map(({ light }) => light),
  dashes: each.map(({ dash }) => dash),
  shapes: each.map(({ shape }) => shape)
})

export const looksOf = (rows: readonly Row[]): LookOfLine[] => overlaysOf(rows).map(overlay => LOOKS[overlay])

const SHORT_LETTERS = 9
/** Of a point beside its label, and to the next one. */
const POINT_SYMBOL_PX = 30
const LINE_SYMBOL_PX = 45
const LEGEND_ROW_PX = 20
/** As many rows of a legend have room in a plot of the usual height. */
const LEGEND_ROWS = 3

/** Of a legend: as many as fit beside each other, and none alone in the last row where that can be. */
function columnsOf(labels: readonly string[], isOfLines: boolean): number {
  // Lines take more room than points do.
  const most = !isOfLines && labels.every(({ length }) => length <= SHORT_LETTERS) ? 4 : 3
  const isLonely = (columns: number) => labels.length > columns && labels.length % columns === 1
  const widths = labels.map(
    label => TEXT_PX * widthOf(label) + (isOfLines ? LINE_SYMBOL_PX : POINT_SYMBOL_PX)
  )
  const doFit = (columns: number) => {
    const each = Array.from({ length: columns }, (_, column) =>
      Math.max(0, ...widths.filter((_, at) => at % columns === column))
    )
    return each.reduce((sum, width) => sum + width, 0) <= WIDTH_PX
  }
  const fitting = [most, most - 1, 2].filter(doFit)
  return fitting.find(columns => !isLonely(columns)) ?? fitting[0] ?? 1
}

/** Of a plot of one panel with a legend of points: one of many lines makes it higher. */
export function heightWith({ labels }: Series): number {
  const rows = Math.ceil(labels.length / columnsOf(labels, false))
  return HEIGHT_PX + LEGEND_ROW_PX * Math.max(0, rows - LEGEND_ROWS)
}

/** `legend` by points where there are any, else by lines. */
export function coded(
  { labels, colours, dashes, shapes }: Series,
  legend: 'points' | 'lines' | 'none'
): {
  readonly color: Loose
  readonly dash: Loose
  readonly shape: Loose
} {
  const field = { field: 'series', type: 'nominal' }
  // A legend is shared by all that is of one field, or by none of it: what is not in the legend is of its copy.
  const of = (kind: string) => (kind === legend ? field : { ...field, field: 'look' })
  const shown = (is: boolean) => {
    if (!is) return { legend: null }
    const columns = columnsOf(labels, legend === 'lines')
    return { legend: { columns, ...(legend === 'lines' && { symbolSize: LINE_SYMBOL }) } }
  }
  return {
    color: { ...field, scale: { domain: labels, range: colours }, ...shown(legend !== 'none') },
    dash: { ...of('lines'), scale: { domain: labels, range: dashes }, ...shown(legend === 'lines') },
    shape: { ...of('points'), scale: { domain: labels, range: shapes }, ...shown(legend === 'points') }
  }
}

/** Numbers of an axis, grouped, without zeros that say nothing. */
export const NUMBERS = ',.3~f'
/** 20k: where grouped ones are too wide to stand beside each other. */
const SHORT = '~s'
const SHORT_FROM = 20_000
const PARTS = '~%'
/** From what on of its range a measure is drawn by its logarithm. */
const LOG_RATIO = 30
const LOG_MARGIN = 1.12

type Side = 'x' | 'y'

/** How a measure lies along its axis, by the numbers that are drawn. */
export function scaled(title: string, numbers: readonly number[], side: Side, isPart = false): Loose {
  const [least, most] = extent(numbers)
  if (isPart) {
    // What is all but everything is told apart only where the axis does not begin at nothing.
    const from = [0.9, 0.75, 0.5].find(start => least >= start) ?? 0
    return { scale: { domain: [from, 1], zero: false }, axis: { title, format: PARTS, tickCount: 5 } }
  }
  const format = most >= SHORT_FROM ? SHORT : NUMBERS
  if (least > 0 && most / least > LOG_RATIO) {
    const [from, to] = [least / LOG_MARGIN, most * LOG_MARGIN]
    return {
      scale: { type: 'log', domain: [from, to], nice: false },
      axis: { title: `${title} (log)`, format, values: decades(from, to, side) }
    }
  }
  // Labels that stand beside each other need more room than those above each other.
  const tickCount = side === 'x' && most >= 1_000 ? 4 : 6
  return { scale: { zero: true, nice: true }, axis: { title, format, tickCount } }
}

/** Parts of a whole, from none to all. */
export const QUARTERS = { format: PARTS, values: [0, 0.25, 0.5, 0.75, 1] }

const DIGITS_OF_DECADE = [[1, 2, 5], [1, 3], [1]] as const
const LETTER_PX = 8
const LINE_PX = 20

/** 1, 2, 5, 10 and so on, or fewer, so that their labels have room. */
export function decades(from: number, to: number, side: Side): number[] {
  const [first, last] = [Math.floor(Math.log10(from)), Math.log10(to)]
  const letters = Math.max(...[from, to].map(value => shown(value).length))
  const [room, need] =
    side === 'x' ? [WIDTH_PX - AXIS_PX, LETTER_PX * (letters + 1)] : [PANEL_HEIGHT_PX, LINE_PX]
  const labels = (room / need) * (1 / (last - Math.log10(from)))
  // How many labels of equal distance a decade has room for, and the nearest two of each choice.
  const digits = DIGITS_OF_DECADE.find((_, at) => labels * Math.log10([2, 3, 10][at]!) >= 1) ?? [1]
  const every = Math.max(1, Math.ceil(1 / labels))
  const values: number[] = []
  for (let power = first; power <= last; power += 1)
    for (const digit of power % every === 0 ? digits : []) {
      // Powers of ten below one are no exact doubles: read as they are written.
      const value = Number(`${digit}e${power}`)
      if (value >= from && value <= to) values.push(value)
    }
  return values
}

const NAMES_LEVEL_MOST = 4
/** Beside names, in parts of what each has. */
const NAMES_PADDING = 0.3
const NAMES_GAP_PX = 8
/** Names are as long as others wrote them. */
const NAME_LIMIT_PX = 130

/** How the field that varies lies along: ticks where it was measured. */
export function along({ title, scale, isPart, isTime, values, at }: Axis): Loose {
  const field = { field: 'x' }
  if (scale === 'names') {
    const roomPx = (WIDTH_PX - AXIS_PX) / (values.length + NAMES_PADDING) - NAMES_GAP_PX
    const isLevel = values.every(value => TEXT_PX * widthOf(`${at(value)}`) <= roomPx)
    const labelAngle = isLevel && values.length <= NAMES_LEVEL_MOST ? 0 : -40
    return {
      ...field,
      type: 'ordinal',
      scale: { domain: values.map(at), padding: NAMES_PADDING },
      axis: { title, labelAngle, labelLimit: NAME_LIMIT_PX }
    }
  }
  const numbers = values.map(value => Number(at(value)))
  const [least, most] = extent(numbers)
  const log = {
    type: 'log',
    domain: [least / LOG_MARGIN, most * LOG_MARGIN],
    nice: false
  }
  const margin = (most - least) / 30
  const linear = { domain: [least - margin, most + margin], nice: false, zero: false }
  const ticks = [...new Set(numbers)].sort((a, b) => a - b)
  // An expression of numbers and of units that stand here.
  const label = ticks.reduceRight(
    (rest, tick) => `datum.value === ${tick} ? '${duration(tick)}' : ${rest}`,
    "''"
  )
  return {
    ...field,
    type: 'quantitative',
    scale: scale === 'log' ? log : linear,
    axis: {
      title: scale === 'log' ? `${title} (log)` : title,
      values: ticks,
      grid: false,
      ...(isTime ? { labelExpr: label } : { format: isPart ? PARTS : NUMBERS })
    }
  }
}
