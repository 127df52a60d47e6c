/**
 * Bounds on tags that are numbers, in the values that a query asks for: `>=192`, `<=300` and `1950..1959`. What overlays
 * that keep numbers by themselves make of them; to `matches` a value is words.
 */
import type { Query } from './query.ts'
import { FIGURE_TAGS, wordsOfTags } from './words.ts'

export interface FigureBounds {
  readonly min?: number
  readonly max?: number
}

/** Tags that a query may bound. A year is a word of its file as well. */
const NUMBER_TAGS: ReadonlySet<string> = new Set([...FIGURE_TAGS, 'year'])
/** What is read of a figure at most: as much as an index holds. */
export const FIGURE_MAX = 2 ** 31 - 1

/** The number at the beginning of a tag's value: `320`, `354.2`, `1920x1080`, `1959-08-17`. */
export function figureOf(value: string): number | undefined {
  const digits = /^\s*(\d{1,10})(?!\d)/.exec(value)?.[1]
  const figure = Number(digits ?? Number.NaN)
  return figure <= FIGURE_MAX ? figure : undefined
}

/** Nothing where the value bounds no number: a bare one is no bound. */
export function boundsOfFigure(value: string): FigureBounds | undefined {
  const range = /^\s*(.+?)\.\.(.+)$/.exec(value)
  if (range !== null) {
    const [min, max] = [figureOf(range[1]!), figureOf(range[2]!)]
    return min === undefined || max === undefined ? undefined : { min, max }
  }
  const [, sign, rest = ''] = /^\s*(>=|<=)(.*)$/.exec(value) ?? []
  const figure = figureOf(rest)
  if (figure === undefined) return undefined
  return sign === '>=' ? { min: figure } : { max: figure }
}

/** A query without the tags that are bounds, and without the words that it has of them alone; and the bounds by tag. */
export function boundsOfQuery(query: Query): {
  readonly query: Query
  readonly bounds: ReadonlyMap<string, FigureBounds>
} {
  const bounds = new Map<string, FigureBounds>()
  const left: Record<string, string> = {}
  for (const [tag, value] of Object.entries(query.tags ?? {})) {
    const found = NUMBER_TAGS.has(tag) ? boundsOfFigure(value) : undefined
    if (found === undefined) left[tag] = value
    else bounds.set(tag, found)
  }
  if (bounds.size === 0) return { query, bounds }
  // Of a query with tags alone the words are its tags'; a bound is no word that a file must have.
  const ofTags = new Set(wordsOfTags(query.tags ?? {}))
  const isOfTags = ofTags.size === query.words.length && query.words.every(word => ofTags.has(word))
  const words = isOfTags ? [...new Set(wordsOfTags(left))] : query.words
  return { query: { ...query, words, tags: left }, bounds }
}

/** Whether a file's tags have all these figures, each within its bounds. */
export function areWithin(
  bounds: ReadonlyMap<string, FigureBounds>,
  tags: Readonly<Record<string, string>>
): boolean {
  for (const [tag, { min = 0, max = FIGURE_MAX }] of bounds) {
    const figure = Object.hasOwn(tags, tag) ? figureOf(tags[tag]!) : undefined
    if (figure === undefined || figure < min || figure > max) return false
  }
  return true
}
