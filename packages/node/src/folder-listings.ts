/**
 * Listings of shared folders for which a ticket was asked: made of the catalogue, kept in the database, and
 * served by their ids like shared files while what they list is shared. They are found by their ids alone, not by words,
 * and are in no announcement.
 */
import { createHash, hash } from 'node:crypto'
import { basename } from 'node:path'
import type { ServentDatabase } from '@servent/database'
import {
  type BlockReader,
  ContentChangedError,
  ContentId,
  encodeFolderListing,
  type FolderEntry,
  HASH_BYTES,
  leafHashes,
  listingName,
  PARTIAL_INDEX_MIN,
  padding,
  type SharedFile,
  TreeHasher,
  type UnannouncedContents
} from '@servent/overlay'

/** Listings that are kept: a folder that changed has a new one, and the ticket of the old one goes on with the old. */
export const LISTINGS_KEPT_MAX = 256
/** Bytes of these together: sixteen of the largest. */
export const LISTINGS_BYTES_MAX = 64 * 2 ** 20

const STEPS = [
  `CREATE TABLE node_listings (
     number INTEGER PRIMARY KEY AUTOINCREMENT,
     cid BLOB NOT NULL,
     -- The shared folder that it lists.
     path TEXT NOT NULL,
     sha1 BLOB NOT NULL,
     bytes BLOB NOT NULL,
     UNIQUE (cid, path)
   ) STRICT;`
]

/**
 * Listings have indices from here up to `PARTIAL_INDEX_MIN`, where the library, which counts from 1, comes to after a
 * billion contents: who cannot call this node names a listing by its index when it asks to be called.
 */
export const LISTING_INDEX_MIN = 2 ** 30
const TYPE = 'application/vnd.ipld.dag-cbor'

const sha256 = (bytes: Uint8Array): Uint8Array => hash('sha256', bytes, 'buffer')

export class FolderListings implements UnannouncedContents {
  readonly #database: ServentDatabase
  /** The levels of their trees, 16 KiB at most for each, by the text of their ids: those that were made last. */
  readonly #trees = new Map<string, readonly Uint8Array[]>()
  readonly #listeners = new Set<(id: ContentId) => void>()
  /** Whether a folder is shared now, by itself or with one above it. */
  readonly isShared: (path: string) => boolean

  /** @throws NewerDatabaseError */
  constructor(database: ServentDatabase, isShared: (path: string) => boolean) {
    database.migrate('node-listings', STEPS)
    this.#database = database
    this.isShared = isShared
  }

  /**
   * Lists a shared folder, and keeps that.
   *
   * @throws FolderListingError  it has no files, or passes a bound of listings
   */
  make(path: string, entries: readonly FolderEntry[]): SharedFile {
    const bytes = encodeFolderListing(entries)
    const hasher = new TreeHasher(sha256)
    hasher.update(bytes)
    const id = ContentId.fromRoot(hasher.finish().root, bytes.length)
    const file = fileOf(id, bytes.length, path, createHash('sha1').update(bytes).digest())
    this.#database.transaction(() => {
      const { sql } = this.#database
      // Asked for again, it is the newest.
      sql.prepare('DELETE FROM node_listings WHERE cid = ? AND path = ?').run(file.id.bytes, path)
      sql
        .prepare('INSERT INTO node_listings (cid, path, sha1, bytes) VALUES (?, ?, ?, ?)')
        .run(file.id.bytes, path, file.sha1, bytes)
      sql
        .prepare(
          `DELETE FROM node_listings WHERE number IN (
             SELECT number FROM (
               SELECT number, row_number() OVER newest AS place, sum(length(bytes)) OVER newest AS total
               FROM node_listings WINDOW newest AS (ORDER BY number DESC))
             WHERE place > ? OR total > ?)`
        )
        .run(LISTINGS_KEPT_MAX, LISTINGS_BYTES_MAX)
    })
    for (const listener of [...this.#listeners]) listener(id)
    return file
  }

  /** Of all that are kept, those of folders that are not shared now among them. */
  *ids(): Generator<ContentId> {
    const rows = this.#database.sql.prepare('SELECT DISTINCT cid FROM node_listings').all()
    for (const { cid } of rows) yield ContentId.decode(cid as Uint8Array)
  }

  subscribe(listener: (id: ContentId) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Forgets those of folders that are not shared any more. The library must be open. */
  forgetUnshared(): void {
    const { sql } = this.#database
    this.#database.transaction(() => {
      const remove = sql.prepare('DELETE FROM node_listings WHERE path = ?')
      for (const { path } of sql.prepare('SELECT DISTINCT path FROM node_listings').all())
        if (!this.isShared(String(path))) remove.run(String(path))
    })
  }

  get(id: ContentId): SharedFile | undefined {
    return this.#find(id)?.file
  }

  /** Of two that chance gave one index, the first: the other is got by its id. */
  byIndex(index: number): SharedFile | undefined {
    if (index < LISTING_INDEX_MIN || index >= PARTIAL_INDEX_MIN) return undefined
    const id = [...this.ids()].find(one => indexOf(one) === index)
    return id === undefined ? undefined : this.get(id)
  }

  /** The folder that it lists, on this machine. */
  pathOf(id: ContentId): string | undefined {
    return this.#find(id)?.path
  }

  /** Its bytes are read when they are asked for, and not for hashes that are known. */
  open(id: ContentId): BlockReader | undefined {
    const found = this.#find(id)
    if (found === undefined) return undefined
    let bytes: Uint8Array | undefined
    const load = () => {
      bytes ??= this.#database.sql
        .prepare('SELECT bytes FROM node_listings WHERE number = ?')
        .get(found.number)?.bytes as Uint8Array | undefined
      if (bytes === undefined) throw new ContentChangedError(`The listing ${id} is not kept any more.`)
      return bytes
    }
    return new ListingReader(found.file, load, () => this.#tree(id, load))
  }

  #tree(id: ContentId, load: () => Uint8Array): readonly Uint8Array[] {
    const key = id.toString()
    const known = this.#trees.get(key)
    if (known !== undefined) return known
    const tree = treeOf(load())
    const oldest = this.#trees.keys().next().value
    if (oldest !== undefined && this.#trees.size >= LISTINGS_KEPT_MAX) this.#trees.delete(oldest)
    this.#trees.set(key, tree)
    return tree
  }

  #find(id: ContentId): { number: number; path: string; file: SharedFile } | undefined {
    const rows = this.#database.sql
      .prepare(
        'SELECT number, path, sha1, length(bytes) AS size FROM node_listings WHERE cid = ? ORDER BY number DESC'
      )
      .all(id.bytes)
    for (const row of rows) {
      const path = String(row.path)
      if (!this.isShared(path)) continue
      const file = fileOf(id, Number(row.size), path, row.sha1 as Uint8Array)
      return { number: Number(row.number), path, file }
    }
    return undefined
  }
}

/** A component or name as listings and tickets take them, of a name on this disk. */
export const plainName = (name: string): string => name.toWellFormed().replace(/[\0/\\]/g, '_')

/** The same for one id, always. */
function indexOf({ digest }: ContentId): number {
  const own = new DataView(digest.buffer, digest.byteOffset, digest.byteLength).getUint32(0)
  return LISTING_INDEX_MIN + (own % (PARTIAL_INDEX_MIN - LISTING_INDEX_MIN))
}

function fileOf(id: ContentId, size: number, path: string, sha1: Uint8Array): SharedFile {
  const name = listingName(plainName(basename(path)))
  return { index: indexOf(id), id, size, name, type: TYPE, tags: {}, sha1 }
}

class ListingReader implements BlockReader {
  readonly file: SharedFile
  readonly #load: () => Uint8Array
  readonly #tree: () => readonly Uint8Array[]

  constructor(file: SharedFile, load: () => Uint8Array, tree: () => readonly Uint8Array[]) {
    this.file = file
    this.#load = load
    this.#tree = tree
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    return this.#load().subarray(offset, offset + length)
  }

  async hashes(height: number, index: number, count: number): Promise<Uint8Array> {
    const level = this.#tree()[height] ?? new Uint8Array()
    const none = padding(height, sha256)
    const hashes = new Uint8Array(count * HASH_BYTES)
    for (let place = 0; place < count; place += 1) {
      const start = (index + place) * HASH_BYTES
      hashes.set(start < level.length ? level.subarray(start, start + HASH_BYTES) : none, place * HASH_BYTES)
    }
    return hashes
  }

  async close(): Promise<void> {}
}

/** Its levels from the leaves to the root. */
function treeOf(bytes: Uint8Array): readonly Uint8Array[] {
  const levels = [leafHashes(bytes, sha256)]
  while (levels.at(-1)!.length > HASH_BYTES) levels.push(above(levels.at(-1)!, levels.length - 1))
  return levels
}

function above(level: Uint8Array, height: number): Uint8Array {
  const pairs = Math.ceil(level.length / (2 * HASH_BYTES))
  const hashes = new Uint8Array(pairs * HASH_BYTES)
  for (let pair = 0; pair < pairs; pair += 1) {
    const both = level.subarray(2 * pair * HASH_BYTES, (2 * pair + 2) * HASH_BYTES)
    const whole = both.length === 2 * HASH_BYTES ? both : Buffer.concat([both, padding(height, sha256)])
    hashes.set(sha256(whole), pair * HASH_BYTES)
  }
  return hashes
}
