/**
 * What the indexing thread asks of the catalogue by place and by time: roots, folders, what lies below a path,
 * what is to be hashed next, what was gone for long enough to be forgotten.
 */
import { basename, dirname } from 'node:path'
import type { StatementSync } from 'node:sqlite'
import { prepareWriter, type ServentDatabase } from '@servent/database'
import { TOKENS_VERSION, tokens } from '@servent/overlay/machine'
import { SHARE_IDS_MAX, WRITE_ROWS_MAX } from './limits.ts'
import { rangeBelow } from './paths.ts'
import { GONE, HERE } from './schema.ts'
import type { PlacedRow } from './store.ts'

export interface RootRow {
  readonly id: number
  readonly path: string
  readonly given: string
  readonly kind: 'folder' | 'file'
  readonly state: 'present' | 'missing' | 'leaving'
  readonly device: string | null
}

export interface DueTotals {
  readonly files: number
  readonly bytes: number
}

export interface SharedBelow {
  readonly files: number
  readonly bytes: number
  readonly cids: Uint8Array[]
  /** Distinct contents. */
  readonly contents: number
}

const PLACED = 'SELECT f.*, d.path FROM library_file f JOIN library_folder d ON d.id = f.folder'
/** A path is below a root that is a folder, or is the root itself. */
const BELOW = '(d.path = ? OR (d.path >= ? AND d.path < ?))'
/** Both lanes of hashing keep away from what the others have in hand. */
const NEXT = `${PLACED} WHERE f.due <= ? AND f.size <= ? AND f.id NOT IN (SELECT value FROM json_each(?))
  ORDER BY f.due, f.id LIMIT 1`

function prepare({ sql }: ServentDatabase) {
  const writer = (text: string): StatementSync => prepareWriter(sql, text)
  return {
    roots: sql.prepare('SELECT * FROM library_root ORDER BY path'),
    addRoot: writer(`INSERT INTO library_root (path, given, kind, state, device)
      VALUES (?, ?, ?, 'present', ?)`),
    setRoot: writer('UPDATE library_root SET state = ?, device = ? WHERE id = ?'),
    removeRoot: writer('DELETE FROM library_root WHERE id = ?'),
    folder: sql.prepare('SELECT id FROM library_folder WHERE path = ?'),
    addFolder: writer('INSERT INTO library_folder (parent, path) VALUES (?, ?)'),
    setParent: writer('UPDATE library_folder SET parent = ? WHERE id = ?'),
    foldersIn: sql.prepare('SELECT path FROM library_folder WHERE parent = ?'),
    emptyFolders: writer(`DELETE FROM library_folder WHERE id IN (SELECT d.id FROM library_folder d
      WHERE NOT EXISTS (SELECT 1 FROM library_file WHERE folder = d.id)
        AND NOT EXISTS (SELECT 1 FROM library_folder WHERE parent = d.id) LIMIT ?)`),
    below: sql.prepare(`${PLACED} WHERE ${BELOW} AND f.id > ? ORDER BY f.id LIMIT ?`),
    fileAt: sql.prepare(`${PLACED} WHERE d.path = ? AND f.name = ? AND f.id > ?`),
    sumBelow: sql.prepare(`SELECT count(*) AS files, coalesce(sum(f.size), 0) AS bytes,
      count(DISTINCT f.content) AS contents FROM library_folder d JOIN library_file f ON f.folder = d.id
      WHERE ${BELOW} AND f.state = ${HERE} AND f.content IS NOT NULL`),
    cidsBelow: sql.prepare(`SELECT c.cid FROM library_folder d JOIN library_file f ON f.folder = d.id
      JOIN library_content c ON c.id = f.content WHERE ${BELOW} AND f.state = ${HERE}
      GROUP BY c.id ORDER BY min(f.id) LIMIT ?`),
    sharedAt: sql.prepare(`SELECT c.cid, c.size FROM library_folder d JOIN library_file f ON f.folder = d.id
      JOIN library_content c ON c.id = f.content WHERE d.path = ? AND f.name = ? AND f.state = ${HERE}`),
    next: sql.prepare(NEXT),
    nextMs: sql.prepare('SELECT min(due) AS ms FROM library_file WHERE due IS NOT NULL'),
    dueOf: sql.prepare('SELECT 1 FROM library_file WHERE due = ? LIMIT 1'),
    dueTotals: sql.prepare(`SELECT count(*) AS files, coalesce(sum(size), 0) AS bytes FROM library_file
      WHERE due IS NOT NULL`),
    dueNow: writer('UPDATE library_file SET due = 0 WHERE due <> 0'),
    goneBefore: sql.prepare(`${PLACED} WHERE f.state = ${GONE} AND f.gone_ms < ? LIMIT ?`),
    meta: sql.prepare('SELECT value FROM library_meta WHERE key = ?'),
    setMeta: writer(
      `INSERT INTO library_meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value`
    ),
    names: sql.prepare('SELECT id, name FROM library_file WHERE id > ? ORDER BY id LIMIT ?'),
    clearWords: writer('DELETE FROM library_words WHERE rowid = ?'),
    addWords: writer('INSERT INTO library_words (rowid, words) VALUES (?, ?)')
  }
}

export class StoreTree {
  readonly #database: ServentDatabase
  readonly #sql: ReturnType<typeof prepare>

  constructor(database: ServentDatabase) {
    this.#database = database
    this.#sql = prepare(database)
  }

  roots(): RootRow[] {
    return this.#sql.roots.all() as unknown as RootRow[]
  }

  addRoot(path: string, given: string, kind: 'folder' | 'file', device: string): void {
    this.#sql.addRoot.run(path, given, kind, device)
  }

  setRoot(root: RootRow, state: RootRow['state'], device: string | null = root.device): void {
    this.#sql.setRoot.run(state, device, root.id)
  }

  removeRoot(root: RootRow): void {
    this.#sql.removeRoot.run(root.id)
  }

  /** The number of a folder, which is given one where it has none. `parent` is the folder above that is shared. */
  folder(path: string, parent: number | null): number {
    const known = this.#sql.folder.get(path)
    if (known === undefined) return Number(this.#sql.addFolder.run(parent, path).lastInsertRowid)
    if (parent !== null) this.#sql.setParent.run(parent, Number(known.id))
    return Number(known.id)
  }

  knownFolder(path: string): number | undefined {
    const row = this.#sql.folder.get(path)
    return row === undefined ? undefined : Number(row.id)
  }

  foldersIn(parent: number): string[] {
    return this.#sql.foldersIn.all(parent).map(row => String(row.path))
  }

  /** A page of the files in a folder and below it. */
  filesBelow(folder: string, after: number, limit = WRITE_ROWS_MAX): PlacedRow[] {
    return this.#sql.below.all(folder, ...rangeBelow(folder), after, limit) as unknown as PlacedRow[]
  }

  /** The file at a path, as a page that comes `after`. */
  fileAt(path: string, after: number): PlacedRow[] {
    return this.#sql.fileAt.all(dirname(path), basename(path), after) as unknown as PlacedRow[]
  }

  /** What is shared at a path that is a file. */
  sharedAt(path: string): SharedBelow {
    const row = this.#sql.sharedAt.get(dirname(path), basename(path))
    if (row === undefined) return { files: 0, bytes: 0, contents: 0, cids: [] }
    return { files: 1, bytes: Number(row.size), contents: 1, cids: [row.cid as Uint8Array] }
  }

  /** What is shared in a folder and below it. */
  sharedBelow(folder: string, idsMax = SHARE_IDS_MAX): SharedBelow {
    const sum = this.#sql.sumBelow.get(folder, ...rangeBelow(folder)) as unknown as SharedBelow
    if (idsMax === 0) return { ...sum, cids: [] }
    const cids = this.#sql.cidsBelow.all(folder, ...rangeBelow(folder), idsMax)
    return { ...sum, cids: cids.map(row => row.cid as Uint8Array) }
  }

  /** The file to hash next, of at most `sizeMax` bytes and none of `busy`. */
  nextDue(nowMs: number, sizeMax: number, busy: readonly number[]): PlacedRow | undefined {
    return this.#sql.next.get(nowMs, sizeMax, JSON.stringify(busy)) as PlacedRow | undefined
  }

  /** When the next file may be hashed, or nothing where none is to be. */
  nextDueMs(): number | undefined {
    return (this.#sql.nextMs.get()?.ms as number | null) ?? undefined
  }

  isDue(due: number): boolean {
    return this.#sql.dueOf.get(due) !== undefined
  }

  dueTotals(): DueTotals {
    return this.#sql.dueTotals.get() as unknown as DueTotals
  }

  /** After a start: no share waits, and nothing need settle that was left alone while the program was off. */
  makeAllDueNow(): void {
    this.#sql.dueNow.run()
  }

  goneBefore(ms: number): PlacedRow[] {
    return this.#sql.goneBefore.all(ms, WRITE_ROWS_MAX) as unknown as PlacedRow[]
  }

  /** Forgets folders without files, from the bottom. Gives how many; one more call does the next level. */
  removeEmptyFolders(): number {
    return Number(this.#sql.emptyFolders.run(WRITE_ROWS_MAX).changes)
  }

  /** Tokens of names are a rule with a version: where it is a newer one, names are indexed anew. */
  async renewWords(turn: () => Promise<void>): Promise<void> {
    const version = String(TOKENS_VERSION)
    if (this.#sql.meta.get('tokens')?.value === version) return
    for (let after = 0; ; await turn()) {
      const page = this.#sql.names.all(after, WRITE_ROWS_MAX) as { id: number; name: string }[]
      if (page.length === 0) break
      this.#database.transaction(() => {
        for (const { id, name } of page) {
          this.#sql.clearWords.run(id)
          this.#sql.addWords.run(id, tokens(name).join(' '))
        }
      })
      after = page.at(-1)!.id
    }
    this.#sql.setMeta.run('tokens', version)
  }
}
