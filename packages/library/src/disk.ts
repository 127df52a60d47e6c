/**
 * The indexing thread's calls to the file system. A dead network drive never answers: a call to it does not fail, it
 * stands still, and its thread with it. So each call is noted in memory that the main thread reads, with the shared
 * root that it is for; a note that stays for too long tells which disk is silent. The thread is then left behind and
 * another one works without that root.
 *
 * No call may be made within a transaction, which would stand still with it and keep everybody from writing.
 */
import { DiskSilentError } from './errors.ts'

/** A place for calls that this thread waits for, and one for the one read that goes on beside them. */
const NOTES = 2
/** Of a note: for whom the call is, 0 while there is none, and how many there were. */
const CELLS = 2

/** For whom a call is: the number of a root, or minus the number of a request that came with a path. */
export type Caller = number

/** What the main thread reads. */
export class DiskNotes {
  readonly shared: SharedArrayBuffer
  readonly #cells: Int32Array

  constructor(shared = new SharedArrayBuffer(NOTES * CELLS * Int32Array.BYTES_PER_ELEMENT)) {
    this.shared = shared
    this.#cells = new Int32Array(shared)
  }

  begin(note: number, caller: Caller): void {
    Atomics.add(this.#cells, note * CELLS + 1, 1)
    Atomics.store(this.#cells, note * CELLS, caller)
  }

  end(note: number, caller: Caller = 0): void {
    Atomics.store(this.#cells, note * CELLS, caller)
  }

  /** The calls that are under way: for whom, and a number that no later one has. */
  under(): { caller: Caller; call: string }[] {
    return Array.from({ length: NOTES }, (_, note) => ({
      caller: Atomics.load(this.#cells, note * CELLS),
      call: `${note}:${Atomics.load(this.#cells, note * CELLS + 1)}`
    })).filter(({ caller }) => caller !== 0)
  }
}

const HERE_NOTE = 0
const BESIDE_NOTE = 1

export class Disk {
  readonly #notes: DiskNotes
  readonly #callerOf: (path: string) => Caller
  readonly #silent: Set<Caller>
  #caller: Caller = 0

  /** @param callerOf  the root that a path belongs to, 0 where it is in none */
  constructor(notes: DiskNotes, callerOf: (path: string) => Caller, silent: Iterable<Caller>) {
    this.#notes = notes
    this.#callerOf = callerOf
    this.#silent = new Set(silent)
  }

  /**
   * A call about a path that this thread waits for.
   *
   * @throws DiskSilentError  the path's disk does not answer, so it is not asked
   */
  at<T>(path: string, work: () => T): T {
    return this.as(this.#callerOf(path), work)
  }

  /** A call for somebody. Calls within it are for the same one where they are for nobody else. */
  as<T>(caller: Caller, work: () => T): T {
    const before = this.#caller
    const now = caller === 0 ? before : caller
    this.#refuseSilent(now)
    this.#caller = now
    this.#notes.begin(HERE_NOTE, now)
    try {
      return work()
    } finally {
      this.#caller = before
      this.#notes.end(HERE_NOTE, before)
    }
  }

  /** The one call at a time that goes on while this thread does other things. */
  async beside<T>(path: string, work: () => Promise<T>): Promise<T> {
    const caller = this.#callerOf(path)
    this.#refuseSilent(caller)
    this.#notes.begin(BESIDE_NOTE, caller)
    try {
      return await work()
    } finally {
      this.#notes.end(BESIDE_NOTE)
    }
  }

  isSilent(caller: Caller): boolean {
    return this.#silent.has(caller)
  }

  /** It answers again. */
  answers(caller: Caller): void {
    this.#silent.delete(caller)
  }

  #refuseSilent(caller: Caller): void {
    if (this.#silent.has(caller)) throw new DiskSilentError()
  }
}
