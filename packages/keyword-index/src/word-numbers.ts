/**
 * Numbers of words, 0, 1, 2, … in the order in which they came. Each word of each file that comes is looked up here, and a
 * `Map` finds a text that is new to it only after following three pointers, for each of which the processor waits. So
 * where there are many words, all but few are in a table.
 */
import { hashOf, WordTable } from './word-table.ts'

/** With fewer words a map is fast, and an index of a small peer stays small. A power of two. */
export const TABLE_WORDS_MIN = 4096
const SCRATCH_WORDS = 1024

/** What has words. */
export interface Worded {
  readonly words: readonly string[]
}

// Of whatever is being numbered, for all instances: nothing waits meanwhile.
let numbers = new Uint32Array(SCRATCH_WORDS)
let hashes = new Uint32Array(SCRATCH_WORDS)
let spare = new Uint32Array(SCRATCH_WORDS)

export class WordNumbers {
  #size = 0
  /** All words while they are few, then those that the table has no place for. */
  readonly #map = new Map<string, number>()
  #table: WordTable | undefined

  get size(): number {
    return this.#size
  }

  /** Nothing where the word never came. */
  find(word: string): number | undefined {
    return this.#find(word, hashOf(word))
  }

  /**
   * Numbers of all words of all files, one after another; a word that has none gets one. To hash, to look up and to
   * compare are passes of their own, so that each of them finds what it needs in the cache of the processor.
   *
   * @returns  to be read before the next call for any instance
   */
  numberAll(files: readonly Worded[]): Uint32Array {
    let count = 0
    for (const { words } of files) count += words.length
    reserve(count)
    let at = 0
    for (const { words } of files)
      for (const word of words) {
        hashes[at] = hashOf(word)
        at += 1
      }
    const table = this.#table
    if (table === undefined) numbers.fill(0, 0, count)
    else table.guess(hashes, count, numbers, spare)
    at = 0
    for (const { words } of files)
      for (const word of words) {
        const mark = numbers[at]!
        const isRight = mark > 0 && table!.isSpelt(mark, word)
        numbers[at] = isRight ? mark - 1 : this.#numberOf(word, hashes[at]!)
        at += 1
      }
    return numbers.subarray(0, count)
  }

  #numberOf(word: string, hash: number): number {
    const known = this.#find(word, hash)
    if (known !== undefined) return known
    const number = this.#size
    if (this.#table?.add(word, hash, number) !== true) this.#map.set(word, number)
    this.#size += 1
    if (this.#size === TABLE_WORDS_MIN) this.#tabulate()
    return number
  }

  #find(word: string, hash: number): number | undefined {
    return this.#table?.find(word, hash) ?? this.#map.get(word)
  }

  #tabulate(): void {
    this.#table = new WordTable(2 * TABLE_WORDS_MIN)
    for (const [word, number] of this.#map)
      if (this.#table.add(word, hashOf(word), number)) this.#map.delete(word)
  }
}

function reserve(count: number): void {
  if (count <= numbers.length) return
  const length = Math.max(count, 2 * numbers.length)
  numbers = new Uint32Array(length)
  hashes = new Uint32Array(length)
  spare = new Uint32Array(length)
}
