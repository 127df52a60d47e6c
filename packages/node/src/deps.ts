/** What a program gives to the node that it runs. */
import type { Logger } from 'pino'

export interface NodeDeps {
  /** Of the program: the user agent says it. */
  readonly version?: string
  /** Where the log goes: `openLog`'s, or any pino logger that escapes as that does. By default nowhere. */
  readonly logger?: Logger
  /**
   * The library's worker as one script, for a program that is bundled into a single file and has no other to
   * start it from.
   */
  readonly libraryWorker?: { readonly source: string }
  /** Likewise the worker of an index in SQLite: `indexWorkerFrom` of `@servent/keyword-index/sqlite` starts it. */
  readonly indexWorker?: { readonly source: string }
}

/** What others are told where the program does not say its version. */
export const VERSION_UNKNOWN = '0.0.0'

/** The user agent. */
export const agentOf = ({ version = VERSION_UNKNOWN }: NodeDeps): string => `servent/${version}`
