/**
 * Opens a file of a shared folder so that no symbolic link leads out of it, not even one that is put in place
 * of a folder between two looks (time of check to time of use).
 *
 * The last part of a path is opened with O_NOFOLLOW. What lies above it can be swapped while the path is
 * walked, and Node has no openat, so the question is asked of the open file instead: where does it lie? Linux
 * answers exactly (/proc/self/fd). Elsewhere the path is resolved after opening and must be itself, and the
 * file at it must be the open one, several times in a row: whoever swaps folders would have to swap them in
 * step with each of these looks. Whatever opens is then held against its hashes, block by
 * block, before a byte of it is given away.
 */
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  realpathSync
} from 'node:fs'
import { type FileHandle, lstat, open, readlink, realpath } from 'node:fs/promises'

/** O_NONBLOCK: opening a pipe that was put in the file's place must not wait for its other end. */
const FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

/** Of two looks each. Two rounds were beaten once in some thousand tries by a process that did nothing else. */
const ROUNDS = 8

export interface OpenedFile {
  readonly handle: FileHandle
  readonly stats: BigIntStats
}

export interface SafeOpenOptions {
  /** For tests: whether the system says where an open file lies. */
  readonly proc?: boolean
}

/** What is at the path is no regular file, or lies elsewhere. */
export class OutsideError extends Error {
  override readonly name = 'OutsideError'
}

/**
 * `path` is a real path: it was resolved when it was indexed. The caller closes the handle.
 *
 * @throws OutsideError  a link, a special file, or a file that lies elsewhere
 */
export async function openInside(path: string, options: SafeOpenOptions = {}): Promise<OpenedFile> {
  const handle = await open(path, FLAGS).catch(refuseLink)
  try {
    const stats = await handle.stat({ bigint: true })
    if (!stats.isFile()) throw new OutsideError('It is no regular file.')
    if (!(await liesAt(path, handle, stats, options.proc ?? process.platform === 'linux'))) {
      throw new OutsideError('It does not lie where it was shared.')
    }
    return { handle, stats }
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** The same for a thread that waits for it. The caller closes the descriptor. */
export function openInsideSync(path: string): { fd: number; stats: BigIntStats } {
  let fd = -1
  try {
    fd = openSync(path, FLAGS)
  } catch (error) {
    refuseLink(error)
  }
  try {
    const stats = fstatSync(fd, { bigint: true })
    if (!stats.isFile()) throw new OutsideError('It is no regular file.')
    if (!liesAtSync(path, fd, stats)) throw new OutsideError('It does not lie where it was shared.')
    return { fd, stats }
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

function refuseLink(error: unknown): never {
  // ELOOP of Linux and macOS, EMLINK of FreeBSD: the last part is a link.
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ELOOP' || code === 'EMLINK') throw new OutsideError('It is a symbolic link.')
  throw error
}

function liesAtSync(path: string, fd: number, stats: BigIntStats): boolean {
  if (process.platform === 'linux') {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path
    } catch {
      // A system without /proc is asked the other way.
    }
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    if (realpathSync.native(path) !== path) return false
    const found = lstatSync(path, { bigint: true })
    if (found.dev !== stats.dev || found.ino !== stats.ino) return false
  }
  return true
}

async function liesAt(path: string, handle: FileHandle, stats: BigIntStats, proc: boolean): Promise<boolean> {
  if (proc) {
    try {
      return (await readlink(`/proc/self/fd/${handle.fd}`)) === path
    } catch {
      // A system without /proc is asked the other way.
    }
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    if ((await realpath(path)) !== path) return false
    const found = await lstat(path, { bigint: true })
    if (found.dev !== stats.dev || found.ino !== stats.ino) return false
  }
  return true
}
