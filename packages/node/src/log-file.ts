/**
 * A log file of bounded size. Whatever the disk says, a line that cannot be written never throws into the
 * program that logs: it is dropped and counted, and the count is told once lines can be written again.
 */
import { closeSync, openSync, renameSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { FOLDER_MODE, makeFolder } from '@servent/database'
import { pino } from 'pino'

export const LOG_FILE = 'servent.log'

const FILE_MODE = 0o600

export class LogFile {
  readonly #path: string
  readonly #bytesMax: number
  #file: number | undefined
  #bytes: number
  /** Lines since the last that was written, and why. */
  #dropped = 0
  #reason = ''
  /** The disk took a part of a line: the next must not be appended to it. */
  #isTorn = false

  /** @throws what the system says: a log that cannot even be opened is told of at the start */
  constructor(folder: string, bytesMax: number) {
    makeFolder(folder, FOLDER_MODE)
    this.#path = join(folder, LOG_FILE)
    this.#bytesMax = bytesMax
    this.#file = openSync(this.#path, 'a', FILE_MODE)
    this.#bytes = this.#size()
  }

  write(line: string): void {
    try {
      // Opened anew after a failure: a file that was moved away to make room is let go.
      if (this.#file === undefined) {
        this.#file = openSync(this.#path, 'a', FILE_MODE)
        this.#bytes = this.#size()
      }
      if (this.#dropped > 0) {
        this.#append(this.#file, droppedLine(this.#dropped, this.#reason))
        this.#dropped = 0
      }
      this.#append(this.#file, line)
    } catch (error) {
      this.#dropped += 1
      this.#reason = (error as Error).message
      this.close()
      return
    }
    if (this.#bytes >= this.#bytesMax) this.#rotate()
  }

  close(): void {
    try {
      if (this.#file !== undefined) closeSync(this.#file)
    } catch {
      // Nobody is left to tell.
    }
    this.#file = undefined
  }

  #append(file: number, line: string): void {
    const bytes = Buffer.from(this.#isTorn ? `\n${line}` : line)
    for (let written = 0; written < bytes.length; ) {
      const count = writeSync(file, bytes, written)
      written += count
      this.#bytes += count
      this.#isTorn = written < bytes.length
    }
  }

  #rotate(): void {
    this.close()
    try {
      renameSync(this.#path, `${this.#path}.1`)
    } catch {
      // The next line is appended to it, and it is tried anew then.
    }
  }

  #size(): number {
    return statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0
  }
}

function droppedLine(count: number, reason: string): string {
  const warn = pino.levels.values.warn
  const msg = `the log lost ${count} lines: ${reason}`
  return `${JSON.stringify({ level: warn, time: new Date().toISOString(), msg })}\n`
}
