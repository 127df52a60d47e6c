/**
 * The catalogue as the main thread reads it, over a connection that never writes. Each call is one short
 * statement; what may be long is read in pages by whoever asks.
 */
import { CorruptDatabaseError, isCorruption, openDatabase, type ServentDatabase } from '@servent/database'
import { LibraryStoppedError } from './errors.ts'
import type { LayerPart, LayerParts } from './layer.ts'
import { READ_ROWS_MAX } from './limits.ts'
import type { PlainFile } from './messages.ts'
import { HERE, migrateLibrary, PART_ROOTS, SHOWN, TAGS } from './schema.ts'
import type { PlacedRow } from './store.ts'

/** A file whose name and tags have a query's words. Others see it where it has a content and is here. */
export interface MatchRow extends Omit<PlainFile, 'cid'> {
  readonly file: number
  readonly cid: Uint8Array | null
  readonly state: number
}

export interface ListRow extends PlacedRow {
  readonly cid: Uint8Array | null
  readonly tags: string
}

/** Of files that have one content, this many are tried when the content is read. */
const OPENED_FILES_MAX = 16

const PLACED = 'SELECT f.*, d.path FROM library_file f JOIN library_folder d ON d.id = f.folder'

function prepare({ sql }: ServentDatabase) {
  return {
    byCid: sql.prepare(`${SHOWN} WHERE c.cid = ?`),
    byIndex: sql.prepare(`${SHOWN} WHERE c.id = ?`),
    bySha1: sql.prepare(`${SHOWN} WHERE c.sha1 = ? LIMIT 1`),
    page: sql.prepare(`${SHOWN} WHERE c.id > ? ORDER BY c.id LIMIT ${READ_ROWS_MAX}`),
    // Every match of the page is given, also those that nobody may see, so that one page is one bounded step.
    match:
      sql.prepare(`SELECT w.rowid AS file, f.state, f.name, f.type, f.size, c.id AS "index", c.cid, c.sha1,
        ${TAGS} FROM (SELECT rowid FROM library_words WHERE library_words MATCH ? AND rowid > ? ORDER BY rowid LIMIT ?) w
      JOIN library_file f ON f.id = w.rowid LEFT JOIN library_content c ON c.id = f.content ORDER BY w.rowid`),
    files: sql.prepare(`${PLACED} JOIN library_content c ON c.id = f.content
      WHERE c.cid = ? AND f.state = ${HERE} ORDER BY f.id LIMIT ${OPENED_FILES_MAX}`),
    list: sql.prepare(`SELECT f.*, d.path, c.cid, ${TAGS} FROM library_file f JOIN library_folder d ON d.id = f.folder
      LEFT JOIN library_content c ON c.id = f.content WHERE f.id > ? ORDER BY f.id LIMIT ?`),
    part: sql.prepare('SELECT hashes, root FROM library_layer WHERE content = ? AND part = ?'),
    roots: sql.prepare(PART_ROOTS)
  }
}

export class CatalogueReader {
  readonly #database: ServentDatabase
  readonly #sql: ReturnType<typeof prepare>

  constructor(path: string) {
    this.#database = openDatabase(path, { readOnly: true })
    migrateLibrary(this.#database)
    this.#sql = prepare(this.#database)
  }

  byCid(cid: Uint8Array): PlainFile | undefined {
    return this.#read(() => this.#sql.byCid.get(cid) as PlainFile | undefined)
  }

  byIndex(index: number): PlainFile | undefined {
    return this.#read(() => this.#sql.byIndex.get(index) as PlainFile | undefined)
  }

  bySha1(sha1: Uint8Array): PlainFile | undefined {
    return this.#read(() => this.#sql.bySha1.get(sha1) as PlainFile | undefined)
  }

  /** The contents after an index, in its order. */
  page(after: number): PlainFile[] {
    return this.#read(() => this.#sql.page.all(after) as unknown as PlainFile[])
  }

  /** Files after one whose names and tags have all the words, in the order in which they were found. */
  match(words: string, after: number, limit: number): MatchRow[] {
    return this.#read(() => this.#sql.match.all(words, after, limit) as unknown as MatchRow[])
  }

  /** Where a content lies. */
  files(cid: Uint8Array): PlacedRow[] {
    return this.#read(() => this.#sql.files.all(cid) as unknown as PlacedRow[])
  }

  list(after: number, limit: number): ListRow[] {
    return this.#read(() => this.#sql.list.all(after, limit) as unknown as ListRow[])
  }

  /** The kept layer of a content. One part is held at a time. */
  layer(content: number): LayerParts {
    let held: { index: number; part: LayerPart } | undefined
    let roots: Uint8Array | undefined
    return {
      part: index => {
        if (held?.index !== index) {
          const part = this.#read(() => this.#sql.part.get(content, index) as LayerPart | undefined)
          if (part === undefined) throw new RangeError(`No part ${index} is kept of content ${content}.`)
          held = { index, part }
        }
        return held.part
      },
      roots: () => {
        roots ??= this.#read(() =>
          Buffer.concat(this.#sql.roots.all(content).map(row => row.root as Uint8Array))
        )
        return roots
      }
    }
  }

  close(): void {
    this.#database.close()
  }

  #read<T>(work: () => T): T {
    if (!this.#database.sql.isOpen) throw new LibraryStoppedError('The library was stopped.')
    try {
      return work()
    } catch (error) {
      if (!isCorruption(error)) throw error
      throw new CorruptDatabaseError(
        `The database ${this.#database.path} is damaged: ${(error as Error).message}. Stop the node, move the file away or restore it from a backup, and share again.`,
        { cause: error }
      )
    }
  }
}
