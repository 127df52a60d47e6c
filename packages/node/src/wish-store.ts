/** The wishlist in the node's database: saved searches, what they found, and what they fetched by themselves. */
import type { ServentDatabase } from '@servent/database'
import type { SearchRow } from './types.ts'
import { WISH_ROW_PROVIDERS_MAX, WISH_ROWS_MAX } from './wish-limits.ts'
import type { WishRequest, WishRow } from './wish-types.ts'

const DAY_MS = 24 * 60 * 60 * 1000

const STEPS = [
  `CREATE TABLE node_wishes (
     number INTEGER PRIMARY KEY AUTOINCREMENT,
     request TEXT NOT NULL,
     due_ms INTEGER NOT NULL,
     ran_ms INTEGER,
     reason TEXT,
     -- Searches that were made for it.
     runs INTEGER NOT NULL DEFAULT 0,
     -- The number of its last row: none is given twice.
     rows INTEGER NOT NULL DEFAULT 0
   ) STRICT;
   CREATE TABLE node_wish_rows (
     wish INTEGER NOT NULL,
     row INTEGER NOT NULL,
     id TEXT NOT NULL,
     json TEXT NOT NULL,
     is_new INTEGER NOT NULL,
     -- The search that found it last.
     found INTEGER NOT NULL,
     PRIMARY KEY (wish, row),
     UNIQUE (wish, id)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE node_wish_gets (wish INTEGER NOT NULL, ms INTEGER NOT NULL) STRICT;
   CREATE INDEX node_wish_gets_by_wish ON node_wish_gets (wish);`,
  `-- Not fetched by itself yet. What was found before this column was there is left to the user.
   ALTER TABLE node_wish_rows ADD COLUMN wanted INTEGER NOT NULL DEFAULT 0;
   -- Who had the file.
   ALTER TABLE node_wish_gets ADD COLUMN provider TEXT NOT NULL DEFAULT '';`
]

export interface StoredWish {
  readonly wish: number
  readonly request: WishRequest
  readonly dueMs: number
  readonly ranMs: number | undefined
  readonly reason: string | undefined
  readonly hits: number
  readonly newHits: number
}

export class WishStore {
  readonly #database: ServentDatabase

  /** @throws NewerDatabaseError */
  constructor(database: ServentDatabase) {
    database.migrate('node-wishes', STEPS)
    this.#database = database
  }

  add(request: WishRequest, dueMs: number): number {
    const { lastInsertRowid } = this.#run('INSERT INTO node_wishes (request, due_ms) VALUES (?, ?)', [
      JSON.stringify(request),
      dueMs
    ])
    return Number(lastInsertRowid)
  }

  /** False where there is no such wish. */
  remove(wish: number): boolean {
    return this.#database.transaction(() => {
      this.#run('DELETE FROM node_wish_rows WHERE wish = ?', [wish])
      this.#run('DELETE FROM node_wish_gets WHERE wish = ?', [wish])
      return Number(this.#run('DELETE FROM node_wishes WHERE number = ?', [wish]).changes) > 0
    })
  }

  all(): StoredWish[] {
    const rows = this.#database.sql
      .prepare(
        `SELECT w.*, count(r.row) AS hits, coalesce(sum(r.is_new), 0) AS new_hits
         FROM node_wishes w LEFT JOIN node_wish_rows r ON r.wish = w.number GROUP BY w.number ORDER BY w.number`
      )
      .all()
    return rows.map(row => ({
      wish: Number(row.number),
      request: JSON.parse(String(row.request)),
      dueMs: Number(row.due_ms),
      ranMs: row.ran_ms === null ? undefined : Number(row.ran_ms),
      reason: row.reason === null ? undefined : String(row.reason),
      hits: Number(row.hits),
      newHits: Number(row.new_hits)
    }))
  }

  began(wish: number, ranMs: number, dueMs: number): void {
    this.#run('UPDATE node_wishes SET ran_ms = ?, due_ms = ?, runs = runs + 1 WHERE number = ?', [
      ranMs,
      dueMs,
      wish
    ])
  }

  failed(wish: number, reason: string): void {
    this.#run('UPDATE node_wishes SET reason = ? WHERE number = ?', [reason, wish])
  }

  /** What a search found. */
  found(wish: number, rows: readonly SearchRow[]): void {
    this.#database.transaction(() => {
      const { sql } = this.#database
      const known = sql.prepare('SELECT runs, rows FROM node_wishes WHERE number = ?').get(wish)
      // Taken back while it was searched for.
      if (known === undefined) return
      const found = Number(known.runs)
      let last = Number(known.rows)
      const again = sql.prepare('UPDATE node_wish_rows SET found = ?, json = ? WHERE wish = ? AND id = ?')
      const put = sql.prepare(
        'INSERT INTO node_wish_rows (wish, row, id, json, is_new, found, wanted) VALUES (?, ?, ?, ?, 1, ?, 1)'
      )
      for (const row of rows) {
        const providers = row.providers.slice(0, WISH_ROW_PROVIDERS_MAX)
        const json = JSON.stringify({ ...row, providers })
        if (Number(again.run(found, json, wish, row.id).changes) > 0) continue
        last += 1
        put.run(wish, last, row.id, json, found)
      }
      sql.prepare('UPDATE node_wishes SET rows = ?, reason = NULL WHERE number = ?').run(last, wish)
      sql
        .prepare(
          `DELETE FROM node_wish_rows WHERE wish = ? AND row IN (
             SELECT row FROM node_wish_rows WHERE wish = ? ORDER BY found DESC, row DESC LIMIT -1 OFFSET ?)`
        )
        .run(wish, wish, WISH_ROWS_MAX)
    })
  }

  /** What was found and is not fetched yet, as far as it is remembered. */
  wanted(wish: number): SearchRow[] {
    const rows = this.#database.sql
      .prepare('SELECT json FROM node_wish_rows WHERE wish = ? AND wanted = 1 ORDER BY row')
      .all(wish)
    return rows.map(row => JSON.parse(String(row.json)) as SearchRow)
  }

  /** It is here, or on its way. */
  unwant(wish: number, id: string): void {
    this.#run('UPDATE node_wish_rows SET wanted = 0 WHERE wish = ? AND id = ?', [wish, id])
  }

  rows(wish: number, { all }: { readonly all: boolean }): WishRow[] {
    const rows = this.#database.sql
      .prepare('SELECT row, json, is_new FROM node_wish_rows WHERE wish = ? AND is_new >= ? ORDER BY row')
      .all(wish, all ? 0 : 1)
    return rows.map(row => ({
      ...(JSON.parse(String(row.json)) as SearchRow),
      row: Number(row.row),
      isNew: Number(row.is_new) === 1
    }))
  }

  /** The user has looked at the rows up to this one. */
  looked(wish: number, through: number): void {
    this.#run('UPDATE node_wish_rows SET is_new = 0 WHERE wish = ? AND row <= ?', [wish, through])
  }

  /** Providers of the files that this wish fetched in the 24 hours before, one for each file. */
  getsOfDay(wish: number, wallMs: number): string[] {
    // Times of more than a day ahead are of a clock that has been set back since.
    this.#run('DELETE FROM node_wish_gets WHERE ms <= ? OR ms > ?', [wallMs - DAY_MS, wallMs + DAY_MS])
    const rows = this.#database.sql.prepare('SELECT provider FROM node_wish_gets WHERE wish = ?').all(wish)
    return rows.map(row => String(row.provider))
  }

  /** One more file is on its way. */
  got(wish: number, id: string, provider: string, wallMs: number): void {
    this.#database.transaction(() => {
      this.unwant(wish, id)
      this.#run('INSERT INTO node_wish_gets (wish, ms, provider) VALUES (?, ?, ?)', [wish, wallMs, provider])
    })
  }

  #run(statement: string, values: readonly (string | number)[]) {
    return this.#database.sql.prepare(statement).run(...values)
  }
}
