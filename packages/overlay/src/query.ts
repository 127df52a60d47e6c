/** What somebody looks for. `query-grammar.ts` reads it from text and says what it means (`matches`). */

export interface Query {
  /** As typed, at most `QUERY_TEXT_BYTES_MAX` bytes: what goes on published wires. */
  readonly text: string
  /** Tokens (see `tokens.ts`), at most `QUERY_WORDS_MAX`; a file matches when its words (`words.ts`) have them all. */
  readonly words: readonly string[]
  /** Tokens that none of a file's words may be, at most `QUERY_WORDS_MAX`. */
  readonly without?: readonly string[]
  /** A media type (`audio/flac`) or its first half (`audio`). */
  readonly type?: string
  /** Bytes. */
  readonly minSize?: number
  readonly maxSize?: number
  /** Tags that a file must have, with these values' tokens. */
  readonly tags?: Readonly<Record<string, string>>
  /** Hits wanted, at most `QUERY_RESULTS_MAX`. */
  readonly limit: number
}
