/** The main thread's eye on the indexing thread's calls to the file system: one that takes too long is told. */
import type { Caller, DiskNotes } from './disk.ts'
import { DISK_LOOKS } from './limits.ts'

export class DiskWatch {
  readonly #notes: DiskNotes
  readonly #onSilent: (caller: Caller) => void
  readonly #timer: NodeJS.Timeout
  /** Calls that were under way at the last looks, and at how many. Looks, not times: a suspended machine has none. */
  #seen = new Map<string, number>()

  constructor(notes: DiskNotes, silentMs: number, onSilent: (caller: Caller) => void) {
    this.#notes = notes
    this.#onSilent = onSilent
    this.#timer = setInterval(() => this.#look(), Math.max(1, silentMs / DISK_LOOKS)).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const seen = new Map<string, number>()
    for (const { caller, call } of this.#notes.under()) {
      const looks = (this.#seen.get(call) ?? 0) + 1
      if (looks > DISK_LOOKS) {
        this.stop()
        this.#onSilent(caller)
        return
      }
      seen.set(call, looks)
    }
    this.#seen = seen
  }
}
