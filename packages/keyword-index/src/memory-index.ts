/**
 * The store in memory: synchronous and pure, so that it also lives in the simulator, in tens of thousands of instances.
 * An empty one holds nothing but its fields.
 *
 * A file that goes leaves its postings behind (`generation.ts`). When they are half as many as those of files that are
 * there, a new generation is begun: what is announced goes into it, and each call that adds, removes or searches moves
 * a bounded number of postings there, until the old one is empty and dropped. Until then a search asks both.
 *
 * What it holds: a generation with t postings, of which l live, is replaced by one that has at most l + t/2 when that is
 * done, since each posting that is announced meanwhile moves two, or steps over two that have gone. So a generation has
 * at most two postings for each one that lived at once, and both together have at most four.
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
import { Entry, postingsOf } from './entry.ts'
import { Generation } from './generation.ts'
import { POSTINGS_TOUCHED_MAX } from './limits.ts'
import type { IndexedFile, IndexHit, IndexHits, IndexQuery, IndexTotals, KeywordIndex } from './types.ts'

/** Fewer dead postings than this are not worth a new generation. */
export const COMPACTION_DEAD_MIN = 1024
/** Dead postings for each living one at which it is begun: each one that is removed pays for two that are moved. */
export const COMPACTION_DEAD_SHARE = 0.5
/** Postings that one call moves at most, unless it announces more than half as many: then twice what it announces. */
export const COMPACTION_POSTINGS_MAX = 512
const MOVED_FOR_ANNOUNCED = 2

export interface MemoryIndexInit {
  /** `POSTINGS_TOUCHED_MAX` where it is not said. */
  readonly postingsTouchedMax?: number
  /** `COMPACTION_POSTINGS_MAX` where it is not said. A file with more words is moved alone. */
  readonly compactionPostingsMax?: number
  /** `COMPACTION_DEAD_MIN` where it is not said. */
  readonly compactionDeadMin?: number
}

/** What an index holds, where a file with n words is n + 1 postings. */
export interface Holdings {
  /** Of files that are there. */
  readonly living: number
  /** Of those and of what has gone, in both generations. */
  readonly postings: number
  /** Moved since the index was made; one that has gone counts, too, when a move steps over it. */
  readonly moved: number
  readonly isCompacting: boolean
}

interface Owner {
  readonly name: string
  readonly files: Map<string, Entry>
  /** Files in the order of keys, made when somebody browses, dropped when files change. */
  sorted: IndexedFile[] | undefined
}

interface Tables {
  current: Generation
  /** While it is being emptied. */
  old: Generation | undefined
  /** Numbers below have gone from the old one. */
  oldFrom: number
  /** Postings of files that are there. */
  living: number
  readonly owners: Map<string, Owner>
  /** One of each ring; made with the first file that has a content. */
  contents: Map<string, Entry> | undefined
}

const NOTHING: IndexHits = { hits: [], isCapped: false }

export class MemoryIndex implements KeywordIndex {
  readonly #touchedMax: number
  readonly #movedMax: number
  readonly #deadMin: number
  /** There is nothing until the first file comes, and after the last has gone. */
  #tables: Tables | undefined
  #files = 0
  #bytes = 0
  #moved = 0

  constructor({
    postingsTouchedMax = POSTINGS_TOUCHED_MAX,
    compactionPostingsMax = COMPACTION_POSTINGS_MAX,
    compactionDeadMin = COMPACTION_DEAD_MIN
  }: MemoryIndexInit = {}) {
    this.#touchedMax = postingsTouchedMax
    this.#movedMax = compactionPostingsMax
    this.#deadMin = compactionDeadMin
  }

  add(owner: string, files: readonly IndexedFile[]): void {
    checkOwner(owner)
    checkFiles(files)
    if (files.length === 0) return
    this.#tables ??= {
      current: new Generation(),
      old: undefined,
      oldFrom: 0,
      living: 0,
      owners: new Map(),
      contents: undefined
    }
    const tables = this.#tables
    let holder = tables.owners.get(owner)
    if (holder === undefined) {
      holder = { name: owner, files: new Map(), sorted: undefined }
      tables.owners.set(owner, holder)
    }
    holder.sorted = undefined
    const holding = holder
    const postings = tables.current.add(files, (index, id) =>
      this.#insert(tables, holding, files[index]!, id)
    )
    this.#compact(Math.max(this.#movedMax, MOVED_FOR_ANNOUNCED * postings))
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
    this.#compact(this.#movedMax)
    return removed
  }

  removeOwner(owner: string): number {
    checkOwner(owner)
    const holder = this.#tables?.owners.get(owner)
    if (holder === undefined) return 0
    this.#tables!.owners.delete(owner)
    for (const entry of holder.files.values()) this.#forget(this.#tables!, entry)
    this.#compact(this.#movedMax)
    return holder.files.size
  }

  /** The cap counts what is touched in both generations. */
  search(query: IndexQuery): IndexHits {
    checkQuery(query)
    const tables = this.#tables
    if (tables === undefined) return NOTHING
    const hits: IndexHit[] = []
    let left = this.#touchedMax
    if (tables.old !== undefined) left = tables.old.search(query, tables.oldFrom, hits, left)
    if (left >= 0 && hits.length < query.limit) left = tables.current.search(query, 0, hits, left)
    if (tables.old !== undefined) this.#move(tables, this.#movedMax)
    return { hits, isCapped: left < 0 }
  }

  providers(content: Uint8Array, limit: number): IndexHit[] {
    checkContent(content)
    checkLimit(limit)
    const first = this.#tables?.contents?.get(nameOf(content))
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

  holdings(): Holdings {
    const { current, old, living = 0 } = this.#tables ?? {}
    return {
      living,
      postings: (current?.postings ?? 0) + (old?.postings ?? 0),
      moved: this.#moved,
      isCompacting: old !== undefined
    }
  }

  close(): void {
    this.#tables = undefined
    this.#files = 0
    this.#bytes = 0
  }

  /** Everything but its words. A file that had the key goes. */
  #insert(tables: Tables, owner: Owner, file: IndexedFile, id: number): Entry {
    const known = owner.files.get(file.key)
    if (known !== undefined) this.#forget(tables, known)
    const entry = new Entry(owner.name, file, id)
    owner.files.set(file.key, entry)
    tables.living += postingsOf(file)
    this.#files += 1
    this.#bytes += file.size
    if (file.content === undefined) return entry
    tables.contents ??= new Map()
    const content = nameOf(file.content)
    const ring = tables.contents.get(content)
    if (ring === undefined) tables.contents.set(content, entry)
    else Entry.join(entry, ring)
    return entry
  }

  /** Of everything but its owner's files, which whoever calls sees to. */
  #forget(tables: Tables, entry: Entry): void {
    const { current, old, contents } = tables
    const generation = old?.has(entry) ? old : current
    generation.forget(Entry.id(entry))
    tables.living -= postingsOf(entry.file)
    this.#files -= 1
    this.#bytes -= entry.file.size
    if (entry.file.content === undefined) return
    const content = nameOf(entry.file.content)
    const after = Entry.after(entry)
    if (after === entry) contents!.delete(content)
    else if (contents!.get(content) === entry) contents!.set(content, after)
    Entry.leave(entry)
  }

  /** Begins another generation where it is time, and moves some postings to it. */
  #compact(postings: number): void {
    const tables = this.#tables!
    if (this.#files === 0) {
      this.#tables = undefined
      return
    }
    const { current, living } = tables
    if (tables.old === undefined) {
      const dead = current.postings - living
      if (dead < this.#deadMin || dead < living * COMPACTION_DEAD_SHARE) return
      tables.old = current
      tables.oldFrom = 0
      // Growing would copy all that was moved. Memory that is not written to yet costs nothing.
      tables.current = new Generation(Math.ceil((current.places * living) / current.postings))
    }
    this.#move(tables, postings)
  }

  /** Moves files of the old generation, one after another, and drops it when there are no more. */
  #move(tables: Tables, most: number): void {
    const old = tables.old!
    const moving: Entry[] = []
    let left = most
    let at = tables.oldFrom
    for (; at < old.size; at += 1) {
      const entry = old.at(at)
      const postings = entry === undefined ? 1 : postingsOf(entry.file)
      if (postings > left && left < most) break
      left -= postings
      if (entry === undefined) continue
      old.forget(at)
      moving.push(entry)
    }
    tables.oldFrom = at
    this.#moved += most - left
    const files = moving.map(({ file }) => file)
    tables.current.add(files, (index, id) => {
      Entry.renumber(moving[index]!, id)
      return moving[index]!
    })
    if (at === old.size) tables.old = undefined
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
