/** Bounds of what an index keeps and answers. */

/** Of a file's key, in UTF-8. */
export const FILE_KEY_BYTES_MAX = 512
/** Distinct words of one file. */
export const FILE_WORDS_MAX = 128
/** Of one word, in UTF-8. */
export const WORD_BYTES_MAX = 256
/** What an overlay hands on for one file. */
export const FILE_BODY_BYTES_MAX = 8 * 1024
/** Of an owner's name, in UTF-8. */
export const OWNER_BYTES_MAX = 128
/** Of a number of a file: what a signed integer of 32 bits holds. */
export const FILE_NUMBER_MAX = 2 ** 31 - 1
/** Files of one call, and keys of one call. */
export const ADD_FILES_MAX = 1_000
/** Files of one answer. */
export const SEARCH_FILES_MAX = 1_000
/** Postings that one query may touch before it gives what it has; what each store counts is said at `IndexHits`. */
export const POSTINGS_TOUCHED_MAX = 1_000_000

/** Calls that wait for a store which is not in memory; one more is refused. */
export const QUEUED_CALLS_MAX = 4096
/** What those calls bring with them, about. */
export const QUEUED_BYTES_MAX = 64 * 2 ** 20
