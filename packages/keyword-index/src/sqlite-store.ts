/**
 * The store in SQLite, as the thread that owns the database sees it: synchronous statements on one connection. Files are
 * rows; their words are tokens of FTS5, which takes them exactly as they are (`tokenOf`).
 */
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { openDatabase, prepareWriter, type ServentDatabase } from '@servent/database'
import type { SynchronousIndex } from './answer.ts'
import {
  checkBrowse,
  checkContent,
  checkFiles,
  checkKeys,
  checkLimit,
  checkOwner,
  checkQuery
} from './check.ts'
import { conditionsOf } from './conditions.ts'
import { FILE_NUMBERS, type FileNumber } from './file-numbers.ts'
import { POSTINGS_TOUCHED_MAX } from './limits.ts'
import { matchOf, migrateIndex, tokenOf } from './sqlite-schema.ts'
import type { IndexedFile, IndexHit, IndexHits, IndexQuery, IndexTotals } from './types.ts'

/** Files that are held against filters at a time: the first page is small, for most queries find enough there. */
const PAGE_FILES_FIRST = 1024
const PAGE_FILES = 16_384
/** Statements for combinations of filters; each new one beyond takes the place of the oldest. */
const STATEMENTS = 64

const NUMBERS = FILE_NUMBERS.map(name => `f.${name}`).join(', ')
const FILE = `f.key, f.content, f.words, f.size, f.type, ${NUMBERS}, f.body`
/** Larger than the number of any file. FTS5 heeds bounds of rowids that are integers, and Node gives it others as floats. */
const LAST = BigInt(Number.MAX_SAFE_INTEGER)

export interface SqliteStoreInit {
  readonly path: string
  readonly postingsTouchedMax?: number | undefined
}

type Row = Record<string, string | number | Uint8Array | null>

export class SqliteStore implements SynchronousIndex {
  readonly database: ServentDatabase
  readonly #touchedMax: number
  readonly #sql: Statements
  readonly #searches = new Map<string, StatementSync>()
  #totals: IndexTotals

  /**
   * @throws CorruptDatabaseError
   * @throws NewerDatabaseError
   */
  constructor({ path, postingsTouchedMax = POSTINGS_TOUCHED_MAX }: SqliteStoreInit) {
    this.database = openDatabase(path)
    this.#touchedMax = postingsTouchedMax
    try {
      migrateIndex(this.database)
      this.#sql = prepare(this.database.sql)
      this.#totals = this.#count()
    } catch (error) {
      this.database.close()
      throw error
    }
  }

  add(owner: string, files: readonly IndexedFile[]): void {
    checkOwner(owner)
    checkFiles(files)
    if (files.length === 0) return
    this.#change(() => {
      const id = this.#owner(owner) ?? this.#newOwner(owner)
      for (const file of files) {
        this.#removeFile(id, file.key)
        this.#insert(id, file)
      }
    })
  }

  remove(owner: string, keys: readonly string[]): number {
    checkOwner(owner)
    checkKeys(keys)
    return this.#change(() => {
      const id = this.#owner(owner)
      if (id === undefined) return 0
      let removed = 0
      for (const key of keys) if (this.#removeFile(id, key)) removed += 1
      if (this.#sql.anyFile.get(id) === undefined) this.#removeOwner(id)
      return removed
    })
  }

  removeOwner(owner: string): number {
    checkOwner(owner)
    return this.#change(() => {
      const id = this.#owner(owner)
      if (id === undefined) return 0
      const { files, bytes } = this.#sql.totalsOf.get(id) as { files: number; bytes: number }
      this.#sql.deleteWordsOf.run(id)
      this.#sql.deleteFilesOf.run(id)
      this.#grow(-files, -bytes)
      this.#removeOwner(id)
      return files
    })
  }

  /** Takes all files of all owners out. */
  clear(): void {
    this.#change(() => {
      this.database.sql.exec(
        `INSERT INTO index_words (index_words) VALUES ('delete-all'); DELETE FROM index_files; DELETE FROM index_owners`
      )
      this.#totals = { owners: 0, files: 0, bytes: 0 }
    })
  }

  /**
   * Files that came first are found first. The cap on postings counts files that have the words; what FTS5 reads to find
   * them it reads inside one statement.
   */
  search(query: IndexQuery): IndexHits {
    checkQuery(query)
    const match = matchOf(query.words, query.without)
    const values: SQLInputValue[] = []
    const conditions = conditionsOf(query, value => {
      values.push(value)
      return '?'
    })
    const isFiltered = conditions.length > 0
    if (query.except !== undefined) {
      conditions.push('o.name <> ?')
      values.push(query.except)
    }
    const select = this.#search(conditions)
    if (!isFiltered) {
      const wanted = Math.min(query.limit, this.#touchedMax + 1)
      const hits = select.all(match, 0n, LAST, ...values, wanted).map(row => hitOf(row as Row))
      const isCapped = hits.length > this.#touchedMax
      return { hits: isCapped ? hits.slice(0, -1) : hits, isCapped }
    }
    return this.#searchPages(query, match, (after, last, wanted) =>
      select.all(match, BigInt(after), BigInt(last), ...values, wanted).map(row => hitOf(row as Row))
    )
  }

  providers(content: Uint8Array, limit: number): IndexHit[] {
    checkContent(content)
    checkLimit(limit)
    return this.#sql.providers.all(content, limit).map(row => hitOf(row as Row))
  }

  browse(owner: string, after: string | undefined, limit: number): IndexedFile[] {
    checkBrowse(owner, after, limit)
    const id = this.#owner(owner)
    if (id === undefined) return []
    return this.#sql.browse.all(id, after ?? '', limit).map(row => fileOf(row as Row))
  }

  totals(): IndexTotals {
    return this.#totals
  }

  close(): void {
    this.database.close()
  }

  /** Page by page, so that filters which nothing passes do not read more than the cap. */
  #searchPages(
    { limit }: IndexQuery,
    match: string,
    select: (after: number, last: number, wanted: number) => IndexHit[]
  ): IndexHits {
    const hits: IndexHit[] = []
    let left = this.#touchedMax
    let after = 0
    for (let size = PAGE_FILES_FIRST; ; size = Math.min(size * 2, PAGE_FILES)) {
      const wanted = Math.min(size, left)
      const { files, last } = this.#page(match, after, wanted)
      if (files > 0) hits.push(...select(after, last, limit - hits.length))
      if (hits.length === limit || files < wanted) return { hits, isCapped: false }
      left -= files
      after = last
      // The cap is reached only where there is one more.
      if (left === 0) return { hits, isCapped: this.#page(match, after, 1).files > 0 }
    }
  }

  /** How many files after one have the words, and which of the first ones is the last. */
  #page(match: string, after: number, most: number): { files: number; last: number } {
    return this.#sql.page.get(match, BigInt(after), most) as { files: number; last: number }
  }

  #search(conditions: readonly string[]): StatementSync {
    const text = conditions.map(condition => ` AND ${condition}`).join('')
    let statement = this.#searches.get(text)
    if (statement !== undefined) return statement
    statement = this.database.sql.prepare(
      `SELECT o.name AS owner, ${FILE}
       FROM index_words w CROSS JOIN index_files f ON f.id = w.rowid CROSS JOIN index_owners o ON o.id = f.owner
       WHERE w.index_words MATCH ? AND w.rowid > ? AND w.rowid <= ?${text} ORDER BY w.rowid LIMIT ?`
    )
    if (this.#searches.size === STATEMENTS) this.#searches.delete(this.#searches.keys().next().value!)
    this.#searches.set(text, statement)
    return statement
  }

  /** All of it or nothing: also of what is counted. */
  #change<T>(work: () => T): T {
    const before = this.#totals
    try {
      return this.database.transaction(work)
    } catch (error) {
      this.#totals = before
      throw error
    }
  }

  /** Counts anew, after a transaction around several changes came to nothing. */
  recount(): void {
    this.#totals = this.#count()
  }

  #count(): IndexTotals {
    return { ...(this.#sql.totals.get() as unknown as IndexTotals) }
  }

  #grow(files: number, bytes: number, owners = 0): void {
    const { files: before, bytes: bytesBefore, owners: ownersBefore } = this.#totals
    this.#totals = { owners: ownersBefore + owners, files: before + files, bytes: bytesBefore + bytes }
  }

  #owner(name: string): number | undefined {
    return this.#sql.owner.get(name)?.id as number | undefined
  }

  #newOwner(name: string): number {
    this.#grow(0, 0, 1)
    return Number(this.#sql.insertOwner.run(name).lastInsertRowid)
  }

  #removeOwner(id: number): void {
    this.#sql.deleteOwner.run(id)
    this.#grow(0, 0, -1)
  }

  #removeFile(owner: number, key: string): boolean {
    const row = this.#sql.file.get(owner, key) as { id: number; size: number } | undefined
    if (row === undefined) return false
    this.#sql.deleteWords.run(row.id)
    this.#sql.deleteFile.run(row.id)
    this.#grow(-1, -row.size)
    return true
  }

  #insert(owner: number, file: IndexedFile): void {
    const { key, content = null, size, type, numbers = {}, body } = file
    const words = [...new Set(file.words)]
    const known = FILE_NUMBERS.map(name => numbers[name] ?? 0)
    const text = words.join(' ')
    const { lastInsertRowid } = this.#sql.insertFile.run(
      owner,
      key,
      content,
      text,
      size,
      type,
      ...known,
      body
    )
    this.#sql.insertWords.run(lastInsertRowid, words.map(tokenOf).join(' '))
    this.#grow(1, size)
  }
}

type Statements = ReturnType<typeof prepare>

function prepare(sql: DatabaseSync) {
  const writer = (text: string): StatementSync => prepareWriter(sql, text)
  const columns = `owner, key, content, words, size, type, ${FILE_NUMBERS.join(', ')}, body`
  const places = columns.split(', ').fill('?').join(', ')
  return {
    owner: sql.prepare('SELECT id FROM index_owners WHERE name = ?'),
    insertOwner: writer('INSERT INTO index_owners (name) VALUES (?)'),
    deleteOwner: writer('DELETE FROM index_owners WHERE id = ?'),
    file: sql.prepare('SELECT id, size FROM index_files WHERE owner = ? AND key = ?'),
    anyFile: sql.prepare('SELECT 1 FROM index_files WHERE owner = ? LIMIT 1'),
    insertFile: writer(`INSERT INTO index_files (${columns}) VALUES (${places})`),
    deleteFile: writer('DELETE FROM index_files WHERE id = ?'),
    insertWords: writer('INSERT INTO index_words (rowid, words) VALUES (?, ?)'),
    deleteWords: writer('DELETE FROM index_words WHERE rowid = ?'),
    deleteWordsOf: writer(
      'DELETE FROM index_words WHERE rowid IN (SELECT id FROM index_files WHERE owner = ?)'
    ),
    deleteFilesOf: writer('DELETE FROM index_files WHERE owner = ?'),
    page: sql.prepare(
      `SELECT count(*) AS files, coalesce(max(id), 0) AS last FROM
       (SELECT rowid AS id FROM index_words WHERE index_words MATCH ? AND rowid > ? ORDER BY rowid LIMIT ?)`
    ),
    providers: sql.prepare(
      `SELECT o.name AS owner, ${FILE} FROM index_files f JOIN index_owners o ON o.id = f.owner
       WHERE f.content = ? LIMIT ?`
    ),
    browse: sql.prepare(
      `SELECT ${FILE} FROM index_files f WHERE f.owner = ? AND f.key > ? ORDER BY f.key LIMIT ?`
    ),
    totals: sql.prepare(
      `SELECT (SELECT count(*) FROM index_owners) AS owners, count(*) AS files, coalesce(sum(size), 0) AS bytes
       FROM index_files`
    ),
    totalsOf: sql.prepare(
      'SELECT count(*) AS files, coalesce(sum(size), 0) AS bytes FROM index_files WHERE owner = ?'
    )
  }
}

const hitOf = (row: Row): IndexHit => ({ owner: row.owner as string, file: fileOf(row) })

function fileOf(row: Row): IndexedFile {
  const words = row.words as string
  const known = FILE_NUMBERS.filter(name => row[name] !== 0)
  return {
    key: row.key as string,
    ...(row.content !== null && { content: row.content as Uint8Array }),
    words: words === '' ? [] : words.split(' '),
    size: row.size as number,
    type: row.type as string,
    ...(known.length > 0 && {
      numbers: Object.fromEntries(known.map(name => [name, row[name]])) as Record<FileNumber, number>
    }),
    body: row.body as Uint8Array
  }
}
