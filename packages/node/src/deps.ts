/** What a program gives to the node that it runs. */
import type { Logger } from 'pino'

export interface NodeDeps {
  /** Of the program: the user agent says it. */
  readonly version?: string
  /** Where the log goes: `openLog`'s, or any pino logger that escapes as that does. By default nowhere. */
  readonly logger?: Logger
}
