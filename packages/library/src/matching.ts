/**
 * Queries against the catalogue. SQLite finds the files whose names and tags have all the words; the rest of a query
 * (`matches` says what it means) is held against those, page by page, so that no query takes the thread for
 * long, however common its words are.
 */
import { matches, QUERY_RESULTS_MAX, type Query } from '@servent/overlay/machine'
import type { CatalogueReader, MatchRow } from './catalogue-reader.ts'
import { READ_ROWS_MAX } from './limits.ts'
import type { PlainFile } from './messages.ts'
import { Pacer } from './pacer.ts'
import { HERE } from './schema.ts'
import { NO_TAGS, parseTags } from './words.ts'

/** What tokens are made of, as far as SQLite's tokenizer cares. */
const TOKEN = /^(?:[a-z0-9]|[^\u0000-\u007f])+$/u
/** Most queries want few of the first matches: the first page is small, each next one twice as long. */
const FIRST_ROWS = 32

/**
 * At most `limit` contents that match, each once, under the name by which it matches, in the order in which
 * their files were found.
 */
export async function matchFiles(reader: CatalogueReader, query: Query, limit: number): Promise<PlainFile[]> {
  const wanted = Math.min(limit, QUERY_RESULTS_MAX)
  const found = new Map<number, PlainFile>()
  // What is no token is in no name and no tag, and SQLite would read it its own way.
  if (query.words.length === 0 || wanted <= 0 || !query.words.every(word => TOKEN.test(word))) return []
  const words = expression(query.words)
  // SQLite has held the words against the tokens of each name and its tags; to make those again would take longer than all the rest.
  const rest: Query = { ...query, words: [] }
  const isNameAsked = (query.without?.length ?? 0) > 0
  const areTagsAsked = isNameAsked || query.tags !== undefined
  const pacer = new Pacer()
  let rowsMax = FIRST_ROWS
  for (let after = 0; ; ) {
    const page = reader.match(words, after, rowsMax)
    for (const row of page) {
      if (!isShown(row) || found.has(row.index)) continue
      const name = isNameAsked ? row.name : ''
      const tags = areTagsAsked ? parseTags(row.tags) : NO_TAGS
      if (!matches(rest, { name, type: row.type, size: row.size, tags })) continue
      found.set(row.index, row)
      if (found.size === wanted) return [...found.values()]
    }
    if (page.length < rowsMax) return [...found.values()]
    after = page.at(-1)!.file
    rowsMax = Math.min(rowsMax * 2, READ_ROWS_MAX)
    await pacer.turn()
  }
}

/** FTS5's syntax: strings in double quotes, all of them wanted. */
function expression(words: readonly string[]): string {
  return words.map(word => `"${word}"`).join(' AND ')
}

function isShown(row: MatchRow): row is MatchRow & PlainFile {
  return row.state === HERE && row.cid !== null
}
