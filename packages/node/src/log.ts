/** The log: JSON lines by pino, on stderr in the foreground, in a file of bounded size in the background. */
import { join } from 'node:path'
import { destination, type Level, type Logger, pino } from 'pino'
import { LOG_FILE, LogFile } from './log-file.ts'
import { safeLine } from './log-line.ts'

export { LOG_FILE }
/** A file that has grown to this is moved to `servent.log.1`, in place of the one before. */
export const LOG_FILE_BYTES_MAX = 16 * 1024 * 1024

const STDERR = 2
/** Waits at most for a terminal or pipe that nobody reads; what comes on top is dropped. */
const STDERR_BYTES_MAX = 1024 * 1024

export interface LogInit {
  readonly level: Level | 'silent'
  /** Folder of the log file. Without it the log goes to stderr, or to `write`. */
  readonly folder?: string
  /** By default `LOG_FILE_BYTES_MAX`. */
  readonly fileBytesMax?: number
  /** Takes each safe line: for tests, and for programs with a log of their own. */
  readonly write?: (line: string) => void
}

export interface Log {
  readonly logger: Logger
  /** Where it is written, when to a file. */
  readonly file?: string
  /** Writes what waits. Nothing is logged afterwards. */
  close(): void
}

export function openLog(init: LogInit): Log {
  const sink =
    init.write === undefined ? fileSink(init.folder, init.fileBytesMax) : { write: init.write, close() {} }
  const logger = pino(
    { level: init.level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line: string) => sink.write(safeLine(line)) }
  )
  const file = init.folder === undefined ? {} : { file: join(init.folder, LOG_FILE) }
  return { logger, ...file, close: () => sink.close() }
}

interface Sink {
  write(line: string): void
  close(): void
}

function fileSink(folder: string | undefined, bytesMax = LOG_FILE_BYTES_MAX): Sink {
  if (folder === undefined) {
    const stream = destination({ dest: STDERR, sync: false, maxLength: STDERR_BYTES_MAX })
    // Nobody is left to tell.
    stream.on('error', () => {})
    return { write: line => void stream.write(line), close: () => flush(stream) }
  }
  return new LogFile(folder, bytesMax)
}

/** A log that cannot be written any more, as a closed terminal's, must not keep the node from stopping. */
function flush(stream: ReturnType<typeof destination>): void {
  try {
    stream.flushSync()
  } catch {
    // Nobody is left to tell.
  }
}
