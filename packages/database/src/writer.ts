/** Statements that write beside a full-text index. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'

/**
 * `run` gives the last rowid that the connection inserted. FTS5 inserts into tables of its own with rowids of
 * up to 63 bits, and Node throws where such a number is to become a JavaScript number, even if nobody asked
 * for it. As big integers they are harmless.
 */
export function prepareWriter(sql: DatabaseSync, text: string): StatementSync {
  const statement = sql.prepare(text)
  statement.setReadBigInts(true)
  return statement
}
