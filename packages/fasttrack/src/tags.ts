/**
 * FastTrack's tags and comparisons by their published numbers (giFT-FastTrack, PROTOCOL 1.19, "Tags" and "Query"), and
 * which tags are numbers. A tag that was never published goes by its name.
 */
import type { FileNumber } from '@servent/keyword-index'
import type { Compare } from './messages.ts'

export const TAG_NUMBERS: ReadonlyMap<string, number> = new Map([
  ['year', 0x01],
  ['filename', 0x02],
  ['hash', 0x03],
  ['title', 0x04],
  ['seconds', 0x05],
  ['artist', 0x06],
  ['album', 0x08],
  ['language', 0x0a],
  ['keywords', 0x0c],
  ['resolution', 0x0d],
  ['genre', 0x0e],
  ['bitrate', 0x15],
  ['codec', 0x1c],
  ['rating', 0x1d],
  ['size', 0x21]
])

export const TAG_NAMES: ReadonlyMap<number, string> = new Map(
  [...TAG_NUMBERS].map(([name, number]) => [number, name])
)

export const COMPARE_NUMBERS: ReadonlyMap<Compare, number> = new Map([
  ['equal', 0x00],
  ['at-most', 0x02],
  ['near', 0x03],
  ['at-least', 0x04],
  ['substring', 0x05]
])

export const COMPARES: ReadonlyMap<number, Compare> = new Map(
  [...COMPARE_NUMBERS].map(([compare, number]) => [number, compare])
)

/** What tells a file's length in bytes; a record has it beside its tags. */
export const SIZE_TAG = 'size'

/** Tags whose values are numbers, and what the index calls them. Of a resolution it is the width. */
export const NUMBER_TAGS: ReadonlyMap<string, FileNumber> = new Map([
  ['year', 'year'],
  ['seconds', 'seconds'],
  ['resolution', 'width'],
  ['bitrate', 'bitrate'],
  ['rating', 'rating']
])
