/** What pictures of all overlays have in common: peers as dots, the way there and back as arrows, and their numbers. */
import type { Path, PathEvent } from '@servent/lab'
import { INK, LOOKS, type OverlayId, PAPER, QUIET } from '../looks.ts'
import { type Attributes, type Canvas, dotItem, type LegendItem, lineItem, type Point } from './canvas.ts'

/** One lookup, and what is to be known of the network that it is of. */
export interface PathView {
  readonly overlay: OverlayId
  readonly path: Path
  readonly settings: Readonly<Record<string, string | number | boolean>>
  readonly nodes: number
}

/** A picture before it has a name. */
export interface Drawn {
  readonly canvas: Canvas
  /** How to read it: sentences. */
  readonly caption: string
}

export type Places = ReadonlyMap<number, Point>

export const WAY_THERE = 'there'
export const WAY_BACK = 'back'
const DASH = '5 4'
const DOTS = '1.5 4'

export const wayThere = ({ events }: Path): PathEvent[] => events.filter(({ way }) => way === WAY_THERE)
export const wayBack = ({ events }: Path): PathEvent[] => events.filter(({ way }) => way === WAY_BACK)

/** Peers whose place on the way matters, each with the radius of its dot. */
export function radiusOf({ origin, answered_by: by, found, events }: Path): (peer: number) => number {
  const onWay = new Set(events.flatMap(({ way, to }) => (way === WAY_THERE ? [to] : [])))
  const asked = new Set(events.flatMap(({ from, to }) => [from, to]))
  return peer => {
    if (peer === origin) return 5.5
    return onWay.has(peer) || peer === found || peer === by ? 5 : asked.has(peer) ? 3.5 : 2.5
  }
}

/** All peers that are shown: quiet ones first, so that none hides one of the way. */
export function drawPeers(
  canvas: Canvas,
  view: PathView,
  places: Places,
  more: (peer: number) => Attributes = () => ({})
): void {
  const { path } = view
  const radius = radiusOf(path)
  for (const [peer, point] of [...places].sort(([a], [b]) => radius(a) - radius(b))) {
    canvas.circle(point, radius(peer), { class: 'peer', ...lookOf(view, peer), ...more(peer) })
    if (peer === view.path.found)
      canvas.circle(point, radius(peer) + 3, { fill: 'none', stroke: INK.light, 'stroke-width': 1.5 })
    if (radius(peer) >= 5) canvas.keepFree(point, radius(peer) + (peer === view.path.found ? 3 : 0))
  }
}

function lookOf({ overlay, path }: PathView, peer: number): Attributes {
  const colour = LOOKS[overlay].light
  if (peer === path.origin) return { fill: PAPER.light, stroke: colour, 'stroke-width': 2.5 }
  return { fill: radiusOf(path)(peer) > 2.5 ? colour : QUIET.light }
}

/** How far an arrow lies beside the straight line between two points. */
export type Bow = (from: Point, to: Point, isBack: boolean) => number

/** Arrows of the way there, then back, with the numbers of the steps. Call before the peers are drawn. */
export function drawWay(canvas: Canvas, view: PathView, places: Places, bow: Bow): () => void {
  const { path, overlay } = view
  const colour = LOOKS[overlay].light
  const radius = radiusOf(path)
  const numbers: (() => void)[] = []
  const arrow = (from: number, to: number, step: number, look: { kind: string; dash?: string }) => {
    const [a, b] = [places.get(from)!, places.get(to)!]
    const points = canvas.arrow(a, b, {
      kind: look.kind,
      colour,
      width: look.kind === WAY_THERE ? 2.5 : 1.8,
      bow: bow(a, b, look.kind === WAY_BACK),
      gaps: [radius(from) + (from === path.found ? 4.5 : 1.5), radius(to) + (to === path.found ? 5.5 : 2.5)],
      ...(look.dash !== undefined && { dash: look.dash })
    })
    numbers.push(() => canvas.badge(points, `${step}`, colour))
  }
  const there = wayThere(path)
  for (const [at, { from, to }] of there.entries()) arrow(from, to, at + 1, { kind: WAY_THERE })
  for (const [at, { from, to }] of wayBack(path).entries())
    arrow(from, to, there.length + at + 1, { kind: WAY_BACK, dash: DASH })
  if (path.found !== path.answered_by && places.has(path.found))
    canvas.arrow(places.get(path.answered_by)!, places.get(path.found)!, {
      kind: 'names',
      colour: INK.light,
      width: 1.5,
      dash: DOTS,
      bow: -bow(places.get(path.answered_by)!, places.get(path.found)!, false),
      gaps: [radius(path.answered_by) + 1, radius(path.found) + 5]
    })
  return () => {
    for (const draw of numbers) draw()
  }
}

/** Numbers of the peers of the way; `first` says on which side there is room. */
export function labelWay(
  canvas: Canvas,
  { path }: PathView,
  places: Places,
  first?: (point: Point) => Point
): void {
  const radius = radiusOf(path)
  const peers = new Set([path.origin, path.found, path.answered_by, ...wayThere(path).map(({ to }) => to)])
  for (const peer of peers) {
    const point = places.get(peer)
    if (point !== undefined)
      canvas.label(point, radius(peer) + (peer === path.found ? 3 : 0), `${peer}`, first?.(point))
  }
}

export function wayLegend(view: PathView, found: string, more: readonly LegendItem[] = []): LegendItem[] {
  const { overlay, path } = view
  const colour = LOOKS[overlay].light
  const names = path.found === path.answered_by
  return [
    dotItem(5, lookOf(view, path.origin), 'who asks'),
    {
      draw: (canvas, middle) => {
        canvas.circle(middle, 4.5, { fill: colour })
        canvas.circle(middle, 7, { fill: 'none', stroke: INK.light, 'stroke-width': 1.5 })
      },
      text: found
    },
    lineItem({ stroke: colour, 'stroke-width': 2.5 }, 'the way there'),
    lineItem({ stroke: colour, 'stroke-width': 1.8, 'stroke-dasharray': DASH }, 'and back'),
    ...(names
      ? []
      : [lineItem({ stroke: INK.light, 'stroke-width': 1.5, 'stroke-dasharray': DOTS }, 'names it')]),
    ...more
  ]
}

/** The side on which there is most room where all stand around a middle. */
export const awayFrom =
  (middle: Point) =>
  ({ x, y }: Point): Point => {
    const length = Math.hypot(x - middle.x, y - middle.y) || 1
    return { x: (x - middle.x) / length, y: (y - middle.y) / length }
  }

export const keyItem = (text: string): LegendItem => ({
  draw: (canvas, middle) => canvas.diamond(middle, 5, INK.light),
  text
})
