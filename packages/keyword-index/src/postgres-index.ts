/**
 * The store in PostgreSQL, for an index that outgrows one machine, and for several servers that share one. Announcements
 * come by `COPY` into a table of their connection and from there into the index, in one transaction; those that wait
 * together go together. A connection that is lost is made again with the next call.
 *
 * A file belongs to the server to which its owner announced it. An owner that moves to another server takes its files
 * along by announcing them there; what the old server then removes is only what is still its own. What an earlier run of
 * this server left is there when it opens: it calls `clear()` first.
 */
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { compareTexts } from '@servent/overlay/machine'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { CallQueue } from './call-queue.ts'
import {
  bytesOf,
  checkBrowse,
  checkContent,
  checkFiles,
  checkKeys,
  checkLimit,
  checkOwner,
  checkQuery
} from './check.ts'
import { conditionsOf } from './conditions.ts'
import { IndexUnavailableError } from './errors.ts'
import { FILE_NUMBERS } from './file-numbers.ts'
import { POSTINGS_TOUCHED_MAX } from './limits.ts'
import { within } from './opening-index.ts'
import { copyRow, fileOf, hitOf, tsqueryOf } from './postgres-rows.ts'
import { FILE_COLUMNS, migrate, STAGING_TABLE } from './postgres-schema.ts'
import { Servers, type ServerTimes } from './postgres-servers.ts'
import type { IndexedFile, IndexHit, IndexHits, IndexQuery, IndexTotals, KeywordIndex } from './types.ts'
import { type Announcement, WriteLane } from './write-lane.ts'

const CONNECTIONS = 8
const CONNECT_MS = 5_000
const STATEMENT_MS = 10_000
/** Beyond the time that the database gives a statement, before a connection that says nothing is given up. */
const SILENCE_MS = 5_000
/** How long `close` waits for calls that are under way, and for a goodbye; then their connections are cut. */
const CLOSE_MS = 5_000
const TOTALS_AGE_MS = 30_000
const TIMES: ServerTimes = { heartbeatMs: 5_000, serverSilentMs: 30_000, serverReapMs: 600_000 }
/** Owners are shared out among as many lanes; half of the connections at most, so that searches have the others. */
const WRITE_LANES = 4

const FILE = `f.key, f.content, tsvector_to_array(f.words) AS words, f.size, f.type, ${FILE_NUMBERS.map(name => `f.${name}`).join(', ')}, f.body`

export interface PostgresIndexInit extends Partial<ServerTimes> {
  /** A URL (`postgres://user@host/database`), or what `pg` takes. */
  readonly connection: string | pg.PoolConfig
  /** Names this server among those on the database, the same after a restart. */
  readonly server: string
  /** The schema that the tables are in, `servent_index` where it is not said. */
  readonly schema?: string
  /**
   * Whose files `search`, `providers` and `browse` give: of all servers on the database, or (`own`) of those alone whose owners
   * announced them to this server. A server that asks the others itself can use no others, and they would take the
   * places of its own up to the query's limit.
   */
  readonly shows?: 'all' | 'own'
  /** Connections at most. */
  readonly connections?: number
  /** Milliseconds of one statement. */
  readonly statementMs?: number
  /** How old what `totals` says may be: counting reads all files. */
  readonly totalsAgeMs?: number
  /** Milliseconds that `close` waits for what is under way. */
  readonly closeMs?: number
  /** `POSTINGS_TOUCHED_MAX` where it is not said. */
  readonly postingsTouchedMax?: number
  /** Other servers took this one's files away while the database did not hear it: owners are to announce again. */
  readonly onLost?: () => void
}

export class PostgresIndex implements KeywordIndex {
  readonly #pool: pg.Pool
  readonly #files: string
  readonly #serversTable: string
  readonly #servers: Servers
  readonly #lanes: readonly WriteLane[]
  readonly #queue = new CallQueue()
  readonly #touchedMax: number
  readonly #showsOwn: boolean
  readonly #totalsAgeMs: number
  readonly #closeMs: number
  readonly #clients = new Set<pg.PoolClient>()
  /** Connections that have a table to copy into. */
  readonly #staged = new WeakSet<pg.PoolClient>()
  #totals: { readonly totals: Promise<IndexTotals>; readonly atMs: number } | undefined
  #isClosed = false
  #isCut = false

  /**
   * Connects, and makes the tables where there are none.
   *
   * @throws IndexUnavailableError  the database cannot be reached or used; the message says why
   */
  static async open(init: PostgresIndexInit): Promise<PostgresIndex> {
    const index = new PostgresIndex(init)
    try {
      await index.#withClient(client => migrate(client, quotedName(init.schema ?? 'servent_index')))
      await index.#servers.start()
    } catch (error) {
      await index.close()
      throw unavailable(error)
    }
    return index
  }

  private constructor(init: PostgresIndexInit) {
    const { connection, connections = CONNECTIONS, statementMs = STATEMENT_MS } = init
    this.#pool = new pg.Pool({
      application_name: 'servent-index',
      connectionTimeoutMillis: CONNECT_MS,
      statement_timeout: statementMs,
      idle_in_transaction_session_timeout: statementMs,
      query_timeout: statementMs + SILENCE_MS,
      ...(typeof connection === 'string' ? { connectionString: connection } : connection),
      max: connections
    })
    // A connection that breaks while nobody uses it, or between two statements, is no matter of anybody's call.
    this.#pool.on('error', () => {})
    this.#pool.on('connect', client => {
      client.on('error', () => {})
      this.#clients.add(client)
      if (this.#isCut) cut(client)
    })
    this.#pool.on('remove', client => this.#clients.delete(client))
    const schema = quotedName(init.schema ?? 'servent_index')
    this.#files = `${schema}.files`
    this.#serversTable = `${schema}.servers`
    this.#touchedMax = init.postingsTouchedMax ?? POSTINGS_TOUCHED_MAX
    this.#showsOwn = init.shows === 'own'
    this.#totalsAgeMs = init.totalsAgeMs ?? TOTALS_AGE_MS
    this.#closeMs = init.closeMs ?? CLOSE_MS
    this.#servers = new Servers({
      heartbeatMs: init.heartbeatMs ?? TIMES.heartbeatMs,
      serverSilentMs: init.serverSilentMs ?? TIMES.serverSilentMs,
      serverReapMs: init.serverReapMs ?? TIMES.serverReapMs,
      query: (text, values = []) => this.#pool.query(text, [...values]),
      schema,
      name: init.server,
      onLost: init.onLost ?? (() => {})
    })
    const lanes = Math.max(1, Math.min(WRITE_LANES, connections >> 1))
    this.#lanes = Array.from({ length: lanes }, () => new WriteLane(announced => this.#announce(announced)))
  }

  async add(owner: string, files: readonly IndexedFile[]): Promise<void> {
    checkOwner(owner)
    checkFiles(files)
    if (files.length === 0) return
    await this.#held(() => this.#lane(owner).announce({ owner, files }), bytesOf(files))
  }

  async remove(owner: string, keys: readonly string[]): Promise<number> {
    checkOwner(owner)
    checkKeys(keys)
    const bytes = keys.reduce((sum, key) => sum + 2 * key.length, 0)
    return await this.#held(
      () => this.#removing(owner, 'owner = $2 AND key = ANY($3)', [owner, [...new Set(keys)]]),
      bytes
    )
  }

  async removeOwner(owner: string): Promise<number> {
    checkOwner(owner)
    return await this.#held(() => this.#removing(owner, 'owner = $2', [owner]))
  }

  /** Takes all files away that owners announced to this server: what an earlier run left. */
  async clear(): Promise<void> {
    await this.#held(() => this.#servers.removeFiles(this.#servers.id))
  }

  /**
   * The cap on postings counts files that have the words; what the index of words reads to find them is bounded by the
   * time of a statement.
   */
  async search(query: IndexQuery): Promise<IndexHits> {
    checkQuery(query)
    const values: unknown[] = [tsqueryOf(query.words, query.without)]
    const bind = (value: unknown): string => `$${values.push(value)}`
    const conditions = conditionsOf(query, bind)
    const isFiltered = conditions.length > 0
    if (query.except !== undefined) conditions.push(`f.owner <> ${bind(query.except)}`)
    conditions.push(this.#shown(bind))
    const found = `SELECT * FROM ${this.#files} WHERE words @@ $1::tsquery`
    const where = conditions.join(' AND ')
    const most = this.#touchedMax
    return await this.#held(async () => {
      if (!isFiltered) {
        const wanted = bind(Math.min(query.limit, most + 1))
        const text = `SELECT f.owner, ${FILE} FROM ${this.#files} f WHERE f.words @@ $1::tsquery AND ${where} LIMIT ${wanted}`
        // Few shapes, asked often: a connection plans each of them only a few times.
        const name = query.except === undefined ? 'search' : 'search-except'
        const hits = (await this.#pool.query({ name, text, values })).rows.map(hitOf)
        const isCapped = hits.length > most
        return { hits: isCapped ? hits.slice(0, -1) : hits, isCapped }
      }
      const text = `SELECT f.owner, ${FILE} FROM (${found} LIMIT ${most}) f WHERE ${where} LIMIT ${bind(query.limit)}`
      const hits = (await this.#pool.query(text, values)).rows.map(hitOf)
      return { hits, isCapped: hits.length < query.limit && (await this.#isCapped(found, values[0])) }
    })
  }

  async providers(content: Uint8Array, limit: number): Promise<readonly IndexHit[]> {
    checkContent(content)
    checkLimit(limit)
    const values: unknown[] = [Buffer.from(content), limit]
    const shown = this.#shown(value => `$${values.push(value)}`)
    const text = `SELECT f.owner, ${FILE} FROM ${this.#files} f WHERE f.content = $1 AND ${shown} LIMIT $2`
    return (await this.#query(text, values)).rows.map(hitOf)
  }

  async browse(owner: string, after: string | undefined, limit: number): Promise<readonly IndexedFile[]> {
    checkBrowse(owner, after, limit)
    const values: unknown[] = [owner, after ?? '', limit]
    const shown = this.#shown(value => `$${values.push(value)}`)
    const text = `SELECT ${FILE} FROM ${this.#files} f
      WHERE f.owner = $1 AND f.key > $2 AND ${shown} ORDER BY f.key LIMIT $3`
    return (await this.#query(text, values)).rows.map(fileOf)
  }

  /** Not older than `totalsAgeMs`. */
  totals(): Promise<IndexTotals> {
    const nowMs = performance.now()
    if (this.#totals !== undefined && nowMs - this.#totals.atMs <= this.#totalsAgeMs)
      return this.#totals.totals
    const totals = this.#count()
    this.#totals = { totals, atMs: nowMs }
    totals.catch(() => {
      this.#totals = undefined
    })
    return totals
  }

  /**
   * What was asked for before is done first, as far as `closeMs` allows: what a database that says nothing has not
   * answered by then is rejected. Its files stay, and are not shown any more when it has been silent for
   * `serverSilentMs`.
   */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    const ending = (async () => {
      await this.#queue.emptied()
      await this.#servers.stop()
      await this.#pool.end()
    })()
    if (await within(this.#closeMs, ending)) return
    // Whoever waits for one of these connections is lent another one, which is cut likewise.
    this.#isCut = true
    for (const client of this.#clients) cut(client)
    await within(this.#closeMs, ending)
  }

  /** Of rows that are given: this server's own need no sign of life, for it is here. */
  #shown(bind: (value: unknown) => string): string {
    return this.#showsOwn ? `f.server = ${bind(this.#servers.id)}` : `f.server = ANY(${this.#servers.living})`
  }

  async #count(): Promise<IndexTotals> {
    const { rows } = await this.#query(
      `SELECT count(DISTINCT f.owner) AS owners, count(*) AS files, coalesce(sum(f.size), 0) AS bytes
       FROM ${this.#files} f WHERE f.server = ANY(${this.#servers.living})`
    )
    const { owners, files, bytes } = rows[0]
    return { owners: Number(owners), files: Number(files), bytes: Number(bytes) }
  }

  /** Whether more files have the words than may be held against filters. */
  async #isCapped(found: string, match: unknown): Promise<boolean> {
    const { rows } = await this.#pool.query(
      `SELECT count(*) AS files FROM (${found} LIMIT ${this.#touchedMax + 1}) f`,
      [match]
    )
    return Number(rows[0].files) > this.#touchedMax
  }

  #lane(owner: string): WriteLane {
    let hash = 0
    for (let index = 0; index < owner.length; index += 1) hash = (hash * 31 + owner.charCodeAt(index)) | 0
    return this.#lanes[(hash >>> 0) % this.#lanes.length]!
  }

  #removing(owner: string, where: string, values: readonly unknown[]): Promise<number> {
    return this.#lane(owner).run(async () => {
      const text = `DELETE FROM ${this.#files} WHERE server = $1 AND ${where}`
      return (await this.#pool.query(text, [this.#servers.id, ...values])).rowCount ?? 0
    })
  }

  /** The last announcement of a key stands. In the order of keys, so that two servers never wait for each other. */
  async #announce(announcements: readonly Announcement[]): Promise<void> {
    const owners = new Map<string, Map<string, IndexedFile>>()
    for (const { owner, files } of announcements) {
      const known = owners.get(owner) ?? new Map<string, IndexedFile>()
      owners.set(owner, known)
      for (const file of files) known.set(file.key, file)
    }
    const rows: string[] = []
    for (const [owner, files] of [...owners].sort(([a], [b]) => compareTexts(a, b)))
      for (const [, file] of [...files].sort(([a], [b]) => compareTexts(a, b)))
        rows.push(copyRow(owner, file))
    const server = this.#servers.id
    if ((await this.#copy(rows, server)) === rows.length) return
    await this.#servers.registerAgain(server)
    if ((await this.#copy(rows, this.#servers.id)) !== rows.length)
      throw new IndexUnavailableError('The database does not know this server. Ask again later.')
  }

  /** Gives how many were written: none where this server's number is gone. */
  #copy(rows: readonly string[], server: number): Promise<number> {
    const columns = FILE_COLUMNS.join(', ')
    const selected = FILE_COLUMNS.map(column =>
      column === 'words' ? 'array_to_tsvector(s.words)' : `s.${column}`
    )
    const replaced = ['server', ...FILE_COLUMNS.filter(column => column !== 'owner' && column !== 'key')]
    const text = `WITH here AS (SELECT id FROM ${this.#serversTable} WHERE id = $1 AND NOT is_lost FOR KEY SHARE)
      INSERT INTO ${this.#files} (server, ${columns})
      SELECT here.id, ${selected.join(', ')} FROM servent_staging s CROSS JOIN here ORDER BY s.owner COLLATE "C", s.key COLLATE "C"
      ON CONFLICT (owner, key) DO UPDATE SET ${replaced.map(column => `${column} = excluded.${column}`).join(', ')}`
    return this.#withClient(async client => {
      await client.query('BEGIN')
      if (!this.#staged.has(client)) await client.query(STAGING_TABLE)
      await pipeline(
        Readable.from([rows.join('')]),
        client.query(copyFrom(`COPY servent_staging (${columns}) FROM STDIN`))
      )
      const { rowCount } = await client.query(text, [server])
      await client.query('COMMIT')
      this.#staged.add(client)
      return rowCount ?? 0
    })
  }

  /** Lends a connection. One on which something failed is rolled back, or given up where that fails, too. */
  async #withClient<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect()
    try {
      const result = await work(client)
      client.release()
      return result
    } catch (error) {
      await client.query('ROLLBACK').then(
        () => client.release(),
        broken => client.release(broken)
      )
      throw error
    }
  }

  #query(text: string, values: unknown[] = []): Promise<pg.QueryResult> {
    return this.#held(() => this.#pool.query(text, values))
  }

  /** One of a bounded number of calls. */
  async #held<T>(work: () => Promise<T>, bytes = 0): Promise<T> {
    if (this.#isClosed) throw new IndexUnavailableError('The index was closed.')
    try {
      return await this.#queue.hold(bytes, work)
    } catch (error) {
      throw unavailable(error)
    }
  }
}

/** A pool waits for clients that are lent, and a client for its statement: only its socket ends that. */
function cut(client: pg.PoolClient): void {
  const { connection } = client as unknown as { connection: { stream: { destroy(): void } } }
  connection.stream.destroy()
}

/** Errors of `pg` say what failed; the address and its password are in none of them. */
function unavailable(error: unknown): Error {
  if ((error as Error).name === 'IndexInputError' || (error as Error).name === 'IndexUnavailableError')
    return error as Error
  const { code, message } = error as { code?: string; message: string }
  const why = message === '' ? 'it cannot be reached' : message
  return new IndexUnavailableError(`The database failed: ${why}${code === undefined ? '' : ` (${code})`}.`, {
    cause: error
  })
}

/** A name as PostgreSQL takes it literally. */
const quotedName = (name: string): string => `"${name.replaceAll('"', '""')}"`
