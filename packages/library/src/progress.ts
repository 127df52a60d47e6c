/** How far hashing is: of everything, and of each share that somebody waits for. Told a few times a second. */
import { basename } from 'node:path'
import { Estimate, workOf } from './estimate.ts'
import { PROGRESS_MS } from './limits.ts'
import { Throttle } from './throttle.ts'
import type { LibraryProgress } from './types.ts'

export class Progress {
  readonly #telling: Throttle
  #phase: LibraryProgress['phase'] = 'idle'
  #files = 0
  #filesTotal = 0
  #bytes = 0
  #bytesTotal = 0
  /** Counted as done without having been hashed: that says nothing about the speed. */
  #skipped = { files: 0, bytes: 0 }
  #name: string | undefined
  readonly #estimate = new Estimate()

  constructor(tell: (progress: LibraryProgress) => void) {
    this.#telling = new Throttle(() => tell(this.#now()), PROGRESS_MS)
  }

  /** A file was found that is to be hashed. */
  found(size: number, files = 1): void {
    this.#filesTotal += files
    this.#bytesTotal += size
    this.#telling.ask()
  }

  /** A file that was found is another's now. */
  lost(size: number): void {
    this.#filesTotal -= 1
    this.#bytesTotal -= size
    this.#telling.ask()
  }

  hashing(path: string, bytes: number): void {
    this.#name = basename(path)
    this.#bytes += bytes
    this.#telling.ask()
  }

  /** A file is done with. What of it was not hashed is counted all the same, so that the sums meet. */
  done(size: number, hashedBytes: number): void {
    this.#files += 1
    this.#bytes += size - hashedBytes
    if (hashedBytes < size) this.#skipped.files += 1
    this.#skipped.bytes += size - hashedBytes
    this.#telling.ask()
  }

  phase(phase: LibraryProgress['phase']): void {
    if (this.#phase === phase) return
    this.#phase = phase
    // What was hashed while folders were looked through says nothing of the speed afterwards.
    this.#estimate.clear()
    // At once, so that who was told of something that is done does not hear afterwards that it is being done.
    this.#telling.now()
    if (phase !== 'idle') return
    this.#files = 0
    this.#filesTotal = 0
    this.#bytes = 0
    this.#bytesTotal = 0
    this.#skipped = { files: 0, bytes: 0 }
    this.#name = undefined
  }

  stop(): void {
    this.#telling.cancel()
  }

  #now(): LibraryProgress {
    const leftMs = this.#leftMs()
    return {
      phase: this.#phase,
      files: this.#files,
      filesTotal: Math.max(this.#filesTotal, this.#files),
      bytes: this.#bytes,
      bytesTotal: Math.max(this.#bytesTotal, this.#bytes),
      ...(leftMs !== undefined && { leftMs }),
      ...(this.#name !== undefined && { name: this.#name })
    }
  }

  #leftMs(): number | undefined {
    const { files, bytes } = this.#skipped
    this.#estimate.note(performance.now(), workOf(this.#files - files, this.#bytes - bytes))
    if (this.#phase !== 'hashing') return undefined
    const left = workOf(this.#filesTotal - this.#files, this.#bytesTotal - this.#bytes)
    return this.#estimate.leftMs(Math.max(0, left))
  }
}
