/**
 * Numbers of words, 0, 1, 2, … in the order in which they came. Each word of each file that comes is looked up here, and
 * a `Map` finds a text that is new to it only after hashing it and following three pointers; most words of most files are
 * few common ones, and those are found in a cache before the map: their letters lie beside their number.
 *
 * The cache has one place for each hash and no chains. Its hash is no secret, so whoever announces words may choose ones
 * that share a place: these are found in the map, whose hash is the engine's, and nothing else becomes slower.
 */

/** With fewer words the map itself is fast, and an index of a small peer stays small. */
const CACHED_FROM_WORDS = 4096
/** A power of two. */
const CACHE_PLACES = 65_536
/** A place has the number in two units, the length of the word, and its units. */
const PLACE_UNITS = 16
const LENGTH = 2
const LETTERS = 3
/** Longer words are rare. */
const CACHED_UNITS = PLACE_UNITS - LETTERS

export class WordNumbers {
  readonly #numbers = new Map<string, number>()
  /** Nothing while there are few words. */
  #cache: Uint16Array | undefined

  get size(): number {
    return this.#numbers.size
  }

  /** Nothing where the word never came. */
  find(word: string): number | undefined {
    const cache = this.#cache
    if (cache === undefined || word.length > CACHED_UNITS) return this.#numbers.get(word)
    const place = placeOf(word)
    if (isAt(cache, place, word)) return cache[place]! | (cache[place + 1]! << 16)
    const number = this.#numbers.get(word)
    if (number !== undefined) keep(cache, place, word, number)
    return number
  }

  /** Gives a word that has none the number `size`. */
  add(word: string): void {
    this.#numbers.set(word, this.#numbers.size)
    if (this.#numbers.size === CACHED_FROM_WORDS) this.#cache = new Uint16Array(CACHE_PLACES * PLACE_UNITS)
  }
}

function placeOf(word: string): number {
  let hash = word.length
  for (let index = 0; index < word.length; index += 1)
    hash = Math.imul(hash ^ word.charCodeAt(index), 0x5bd1_e995)
  return ((hash ^ (hash >>> 15)) & (CACHE_PLACES - 1)) * PLACE_UNITS
}

function isAt(cache: Uint16Array, place: number, word: string): boolean {
  if (cache[place + LENGTH] !== word.length) return false
  for (let index = 0; index < word.length; index += 1)
    if (cache[place + LETTERS + index] !== word.charCodeAt(index)) return false
  return true
}

function keep(cache: Uint16Array, place: number, word: string, number: number): void {
  cache[place] = number & 0xffff
  cache[place + 1] = number >>> 16
  cache[place + LENGTH] = word.length
  for (let index = 0; index < word.length; index += 1) cache[place + LETTERS + index] = word.charCodeAt(index)
}
