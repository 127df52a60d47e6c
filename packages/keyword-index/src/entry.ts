/** A file as the index in memory keeps it and hands it out. */
import type { IndexedFile, IndexHit } from './types.ts'

/** One of a ring of those with the same content. What is private to it nobody else sees, and no copy of it has. */
export class Entry implements IndexHit {
  readonly owner: string
  readonly file: IndexedFile
  #id: number
  #before: Entry = this
  #after: Entry = this

  constructor(owner: string, file: IndexedFile, id: number) {
    this.owner = owner
    this.file = file
    this.#id = id
  }

  /** Its number in the generation that it is in. */
  static id(entry: Entry): number {
    return entry.#id
  }

  static renumber(entry: Entry, id: number): void {
    entry.#id = id
  }

  /** The next in the ring, itself where it is alone. */
  static after(entry: Entry): Entry {
    return entry.#after
  }

  static join(entry: Entry, ring: Entry): void {
    entry.#before = ring.#before
    entry.#after = ring
    ring.#before.#after = entry
    ring.#before = entry
  }

  static leave(entry: Entry): void {
    entry.#before.#after = entry.#after
    entry.#after.#before = entry.#before
  }
}

/** What a file takes in a generation: a posting for each word, and its number, which is counted as one more. */
export const postingsOf = (file: IndexedFile): number => file.words.length + 1
