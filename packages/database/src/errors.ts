/** What can be wrong with a database or its folder. Compare `error.name`, never `instanceof`. */

/** A newer program wrote the database. It was not touched. */
export class NewerDatabaseError extends Error {
  override readonly name = 'NewerDatabaseError'
}

/** Opened for reading only, and not yet migrated by the program that writes it. */
export class OlderDatabaseError extends Error {
  override readonly name = 'OlderDatabaseError'
}

/** The file is damaged, or is no database at all. */
export class CorruptDatabaseError extends Error {
  override readonly name = 'CorruptDatabaseError'
}

/** Another process, or another part of this one, holds the folder. `pid` is its number where it is known. */
export class FolderLockedError extends Error {
  override readonly name = 'FolderLockedError'
  readonly pid: number | undefined

  constructor(message: string, pid: number | undefined) {
    super(message)
    this.pid = pid
  }
}

// Primary result codes: https://www.sqlite.org/rescode.html
const SQLITE_BUSY = 5
const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26

/** The primary result code of an error that SQLite gave, nothing for other errors. */
function resultCode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | undefined)?.errcode
  return typeof code === 'number' ? code & 0xff : undefined
}

/** True of an error by which SQLite says that the file itself is damaged. */
export function isCorruption(error: unknown): boolean {
  const code = resultCode(error)
  return (
    code === SQLITE_CORRUPT || code === SQLITE_NOTADB || (error as Error)?.name === 'CorruptDatabaseError'
  )
}

/** True of an error by which SQLite says that somebody else holds a lock. */
export function isBusy(error: unknown): boolean {
  return resultCode(error) === SQLITE_BUSY
}
