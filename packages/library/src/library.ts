/** The library as the rest of a node sees it. Reads happen here, all writing in the indexing thread. */
import { dirname, join, resolve } from 'node:path'
import type { Worker } from 'node:worker_threads'
import { isCorruption, openDatabase, type ServentDatabase } from '@servent/database'
import {
  type BlockReader,
  type BlockSource,
  type Catalogue,
  type CatalogueChange,
  type CatalogueTotals,
  ContentId,
  type Query,
  type SharedFile
} from '@servent/overlay/machine'
import { FileBlockReader } from './block-reader.ts'
import { CatalogueReader, type ListRow } from './catalogue-reader.ts'
import { createLibraryWorker } from './create-worker.ts'
import { DiskGate } from './disk-gate.ts'
import { LibraryFailedError } from './errors.ts'
import { createFilter } from './filter.ts'
import { IndexerClient, type IndexerClientInit, type News } from './indexer-client.ts'
import { DISK_SILENT_MS, LIST_ROWS_MAX, READ_ROWS_MAX } from './limits.ts'
import { matchFiles } from './matching.ts'
import type { PlainFile, PlainShareResult } from './messages.ts'
import { isOwnFile } from './own-files.ts'
import { Pacer } from './pacer.ts'
import { isWithin } from './paths.ts'
import { realPathOfFile, realpathOr } from './roots.ts'
import { type OpenedFile, OutsideError, openInside } from './safe-open.ts'
import { HERE, migrateLibrary } from './schema.ts'
import { stampOf } from './stamp.ts'
import type { PlacedRow } from './store.ts'
import { StoreTree } from './store-tree.ts'
import type {
  LibraryEntry,
  LibraryLogger,
  LibraryProblem,
  LibraryProgress,
  LibrarySettings,
  SharedRoot,
  ShareOptions,
  ShareResult
} from './types.ts'
import { parseTags } from './words.ts'

export interface LibraryInit {
  /** The node's database; its tables here belong to the component `library`. It need not exist. */
  readonly databasePath: string
  readonly logger: LibraryLogger
  readonly settings?: LibrarySettings
  /** Never shared, nor anything below: by default the folder that the database is in. */
  readonly privateFolders?: readonly string[]
  /** Strictly inside those, and shared nevertheless: by default the folder `downloads` beside the database. */
  readonly publicFolders?: readonly string[]
  /** How the indexing thread is started, where it does not lie beside this file. */
  readonly worker?: () => Worker
}

export interface ListOptions {
  /** The `entry` of the last one that was given. */
  readonly after?: number
  /** At most `LIST_ROWS_MAX`. */
  readonly limit: number
  /** Only what is at this path or below. */
  readonly under?: string
}

type Listener = (changes: readonly CatalogueChange[]) => void

const IDLE: LibraryProgress = { phase: 'idle', files: 0, filesTotal: 0, bytes: 0, bytesTotal: 0 }

export class Library implements Catalogue, BlockSource {
  readonly #logger: LibraryLogger
  readonly #indexer: IndexerClient
  readonly #databasePath: string
  readonly #gate: DiskGate
  readonly #listeners = new Set<Listener>()
  #reader!: CatalogueReader
  #totals: CatalogueTotals = { files: 0, bytes: 0 }
  #roots: readonly SharedRoot[] = []
  #problems: readonly LibraryProblem[] = []
  #progress: LibraryProgress = IDLE

  private constructor(init: LibraryInit) {
    this.#logger = init.logger
    const open = openMessage(init)
    this.#databasePath = open.databasePath
    this.#gate = new DiskGate(open.settings.diskSilentMs ?? DISK_SILENT_MS)
    this.#indexer = new IndexerClient({
      createWorker: init.worker ?? createLibraryWorker,
      open,
      logger: init.logger,
      onNews: news => this.#take(news),
      onFailed: error => {
        this.#progress = { ...this.#progress, phase: 'failed', reason: error.message }
        this.#logger.error({ error: error.message }, 'The library stands still.')
      }
    })
  }

  /**
   * Opens the catalogue and begins to look at what is shared. What was shared before is at once shared again.
   *
   * @throws CorruptDatabaseError  the database is damaged
   * @throws NewerDatabaseError  a newer program wrote it
   * @throws LibrarySettingsError  a setting makes no sense
   * @throws LibraryFailedError  it cannot be opened for another reason, as the message says
   */
  static async open(init: LibraryInit): Promise<Library> {
    createFilter(init.settings ?? {})
    const isEmpty = isNothingShared(init.databasePath)
    const library = new Library(init)
    if (isEmpty) library.#indexer.startLater()
    else await library.#indexer.start()
    library.#reader = new CatalogueReader(init.databasePath)
    return library
  }

  /**
   * Shares a folder with all in it, or one file. Ends when everything under the path is hashed and can be
   * found. Sharing it again looks at it again.
   *
   * @throws PathNotFoundError
   * @throws NotShareableError  a whole drive, the node's own folder, a device, …
   */
  async share(path: string, options: ShareOptions = {}): Promise<ShareResult> {
    const { onProgress, signal } = options
    const result = await this.#indexer.request({ type: 'share', path: resolve(path) }, onProgress, signal)
    const { cids, ...rest } = result as PlainShareResult
    return { ...rest, ids: cids.map(cid => ContentId.decode(cid)) }
  }

  /**
   * Takes a path out that was shared, which need not exist any more. `files` were shared until now.
   *
   * @throws NotSharedError
   */
  async unshare(path: string): Promise<{ files: number }> {
    const { files } = await this.#indexer.request({ type: 'unshare', path: resolve(path) })
    return { files }
  }

  /** Looks at every shared folder now. Ends when all is seen; what is new is then being hashed. */
  async rescan(): Promise<void> {
    await this.#indexer.request({ type: 'rescan' })
  }

  roots(): SharedRoot[] {
    return [...this.#roots]
  }

  progress(): LibraryProgress {
    return this.#progress
  }

  /** What is left out although it was asked for: at most `PROBLEMS_MAX`, the newest. */
  problems(): LibraryProblem[] {
    return [...this.#problems]
  }

  /** Files by path, in the order in which they were found. */
  async list({ after = 0, limit, under }: ListOptions): Promise<LibraryEntry[]> {
    const wanted = Math.min(limit, LIST_ROWS_MAX)
    const top = under === undefined ? undefined : realpathOr(resolve(under))
    const entries: LibraryEntry[] = []
    const pacer = new Pacer()
    for (let last = after; entries.length < wanted; ) {
      const page = this.#reader.list(last, READ_ROWS_MAX)
      for (const row of page) {
        const entry = toEntry(row)
        if (entries.length < wanted && (top === undefined || isWithin(top, entry.path))) entries.push(entry)
      }
      if (page.length < READ_ROWS_MAX) break
      last = page.at(-1)!.id
      await pacer.turn()
    }
    return entries
  }

  /** Where a content lies on this machine. For this machine's user only. */
  async pathOf(id: ContentId): Promise<string | undefined> {
    const row = this.#reader.files(id.bytes)[0]
    return row === undefined ? undefined : join(row.path, row.name)
  }

  /** Waits for the file that is hashed now to reach its next block, and closes the catalogue. */
  async stop(): Promise<void> {
    this.#listeners.clear()
    await this.#indexer.stop()
    this.#reader.close()
  }

  // Catalogue

  get totals(): CatalogueTotals {
    return this.#totals
  }

  async match(query: Query, limit: number): Promise<SharedFile[]> {
    return (await matchFiles(this.#reader, query, limit)).map(toSharedFile)
  }

  async get(id: ContentId): Promise<SharedFile | undefined> {
    return optional(this.#reader.byCid(id.bytes))
  }

  async byIndex(index: number): Promise<SharedFile | undefined> {
    return optional(this.#reader.byIndex(index))
  }

  async bySha1(sha1: Uint8Array): Promise<SharedFile | undefined> {
    return optional(this.#reader.bySha1(sha1))
  }

  async *files(): AsyncGenerator<SharedFile> {
    const pacer = new Pacer()
    for (let after = 0; ; ) {
      const page = this.#reader.page(after)
      for (const file of page) yield toSharedFile(file)
      if (page.length < READ_ROWS_MAX) return
      after = page.at(-1)!.index
      await pacer.turn()
    }
  }

  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  // BlockSource

  async open(id: ContentId): Promise<BlockReader | undefined> {
    const shown = this.#reader.byCid(id.bytes)
    if (shown === undefined) return undefined
    const file = toSharedFile(shown)
    for (const row of this.#reader.files(id.bytes)) {
      const handle = await this.#openFile(row)
      if (handle === undefined) continue
      const layer = this.#reader.layer(file.index)
      return new FileBlockReader({
        file,
        handle,
        disk: work => this.#gate.run(deviceOf(row), work),
        close: () => this.#gate.finish(deviceOf(row), () => handle.close()),
        stamp: row,
        layer,
        onChanged: () => this.#indexer.suspect(row.id)
      })
    }
    return undefined
  }

  /** Nothing where the file is not what was hashed: it is looked at again. */
  async #openFile(row: PlacedRow) {
    try {
      const path = join(row.path, row.name)
      if (isOwnFile(this.#databasePath, path)) throw new OutsideError('It is one of the node’s own files.')
      const close = ({ handle }: OpenedFile): Promise<void> => handle.close()
      const opened = await this.#gate.run(deviceOf(row), () => openInside(path), close)
      const stamp = stampOf(opened.stats)
      if (stamp.size === row.size && stamp.written === row.written) return opened.handle
      await this.#gate.run(deviceOf(row), () => close(opened))
    } catch (error) {
      const { code, name } = error as NodeJS.ErrnoException
      // The indexing thread finds out by itself what becomes of its files.
      if (name === 'DiskSilentError') return undefined
      // This process has no descriptor left: that says nothing about the file.
      if (code === 'EMFILE' || code === 'ENFILE') throw error
    }
    this.#indexer.suspect(row.id)
    return undefined
  }

  #take(news: News): void {
    if (news.type === 'ready') this.#totals = news.totals
    else if (news.type === 'roots') this.#roots = news.roots
    else if (news.type === 'problems') this.#problems = news.problems
    else if (news.type === 'progress') this.#progress = news.progress
    else {
      this.#totals = news.totals
      this.#publish(news.changes.map(({ type, file }) => ({ type, file: toSharedFile(file) })))
    }
  }

  #publish(changes: readonly CatalogueChange[]): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(changes)
      } catch (error) {
        this.#logger.error(
          { error: (error as Error).message },
          'A listener to changes of the library failed.'
        )
      }
    }
  }
}

/** Brings the catalogue forward where it must be, and looks whether there is any work for a thread. */
function isNothingShared(databasePath: string): boolean {
  let database: ServentDatabase
  try {
    database = openDatabase(databasePath)
  } catch (error) {
    if (isCorruption(error)) throw error
    throw new LibraryFailedError(`The library cannot be opened: ${(error as Error).message}.`, {
      cause: error
    })
  }
  try {
    migrateLibrary(database)
    return new StoreTree(database).roots().length === 0
  } finally {
    database.close()
  }
}

/** As a stamp has it. */
const deviceOf = ({ inode }: PlacedRow): string => inode.slice(0, inode.indexOf(':'))

function openMessage(init: LibraryInit): IndexerClientInit['open'] {
  const databasePath = realPathOfFile(init.databasePath)
  const folder = dirname(databasePath)
  return {
    type: 'open',
    databasePath,
    settings: init.settings ?? {},
    privateFolders: (init.privateFolders ?? [folder]).map(path => realpathOr(resolve(path))),
    // These may not exist yet; the folders that they are in do.
    publicFolders: (init.publicFolders ?? [join(folder, 'downloads')]).map(realPathOfFile)
  }
}

function toSharedFile({ index, cid, size, name, type, tags, sha1 }: PlainFile): SharedFile {
  return { index, id: ContentId.decode(cid), size, name, type, tags: parseTags(tags), sha1 }
}

function optional(file: PlainFile | undefined): SharedFile | undefined {
  return file === undefined ? undefined : toSharedFile(file)
}

function toEntry(row: ListRow): LibraryEntry {
  const { id, path, name, size, type, reason, cid, content, tags } = row
  const isHere = row.state === HERE
  const state = !isHere ? 'away' : content !== null ? 'shared' : reason !== null ? 'unreadable' : 'waiting'
  return {
    entry: id,
    path: join(path, name),
    name,
    size,
    type,
    state,
    ...(reason !== null && { reason }),
    ...(cid !== null &&
      content !== null && {
        id: ContentId.decode(cid),
        index: content,
        tags: parseTags(tags)
      })
  }
}
