/**
 * Words with their numbers in typed arrays: hashes in buckets of one line of the processor's cache each, and spellings in
 * the order of numbers, so that those of common words, which came first, lie together.
 *
 * The hash is no secret, so whoever announces words may choose ones that share a bucket. Whoever asks
 * keeps the words that it has no place for in a map, whose hash is the engine's. So to look for a word here is to look at
 * eight hashes at most, whatever words somebody chose, and nothing else becomes slower.
 */

/** Words of one hash, or of hashes that end alike, that have a place. A power of two. */
export const BUCKET_WORDS_MAX = 8
/** Of each word its hash and its mark, which is one more than its number; a mark of 0 means no word, and none behind it. */
const WORD_PLACES = 2
const BUCKET_PLACES = BUCKET_WORDS_MAX * WORD_PLACES
const BUCKET_SHIFT = Math.log2(BUCKET_PLACES)
/** As many words have a place for each that is here, at least, so that few buckets are full. */
const ROOM = 2
/** Of a word its length, then its units. */
const SPELLING_UNITS = 16
/** Longer words are rare, and in no table. In UTF-16. */
export const TABLE_WORD_UNITS_MAX = SPELLING_UNITS - 1

/** What a word is looked for by; nothing of use where it is too long for a table. */
export function hashOf(word: string): number {
  const { length } = word
  if (length > TABLE_WORD_UNITS_MAX) return 0
  let hash = length
  for (let index = 0; index < length; index += 1) hash = Math.imul(hash ^ word.charCodeAt(index), 0x5bd1_e995)
  return (hash ^ (hash >>> 15)) >>> 0
}

export class WordTable {
  #buckets: Uint32Array
  /** By mark. */
  #spellings: Uint16Array
  #words = 0

  /** @param words  for which there is room, a power of two; with more it grows */
  constructor(words: number) {
    this.#buckets = new Uint32Array(words * ROOM * WORD_PLACES)
    this.#spellings = new Uint16Array(words * SPELLING_UNITS)
  }

  /** Nothing where the word is not here. */
  find(word: string, hash: number): number | undefined {
    const buckets = this.#buckets
    const start = this.#bucketOf(hash)
    for (let at = start; at < start + BUCKET_PLACES; at += WORD_PLACES) {
      const mark = buckets[at + 1]!
      if (mark === 0) return
      if (buckets[at] === hash && this.isSpelt(mark, word)) return mark - 1
    }
    return
  }

  /** Puts a word in that is not here; says whether there was a place for it. */
  add(word: string, hash: number, number: number): boolean {
    if (word.length > TABLE_WORD_UNITS_MAX || this.#isFull(hash)) return false
    this.#spell(number + 1, word)
    this.#put(hash, number + 1)
    this.#words += 1
    if (this.#words * ROOM * WORD_PLACES > this.#buckets.length) this.#grow()
    return true
  }

  /**
   * For each hash the mark of the first word that has it, 0 where none has: spellings are not compared. Buckets are read
   * once before they are looked at, and spellings for whoever compares them, in loops so short that the processor waits
   * for many places of the memory at once.
   *
   * @param spare  takes what was read for nothing else
   */
  guess(hashes: Uint32Array, count: number, marks: Uint32Array, spare: Uint32Array): void {
    const buckets = this.#buckets
    const spellings = this.#spellings
    for (let index = 0; index < count; index += 1) spare[index] = buckets[this.#bucketOf(hashes[index]!)]!
    for (let index = 0; index < count; index += 1) {
      const hash = hashes[index]!
      let at = this.#bucketOf(hash)
      const end = at + BUCKET_PLACES
      while (at < end && buckets[at] !== hash) at += WORD_PLACES
      marks[index] = at < end ? buckets[at + 1]! : 0
    }
    for (let index = 0; index < count; index += 1) spare[index] = spellings[marks[index]! * SPELLING_UNITS]!
  }

  /** Whether a mark is that of a word. */
  isSpelt(mark: number, word: string): boolean {
    const spellings = this.#spellings
    const at = mark * SPELLING_UNITS
    const { length } = word
    if (spellings[at] !== length) return false
    for (let index = 0; index < length; index += 1)
      if (spellings[at + 1 + index] !== word.charCodeAt(index)) return false
    return true
  }

  #spell(mark: number, word: string): void {
    const at = mark * SPELLING_UNITS
    if (at >= this.#spellings.length) {
      const before = this.#spellings
      this.#spellings = new Uint16Array(at * 2)
      this.#spellings.set(before)
    }
    this.#spellings[at] = word.length
    for (let index = 0; index < word.length; index += 1)
      this.#spellings[at + 1 + index] = word.charCodeAt(index)
  }

  #bucketOf(hash: number): number {
    return (hash << BUCKET_SHIFT) & (this.#buckets.length - 1)
  }

  #isFull(hash: number): boolean {
    return this.#buckets[this.#bucketOf(hash) + BUCKET_PLACES - 1] !== 0
  }

  #put(hash: number, mark: number): void {
    let at = this.#bucketOf(hash)
    while (this.#buckets[at + 1] !== 0) at += WORD_PLACES
    this.#buckets[at] = hash
    this.#buckets[at + 1] = mark
  }

  /** Each bucket becomes two, so none of them has too many. */
  #grow(): void {
    const before = this.#buckets
    this.#buckets = new Uint32Array(before.length * 2)
    for (let at = 0; at < before.length; at += WORD_PLACES)
      if (before[at + 1] !== 0) this.#put(before[at]!, before[at + 1]!)
  }
}
