/** The end of a process by an error that nobody caught. */
import type { Log } from '@servent/node'

/**
 * What nobody caught must stand in the log as one safe line, and must not leave a node half alive: whatever
 * becomes of the line, the process ends. One more throw here would call the handler again.
 */
export function crashHandler(log: Pick<Log, 'logger' | 'close'>, exit: () => void): (error: unknown) => void {
  return error => {
    try {
      log.logger.fatal({ err: error }, 'the node ends: an error that nobody caught')
      log.close()
    } catch {
      // Nobody is left to tell.
    } finally {
      exit()
    }
  }
}
