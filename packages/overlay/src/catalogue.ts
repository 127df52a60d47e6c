/** The ports through which overlays and transfers see what this peer shares. `library` implements them. */
import type { ContentId } from './content-id.ts'
import type { Query } from './query.ts'

export interface SharedFile {
  /** A number of 32 bits that stays the same while the file is shared: Gnutella's file index. */
  readonly index: number
  readonly id: ContentId
  /** Bytes. */
  readonly size: number
  /** The base name, never a path. */
  readonly name: string
  /** Media type, as `audio/flac`. */
  readonly type: string
  readonly tags: Readonly<Record<string, string>>
  /** SHA-1 of the whole file, 20 bytes: what HUGE's `urn:sha1` names. */
  readonly sha1: Uint8Array
}

/**
 * A file that is being fetched here, and of which others may get what is verified. Its SHA-1 is not known before it is
 * whole, and its index lies from `PARTIAL_INDEX_MIN` on, where no shared file has one.
 */
export type PartialFile = Omit<SharedFile, 'sha1'> & { readonly sha1?: undefined }

export type PartialChange = { readonly type: 'added' | 'removed'; readonly file: PartialFile }

/** Files that are being fetched here. They are found by their id alone, and not by words. */
export interface PartialCatalogue {
  /** Nothing where no block of it is verified yet. */
  get(id: ContentId): PartialFile | undefined
  byIndex(index: number): PartialFile | undefined
  /** Those that are fetched for long enough to be announced to others. */
  files(): Iterable<PartialFile>
  /** Calls back when `files` has one more or one less; the function that it returns ends that. */
  subscribe(listener: (change: PartialChange) => void): () => void
}

/**
 * Contents that are got by their ids alone: `get` finds them, and they are in no announcement. Whoever tells others what
 * may be asked here has to know of them.
 */
export interface UnannouncedContents {
  ids(): Iterable<ContentId>
  /** Calls back when there is one more; the function that it returns ends that. */
  subscribe(listener: (id: ContentId) => void): () => void
}

export type CatalogueChange = { readonly type: 'added' | 'removed'; readonly file: SharedFile }

export interface CatalogueTotals {
  readonly files: number
  readonly bytes: number
}

/** What this peer shares. Every answer is bounded by `limit`, and none blocks the event loop for long. */
export interface Catalogue {
  readonly totals: CatalogueTotals
  /** What is being fetched and not shared; absent where others get nothing of it. */
  readonly partials?: PartialCatalogue
  /** Absent where all that `get` finds whole is among `files`. */
  readonly unannounced?: UnannouncedContents
  match(query: Query, limit: number): Promise<readonly SharedFile[]>
  get(id: ContentId): Promise<SharedFile | undefined>
  byIndex(index: number): Promise<SharedFile | undefined>
  bySha1(sha1: Uint8Array): Promise<SharedFile | undefined>
  /** Every file in the order of its index, read page by page. */
  files(): AsyncIterable<SharedFile>
  /** Calls back after each change; the function that it returns ends that. */
  subscribe(listener: (changes: readonly CatalogueChange[]) => void): () => void
}

/** Reads what is shared, block by block. */
export interface BlockSource {
  /** Nothing where the content is not shared. The reader must be closed. */
  open(id: ContentId): Promise<BlockReader | undefined>
}

export interface BlockReader {
  readonly file: SharedFile
  /**
   * Reads a range that lies within the file.
   *
   * @throws ContentChangedError  the file is not what was hashed; none of its bytes are given
   */
  read(offset: number, length: number): Promise<Uint8Array>
  /**
   * Hashes of one layer of the tree, 32 bytes each, `height` levels above the 16 KiB leaves (6 is the
   * 1 MiB layer). Indices past the file's end give the hash of padding at that height.
   */
  hashes(height: number, index: number, count: number): Promise<Uint8Array>
  close(): Promise<void>
}
