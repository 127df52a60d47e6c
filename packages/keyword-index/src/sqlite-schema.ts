/** Tables of the store in SQLite, and what they make of words, files and bounds. */
import type { ServentDatabase } from '@servent/database'
import { FILE_NUMBERS } from './file-numbers.ts'

/**
 * FTS5 keeps rowids alone (`content = ''`, `detail = none`): the words themselves stand in the row, for they are given
 * back. A number that is not known is 0.
 */
const STEPS = [
  `CREATE TABLE index_owners (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
   CREATE TABLE index_files (
     id INTEGER PRIMARY KEY,
     owner INTEGER NOT NULL REFERENCES index_owners (id),
     key TEXT NOT NULL,
     content BLOB,
     words TEXT NOT NULL,
     size INTEGER NOT NULL,
     type TEXT NOT NULL,
     ${FILE_NUMBERS.map(name => `${name} INTEGER NOT NULL`).join(', ')},
     body BLOB NOT NULL,
     UNIQUE (owner, key)
   ) STRICT;
   CREATE INDEX index_files_by_content ON index_files (content) WHERE content IS NOT NULL;
   CREATE VIRTUAL TABLE index_words USING
     fts5 (words, content = '', contentless_delete = 1, detail = none, tokenize = ascii);`
]

/** @throws NewerDatabaseError */
export function migrateIndex(database: ServentDatabase): void {
  database.migrate('keyword-index', STEPS)
}

/** Before the four digits that stand for a character; not in any token by itself. */
const ESCAPE = '\ue000'
/**
 * What FTS5's tokenizer `ascii` would not keep as it is: it parts words at signs and makes capital letters small. All
 * beyond ASCII it keeps.
 */
const FOREIGN = /[\u0000-/:-`{-\u007f\ue000]/gu

/** The token that stands for a word in FTS5: different words give different tokens. */
export function tokenOf(word: string): string {
  return word.replace(FOREIGN, sign => ESCAPE + sign.codePointAt(0)!.toString(16).padStart(4, '0'))
}

/** An expression of FTS5: all of the first words, none of the others. */
export function matchOf(words: readonly string[], without: readonly string[] = []): string {
  const wanted = words.map(quoted).join(' AND ')
  return without.length === 0 ? wanted : `(${wanted}) NOT (${without.map(quoted).join(' OR ')})`
}

/** Nothing of FTS5's syntax is in a token, so that quotes need no escaping. */
const quoted = (word: string): string => `"${tokenOf(word)}"`
