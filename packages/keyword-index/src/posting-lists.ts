/**
 * For each word the numbers of the files that have it, ascending: a posting list is a chain of chunks in one typed
 * array. The first chunk has 2 places, each next one twice as many, up to `CHUNK_IDS`, so that a word which one file has
 * takes 12 bytes, and that a word which half a million have never has its list copied because of one more.
 *
 * A chunk is a place for the start of the next one, then its numbers. A reader (`PostingCursor`) only goes forward, so
 * it needs no directory of chunks: it looks at the last number of one to know whether to skip it.
 *
 * A word that one file in `BITMAP_SHARE` has gets a map of bits beside its list, in which another word's files are
 * looked up one by one faster than by any search in the list.
 */
import { type Worded, WordNumbers } from './word-numbers.ts'

/** Places of a chunk of a long list. A power of two. */
export const CHUNK_IDS = 4096
const FIRST_CHUNK_IDS = 2
/** After the last: larger than the number of any file. */
export const NO_ID = 0xffff_ffff
/** A list of as many numbers may have a map, which takes as much memory as the list where every 32nd file has the word. */
const BITMAP_SHARE = 96
/** One that has become rarer than this loses it. */
const BITMAP_SHARE_LEAST = 2 * BITMAP_SHARE
/** Shorter lists are read fast enough. */
const BITMAP_IDS_MIN = 500

// What is known of a list, side by side in one array.
const START = 0
/** Where the next number goes. */
const WRITE = 1
const COUNT = 2
/** One more than where its map of bits is among all maps; 0 where it has none. */
const BITMAP = 3
const FIELDS = 4

const ARENA_PLACES = 64
const LISTS = 8
/** Up to here an array doubles; afterwards it grows by half, to leave less of it empty. */
const DOUBLING_PLACES_MAX = 2 ** 20

type Places = Uint32Array<ArrayBuffer>

/** What was read before it is written behind, of whatever is being added, for all instances: nothing waits meanwhile. */
let ends: Places = new Uint32Array(1024)

export class PostingLists {
  readonly #words = new WordNumbers()
  /** Place 0 is nobody's: as the next chunk it means that there is none. */
  #arena: Places
  #used = 1
  #lists: Places = new Uint32Array(LISTS * FIELDS)
  /** Of common words. */
  readonly #bitmaps: (Places | undefined)[] = []

  /** @param places  that the lists have before the arena grows */
  constructor(places = ARENA_PLACES) {
    this.#arena = new Uint32Array(Math.max(places, ARENA_PLACES))
  }

  /** Places of the arena that are in use. */
  get places(): number {
    return this.#used
  }

  /**
   * Puts in all words of files that have the numbers `first`, `first + 1`, …, which ascend from call to call.
   *
   * @returns  how many words they have
   */
  add(files: readonly Worded[], first: number): number {
    const known = this.#words.size
    const wanted = this.#words.numberAll(files)
    for (let list = known; list < this.#words.size; list += 1) this.#begin(list)
    this.#readEnds(wanted)
    let at = 0
    for (let index = 0; index < files.length; index += 1)
      for (const end = at + files[index]!.words.length; at < end; at += 1)
        this.#append(wanted[at]!, first + index)
    return at
  }

  /** The list of a word; nothing where no file ever had it. */
  find(word: string): number | undefined {
    return this.#words.find(word)
  }

  /** How many numbers are in a list. */
  count(list: number): number {
    return this.#lists[list * FIELDS + COUNT]!
  }

  /** Whether a list has a map of bits. */
  isCommon(list: number): boolean {
    return this.#lists[list * FIELDS + BITMAP] !== 0
  }

  /** Sets a cursor before the first number of a list. Appending ends its use. */
  open(list: number, cursor: PostingCursor): void {
    const at = list * FIELDS
    cursor.begin(this.#arena, this.#lists[at + START]!, this.#lists[at + WRITE]!, this.#bitmapOf(list))
  }

  /**
   * Reads where lists end, for nothing but to have it in the cache of the processor when it is written to: they lie all
   * over the memory, and a processor waits for several places at once only within a short loop.
   */
  #readEnds(wanted: Uint32Array): void {
    const count = wanted.length
    if (count > ends.length) ends = new Uint32Array(Math.max(count, 2 * ends.length))
    const lists = this.#lists
    const arena = this.#arena
    for (let index = 0; index < count; index += 1) ends[index] = lists[wanted[index]! * FIELDS + WRITE]!
    for (let index = 0; index < count; index += 1) ends[index] = arena[ends[index]! - 1]!
  }

  /** Numbers of one list come ascending. One that comes again at once is there already. */
  #append(list: number, id: number): void {
    const at = list * FIELDS
    const lists = this.#lists
    let write = lists[at + WRITE]!
    const count = lists[at + COUNT]!
    if (count > 0) {
      if (this.#arena[write - 1] === id) return
      if (isFull(count)) write = this.#extend(list, id)
    }
    this.#arena[write] = id
    lists[at + WRITE] = write + 1
    lists[at + COUNT] = count + 1
    if (lists[at + BITMAP] !== 0) this.#mark(list, id)
  }

  #begin(list: number): void {
    const at = list * FIELDS
    if (at === this.#lists.length) this.#lists = grown(this.#lists, at + FIELDS)
    const start = this.#allocate(FIRST_CHUNK_IDS)
    this.#lists[at + START] = start
    this.#lists[at + WRITE] = start + 1
    this.#lists[at + COUNT] = 0
    this.#lists[at + BITMAP] = 0
  }

  /** Gives a list whose last chunk is full another one, and says where its numbers begin. */
  #extend(list: number, id: number): number {
    const at = list * FIELDS
    const count = this.#lists[at + COUNT]!
    // What is in all chunks up to the full one is 2, 6, 14, …: twice its size, less two.
    const full = Math.min(CHUNK_IDS, (count + FIRST_CHUNK_IDS) >> 1)
    const size = Math.min(CHUNK_IDS, full * 2)
    const chunk = this.#allocate(size)
    this.#arena[this.#lists[at + WRITE]! - full - 1] = chunk
    if (count > BITMAP_IDS_MIN) this.#weigh(list, count, id)
    return chunk + 1
  }

  /** Gives a list the map that it has become long enough for, or takes it away. Asked once for each chunk. */
  #weigh(list: number, count: number, id: number): void {
    const at = list * FIELDS
    if (this.isCommon(list)) {
      if (count * BITMAP_SHARE_LEAST >= id) return
      this.#bitmaps[this.#lists[at + BITMAP]! - 1] = undefined
      this.#lists[at + BITMAP] = 0
      return
    }
    if (count * BITMAP_SHARE < id) return
    const bitmap = new Uint32Array((id >>> 5) + 1)
    const cursor = new PostingCursor()
    // The new chunk is empty yet, so what is read ends before it.
    cursor.begin(this.#arena, this.#lists[at + START]!, this.#lists[at + WRITE]!, undefined)
    for (let left = count; left > 0; left -= 1) {
      const one = cursor.next()
      bitmap[one >>> 5]! |= 1 << (one & 31)
    }
    const free = this.#bitmaps.indexOf(undefined)
    this.#lists[at + BITMAP] = free === -1 ? this.#bitmaps.push(bitmap) : free + 1
    if (free !== -1) this.#bitmaps[free] = bitmap
  }

  #bitmapOf(list: number): Places | undefined {
    const number = this.#lists[list * FIELDS + BITMAP]!
    return number === 0 ? undefined : this.#bitmaps[number - 1]
  }

  #mark(list: number, id: number): void {
    let bitmap = this.#bitmapOf(list)!
    if (id >>> 5 >= bitmap.length) {
      bitmap = grown(bitmap, (id >>> 5) + 1)
      this.#bitmaps[this.#lists[list * FIELDS + BITMAP]! - 1] = bitmap
    }
    bitmap[id >>> 5]! |= 1 << (id & 31)
  }

  #allocate(ids: number): number {
    const chunk = this.#used
    this.#used += ids + 1
    if (this.#used > this.#arena.length) this.#arena = grown(this.#arena, this.#used)
    return chunk
  }
}

/** Whether a list of so many numbers, at least one, has no place left: 2, 6, 14, … fill its chunks, then each `CHUNK_IDS`. */
const isFull = (count: number): boolean =>
  ((count + 2) & (count + 1)) === 0 || ((count + 2) & (CHUNK_IDS - 1)) === 0

/** What a cursor reads that is at no list. */
const NOTHING: Places = new Uint32Array(1)

function grown(array: Places, needed: number): Places {
  const more = array.length < DOUBLING_PLACES_MAX ? array.length : array.length >> 1
  const larger = new Uint32Array(Math.max(needed, array.length + more))
  larger.set(array)
  return larger
}

/** Reads one list from its beginning to its end, or looks numbers up in it. */
export class PostingCursor {
  /** Numbers that the last `seekMarked` read. */
  read = 0
  #arena: Places = NOTHING
  #bitmap: Places | undefined
  #chunk = 0
  #size = 0
  #at = 0
  /** Behind the last number of this chunk. */
  #end = 0
  /** Behind the last number of the list. */
  #write = 0

  begin(arena: Places, start: number, write: number, bitmap: Places | undefined): void {
    this.#arena = arena
    this.#bitmap = bitmap
    this.#write = write
    this.#size = FIRST_CHUNK_IDS
    this.#enter(start)
  }

  /** Lets go of the list, which could not be collected otherwise. */
  end(): void {
    this.#arena = NOTHING
    this.#bitmap = undefined
  }

  /** The next number, or `NO_ID`. */
  next(): number {
    if (this.#at === this.#end && !this.#skip()) return NO_ID
    const id = this.#arena[this.#at]!
    this.#at += 1
    return id
  }

  get bitmap(): Places | undefined {
    return this.#bitmap
  }

  /** Whether the list has a number. Asked in ascending order. */
  has(id: number): boolean {
    const bitmap = this.#bitmap
    if (bitmap === undefined) return this.seek(id) === id
    return id >>> 5 < bitmap.length && ((bitmap[id >>> 5]! >>> (id & 31)) & 1) === 1
  }

  /**
   * The first number from here on that is not below `from` and is marked in a map, or `NO_ID`, also where `most` numbers
   * were read in vain. It stays the next one. `read` says how many were read.
   */
  seekMarked(from: number, bitmap: Places, most: number): number {
    this.read = 0
    if (this.seek(from) === NO_ID) return NO_ID
    const arena = this.#arena
    const places = bitmap.length
    do {
      const start = this.#at
      const end = Math.min(this.#end, start + most - this.read)
      for (let at = start; at < end; at += 1) {
        const id = arena[at]!
        const place = id >>> 5
        if (place < places && (bitmap[place]! >>> (id & 31)) & 1) {
          this.#at = at
          this.read += at - start + 1
          return id
        }
      }
      this.#at = end
      this.read += end - start
    } while (this.#at === this.#end && this.#skip())
    return NO_ID
  }

  /**
   * The first number from here on that is not below `target`, or `NO_ID`. It stays the next one. Gallops: steps of
   * 1, 2, 4, … until one is too far, then halves the last one, so that a near number is found as fast as by reading on.
   */
  seek(target: number): number {
    const arena = this.#arena
    while (this.#at === this.#end || arena[this.#end - 1]! < target) if (!this.#skip()) return NO_ID
    let low = this.#at
    const first = arena[low]!
    if (first >= target) return first
    const end = this.#end
    let step = 1
    while (low + step < end && arena[low + step]! < target) {
      low += step
      step <<= 1
    }
    let high = low + step
    if (high >= end) high = end - 1
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if (arena[middle]! < target) low = middle
      else high = middle
    }
    this.#at = high
    return arena[high]!
  }

  /** To the next chunk, or to the end of the list, where it stays. */
  #skip(): boolean {
    const next = this.#arena[this.#chunk]!
    if (next === 0) {
      this.#at = this.#end
      return false
    }
    if (this.#size < CHUNK_IDS) this.#size *= 2
    this.#enter(next)
    return true
  }

  #enter(chunk: number): void {
    this.#chunk = chunk
    this.#at = chunk + 1
    this.#end = this.#arena[chunk] === 0 ? this.#write : chunk + 1 + this.#size
  }
}
