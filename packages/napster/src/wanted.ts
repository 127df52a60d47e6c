/**
 * What a search of ours asks a server for: the words and bounds of a query, or a content. In a tag that is a number
 * `>=192`, `<=300` and `1950..1959` are bounds; a server looks at that of the bitrate, and whoever asks at the others:
 *
 *     live bitrate=>=192 year=1950..1959
 */
import {
  areWithin,
  boundsOfQuery,
  type ContentId,
  type Matchable,
  matches,
  QUERY_RESULTS_MAX,
  QUERY_WORDS_MAX,
  type Query,
  QueryError,
  tokens
} from '@servent/overlay/machine'
import { isWord, tagWord } from './entries.ts'
import type { Bounds, Wanted } from './messages.ts'

/** Bounds of numbers that a query has no place for. */
export interface WantedBounds {
  /** 0 to 10. */
  readonly minLinkSpeed?: number
  readonly maxLinkSpeed?: number
  /** kbit/s. */
  readonly minBitrate?: number
  readonly maxBitrate?: number
}

const NOTHING = { words: [], without: [], mediaType: '', size: {} } as const

/** @throws QueryError  the query has bounds alone: a server looks for words */
export function wantedOf(asked: Query, bounds: WantedBounds = {}): Wanted {
  const { query, bounds: figures } = boundsOfQuery(asked)
  const { words, without = [], type = '', minSize, maxSize, tags = {}, limit } = query
  if (words.length === 0)
    throw new QueryError(
      'Napster finds files by words: give one beside the bounds, as in: live year=1950..1959'
    )
  // A search for tags is one for the words that a server's index has of them.
  const tagWords = Object.entries(tags).flatMap(([tag, value]) =>
    tokens(value).map(word => tagWord(tag, word))
  )
  return {
    ...numbersOf(bounds),
    bitrate: narrower(boundsOf(bounds.minBitrate, bounds.maxBitrate), figures.get('bitrate')),
    words: [...new Set([...words, ...tagWords.filter(isWord)])].slice(0, QUERY_WORDS_MAX),
    without,
    mediaType: type,
    size: boundsOf(minSize, maxSize),
    limit
  }
}

/** Whether a file is what the query looks for, its bounds among it. What a sharer's link is only their server knows. */
export function isWanted(asked: Query, file: Matchable): boolean {
  const { query, bounds } = boundsOfQuery(asked)
  return areWithin(bounds, file.tags) && matches(query, file)
}

/** Files of this content, as many as a search may find. */
export function wantedContent(id: ContentId, bounds: WantedBounds = {}): Wanted {
  return { ...NOTHING, ...numbersOf(bounds), content: id.digest, limit: QUERY_RESULTS_MAX }
}

const numbersOf = ({ minLinkSpeed, maxLinkSpeed, minBitrate, maxBitrate }: WantedBounds) => ({
  link: boundsOf(minLinkSpeed, maxLinkSpeed),
  bitrate: boundsOf(minBitrate, maxBitrate)
})

function narrower(one: Bounds, other: Bounds = {}): Bounds {
  const min = Math.max(one.min ?? 0, other.min ?? 0)
  const max = Math.min(one.max ?? Number.POSITIVE_INFINITY, other.max ?? Number.POSITIVE_INFINITY)
  return boundsOf(min > 0 ? min : undefined, max === Number.POSITIVE_INFINITY ? undefined : max)
}

const boundsOf = (min: number | undefined, max: number | undefined): Bounds => ({
  ...(min !== undefined && { min }),
  ...(max !== undefined && { max })
})
