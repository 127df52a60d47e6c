/** Distributions of one network: hops, latency, load and degrees, a line for each overlay. */
import { labelOf, QUIET } from '../looks.ts'
import { count, extent, percent, shown } from '../numbers.ts'
import {
  coded,
  type Datum,
  decades,
  framed,
  looksOf,
  NUMBERS,
  overlaysOf,
  type Plot,
  QUARTERS,
  type Spec,
  seriesOf
} from '../spec.ts'
import type { Table } from '../table.ts'
import { distinct, type PartView, type Row } from '../view.ts'

type Pair = readonly [x: number, y: number]

interface Curve {
  readonly name: string
  readonly title: string
  readonly caption: string
  readonly pairs: (row: Row) => readonly Pair[]
  readonly x: { readonly title: string; readonly write: (value: number) => string }
  readonly y: { readonly title: string }
  readonly isXPart?: boolean
  readonly isXLog?: boolean
  readonly isYLog?: boolean
  /** Whole numbers along: points, and lines that only lead the eye. */
  readonly isDiscrete?: boolean
  /** The line of a load that all share alike. */
  readonly hasEven?: boolean
}

const HOPS: Curve = {
  name: 'hops-distribution',
  title: 'How many steps lookups take',
  caption: 'Of all answered lookups, the part that took so many forward steps; lines lead the eye.',
  pairs: ({ point }) => point.curves.hops ?? [],
  x: { title: 'Hops, steps', write: shown },
  y: { title: 'Lookups' },
  isDiscrete: true
}
const LATENCY: Curve = {
  name: 'latency-distribution',
  title: 'How long lookups take',
  caption:
    'Of all answered lookups, the part that took no longer. What failed is not in it; what took no time, as peers answered ' +
    'themselves, is in the height that a line begins at.',
  // An answer in no time, of who asked, has no place on a scale of logarithms.
  pairs: ({ point }) =>
    (point.curves.latency_ms ?? []).flatMap((ms, at, all): Pair[] =>
      ms > 0 ? [[ms, at / (all.length - 1)]] : []
    ),
  x: { title: 'Latency, ms', write: shown },
  y: { title: 'Lookups answered' },
  isXLog: true
}
const LOAD: Curve = {
  name: 'load',
  title: 'How evenly peers share the load',
  caption:
    'Lorenz curves: the part of all messages that the least busy peers took in. On the straight line all are as busy.',
  pairs: ({ point }) => (point.curves.load ?? []).map((part, at, all): Pair => [at / (all.length - 1), part]),
  x: { title: 'Peers, the least busy first', write: percent },
  y: { title: 'Messages received' },
  isXPart: true,
  hasEven: true
}
const DEGREES: Curve = {
  name: 'degrees',
  title: 'How many links peers have',
  caption: 'Of all peers at the end of the runs, the part that has so many links or more.',
  pairs: ({ point }) => atLeast(point.results.topology?.degrees ?? []),
  x: { title: 'Links of a peer', write: count },
  y: { title: 'Peers' },
  isXLog: true,
  isYLog: true
}

/** Those of the part's last network that there is anything of. */
export function curvePlots(view: PartView): Plot[] {
  return [HOPS, LATENCY, LOAD, DEGREES].flatMap(curve => curvePlot(view, curve) ?? [])
}

/** From how many have so many, to the part that has so many or more; peers without links are no part of it. */
function atLeast(degrees: readonly Pair[]): Pair[] {
  const total = degrees.reduce((sum, [, peers]) => sum + peers, 0)
  let left = total
  return degrees.flatMap(([links, peers]): Pair[] => {
    const pair: Pair = [links, left / total]
    left -= peers
    return links > 0 ? [pair] : []
  })
}

function curvePlot(view: PartView, curve: Curve): Plot | undefined {
  const rows = view.last.filter(row => curve.pairs(row).length > 0)
  if (rows.length === 0) return undefined
  return {
    name: curve.name,
    title: curve.title,
    caption: [
      curve.caption,
      ...(view.lastWords === '' ? [] : [`Here: ${view.lastWords}.`]),
      ...(curve === DEGREES ? [powerLaws(rows)] : [])
    ].join(' '),
    spec: specOf(rows, curve),
    table: tableOf(rows, curve)
  }
}

function specOf(rows: readonly Row[], curve: Curve): Spec {
  const data: Datum[] = rows.flatMap(row =>
    curve
      .pairs(row)
      .map(([x, y]) => ({ kind: 'measured', panel: row.panel, series: labelOf(row.point.overlay), x, y }))
  )
  const even = distinct(rows.map(({ panel }) => panel)).flatMap(panel =>
    [0, 1].map(at => ({ kind: 'even', panel, series: '', x: at, y: at }))
  )
  const floor = extent(data.map(({ y }) => Number(y)))[0]
  // Nobody has more links than the most: the line goes down to the axis, which has no place for nothing.
  const ends: Datum[] = curve.isYLog
    ? rows.map(row => ({
        kind: 'measured',
        panel: row.panel,
        series: labelOf(row.point.overlay),
        x: curve.pairs(row).at(-1)![0],
        y: floor
      }))
    : []
  const { color, dash, shape } = coded(seriesOf(looksOf(rows)), curve.isDiscrete ? 'points' : 'lines')
  const x = { field: 'x', type: 'quantitative', ...xScale(data, curve) }
  const y = { field: 'y', type: 'quantitative', ...yScale(data, curve) }
  const measured = { transform: [{ filter: { field: 'kind', equal: 'measured' } }] }
  const line = {
    ...measured,
    mark: {
      type: 'line',
      strokeWidth: curve.isDiscrete ? 1.25 : 2,
      ...(curve === DEGREES && { interpolate: 'step-before' })
    },
    encoding: { x, y, color, strokeDash: dash, order: { field: 'x' } }
  }
  const points = {
    ...measured,
    mark: { type: 'point', filled: true, opacity: 1, size: 45 },
    encoding: { x, y, color, shape }
  }
  const straight = {
    transform: [{ filter: { field: 'kind', equal: 'even' } }],
    mark: { type: 'line', strokeWidth: 1, color: QUIET.light },
    encoding: { x, y, order: { field: 'x' } }
  }
  return framed(curve.hasEven ? [...data, ...even] : [...data, ...ends], [
    ...(curve.hasEven ? [straight] : []),
    line,
    ...(curve.isDiscrete ? [points] : [])
  ])
}

const RATIO_MIN = 10

function xScale(data: readonly Datum[], { x: { title }, isXLog, isXPart, isDiscrete }: Curve) {
  const numbers = data.map(({ x }) => Number(x))
  const [least, most] = extent(numbers)
  if (isXPart) return { scale: { domain: [0, 1] }, axis: { title, ...QUARTERS } }
  if (isXLog && most / least >= RATIO_MIN) {
    const axis = { title: `${title} (log)`, format: NUMBERS, values: decades(least, most, 'x'), grid: false }
    return { scale: { type: 'log', domain: [least, most], nice: false }, axis }
  }
  const tickMinStep = isDiscrete ? 1 : undefined
  return {
    scale: { nice: true, zero: true },
    axis: { title, format: NUMBERS, tickCount: 6, grid: false, ...(tickMinStep && { tickMinStep }) }
  }
}

function yScale(data: readonly Datum[], { y: { title }, isYLog }: Curve) {
  const numbers = data.map(({ y }) => Number(y))
  const [least] = extent(numbers)
  if (isYLog) {
    const axis = { title: `${title} (log)`, format: '~%', values: decades(least, 1, 'y') }
    return { scale: { type: 'log', domain: [least, 1], nice: false }, axis }
  }
  return { scale: { zero: true, nice: true }, axis: { title, format: '~%', tickCount: 5 } }
}

/** A row for each value along, a column for each overlay. */
function tableOf(rows: readonly Row[], { title, pairs, x, y }: Curve): Table {
  const panels = distinct(rows.map(({ panel }) => panel))
  const hasPanels = panels.length > 1
  // What each has a value for: where that is the same along, a column of it; else a row of both.
  const isShared = x.write === percent || x.write === count || x.title.startsWith('Hops')
  const columns = overlaysOf(rows).map(overlay => ({ overlay, title: labelOf(overlay) }))
  const head = hasPanels ? [{ title: 'Panel' }] : []
  const of = (panel: string, overlay: string) =>
    rows.filter(row => row.panel === panel && row.point.overlay === overlay).flatMap(row => pairs(row))
  if (!isShared) {
    return {
      caption: title,
      heads: head.length + 1,
      columns: [
        ...head,
        { title: y.title, write: percent },
        ...columns.map(column => ({ title: `${column.title}: ${x.title}` }))
      ],
      rows: panels.flatMap(panel => {
        const each = columns.map(({ overlay }) => new Map(of(panel, overlay).map(([ms, part]) => [part, ms])))
        const parts = distinct(each.flatMap(map => [...map.keys()])).sort((a, b) => a - b)
        return parts.map(part => [
          ...(hasPanels ? [panel] : []),
          part,
          ...each.map(map => map.get(part) ?? null)
        ])
      })
    }
  }
  return {
    caption: `${title}: ${y.title.toLowerCase()}`,
    heads: head.length + 1,
    columns: [
      ...head,
      { title: x.title, write: x.write },
      ...columns.map(column => ({ title: column.title, write: percent }))
    ],
    rows: panels.flatMap(panel => {
      const each = columns.map(({ overlay }) => new Map(of(panel, overlay)))
      const places = distinct(each.flatMap(map => [...map.keys()])).sort((a, b) => a - b)
      return places.map(place => [
        ...(hasPanels ? [panel] : []),
        place,
        ...each.map(map => map.get(place) ?? null)
      ])
    })
  }
}

function powerLaws(rows: readonly Row[]): string {
  const lawful = rows.flatMap(({ point, panel }) => {
    const law = point.results.topology?.power_law
    if (!law?.verdict) return []
    const of = panel === '' ? '' : `, ${panel}`
    return [
      `${labelOf(point.overlay)}${of} (exponent ${shown(law.exponent)} from ${count(law.from)} links on)`
    ]
  })
  return lawful.length === 0
    ? 'None of them is a power law (Clauset, Shalizi and Newman 2009).'
    : `A power law explains the tail of ${lawful.join(', ')} (Clauset, Shalizi and Newman 2009).`
}
