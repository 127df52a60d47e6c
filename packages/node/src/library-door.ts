/**
 * The library, opened when there is something to share. A node that shares nothing has no indexing thread,
 * which would be a fifth of its memory.
 */
import { sep } from 'node:path'
import type { ServentDatabase } from '@servent/database'
import type { Library } from '@servent/library'
import type {
  BlockReader,
  BlockSource,
  Catalogue,
  CatalogueChange,
  CatalogueTotals,
  ContentId,
  Query,
  SharedFile,
  UnannouncedContents
} from '@servent/overlay'
import { FolderListings } from './folder-listings.ts'
import { PartialsDoor } from './partials-door.ts'

/** Whether a path lies below a folder, or is it. */
function isWithin(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep)
}

type Listener = (changes: readonly CatalogueChange[]) => void

const NOTHING: CatalogueTotals = Object.freeze({ files: 0, bytes: 0 })

export class LibraryDoor implements Catalogue, BlockSource {
  readonly #open: () => Promise<Library>
  /** Of shared folders: got by their ids, like files. */
  readonly listings: FolderListings
  readonly #listeners = new Set<Listener>()
  readonly partials = new PartialsDoor()
  #opening: Promise<Library> | undefined
  /** Nothing while it is closed. */
  library: Library | undefined

  constructor(open: () => Promise<Library>, database: ServentDatabase) {
    this.#open = open
    this.listings = new FolderListings(
      database,
      path => this.library?.roots().some(root => isWithin(root.path, path)) === true
    )
  }

  /** The library itself; opened where it is not. */
  opened(): Promise<Library> {
    this.#opening ??= this.#begin()
    return this.#opening
  }

  async #begin(): Promise<Library> {
    try {
      const library = await this.#open()
      library.subscribe(changes => {
        for (const listener of [...this.#listeners]) listener(changes)
      })
      this.library = library
      return library
    } catch (error) {
      // The next one who needs it tries again.
      this.#opening = undefined
      throw error
    }
  }

  async stop(): Promise<void> {
    this.#listeners.clear()
    const library = await this.#opening?.catch(() => undefined)
    await library?.stop()
  }

  /** Listings stand in no announcement. */
  get unannounced(): UnannouncedContents {
    return this.listings
  }

  get totals(): CatalogueTotals {
    return this.library?.totals ?? NOTHING
  }

  async match(query: Query, limit: number): Promise<readonly SharedFile[]> {
    return (await this.library?.match(query, limit)) ?? []
  }

  async get(id: ContentId): Promise<SharedFile | undefined> {
    return (await this.library?.get(id)) ?? this.listings.get(id)
  }

  async byIndex(index: number): Promise<SharedFile | undefined> {
    return (await this.library?.byIndex(index)) ?? this.listings.byIndex(index)
  }

  async bySha1(sha1: Uint8Array): Promise<SharedFile | undefined> {
    return this.library?.bySha1(sha1)
  }

  async *files(): AsyncGenerator<SharedFile, void> {
    if (this.library !== undefined) yield* this.library.files()
  }

  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async open(id: ContentId): Promise<BlockReader | undefined> {
    return (await this.library?.open(id)) ?? this.listings.open(id)
  }
}
