/**
 * An overlay's query as FastTrack asks it. A tag's value is compared by `near`, all its words; in a tag that is a number
 * `>=192`, `<=300` and `1950..1959` are bounds, and a bare number is that number:
 *
 *     miles bitrate=>=192 year=1950..1959
 */
import {
  boundsOfFigure,
  type ContentId,
  figureOf,
  QUERY_RESULTS_MAX,
  type Query,
  tokens
} from '@servent/overlay/machine'
import type { Term, Wanted } from './messages.ts'
import { NUMBER_TAGS, SIZE_TAG } from './tags.ts'

const NO_BYTES = new Uint8Array(0)

export function wantedOf(query: Query): Wanted {
  const terms: Term[] = []
  const ofNumbers = new Set<string>()
  for (const [tag, value] of Object.entries(query.tags ?? {})) {
    const bounds = NUMBER_TAGS.has(tag) ? boundsIn(tag, value) : undefined
    terms.push(...(bounds ?? [{ compare: 'near', tag, value } as const]))
    if (bounds !== undefined) for (const token of tokens(value)) ofNumbers.add(token)
  }
  const { minSize, maxSize } = query
  if (minSize !== undefined) terms.push({ compare: 'at-least', tag: SIZE_TAG, value: minSize })
  if (maxSize !== undefined) terms.push({ compare: 'at-most', tag: SIZE_TAG, value: maxSize })
  return {
    // Of a query with tags alone the words are its tags'; a bound is no word that a file must have.
    words: query.words.filter(word => !ofNumbers.has(word)),
    without: query.without ?? [],
    mediaType: query.type ?? '',
    terms,
    content: NO_BYTES,
    limit: query.limit
  }
}

export function wantedContent(id: ContentId): Wanted {
  return {
    words: [],
    without: [],
    mediaType: '',
    terms: [],
    content: id.digest,
    limit: QUERY_RESULTS_MAX
  }
}

function boundsIn(tag: string, value: string): Term[] | undefined {
  const bounds = boundsOfFigure(value)
  if (bounds !== undefined) {
    const { min, max } = bounds
    return [
      ...(min === undefined ? [] : [{ compare: 'at-least', tag, value: min } as const]),
      ...(max === undefined ? [] : [{ compare: 'at-most', tag, value: max } as const])
    ]
  }
  const figure = figureOf(value)
  return figure === undefined ? undefined : [{ compare: 'equal', tag, value: figure }]
}
