/** Searches that run by themselves, as users see them. */
import type { SearchRequest, SearchRow } from './types.ts'

/** A search that runs by itself: what it looks for, and whether it fetches what it finds. */
export interface WishRequest
  extends Pick<SearchRequest, 'text' | 'overlays' | 'type' | 'minSize' | 'maxSize'> {
  /**
   * Fetches what is new: at most so many files in 24 hours (`WISH_FILES_A_DAY_DEFAULT`), none above `maxSize`,
   * or 1 GiB where that is not said.
   */
  readonly get?: { readonly filesADay?: number }
}

export interface WishView extends WishRequest {
  readonly wish: number
  /** Files that are remembered, and of these those that came since the user looked. */
  readonly hits: number
  readonly newHits: number
  /** Milliseconds since 1970: the last search, absent before the first, and when the next is due. */
  readonly lastMs?: number
  readonly nextMs: number
  /** Why the last search failed. */
  readonly reason?: string
}

/** A row of a wish: `get 2.5` fetches row 5 of wish 2. */
export interface WishRow extends SearchRow {
  readonly isNew: boolean
}
