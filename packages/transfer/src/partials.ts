/**
 * Files that are being fetched here and of which others get what is verified: what is given, who may find it, and for
 * how long. Whoever fetches a file and is done is still of use to those that fetch it from here, so a finished one is
 * given until nobody asks for it any more; it is found no longer.
 */
import {
  type ContentId,
  PARTIAL_INDEX_MIN,
  type PartialCatalogue,
  type PartialChange,
  type PartialFile
} from '@servent/overlay'
import { PARTIAL_LIMITS, type PartialLimits } from './limits.ts'
import type { PartFile } from './part-file.ts'
import { ServedPart } from './served-part.ts'

/** How often it is looked whether the user has removed a file that is finished. */
const LOOK_MS = 5_000

interface Entry {
  /** Of the run that gives it. */
  readonly part: PartFile
  readonly served: ServedPart
  isAnnounced: boolean
  isFinished: boolean
  /** When somebody asked for it last, or when it was finished. */
  askedMs: number
  timer: NodeJS.Timeout | undefined
}

export class Partials implements PartialCatalogue {
  readonly #limits: PartialLimits
  /** By the text of their id; finished ones in the order in which they were. */
  readonly #entries = new Map<string, Entry>()
  readonly #listeners = new Set<(change: PartialChange) => void>()

  constructor(limits: Partial<PartialLimits> = {}) {
    this.#limits = { ...PARTIAL_LIMITS, ...limits }
  }

  get(id: ContentId): PartialFile | undefined {
    const entry = this.#entries.get(id.toString())
    return entry?.isFinished === false && entry.served.hasBlocks ? entry.served.file : undefined
  }

  byIndex(index: number): PartialFile | undefined {
    const served = this.#at(index)
    return served === undefined ? undefined : this.get(served.file.id)
  }

  *files(): Generator<PartialFile> {
    for (const { served, isAnnounced } of this.#entries.values()) if (isAnnounced) yield served.file
  }

  subscribe(listener: (change: PartialChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** What can be given to whoever asks for it now, finished or not. */
  serving(id: ContentId): ServedPart | undefined {
    const entry = this.#entries.get(id.toString())
    if (entry?.served.hasBlocks !== true) return undefined
    entry.askedMs = performance.now()
    return entry.served
  }

  /** The same by the index that a query was answered with. */
  servingAt(index: number): ServedPart | undefined {
    const served = this.#at(index)
    return served === undefined ? undefined : this.serving(served.file.id)
  }

  /**
   * Gives what is marked of a `.part` file from now on. Its marks must be true.
   *
   * @param name  as peers call it
   * @throws an error of the file system  its files cannot be opened once more
   */
  async add(part: PartFile, name: string): Promise<void> {
    const { id, size } = part
    // Who has the one block of a small file has all of it.
    if (part.blocks.count === 1) return
    await this.forget(id)
    const file = { index: this.#freeIndex(id), id, size, name, type: 'application/octet-stream', tags: {} }
    const served = await ServedPart.open(part, file)
    // Another run of it may have come here meanwhile: the last one is given.
    while (this.#entries.has(id.toString())) await this.forget(id)
    const entry: Entry = { part, served, isAnnounced: false, isFinished: false, askedMs: 0, timer: undefined }
    entry.timer = setTimeout(() => this.#announce(entry), this.#limits.announceAfterMs).unref()
    this.#entries.set(id.toString(), entry)
  }

  /**
   * All of it is there. It is announced no more, and given to those who know of it. Nothing happens where another
   * run of the same id has begun to give its own since.
   */
  finished(part: PartFile): void {
    const key = part.id.toString()
    const entry = this.#entries.get(key)
    if (entry?.part !== part) return
    this.#withdraw(entry)
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    entry.isFinished = true
    entry.askedMs = performance.now()
    const lookMs = Math.min(LOOK_MS, this.#limits.lingerMs)
    entry.timer = setInterval(() => void this.#look(entry), lookMs).unref()
    const finished = [...this.#entries.values()].filter(({ isFinished }) => isFinished)
    if (finished.length > this.#limits.lingeringMax) void this.forget(finished[0]!.served.file.id)
  }

  /** Its run ended: nothing is given until the next one, unless it is finished. */
  async ended(part: PartFile): Promise<void> {
    const entry = this.#entries.get(part.id.toString())
    if (entry?.part === part && !entry.isFinished) await this.forget(part.id)
  }

  /** Nothing of it is given any more. What goes out of it is cut. */
  async forget(id: ContentId): Promise<void> {
    const key = id.toString()
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#withdraw(entry)
    await entry.served.end()
  }

  async stop(): Promise<void> {
    for (const { served } of [...this.#entries.values()]) await this.forget(served.file.id)
  }

  #announce(entry: Entry): void {
    entry.isAnnounced = true
    this.#tell({ type: 'added', file: entry.served.file })
  }

  #withdraw(entry: Entry): void {
    clearTimeout(entry.timer)
    if (!entry.isAnnounced) return
    entry.isAnnounced = false
    this.#tell({ type: 'removed', file: entry.served.file })
  }

  #tell(change: PartialChange): void {
    for (const listener of [...this.#listeners]) listener(change)
  }

  async #look({ served, askedMs }: Entry): Promise<void> {
    const isOver = performance.now() - askedMs >= this.#limits.lingerMs
    if (isOver || (await served.isRemoved().catch(() => true))) await this.forget(served.file.id)
  }

  #at(index: number): ServedPart | undefined {
    for (const { served } of this.#entries.values()) if (served.file.index === index) return served
    return undefined
  }

  /** The same for one id after a restart, so that what was announced before is known to be. */
  #freeIndex(id: ContentId): number {
    const { digest } = id
    const own = new DataView(digest.buffer, digest.byteOffset, digest.byteLength).getUint32(0)
    for (let index = own; ; index += 1) {
      const candidate = PARTIAL_INDEX_MIN + (index % PARTIAL_INDEX_MIN)
      if (this.#at(candidate) === undefined) return candidate
    }
  }
}
