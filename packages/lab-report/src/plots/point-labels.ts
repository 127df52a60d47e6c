/** Short labels beside points, none over another: each at the first side that is free, and points that are too near have one together. */
import * as vega from 'vega'
import { widthOf } from '../draw.ts'
import { INK } from '../looks.ts'
import type { Loose } from '../spec.ts'

const LABEL_PX = 11
/** Half of a point's mark, and the gap to its label. */
const POINT_PX = 5
const GAP_PX = 1
/** Points that nobody tells apart. */
const SAME_SPOT_PX = 3

const SIDES = ['above', 'below', 'right', 'left'] as const
type Side = (typeof SIDES)[number]

/** Of a point's mark or a label. */
interface Box {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

/** In pixels from the upper left corner of its panel. */
type Point = readonly [x: number, y: number]

export interface Label {
  /** Which point it stands beside. */
  readonly at: number
  readonly side: Side
  readonly text: string
}

export interface Frame {
  readonly width: number
  readonly height: number
}

/**
 * Labels of points that lie in one panel: `names` of them, in their order. Points whose labels would lie over one
 * another have theirs together, beside the first of them.
 */
export function labelled(points: readonly Point[], names: readonly string[], frame: Frame): Label[] {
  const marks = points.map(point => around(point, POINT_PX))
  const firsts = points.map(point => points.findIndex(other => distance(point, other) < SAME_SPOT_PX))
  let groups = points.map((_, at) => [...firsts.keys()].filter(other => firsts[other] === at))
  groups = groups.filter(({ length }) => length > 0)
  for (;;) {
    const placed: (Label & { readonly box: Box })[] = []
    const stuck = groups.findIndex(group => {
      const text = group.map(at => names[at]).join(', ')
      const at = group[0]!
      const free = SIDES.map(side => ({ at, side, text, box: boxOf(points[at]!, side, text) })).find(
        ({ box }) =>
          isWithin(box, frame) &&
          !placed.some(other => doOverlap(box, other.box)) &&
          // Points of the group may lie under its label: it is theirs.
          !marks.some((mark, other) => !group.includes(other) && doOverlap(box, mark))
      )
      if (free) placed.push(free)
      return free === undefined
    })
    if (stuck === -1) return placed.map(({ at, side, text }) => ({ at, side, text }))
    if (groups.length === 1) return [{ at: 0, side: 'above', text: names.join(', ') }]
    groups = joined(groups, stuck, points)
  }
}

/** One group fewer: that at `which`, and whichever has the point nearest to one of its own, are one. */
function joined(groups: readonly number[][], which: number, points: readonly Point[]): number[][] {
  const far = (group: readonly number[]) =>
    Math.min(...group.flatMap(a => groups[which]!.map(b => distance(points[a]!, points[b]!))))
  const others = groups.filter((_, at) => at !== which)
  const nearest = others.toSorted((a, b) => far(a) - far(b))[0]!
  return [
    ...others.filter(group => group !== nearest),
    [...groups[which]!, ...nearest].sort((a, b) => a - b)
  ].sort((a, b) => a[0]! - b[0]!)
}

const distance = (a: Point, b: Point) => Math.hypot(a[0] - b[0], a[1] - b[1])

const around = ([x, y]: Point, by: number): Box => ({
  left: x - by,
  right: x + by,
  top: y - by,
  bottom: y + by
})

function boxOf([x, y]: Point, side: Side, text: string): Box {
  const [width, off] = [LABEL_PX * widthOf(text), POINT_PX + GAP_PX]
  if (side === 'above' || side === 'below') {
    const top = side === 'above' ? y - off - LABEL_PX : y + off
    return { left: x - width / 2, right: x + width / 2, top, bottom: top + LABEL_PX }
  }
  const left = side === 'right' ? x + off : x - off - width
  return { left, right: left + width, top: y - LABEL_PX / 2, bottom: y + LABEL_PX / 2 }
}

/** Half a letter over an edge is what a label beside a point on that edge has. */
const isWithin = ({ left, right, top, bottom }: Box, { width, height }: Frame) =>
  left >= 0 && right <= width && top >= -LABEL_PX / 2 && bottom <= height + LABEL_PX / 2

const doOverlap = (a: Box, b: Box) =>
  a.left < b.right + GAP_PX &&
  b.left < a.right + GAP_PX &&
  a.top < b.bottom + GAP_PX &&
  b.top < a.bottom + GAP_PX

const MARKS: Readonly<Record<Side, Loose>> = {
  above: { align: 'center', baseline: 'bottom', dy: -POINT_PX - GAP_PX },
  below: { align: 'center', baseline: 'top', dy: POINT_PX + GAP_PX },
  right: { align: 'left', baseline: 'middle', dx: POINT_PX + GAP_PX },
  left: { align: 'right', baseline: 'middle', dx: -POINT_PX - GAP_PX }
}

/** Layers that draw the labels of data that has `label` and `labelSide`. */
export const labelLayers = (x: Loose, y: Loose): Loose[] =>
  SIDES.map(side => ({
    transform: [{ filter: { field: 'labelSide', equal: side } }],
    mark: { type: 'text', fontSize: LABEL_PX, color: INK.light, ...MARKS[side] },
    encoding: { x, y, text: { field: 'label' } }
  }))

/** Where a value lies along an axis of `length` pixels that `scaled` has described, from its beginning. */
export function placeOf({ scale }: Loose, most: number, length: number): (value: number) => number {
  const { type = 'linear', domain } = scale as { type?: string; domain?: [number, number] }
  const along = vega.scale(type)()
  if (domain) along.domain(domain)
  else along.domain([0, most]).nice()
  return along.range([0, length])
}
