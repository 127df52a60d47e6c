/**
 * The lock of a data folder: one program writes in it at a time.
 *
 * The lock is the kernel's, on a small SQLite file that is held in an exclusive transaction
 * (https://www.sqlite.org/lockingv3.html), because Node gives no flock. The kernel frees it when the
 * process ends, however it ends, so there is no stale lock to clean up. The number of the process stands in
 * a file beside it, for people only: reading the locked file itself and closing it again would free the
 * lock, as POSIX has it, when the reader is the holder's own process.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { FolderLockedError, isBusy } from './errors.ts'
import { FOLDER_MODE, makeFolder } from './make-folder.ts'

const LOCK_FILE = 'servent.lock'
const PID_FILE = 'servent.pid'
const FILE_MODE = 0o600

/** Locks are held here, too: a database that nobody refers to is collected, closed, and its lock freed. */
const held = new Set<DatabaseSync>()

export interface FolderLock extends Disposable {
  readonly folder: string
  /** Releasing twice is harmless. */
  release(): void
}

/**
 * Takes the folder's lock, and makes the folder where there is none.
 *
 * @throws FolderLockedError  somebody else holds it; the message names its process
 */
export function lockFolder(folder: string): FolderLock {
  makeFolder(folder, FOLDER_MODE)
  const lock = new DatabaseSync(join(folder, LOCK_FILE), { timeout: 0 })
  const pidPath = join(folder, PID_FILE)
  try {
    lock.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    lock.close()
    if (!isBusy(error)) throw error
    const pid = holder(pidPath)
    const who = pid === undefined ? 'another process' : `process ${pid}`
    throw new FolderLockedError(
      `The folder ${folder} is in use by ${who}. Stop it first, or use another data folder.`,
      pid
    )
  }
  held.add(lock)
  writeFileSync(pidPath, `${process.pid}\n`, { mode: FILE_MODE })
  const release = (): void => {
    if (!lock.isOpen) return
    held.delete(lock)
    rmSync(pidPath, { force: true })
    lock.close()
  }
  return { folder, release, [Symbol.dispose]: release }
}

/** The process that says it holds the lock, where that process lives. */
function holder(pidPath: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(pidPath, 'utf8'), 10)
    if (!Number.isSafeInteger(pid) || pid <= 0) return undefined
    process.kill(pid, 0)
    return pid
  } catch (error) {
    // EPERM: it lives and is somebody else's. Anything else: the note is missing, or was left by the dead.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return undefined
    return Number.parseInt(readFileSync(pidPath, 'utf8'), 10)
  }
}
