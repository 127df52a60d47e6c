/** A tree of what keys begin with, its leaves side by side in the order of their keys. */
import type { Path, PathEvent } from '@servent/lab'
import type { Attributes, Canvas, Point } from './canvas.ts'
import { type Places, wayBack, wayThere } from './marks.ts'

export interface Leaf<T> {
  readonly item: T
  readonly digits: string
}

export interface TrieLook {
  readonly left: number
  readonly right: number
  readonly top: number
  /** Height of all levels together; and of one, where there are few. */
  readonly height: number
  readonly stepMost: number
  /** Whether an edge leads to something that is to be seen. */
  readonly marks: (digits: string) => boolean
  readonly faint: Attributes
  readonly marked: Attributes
}

export interface DrawnTrie<T> {
  /** Of the leaves, all on one line. */
  readonly places: ReadonlyMap<T, Point>
  readonly bottom: number
  /** Where the level of so many digits is. */
  readonly levelY: (digits: number) => number
  readonly depth: number
}

/** `leaves` come in their order, no two with the same digits. */
export function drawTrie<T>(canvas: Canvas, leaves: readonly Leaf<T>[], look: TrieLook): DrawnTrie<T> {
  const { left, right, top } = look
  // As deep as it takes to tell each leaf from the next.
  const depth = leaves.slice(1).reduce((most, { digits }, at) => {
    let same = 0
    while (same < digits.length && digits[same] === leaves[at]!.digits[same]) same += 1
    return Math.max(most, same + 1)
  }, 1)
  const step = Math.min(look.stepMost, look.height / depth)
  const levelY = (digits: number) => top + digits * step
  const bottom = levelY(depth)
  const xOf = (place: number) =>
    leaves.length < 2 ? (left + right) / 2 : left + ((right - left) * place) / (leaves.length - 1)
  const edges: { readonly isMarked: boolean; readonly points: Point[] }[] = []
  const grow = (from: number, to: number, level: number): number => {
    if (to - from === 1 || level === depth) {
      const x = (xOf(from) + xOf(to - 1)) / 2
      edges.push({
        isMarked: look.marks(leaves[from]!.digits.slice(0, level)),
        points: [
          { x, y: levelY(level) },
          { x, y: bottom }
        ]
      })
      return x
    }
    const middles: { readonly x: number; readonly isMarked: boolean }[] = []
    for (let first = from; first < to; ) {
      const digit = leaves[first]!.digits[level]
      let last = first + 1
      while (last < to && leaves[last]!.digits[level] === digit) last += 1
      const isMarked = look.marks(leaves[first]!.digits.slice(0, level + 1))
      middles.push({ x: grow(first, last, level + 1), isMarked })
      first = last
    }
    const x = (middles[0]!.x + middles.at(-1)!.x) / 2
    for (const child of middles)
      edges.push({
        isMarked: child.isMarked,
        points: [
          { x, y: levelY(level) },
          { x: child.x, y: levelY(level + 1) }
        ]
      })
    return x
  }
  if (leaves.length > 0) grow(0, leaves.length, 0)
  for (const { isMarked, points } of edges.sort((a, b) => Number(a.isMarked) - Number(b.isMarked)))
    canvas.line(points, isMarked ? look.marked : look.faint)
  const places = new Map(leaves.map(({ item }, place) => [item, { x: xOf(place), y: bottom }]))
  return { places, bottom, levelY, depth }
}

/** Arrows between leaves hang below them, the deeper the further they go, and the way back below the way there. */
export function hanging(from: Point, to: Point, isBack: boolean): number {
  const depth = (isBack ? 34 : 16) + Math.abs(to.x - from.x) * 0.16
  return to.x > from.x ? -depth : depth
}

/** How deep the deepest of the way hangs. */
export function hangingOf(path: Path, places: Places): number {
  const depths = (events: readonly PathEvent[], isBack: boolean) =>
    events.map(({ from, to }) => Math.abs(hanging(places.get(from)!, places.get(to)!, isBack)))
  return Math.max(0, ...depths(wayThere(path), false), ...depths(wayBack(path), true))
}
