/**
 * The store in memory: synchronous and pure, so that it also lives in the simulator, in tens of thousands of instances.
 * An empty one holds nothing but its fields.
 *
 * Files have dense numbers in the order in which they came. A file that goes leaves its number in posting lists, where
 * searches step over it, until a share of all numbers is dead; then all lists are written anew.
 */
import { compareTexts } from '@servent/overlay/machine'
import {
  checkBrowse,
  checkContent,
  checkFiles,
  checkKeys,
  checkLimit,
  checkOwner,
  checkQuery
} from './check.ts'
import { Intersection } from './intersection.ts'
import { POSTINGS_TOUCHED_MAX } from './limits.ts'
import { fits } from './matching.ts'
import { NO_ID, PostingCursor, PostingLists } from './posting-lists.ts'
import type { IndexedFile, IndexHit, IndexHits, IndexQuery, IndexTotals, KeywordIndex } from './types.ts'

/** Fewer dead numbers than this are not worth writing the lists anew. */
export const COMPACTION_DEAD_MIN = 256
/** Dead numbers for each living file at which it is done: each removal pays for two files written anew at most. */
const COMPACTION_DEAD_SHARE = 0.5

export interface MemoryIndexInit {
  /** `POSTINGS_TOUCHED_MAX` where it is not said. */
  readonly postingsTouchedMax?: number
}

/** A file as it is handed out, in a ring of those with the same content. What is private to it nobody else sees. */
class Entry implements IndexHit {
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

interface Owner {
  readonly name: string
  readonly files: Map<string, Entry>
  /** Files in the order of keys, made when somebody browses, dropped when files change. */
  sorted: IndexedFile[] | undefined
}

interface Tables {
  lists: PostingLists
  /** By number; nothing where a file has gone. */
  entries: (Entry | undefined)[]
  readonly owners: Map<string, Owner>
  /** One of each ring. */
  readonly contents: Map<string, Entry>
}

/** Cursors of whichever search is running, for all instances: a search never waits for anything. */
const cursors: PostingCursor[] = []
const NOTHING: IndexHits = { hits: [], isCapped: false }

export class MemoryIndex implements KeywordIndex {
  readonly #touchedMax: number
  /** There is nothing until the first file comes, and after the last has gone. */
  #tables: Tables | undefined
  #files = 0
  #bytes = 0

  constructor({ postingsTouchedMax = POSTINGS_TOUCHED_MAX }: MemoryIndexInit = {}) {
    this.#touchedMax = postingsTouchedMax
  }

  add(owner: string, files: readonly IndexedFile[]): void {
    checkOwner(owner)
    checkFiles(files)
    if (files.length === 0) return
    this.#tables ??= { lists: new PostingLists(), entries: [], owners: new Map(), contents: new Map() }
    const tables = this.#tables
    let holder = tables.owners.get(owner)
    if (holder === undefined) {
      holder = { name: owner, files: new Map(), sorted: undefined }
      tables.owners.set(owner, holder)
    }
    holder.sorted = undefined
    for (const file of files) {
      const known = holder.files.get(file.key)
      if (known !== undefined) this.#forget(tables, known)
      this.#insert(tables, holder, file)
    }
    this.#compact()
  }

  remove(owner: string, keys: readonly string[]): number {
    checkOwner(owner)
    checkKeys(keys)
    const holder = this.#tables?.owners.get(owner)
    if (holder === undefined) return 0
    const before = holder.files.size
    for (const key of keys) {
      const entry = holder.files.get(key)
      if (entry === undefined) continue
      holder.files.delete(key)
      this.#forget(this.#tables!, entry)
    }
    holder.sorted = undefined
    const removed = before - holder.files.size
    if (holder.files.size === 0) this.#tables!.owners.delete(owner)
    this.#compact()
    return removed
  }

  removeOwner(owner: string): number {
    checkOwner(owner)
    const holder = this.#tables?.owners.get(owner)
    if (holder === undefined) return 0
    this.#tables!.owners.delete(owner)
    for (const entry of holder.files.values()) this.#forget(this.#tables!, entry)
    this.#compact()
    return holder.files.size
  }

  /** Files that came first are found first. */
  search(query: IndexQuery): IndexHits {
    checkQuery(query)
    const tables = this.#tables
    if (tables === undefined) return NOTHING
    const { lists } = tables
    let wanted: number[] = []
    for (const word of query.words) {
      const list = lists.find(word)
      if (list === undefined) return NOTHING
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
    const hits = this.#collect(tables, query, wanted.length, opened.length)
    for (let index = 0; index < opened.length; index += 1) cursors[index]!.end()
    return hits
  }

  providers(content: Uint8Array, limit: number): IndexHit[] {
    checkContent(content)
    checkLimit(limit)
    const first = this.#tables?.contents.get(nameOf(content))
    const hits: IndexHit[] = []
    for (let entry = first; entry !== undefined && hits.length < limit; ) {
      hits.push(entry)
      const after: Entry = Entry.after(entry)
      entry = after === first ? undefined : after
    }
    return hits
  }

  browse(owner: string, after: string | undefined, limit: number): IndexedFile[] {
    checkBrowse(owner, after, limit)
    const holder = this.#tables?.owners.get(owner)
    if (holder === undefined) return []
    holder.sorted ??= [...holder.files.values()]
      .map(entry => entry.file)
      .sort((a, b) => compareTexts(a.key, b.key))
    const start = after === undefined ? 0 : firstAfter(holder.sorted, after)
    return holder.sorted.slice(start, start + limit)
  }

  totals(): IndexTotals {
    return { owners: this.#tables?.owners.size ?? 0, files: this.#files, bytes: this.#bytes }
  }

  close(): void {
    this.#tables = undefined
    this.#files = 0
    this.#bytes = 0
  }

  /** @param open  how many cursors are open: those of words that are wanted, then those of words that are not */
  #collect({ entries }: Tables, query: IndexQuery, wanted: number, open: number): IndexHits {
    const hits: IndexHit[] = []
    const { except } = query
    const isFiltered = query.type !== undefined || query.size !== undefined || query.numbers !== undefined
    const found = new Intersection(cursors, wanted, this.#touchedMax)
    while (hits.length < query.limit) {
      const id = found.next()
      if (id === NO_ID) break
      const entry = entries[id]
      if (entry === undefined) continue
      // Entries lie all over the memory: none is looked into without need.
      if (except !== undefined && entry.owner === except) continue
      if (isFiltered && !fits(entry.file, query)) continue
      let isUnwanted = false
      for (let index = wanted; index < open && !isUnwanted; index += 1) isUnwanted = cursors[index]!.has(id)
      if (!isUnwanted) hits.push(entry)
    }
    return { hits, isCapped: found.isCapped }
  }

  #insert({ lists, entries, contents }: Tables, owner: Owner, file: IndexedFile): void {
    const id = entries.length
    const entry = new Entry(owner.name, file, id)
    entries.push(entry)
    owner.files.set(file.key, entry)
    for (const word of file.words) lists.append(word, id)
    this.#files += 1
    this.#bytes += file.size
    if (file.content === undefined) return
    const content = nameOf(file.content)
    const ring = contents.get(content)
    if (ring === undefined) contents.set(content, entry)
    else Entry.join(entry, ring)
  }

  /** Of everything but its owner's files, which whoever calls sees to. */
  #forget({ entries, contents }: Tables, entry: Entry): void {
    entries[Entry.id(entry)] = undefined
    this.#files -= 1
    this.#bytes -= entry.file.size
    if (entry.file.content === undefined) return
    const content = nameOf(entry.file.content)
    const after = Entry.after(entry)
    if (after === entry) contents.delete(content)
    else if (contents.get(content) === entry) contents.set(content, after)
    Entry.leave(entry)
  }

  #compact(): void {
    const tables = this.#tables!
    if (this.#files === 0) {
      this.#tables = undefined
      return
    }
    const dead = tables.entries.length - this.#files
    if (dead < COMPACTION_DEAD_MIN || dead < this.#files * COMPACTION_DEAD_SHARE) return
    const renumber = new Uint32Array(tables.entries.length).fill(NO_ID)
    const living: Entry[] = []
    for (const entry of tables.entries) {
      if (entry === undefined) continue
      renumber[Entry.id(entry)] = living.length
      Entry.renumber(entry, living.length)
      living.push(entry)
    }
    tables.entries = living
    tables.lists = tables.lists.renumbered(renumber)
  }
}

/** A digest as the key of a map: a character for each byte. */
function nameOf(content: Uint8Array): string {
  return String.fromCharCode(...content)
}

function firstAfter(files: readonly IndexedFile[], key: string): number {
  let [low, high] = [0, files.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (compareTexts(files[middle]!.key, key) > 0) high = middle
    else low = middle + 1
  }
  return low
}
