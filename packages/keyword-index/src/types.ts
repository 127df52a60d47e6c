/**
 * Files by words and who has them: the port that Napster's servers, FastTrack's supernodes and whoever else keeps an
 * index for others see. `memory.ts`, `sqlite.ts` and `postgres.ts` are three stores behind it, and one conformance
 * suite says what they all do.
 *
 * A file belongs to an *owner*: whoever announced it, as long as their session lasts. Words are tokens
 * (`@servent/overlay`, `tokens`), cut by whoever announces; an overlay may add words of its own making for a field
 * (`artist=miles`), for a word is any text without white space and control characters, taken exactly as it is.
 */
import type { FileNumber } from './file-numbers.ts'

export interface IndexedFile {
  /** Names the file among those of its owner; announcing it again replaces it. 1 to `FILE_KEY_BYTES_MAX` bytes, no NUL. */
  readonly key: string
  /** The digest of its content id, 32 bytes, by which providers are found. */
  readonly content?: Uint8Array
  /**
   * At most `FILE_WORDS_MAX` of 1 to `WORD_BYTES_MAX` bytes each. A repeated word counts once. What a store gives back
   * has the same words; their order and repeats may be lost.
   */
  readonly words: readonly string[]
  /** Bytes, at most `CONTENT_SIZE_BYTES_MAX` of `@servent/overlay`. */
  readonly size: number
  /** Media type, as `audio/flac`; empty where it is not known. At most `MEDIA_TYPE_BYTES_MAX` of `@servent/overlay`. */
  readonly type: string
  /** Whole numbers from 0 to 2^31 - 1. */
  readonly numbers?: Readonly<Partial<Record<FileNumber, number>>>
  /** What the overlay hands on for it, given back as it is: at most `FILE_BODY_BYTES_MAX` bytes. */
  readonly body: Uint8Array
}

export interface NumberBounds {
  readonly min?: number
  readonly max?: number
}

export interface IndexQuery {
  /** A file has them all. At least one, at most `QUERY_WORDS_MAX` of `@servent/overlay`. */
  readonly words: readonly string[]
  /** A file has none of these. */
  readonly without?: readonly string[]
  /** A media type, or its first half (`audio`). */
  readonly type?: string
  readonly size?: NumberBounds
  /** What is not known of a file (0) lies in no bounds. */
  readonly numbers?: Readonly<Partial<Record<FileNumber, NumberBounds>>>
  /** Files of this owner are left out: nobody looks for what is their own. */
  readonly except?: string
  /** Files wanted, at most `SEARCH_FILES_MAX`. Which ones, where there are more, is not said. */
  readonly limit: number
}

export interface IndexHit {
  readonly owner: string
  readonly file: IndexedFile
}

export interface IndexHits {
  readonly hits: readonly IndexHit[]
  /**
   * Whether looking stopped at the store's cap (`postingsTouchedMax`): there may be more that fit. Never where the limit
   * was reached before. What the cap counts is the store's own:
   *
   * - In memory, postings: each number of a file that is read in the list of the rarest word, and each that is sought in
   *   another list; of files that have gone, too. A look into a map of bits counts as none. It bounds the work.
   * - In SQLite, files that have all words and none of those left out, whether or not they pass filters. To find them FTS5
   *   reads lists of all words inside one statement, which nothing can interrupt: Node's SQLite has neither a timeout of
   *   statements nor a call that ends one. How long others wait for it is bounded by nothing but the files there are; how
   *   many wait is (`QUEUED_CALLS_MAX`, `QUEUED_BYTES_MAX`), and the thread that asks goes on.
   * - In PostgreSQL, the same files. What the index of words reads to find them is bounded by the time of a statement
   *   (`statementMs`), after which the call is rejected with `IndexUnavailableError`.
   */
  readonly isCapped: boolean
}

export interface IndexTotals {
  readonly owners: number
  readonly files: number
  /** Sum of sizes. */
  readonly bytes: number
}

type Awaitable<T> = T | Promise<T>

/**
 * A store. It may keep the very objects that it is given and hand them out again: nobody changes them. Texts of `owner`
 * have 1 to `OWNER_BYTES_MAX` bytes. Calls about one owner take effect in the order in which they were made, and what one of them has changed
 * every later search sees. What `add` has said yes to is as durable as the store is.
 *
 * Every call throws, or its promise is rejected with, `IndexUnavailableError` while the store cannot be reached, and
 * `IndexInputError` where an argument breaks a limit: nothing of that call has happened then.
 */
export interface KeywordIndex {
  /** Adds files of an owner, or replaces them: all or none. At most `ADD_FILES_MAX` at a time. */
  add(owner: string, files: readonly IndexedFile[]): Awaitable<void>
  /** Takes files of an owner out by their keys, at most `ADD_FILES_MAX`; gives how many there were. */
  remove(owner: string, keys: readonly string[]): Awaitable<number>
  /** Takes all files of an owner out; gives how many there were. */
  removeOwner(owner: string): Awaitable<number>
  search(query: IndexQuery): Awaitable<IndexHits>
  /** Who has a content: at most `limit`, which is at most `SEARCH_FILES_MAX`. */
  providers(content: Uint8Array, limit: number): Awaitable<readonly IndexHit[]>
  /** Files of one owner in the order of their keys in UTF-8, after a key: at most `limit`, as above. */
  browse(owner: string, after: string | undefined, limit: number): Awaitable<readonly IndexedFile[]>
  totals(): Awaitable<IndexTotals>
  close(): Awaitable<void>
}

/** What a machine asks its host for, by `ask`. */
export type IndexQuestion =
  | { readonly type: 'index-add'; readonly owner: string; readonly files: readonly IndexedFile[] }
  | { readonly type: 'index-remove'; readonly owner: string; readonly keys: readonly string[] }
  | { readonly type: 'index-remove-owner'; readonly owner: string }
  | { readonly type: 'index-search'; readonly query: IndexQuery }
  | { readonly type: 'index-providers'; readonly content: Uint8Array; readonly limit: number }
  | {
      readonly type: 'index-browse'
      readonly owner: string
      readonly after?: string
      readonly limit: number
    }
  | { readonly type: 'index-totals' }

export type IndexAnswer =
  | { readonly type: 'index-added'; readonly files: number }
  | { readonly type: 'index-removed'; readonly files: number }
  | ({ readonly type: 'index-hits' } & IndexHits)
  | { readonly type: 'index-providers'; readonly hits: readonly IndexHit[] }
  | { readonly type: 'index-files'; readonly files: readonly IndexedFile[] }
  | ({ readonly type: 'index-totals' } & IndexTotals)
