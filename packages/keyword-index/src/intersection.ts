/**
 * Numbers that are in several posting lists, ascending. The shortest list leads; each of its numbers is looked up in the
 * others, and a number beyond it that is found there is sought in the leading list in turn, both by galloping. Where the
 * second list has a map of bits, the leading one is read along it instead.
 *
 * Reading stops at a cap on the postings that are touched, for common words can have as many as there are files: each
 * number of the leading list is one, and each that is found by galloping in another. A look into a map touches none.
 */
import { NO_ID, type PostingCursor } from './posting-lists.ts'

export class Intersection {
  readonly #cursors: readonly PostingCursor[]
  readonly #count: number
  /** Postings that may still be touched. */
  #left: number
  /** The least number that may come next. */
  #from: number

  /** @param cursors  of which the first `count` are open: the shortest list, then common ones, then others */
  constructor(cursors: readonly PostingCursor[], count: number, touchedMax: number, from = 0) {
    this.#cursors = cursors
    this.#count = count
    this.#left = touchedMax
    this.#from = from
  }

  /** How many more postings may be touched; less than 0 where the cap was reached: there may be more numbers then. */
  get left(): number {
    return this.#left
  }

  /** The next number, or `NO_ID` where there are no more, or where the cap is reached. */
  next(): number {
    const lead = this.#cursors[0]!
    const marks = this.#count > 1 ? this.#cursors[1]!.bitmap : undefined
    const rest = marks === undefined ? 1 : 2
    let from = this.#from
    while (from !== NO_ID && this.#left >= 0) {
      let id: number
      if (marks === undefined) {
        id = lead.seek(from)
        if (id !== NO_ID) this.#left -= 1
      } else {
        // One more than may be read, so that the cap is reached only where there is one more.
        id = lead.seekMarked(from, marks, this.#left + 1)
        this.#left -= lead.read
      }
      if (id === NO_ID || this.#left < 0) break
      from = this.#beyond(id, rest)
      if (from === id && this.#left >= 0) {
        this.#from = id + 1
        return id
      }
    }
    this.#from = NO_ID
    return NO_ID
  }

  /** The number itself where all lists have it, or the least one above it that may be in all. */
  #beyond(id: number, first: number): number {
    for (let index = first; index < this.#count; index += 1) {
      const cursor = this.#cursors[index]!
      if (cursor.bitmap !== undefined) {
        if (!cursor.has(id)) return id + 1
        continue
      }
      this.#left -= 1
      const found = cursor.seek(id)
      if (found !== id) return found
    }
    return id
  }
}
