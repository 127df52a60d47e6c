/**
 * What `stat` says about a file, as the catalogue keeps it: enough to know that it is still the file that was
 * hashed.
 *
 * A write moves mtime and ctime; a program may set mtime back, but never ctime. Renaming, linking and chmod
 * move ctime alone. Inodes tell files of one name apart and find renamed ones, but file systems that have
 * none (FAT, exFAT, some network drives) make numbers up and change them, so a new inode under old times is
 * no change.
 */
import type { BigIntStats } from 'node:fs'

export interface Stamp {
  /** Bytes. */
  readonly size: number
  /** `device:inode`. */
  readonly inode: string
  /** Nanoseconds since 1970 of mtime and ctime. */
  readonly written: string
  readonly changed: string
}

export function stampOf(stats: BigIntStats): Stamp {
  return {
    size: Number(stats.size),
    inode: `${stats.dev}:${stats.ino}`,
    written: String(stats.mtimeNs),
    changed: String(stats.ctimeNs)
  }
}

/** Nothing about the file moved. */
export function isSame(a: Stamp, b: Stamp): boolean {
  return a.size === b.size && a.written === b.written && a.changed === b.changed
}

/**
 * Nothing was written, as far as mtime says: renamed, linked or chmodded. Its bytes are most likely the same;
 * it stays shared while it is hashed again to be sure, since each block is checked when it is read.
 */
export function isMoved(a: Stamp, b: Stamp): boolean {
  return a.size === b.size && a.written === b.written && a.inode === b.inode
}

/** Milliseconds since the file's last change by the system's clock; negative when that clock was set back. */
export function ageMs(stats: BigIntStats, nowMs: number): number {
  return nowMs - Number(stats.ctimeNs / 1_000_000n)
}
