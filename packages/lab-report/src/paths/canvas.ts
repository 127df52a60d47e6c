/** A picture as it is put together: SVG of a few kinds of marks, whose labels keep out of each other's way. */
import { type Described, widthOf } from '../draw.ts'
import { escaped } from '../html.ts'
import { GRID, INK, PAPER } from '../looks.ts'

export interface Point {
  readonly x: number
  readonly y: number
}

interface Box {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

export type Attributes = Readonly<Record<string, string | number | undefined>>

export interface ArrowLook {
  /** Its class, by which who reads the picture as text tells arrows apart. */
  readonly kind: string
  readonly colour: string
  readonly width?: number
  readonly dash?: string
  /** How far its middle lies beside the straight line, to the left of its direction. */
  readonly bow?: number
  /** What is left free at its ends. */
  readonly gaps?: readonly [from: number, to: number]
}

/** Of all pictures: as wide as leaves letters large enough on the narrowest screens. */
export const WIDTH = 380
export const TEXT = 12
const LINE = 17
const BADGE = 8.5
const HEAD = 7
const EDGE = 3
/** Around a point, where a label is tried first; and how far away it may be. */
const DIRECTIONS: readonly Point[] = [
  [0, -1],
  [0, 1],
  [1, 0],
  [-1, 0],
  [0.8, -0.8],
  [-0.8, -0.8],
  [0.8, 0.8],
  [-0.8, 0.8]
].map(([x, y]) => ({ x: x!, y: y! }))
const DISTANCES = [3, 10, 18, 28]
/** How far beside its arrow a number may stand. */
const BESIDE = [13, 20]

export class Canvas {
  readonly #parts: string[] = []
  readonly #taken: Box[] = []
  #height = 0

  /** The picture ends below this. */
  reach(y: number): void {
    this.#height = Math.max(this.#height, Math.ceil(y))
  }

  add(name: string, attributes: Attributes, content = ''): void {
    this.#parts.push(`<${name}${written(attributes)}${content === '' ? '/>' : `>${content}</${name}>`}`)
  }

  circle({ x, y }: Point, r: number, attributes: Attributes): void {
    this.add('circle', { cx: x, cy: y, r, ...attributes })
  }

  line(points: readonly Point[], attributes: Attributes): void {
    this.add('polyline', {
      points: points.map(({ x, y }) => `${rounded(x)},${rounded(y)}`).join(' '),
      fill: 'none',
      ...attributes
    })
  }

  diamond({ x, y }: Point, r: number, colour: string): void {
    this.add('path', {
      d: `M${rounded(x)} ${rounded(y - r)}l${r} ${r}l${-r} ${r}l${-r} ${-r}z`,
      fill: colour
    })
  }

  /** A bow with a head; gives points along its middle part, where its number may stand. */
  arrow(from: Point, to: Point, look: ArrowLook): Point[] {
    const { kind, colour, width = 2, dash, bow = 0, gaps = [0, 0] } = look
    const length = Math.hypot(to.x - from.x, to.y - from.y) || 1
    const [ux, uy] = [(to.x - from.x) / length, (to.y - from.y) / length]
    // The middle of such a curve lies half as far away as its control point.
    const control = {
      x: (from.x + to.x) / 2 + 2 * bow * uy,
      y: (from.y + to.y) / 2 - 2 * bow * ux
    }
    const begin = towards(from, control, gaps[0])
    const tip = towards(to, control, gaps[1])
    const end = towards(tip, control, HEAD - 1)
    const curve = `M${at(begin)}Q${at(control)} ${at(end)}`
    this.add('path', {
      class: kind,
      d: curve,
      fill: 'none',
      stroke: colour,
      'stroke-width': width,
      'stroke-dasharray': dash
    })
    const [dx, dy] = [(tip.x - end.x) / (HEAD - 1), (tip.y - end.y) / (HEAD - 1)]
    const half = HEAD / 2
    const base = { x: tip.x - HEAD * dx, y: tip.y - HEAD * dy }
    this.add('path', {
      d: `M${at(tip)}L${at({ x: base.x - half * dy, y: base.y + half * dx })}L${at({ x: base.x + half * dy, y: base.y - half * dx })}z`,
      fill: colour
    })
    return [0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8].map(t => ({
      x: (1 - t) ** 2 * begin.x + 2 * t * (1 - t) * control.x + t ** 2 * end.x,
      y: (1 - t) ** 2 * begin.y + 2 * t * (1 - t) * control.y + t ** 2 * end.y
    }))
  }

  /** A number of a step, at the first of these points that is free, or else beside one; left out where there is no room. */
  badge(points: readonly Point[], text: string, colour: string): void {
    const r = Math.max(BADGE, (widthOf(text) * TEXT) / 2 + 3)
    const beside = BESIDE.flatMap(off =>
      points.flatMap(point => DIRECTIONS.map(({ x, y }) => ({ x: point.x + off * x, y: point.y + off * y })))
    )
    const place = [...points, ...beside]
      .map(point => ({ point, box: around(point, 2 * r, 2 * BADGE) }))
      .find(({ box }) => this.#isFree(box))
    if (place === undefined) return
    const { point, box } = place
    this.#taken.push(box)
    this.add('rect', {
      x: point.x - r,
      y: point.y - BADGE,
      width: 2 * r,
      height: 2 * BADGE,
      rx: BADGE,
      fill: PAPER.light,
      stroke: colour,
      'stroke-width': 1.5
    })
    this.#write({ x: point.x, y: point.y + 4 }, text, { 'text-anchor': 'middle', 'font-weight': 'bold' })
  }

  /** Keeps labels away from what is drawn there. */
  keepFree({ x, y }: Point, r: number): void {
    this.#taken.push({ left: x - r, right: x + r, top: y - r, bottom: y + r })
  }

  /** Likewise of a whole line of dots. */
  keepLineFree(y: number, r: number): void {
    this.#taken.push({ left: 0, right: WIDTH, top: y - r, bottom: y + r })
  }

  /** Beside a mark of this radius, on the side of `first` if there is room; left out where there is none anywhere. */
  label(point: Point, radius: number, text: string, first?: Point): void {
    const width = widthOf(text) * TEXT + 2
    const directions = first === undefined ? DIRECTIONS : [first, ...DIRECTIONS]
    for (const distance of DISTANCES)
      for (const { x, y } of directions) {
        const off = radius + distance
        const middle = {
          x: point.x + x * (off + width / 2),
          y: point.y + y * (off + TEXT / 2)
        }
        const box = around(middle, width, TEXT + 2)
        if (!this.#isFree(box)) continue
        this.#taken.push(box)
        this.#write({ x: middle.x, y: middle.y + 4 }, text, { 'text-anchor': 'middle' })
        return
      }
  }

  /** At this very place, from its baseline on. */
  text(point: Point, text: string, attributes: Attributes = {}): void {
    this.#write(point, text, attributes)
    const width = widthOf(text) * TEXT
    const anchor = attributes['text-anchor']
    const left = point.x - (anchor === 'middle' ? width / 2 : anchor === 'end' ? width : 0)
    this.#taken.push({ left, right: left + width, top: point.y - TEXT, bottom: point.y + 3 })
  }

  /** What marks mean, in lines below all. */
  legend(items: readonly LegendItem[]): void {
    const top = this.#height + 14
    let [x, y] = [4, top]
    for (const { draw, text } of items) {
      const width = 30 + widthOf(text) * TEXT
      if (x > 4 && x + width > WIDTH - 4) [x, y] = [4, y + LINE]
      draw(this, { x: x + 12, y: y - 4 })
      this.#write({ x: x + 28, y }, text, {})
      x += width + 14
    }
    this.reach(y + 6)
  }

  svg({ id, title, text }: Described): string {
    const size = `width="${WIDTH}" height="${this.#height}" viewBox="0 0 ${WIDTH} ${this.#height}"`
    return (
      `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="system-ui, sans-serif" font-size="${TEXT}" role="img" aria-labelledby="${id}-title ${id}-desc">` +
      `<title id="${id}-title">${escaped(title)}</title><desc id="${id}-desc">${escaped(text)}</desc>` +
      `${this.#parts.join('')}</svg>`
    )
  }

  /** With a rim of paper, so that lines behind it do not disturb. */
  #write({ x, y }: Point, text: string, attributes: Attributes): void {
    this.add(
      'text',
      {
        x,
        y,
        fill: INK.light,
        stroke: PAPER.light,
        'stroke-width': 3,
        'stroke-linejoin': 'round',
        'paint-order': 'stroke',
        ...attributes
      },
      escaped(text)
    )
  }

  #isFree({ left, right, top, bottom }: Box): boolean {
    const isInside = left >= EDGE && right <= WIDTH - EDGE && top >= EDGE && bottom <= this.#height - EDGE
    return (
      isInside &&
      !this.#taken.some(box => left < box.right && right > box.left && top < box.bottom && bottom > box.top)
    )
  }
}

export interface LegendItem {
  readonly draw: (canvas: Canvas, middle: Point) => void
  readonly text: string
}

/** What stands behind all else. */
export const FAINT: Attributes = { stroke: GRID.light, 'stroke-width': 1 }

export const dotItem = (r: number, attributes: Attributes, text: string): LegendItem => ({
  draw: (canvas, middle) => canvas.circle(middle, r, attributes),
  text
})

export const lineItem = (attributes: Attributes, text: string): LegendItem => ({
  draw: (canvas, { x, y }) =>
    canvas.line(
      [
        { x: x - 12, y },
        { x: x + 12, y }
      ],
      attributes
    ),
  text
})

const rounded = (value: number) => Number(value.toFixed(2))
const at = ({ x, y }: Point) => `${rounded(x)} ${rounded(y)}`

const around = ({ x, y }: Point, width: number, height: number): Box => ({
  left: x - width / 2,
  right: x + width / 2,
  top: y - height / 2,
  bottom: y + height / 2
})

/** So far from one point to another. */
function towards(from: Point, to: Point, by: number): Point {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1
  return { x: from.x + ((to.x - from.x) * by) / length, y: from.y + ((to.y - from.y) * by) / length }
}

function written(attributes: Attributes): string {
  return Object.entries(attributes)
    .map(([name, value]) =>
      value === undefined ? '' : ` ${name}="${typeof value === 'number' ? rounded(value) : escaped(value)}"`
    )
    .join('')
}
