/** What the library says to the program around it. */
import type { ContentId } from '@servent/overlay'

/** What this package logs with: pino's loggers fit. */
export interface LibraryLogger {
  debug(details: Readonly<Record<string, unknown>>, message: string): void
  info(details: Readonly<Record<string, unknown>>, message: string): void
  warn(details: Readonly<Record<string, unknown>>, message: string): void
  error(details: Readonly<Record<string, unknown>>, message: string): void
}

export interface LibrarySettings {
  /**
   * Glob patterns (picomatch) of what is left out. One without a slash is held against each name, one with a
   * slash against the path below the shared folder, always with `/`.
   */
  readonly exclude?: readonly string[]
  /** Share names that begin with a dot, too. */
  readonly includeHidden?: boolean
  /** Share what looks temporary or belongs to the system (`*.part`, `*~`, `Thumbs.db`, …), too. */
  readonly includeTemporary?: boolean
  /** Milliseconds between two looks at every shared folder, beside watching them. */
  readonly rescanMs?: number
  /** Watch the folders: on by default. Without it only rescans find changes. */
  readonly watch?: boolean
  /** Milliseconds that a file which changed while it was hashed is left alone. */
  readonly settleMs?: number
  /** Milliseconds after which a disk that has not answered counts as silent: 15 seconds by default. */
  readonly diskSilentMs?: number
}

export interface LibraryProgress {
  readonly phase: 'idle' | 'scanning' | 'hashing' | 'failed'
  /** Hashed since there was nothing to do, of those found until now. */
  readonly files: number
  readonly filesTotal: number
  readonly bytes: number
  readonly bytesTotal: number
  /**
   * Milliseconds until all of that is hashed, by the speed of late. Nothing while folders are still looked
   * through, since nobody knows what is in them, and while too little was hashed to know the speed.
   */
  readonly leftMs?: number
  /** The base name of the file that is hashed now. */
  readonly name?: string
  /** Why it failed. */
  readonly reason?: string
}

/** A file or folder that is left out although it was asked for. */
export interface LibraryProblem {
  readonly path: string
  readonly reason: string
}

export interface ShareOptions {
  /** Ends the waiting. What was shared stays shared and goes on being hashed. */
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: LibraryProgress) => void
}

export interface ShareResult {
  /** The path with symbolic links resolved. */
  readonly path: string
  /** Shared files under the path, and their bytes. */
  readonly files: number
  readonly bytes: number
  /** Of the files, each once, at most `SHARE_IDS_MAX`. */
  readonly ids: readonly ContentId[]
  /** Ids beyond those. */
  readonly more: number
  /** At most `PROBLEMS_MAX`. */
  readonly problems: readonly LibraryProblem[]
}

export interface SharedRoot {
  readonly path: string
  readonly kind: 'folder' | 'file'
  /** False while there is nothing at the path: a drive that was unplugged, a file that was deleted. */
  readonly present: boolean
  /** Why it is not present. */
  readonly reason?: string
  /** Shared under it now, a second old at most while files are hashed. */
  readonly files: number
  readonly bytes: number
}

export interface LibraryEntry {
  /** The cursor of `list`. Not a file index. */
  readonly entry: number
  readonly path: string
  readonly name: string
  readonly size: number
  readonly type: string
  /** `waiting`: to be hashed. `away`: its file is gone or its folder unplugged. */
  readonly state: 'shared' | 'waiting' | 'unreadable' | 'away'
  /** Why it is unreadable. */
  readonly reason?: string
  /** Of a file that was hashed. */
  readonly id?: ContentId
  readonly index?: number
  readonly tags?: Readonly<Record<string, string>>
}
