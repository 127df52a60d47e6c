/**
 * An SQLite file in WAL mode (https://www.sqlite.org/wal.html): one writer at a time, readers that never
 * wait for it. Each part of the program owns tables under a component's name and brings them forward by
 * steps, so that a part can change its tables without knowing the others.
 */
import { closeSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { CorruptDatabaseError, isCorruption, NewerDatabaseError, OlderDatabaseError } from './errors.ts'

/** How long a statement waits for another connection's write. */
const BUSY_TIMEOUT_MS = 10_000
/** The catalogue and the downloads name a user's files: nobody else on the machine reads them. */
const DATABASE_MODE = 0o600
const IN_MEMORY = ':memory:'

export interface OpenDatabaseOptions {
  /** A second connection that never writes; the file must exist. */
  readonly readOnly?: boolean
}

/**
 * Opens a database file and makes it where there is none. `:memory:` is a database that is gone when it is
 * closed. The folder must exist.
 *
 * @throws CorruptDatabaseError  the file is damaged or no database
 */
export function openDatabase(path: string, options: OpenDatabaseOptions = {}): ServentDatabase {
  const readOnly = options.readOnly ?? false
  // SQLite gives its -wal and -shm files the mode of the database, so setting it here covers all three.
  if (path !== IN_MEMORY && !readOnly) closeSync(openSync(path, 'a', DATABASE_MODE))
  let sql: DatabaseSync | undefined
  try {
    sql = new DatabaseSync(path, { readOnly, enableForeignKeyConstraints: true, timeout: BUSY_TIMEOUT_MS })
    // An acknowledgement may depend on a save, so a commit is durable when it returns. A connection whose
    // rows can be made again may choose NORMAL for itself.
    if (!readOnly) sql.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
    sql.exec('PRAGMA trusted_schema = OFF')
    // SQLite reads nothing until it must; asked here, a damaged file is reported by the one who opens it.
    sql.prepare('SELECT count(*) FROM sqlite_schema').get()
  } catch (error) {
    sql?.close()
    if (!isCorruption(error)) throw error
    throw new CorruptDatabaseError(
      `The database ${path} is damaged or is no database: ${(error as Error).message}. Move it away, or restore it from a backup, and start again.`,
      { cause: error }
    )
  }
  return new ServentDatabase(path, sql, readOnly)
}

export class ServentDatabase {
  readonly path: string
  readonly sql: DatabaseSync
  readonly readOnly: boolean
  #depth = 0

  constructor(path: string, sql: DatabaseSync, readOnly: boolean) {
    this.path = path
    this.sql = sql
    this.readOnly = readOnly
  }

  /**
   * Brings a component's tables to the newest version: `steps[i]` is the SQL that leads from version i to
   * i + 1. All missing steps are done, or none. A connection for reading only checks the version.
   *
   * @throws NewerDatabaseError  a newer program wrote these tables
   * @throws OlderDatabaseError  the connection is for reading only, and steps are missing
   */
  migrate(component: string, steps: readonly string[]): void {
    if (this.readOnly) {
      const version = this.#version(component, steps.length)
      if (version === steps.length) return
      throw new OlderDatabaseError(
        `The database ${this.path} has version ${version} of "${component}", and ${steps.length} is needed. Start the node once: it brings the database forward.`
      )
    }
    this.transaction(() => {
      this.sql.exec(
        'CREATE TABLE IF NOT EXISTS servent_versions (component TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT'
      )
      const version = this.#version(component, steps.length)
      if (version === steps.length) return
      for (const step of steps.slice(version)) this.sql.exec(step)
      this.sql
        .prepare(
          'INSERT INTO servent_versions VALUES (?, ?) ON CONFLICT DO UPDATE SET version = excluded.version'
        )
        .run(component, steps.length)
    })
  }

  /**
   * Runs `work` so that all that it writes is kept, or none where it throws. It must not be async: another
   * caller's statements would fall into the same transaction. One inside another can fail alone.
   */
  transaction<T>(work: () => T): T {
    const nested = this.#depth > 0
    // IMMEDIATE waits for the write lock here. Begun DEFERRED, a transaction that reads and then writes
    // fails at once when another connection wrote in between, whatever the timeout.
    this.sql.exec(nested ? `SAVEPOINT nested_${this.#depth}` : 'BEGIN IMMEDIATE')
    this.#depth += 1
    try {
      const result = work()
      if (result instanceof Promise) throw new TypeError('A transaction cannot wait for a promise.')
      this.sql.exec(nested ? `RELEASE nested_${this.#depth - 1}` : 'COMMIT')
      return result
    } catch (error) {
      // A full disk, for one, ends the transaction by itself; rolling back then is an error of its own.
      if (this.sql.isTransaction) {
        const savepoint = `nested_${this.#depth - 1}`
        this.sql.exec(nested ? `ROLLBACK TO ${savepoint}; RELEASE ${savepoint}` : 'ROLLBACK')
      }
      throw error
    } finally {
      this.#depth -= 1
    }
  }

  /** Closing twice is harmless. */
  close(): void {
    if (this.sql.isOpen) this.sql.close()
  }

  #version(component: string, known: number): number {
    const table = this.sql.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'servent_versions'").get()
    if (table === undefined) return 0
    const row = this.sql.prepare('SELECT version FROM servent_versions WHERE component = ?').get(component)
    const version = Number(row?.version ?? 0)
    if (version <= known) return version
    throw new NewerDatabaseError(
      `The database ${this.path} was written by a newer Servent: "${component}" has version ${version}, and this program knows ${known}. Install the newer program, or use another data folder.`
    )
  }
}
