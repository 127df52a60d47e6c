/** What the main thread and the indexing thread say to each other. Plain data only. */
import type { ErrorMessage } from './errors.ts'
import type { LibraryProblem, LibraryProgress, LibrarySettings, SharedRoot } from './types.ts'

export interface OpenMessage {
  readonly type: 'open'
  /** In a folder without symbolic links. */
  readonly databasePath: string
  readonly settings: LibrarySettings
  /** Never shared, nor anything below. */
  readonly privateFolders: readonly string[]
  /** Strictly inside a private folder, and shared nevertheless. */
  readonly publicFolders: readonly string[]
  /** Where calls to the file system are noted. */
  readonly notes: SharedArrayBuffer
  /** Numbers of roots whose disks do not answer. */
  readonly silent: readonly number[]
}

export interface ShareMessage {
  readonly type: 'share'
  readonly request: number
  /** Absolute. */
  readonly path: string
}

export interface UnshareMessage {
  readonly type: 'unshare'
  readonly request: number
  readonly path: string
}

export interface RescanMessage {
  readonly type: 'rescan'
  readonly request: number
}

export type RequestMessage = ShareMessage | UnshareMessage | RescanMessage

export type ToWorker =
  | OpenMessage
  | RequestMessage
  /** A file did not have the bytes that it had: it is withdrawn and hashed again. */
  | { readonly type: 'suspect'; readonly file: number }
  /** The disk of a root answers again. */
  | { readonly type: 'answers'; readonly root: number }
  | { readonly type: 'stop' }

/** A shared file without classes: `SharedFile` is made of it on the other side. */
export interface PlainFile {
  readonly index: number
  readonly cid: Uint8Array
  readonly size: number
  readonly name: string
  readonly type: string
  /** In JSON. */
  readonly tags: string
  readonly sha1: Uint8Array
}

export interface PlainChange {
  readonly type: 'added' | 'removed'
  readonly file: PlainFile
}

export interface PlainTotals {
  readonly files: number
  readonly bytes: number
}

export interface PlainShareResult {
  readonly path: string
  readonly files: number
  readonly bytes: number
  readonly cids: readonly Uint8Array[]
  readonly more: number
  readonly problems: readonly LibraryProblem[]
}

export type RequestResult = PlainShareResult | { readonly files: number }

export type FromWorker =
  | { readonly type: 'ready'; readonly totals: PlainTotals }
  /** The database cannot be used: starting again would not help. */
  | { readonly type: 'fatal'; readonly error: ErrorMessage }
  | { readonly type: 'changes'; readonly changes: readonly PlainChange[]; readonly totals: PlainTotals }
  | { readonly type: 'roots'; readonly roots: readonly SharedRoot[] }
  | { readonly type: 'problems'; readonly problems: readonly LibraryProblem[] }
  | { readonly type: 'progress'; readonly request?: number; readonly progress: LibraryProgress }
  | { readonly type: 'result'; readonly request: number; readonly result: RequestResult }
  /** A root is shared no more, and its number may be another's. */
  | { readonly type: 'left'; readonly root: number }
  | { readonly type: 'failure'; readonly request: number; readonly error: ErrorMessage }
  | {
      readonly type: 'log'
      readonly level: 'debug' | 'info' | 'warn' | 'error'
      readonly details: Readonly<Record<string, unknown>>
      readonly message: string
    }
