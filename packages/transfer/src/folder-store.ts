/** Folders on their way as they stand in the node's database: the listing, and which files are whole, and where. */
import type { ServentDatabase } from '@servent/database'
import { DiskError } from './errors.ts'

const STEPS = [
  `CREATE TABLE transfer_folders (id TEXT PRIMARY KEY, listing BLOB NOT NULL) STRICT;
   -- A file by its place in the listing, and its path below the folder as it stands on the disk.
   CREATE TABLE transfer_folder_files (id TEXT NOT NULL, number INTEGER NOT NULL, path TEXT NOT NULL,
     PRIMARY KEY (id, number)) STRICT, WITHOUT ROWID;`
]

export class FolderStore {
  readonly #database: ServentDatabase

  /** @throws NewerDatabaseError */
  constructor(database: ServentDatabase) {
    this.#database = database
    database.migrate('transfer-folders', STEPS)
  }

  listing(id: string): Uint8Array | undefined {
    const row = this.#database.sql.prepare('SELECT listing FROM transfer_folders WHERE id = ?').get(id)
    return row?.listing as Uint8Array | undefined
  }

  /** @throws DiskError */
  keep(id: string, listing: Uint8Array): void {
    this.#write('INSERT INTO transfer_folders VALUES (?, ?) ON CONFLICT DO NOTHING', [id, listing])
  }

  /** Paths of the files that are whole, by their places in the listing. */
  finished(id: string): Map<number, string> {
    const rows = this.#database.sql
      .prepare('SELECT number, path FROM transfer_folder_files WHERE id = ?')
      .all(id)
    return new Map(rows.map(row => [Number(row.number), String(row.path)]))
  }

  /**
   * These files are whole. One commit for all of them, for it waits for the disk.
   *
   * @throws DiskError
   */
  finish(id: string, files: readonly (readonly [number: number, path: string])[]): void {
    if (files.length === 0) return
    this.#onDisk(() =>
      this.#database.transaction(() => {
        const put = this.#database.sql.prepare(
          'INSERT INTO transfer_folder_files VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET path = excluded.path'
        )
        for (const [number, path] of files) put.run(id, number, path)
      })
    )
  }

  /**
   * These files have to come again.
   *
   * @throws DiskError
   */
  lose(id: string, numbers: readonly number[]): void {
    if (numbers.length === 0) return
    this.#onDisk(() =>
      this.#database.transaction(() => {
        const remove = this.#database.sql.prepare(
          'DELETE FROM transfer_folder_files WHERE id = ? AND number = ?'
        )
        for (const number of numbers) remove.run(id, number)
      })
    )
  }

  /**
   * All its files have to come again.
   *
   * @throws DiskError
   */
  forgetFiles(id: string): void {
    this.#write('DELETE FROM transfer_folder_files WHERE id = ?', [id])
  }

  /**
   * Everything about a folder.
   *
   * @throws DiskError
   */
  forget(id: string): void {
    this.forgetFiles(id)
    this.#write('DELETE FROM transfer_folders WHERE id = ?', [id])
  }

  #write(statement: string, values: readonly (string | number | Uint8Array)[]): void {
    this.#onDisk(() => this.#database.sql.prepare(statement).run(...values))
  }

  #onDisk(work: () => void): void {
    const { path } = this.#database
    try {
      work()
    } catch (error) {
      throw new DiskError(
        `The database ${path} could not be written (${(error as Error).message}). Free some space there or mend the disk, then resume.`,
        { cause: error }
      )
    }
  }
}
