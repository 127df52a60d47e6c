/**
 * Files under dense numbers in the order in which they came, and for each word the numbers of those that have it. A file
 * that goes leaves its number in the lists, where searches step over it; nothing else of a generation ever shrinks. An
 * index begins another one in time, and moves there what still lives.
 */
import { Entry } from './entry.ts'
import { Intersection } from './intersection.ts'
import { fits } from './matching.ts'
import { NO_ID, PostingCursor, PostingLists } from './posting-lists.ts'
import type { IndexedFile, IndexHit, IndexQuery } from './types.ts'

/** Cursors of whichever search is running, for all instances: a search never waits for anything. */
const cursors: PostingCursor[] = []

export class Generation {
  readonly #lists: PostingLists
  /** By number; nothing where a file has gone. */
  readonly #entries: (Entry | undefined)[] = []
  #postings = 0

  /** @param places  that are had from the start, where it is known how many postings will come */
  constructor(places?: number) {
    this.#lists = new PostingLists(places)
  }

  /** Numbers given, also those of files that have gone. */
  get size(): number {
    return this.#entries.length
  }

  /** All that came, as `postingsOf` counts, also of files that have gone. */
  get postings(): number {
    return this.#postings
  }

  /** Places of the lists that are in use. */
  get places(): number {
    return this.#lists.places
  }

  at(id: number): Entry | undefined {
    return this.#entries[id]
  }

  /** Whether an entry is here, and not in another generation. */
  has(entry: Entry): boolean {
    return this.#entries[Entry.id(entry)] === entry
  }

  forget(id: number): void {
    this.#entries[id] = undefined
  }

  /**
   * Puts files in, one after another.
   *
   * @param entryOf  gives the entry of the file at an index under its number here
   * @returns  postings that came
   */
  add(files: readonly IndexedFile[], entryOf: (index: number, id: number) => Entry): number {
    const first = this.#entries.length
    for (let index = 0; index < files.length; index += 1) this.#entries.push(entryOf(index, first + index))
    const postings = this.#lists.add(files, first) + files.length
    this.#postings += postings
    return postings
  }

  /**
   * Files that came first are found first. What counts as touched is said in `intersection.ts`.
   *
   * @param from  no file with a lower number is there any more
   * @param touchedMax  postings that may be touched
   * @returns  how many of them are left, less than 0 where there may be more files that fit
   */
  search(query: IndexQuery, from: number, hits: IndexHit[], touchedMax: number): number {
    const lists = this.#lists
    let wanted: number[] = []
    for (const word of query.words) {
      const list = lists.find(word)
      if (list === undefined) return touchedMax
      if (!wanted.includes(list)) wanted.push(list)
    }
    wanted.sort((a, b) => lists.count(a) - lists.count(b))
    // What needs one look goes before what needs a search.
    if (wanted.length > 2) {
      const [lead, ...others] = wanted
      wanted = [
        lead!,
        ...others.filter(list => lists.isCommon(list)),
        ...others.filter(list => !lists.isCommon(list))
      ]
    }
    const unwanted = (query.without ?? []).map(word => lists.find(word)).filter(list => list !== undefined)
    const opened = [...wanted, ...unwanted]
    for (const [index, list] of opened.entries()) {
      cursors[index] ??= new PostingCursor()
      lists.open(list, cursors[index])
    }
    const found = new Intersection(cursors, wanted.length, touchedMax, from)
    this.#collect(found, query, wanted.length, opened.length, hits)
    for (let index = 0; index < opened.length; index += 1) cursors[index]!.end()
    return found.left
  }

  /** @param open  how many cursors are open: those of words that are wanted, then those of words that are not */
  #collect(found: Intersection, query: IndexQuery, wanted: number, open: number, hits: IndexHit[]): void {
    const { except } = query
    const isFiltered = query.type !== undefined || query.size !== undefined || query.numbers !== undefined
    while (hits.length < query.limit) {
      const id = found.next()
      if (id === NO_ID) break
      const entry = this.#entries[id]
      if (entry === undefined) continue
      // Entries lie all over the memory: none is looked into without need.
      if (except !== undefined && entry.owner === except) continue
      if (isFiltered && !fits(entry.file, query)) continue
      let isUnwanted = false
      for (let index = wanted; index < open && !isUnwanted; index += 1) isUnwanted = cursors[index]!.has(id)
      if (!isUnwanted) hits.push(entry)
    }
  }
}
