/** What a search of ours asks a server for: the words and bounds of a query, or a content. */
import {
  type ContentId,
  QUERY_RESULTS_MAX,
  QUERY_WORDS_MAX,
  type Query,
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

export function wantedOf(query: Query, bounds: WantedBounds = {}): Wanted {
  const { words, without = [], type = '', minSize, maxSize, tags = {}, limit } = query
  // A search for tags is one for the words that a server's index has of them.
  const tagWords = Object.entries(tags).flatMap(([tag, value]) =>
    tokens(value).map(word => tagWord(tag, word))
  )
  return {
    ...numbersOf(bounds),
    words: [...new Set([...words, ...tagWords.filter(isWord)])].slice(0, QUERY_WORDS_MAX),
    without,
    mediaType: type,
    size: boundsOf(minSize, maxSize),
    limit
  }
}

/** Files of this content, as many as a search may find. */
export function wantedContent(id: ContentId, bounds: WantedBounds = {}): Wanted {
  return { ...NOTHING, ...numbersOf(bounds), content: id.digest, limit: QUERY_RESULTS_MAX }
}

const numbersOf = ({ minLinkSpeed, maxLinkSpeed, minBitrate, maxBitrate }: WantedBounds) => ({
  link: boundsOf(minLinkSpeed, maxLinkSpeed),
  bitrate: boundsOf(minBitrate, maxBitrate)
})

const boundsOf = (min: number | undefined, max: number | undefined): Bounds => ({
  ...(min !== undefined && { min }),
  ...(max !== undefined && { max })
})
