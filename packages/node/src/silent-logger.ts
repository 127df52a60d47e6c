/** For a node without a log: what pino's silent logger does, without loading pino. */
import type { Logger } from 'pino'

const nothing = (): void => {}

/** As much of pino's interface as a node uses. */
type Used = Pick<Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'isLevelEnabled'> & {
  child(): Used
}

const silent: Used = {
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  fatal: nothing,
  isLevelEnabled: () => false,
  child: () => silent
}

export const silentLogger = silent as unknown as Logger
