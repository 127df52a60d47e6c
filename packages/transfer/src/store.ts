/** Downloads as they stand in the node's database: what is needed to list them and to go on after a restart. */
import type { ServentDatabase } from '@servent/database'
import type { Provider } from '@servent/overlay'
import type { Ban } from './candidates.ts'
import { DiskError } from './errors.ts'
import type { DownloadPriority } from './types.ts'

/** `active` ones go on when the node starts. */
export type StoredState = 'active' | 'paused' | 'failed' | 'done'

export interface StoredDownload {
  readonly id: string
  state: StoredState
  /** The file's final name, safe; empty until somebody gives one. */
  name: string
  /** Where it goes in the end. */
  folder: string
  /** Whether that is the node's own folder for downloads, which is made where it is not there. */
  isOwnFolder: boolean
  /** Bytes: a claim until a source's tree proves it. */
  size: number | undefined
  /** Bytes: a larger one is not fetched. */
  sizeMax?: number | undefined
  /** The `.part` file, once there is one. */
  part: string | undefined
  /** The path that was tried last, then the one that the file has. */
  path: string | undefined
  reason: string | undefined
  error: string | undefined
  providers: readonly Provider[]
  banned: readonly Ban[]
  /** PeerIds of who gave verified bytes. */
  givers: readonly string[]
  priority: DownloadPriority
  verifiedBytes: number
  seconds: number
  readonly startedMs: number
  /** A folder: the id is that of its listing, `size` is the bytes of all files, and `part` the folder itself. */
  readonly isFolder?: boolean
  files?: number
  filesDone?: number
  /** Paths of files that could not be fetched, in the listing's words. */
  missing?: readonly string[]
}

type Details = Omit<StoredDownload, 'id' | 'state' | 'startedMs' | 'priority'> &
  Partial<Pick<StoredDownload, 'priority'>>

const STEPS = [
  `CREATE TABLE transfer_downloads (
     id TEXT PRIMARY KEY,
     state TEXT NOT NULL,
     started_ms INTEGER NOT NULL,
     details TEXT NOT NULL
   ) STRICT`
]

export class DownloadStore {
  readonly #database: ServentDatabase

  /** @throws NewerDatabaseError */
  constructor(database: ServentDatabase) {
    this.#database = database
    database.migrate('transfer', STEPS)
  }

  /** In the order in which they were started. */
  load(): StoredDownload[] {
    const rows = this.#database.sql
      .prepare('SELECT id, state, started_ms, details FROM transfer_downloads ORDER BY started_ms, rowid')
      .all()
    return rows.map(row => ({
      // Of downloads that were begun when there was none.
      priority: 'normal' as const,
      ...(JSON.parse(String(row.details)) as Details),
      id: String(row.id),
      state: row.state as StoredState,
      startedMs: Number(row.started_ms)
    }))
  }

  /** @throws DiskError */
  save({ id, state, startedMs, ...details }: StoredDownload): void {
    this.#write(
      `INSERT INTO transfer_downloads (id, state, started_ms, details) VALUES (?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET state = excluded.state, details = excluded.details`,
      [id, state, startedMs, JSON.stringify(details)]
    )
  }

  /** @throws DiskError */
  delete(id: string): void {
    this.#write('DELETE FROM transfer_downloads WHERE id = ?', [id])
  }

  #write(statement: string, values: readonly (string | number)[]): void {
    const { sql, path } = this.#database
    try {
      sql.prepare(statement).run(...values)
    } catch (error) {
      throw new DiskError(
        `The database ${path} could not be written (${(error as Error).message}). Free some space there or mend the disk, then resume.`,
        { cause: error }
      )
    }
  }
}
