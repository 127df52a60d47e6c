/**
 * What the indexing thread writes: files and the contents that they have. Every change of what is shared goes
 * through `touch`, so that `takeChanges` can say what became of each content: shared, no longer shared, or
 * shared under another name.
 */
import type { StatementSync } from 'node:sqlite'
import { prepareWriter, type ServentDatabase } from '@servent/database'
import { ContentId, tokens } from '@servent/overlay/machine'
import type { HashedFile } from './hash-file.ts'
import type { LayerPart } from './layer.ts'
import { WRITE_PARTS_MAX, WRITE_ROWS_MAX } from './limits.ts'
import type { PlainChange, PlainFile, PlainTotals } from './messages.ts'
import { GONE, HERE, SHOWN, type UNPLUGGED } from './schema.ts'
import type { Stamp } from './stamp.ts'

/** A row of `library_file`. */
export interface FileRow extends Stamp {
  readonly id: number
  readonly folder: number
  readonly name: string
  readonly type: string
  readonly state: number
  readonly content: number | null
  readonly reason: string | null
  readonly due: number | null
}

/** A row with the folder that it is in. */
export interface PlacedRow extends FileRow {
  readonly path: string
}

/** Where a file is found, and how it looks there. */
export interface Place {
  readonly folder: number
  readonly name: string
  readonly type: string
  readonly stamp: Stamp
}

type Sql = ReturnType<typeof prepare>

function prepare({ sql }: ServentDatabase) {
  const writer = (text: string): StatementSync => prepareWriter(sql, text)
  return {
    shown: sql.prepare(`${SHOWN} WHERE c.id = ?`),
    totals: sql.prepare(`SELECT count(*) AS files, coalesce(sum(size), 0) AS bytes FROM library_content c
      WHERE EXISTS (SELECT 1 FROM library_file WHERE content = c.id AND state = ${HERE})`),
    fileAt: sql.prepare('SELECT * FROM library_file WHERE folder = ? AND name = ?'),
    file: sql.prepare('SELECT * FROM library_file WHERE id = ?'),
    filesIn: sql.prepare(
      'SELECT * FROM library_file WHERE folder = ? AND id > ? AND state <> ? ORDER BY id LIMIT ?'
    ),
    countIn: sql.prepare('SELECT count(*) AS files FROM library_file WHERE folder = ? AND state <> ?'),
    sameInode: sql.prepare(`SELECT f.*, d.path FROM library_file f JOIN library_folder d ON d.id = f.folder
      WHERE f.inode = ? AND f.size = ? AND f.written = ? AND f.content IS NOT NULL`),
    insert: writer(`INSERT INTO library_file
      (folder, name, type, size, inode, written, changed, state, content, due) VALUES (?, ?, ?, ?, ?, ?, ?, ${HERE}, ?, ?)`),
    move: writer('UPDATE library_file SET folder = ?, name = ?, type = ? WHERE id = ?'),
    stamp: writer(`UPDATE library_file SET size = ?, inode = ?, written = ?, changed = ?, state = ${HERE},
      gone_ms = NULL, content = ?, reason = ?, due = ? WHERE id = ?`),
    withdraw: writer('UPDATE library_file SET state = ?, gone_ms = ?, due = NULL WHERE id = ?'),
    due: writer('UPDATE library_file SET due = ? WHERE id = ?'),
    remove: writer('DELETE FROM library_file WHERE id = ?'),
    addWords: writer('INSERT INTO library_words (rowid, words) VALUES (?, ?)'),
    removeWords: writer('DELETE FROM library_words WHERE rowid = ?'),
    contentOf: sql.prepare('SELECT id FROM library_content WHERE cid = ?'),
    insertContent: writer('INSERT INTO library_content (cid, size, sha1) VALUES (?, ?, ?)'),
    countParts: sql.prepare('SELECT count(*) AS parts FROM library_layer WHERE content = ?'),
    insertPart: writer('INSERT INTO library_layer (content, part, root, hashes) VALUES (?, ?, ?, ?)'),
    unused: sql.prepare(`SELECT id FROM library_content c
      WHERE NOT EXISTS (SELECT 1 FROM library_file WHERE content = c.id) LIMIT ?`),
    removeContent: writer('DELETE FROM library_content WHERE id = ?')
  }
}

export class Store {
  readonly database: ServentDatabase
  readonly #sql: Sql
  /** What each content that was touched looked like before. Emptied by `takeChanges` after each write. */
  readonly #before = new Map<number, PlainFile | undefined>()
  #totals: PlainTotals

  constructor(database: ServentDatabase) {
    this.database = database
    this.#sql = prepare(database)
    this.#totals = this.#sql.totals.get() as unknown as PlainTotals
  }

  get totals(): PlainTotals {
    return this.#totals
  }

  fileAt(folder: number, name: string): FileRow | undefined {
    return this.#sql.fileAt.get(folder, name) as FileRow | undefined
  }

  file(id: number): FileRow | undefined {
    return this.#sql.file.get(id) as FileRow | undefined
  }

  /** A page of a folder's files that are not gone. */
  filesIn(folder: number, after: number, limit: number): FileRow[] {
    return this.#sql.filesIn.all(folder, after, GONE, limit) as unknown as FileRow[]
  }

  /** How many files of a folder are not gone. */
  countIn(folder: number): number {
    return Number(this.#sql.countIn.get(folder, GONE)!.files)
  }

  /** Files that were hashed when they had this inode, size and mtime. */
  sameInode({ inode, size, written }: Stamp): PlacedRow[] {
    return this.#sql.sameInode.all(inode, size, written) as unknown as PlacedRow[]
  }

  /** A file that was not known at this path. `content` is set where its hashes are known all the same. */
  add({ folder, name, type, stamp }: Place, content: number | null, due: number | null): number {
    if (content !== null) this.#touch(content)
    const { size, inode, written, changed } = stamp
    const run = this.#sql.insert.run(folder, name, type, size, inode, written, changed, content, due)
    const id = Number(run.lastInsertRowid)
    this.#sql.addWords.run(id, tokens(name).join(' '))
    return id
  }

  /** A file that was renamed keeps its row, and with it its content and index. */
  move(row: FileRow, { folder, name, type, stamp }: Place): void {
    this.#touch(row.content)
    this.#sql.move.run(folder, name, type, row.id)
    this.restamp({ ...row, due: null }, stamp)
    if (name === row.name) return
    this.#sql.removeWords.run(row.id)
    this.#sql.addWords.run(row.id, tokens(name).join(' '))
  }

  /** A file is here and looks like this; `content` and `due` are the row's unless it says otherwise. */
  restamp(row: FileRow, stamp: Stamp, content = row.content, reason: string | null = null): void {
    this.#touch(row.content)
    this.#touch(content)
    const { size, inode, written, changed } = stamp
    this.#sql.stamp.run(size, inode, written, changed, content, reason, row.due, row.id)
  }

  /** Says when a file is hashed; nothing: it need not be. */
  setDue(id: number, due: number | null): void {
    this.#sql.due.run(due, id)
  }

  /** Not shared, but remembered. */
  withdraw(row: FileRow, state: typeof GONE | typeof UNPLUGGED, nowMs: number): void {
    this.#touch(row.content)
    this.#sql.withdraw.run(state, state === GONE ? nowMs : null, row.id)
  }

  /** Forgets a file. Its content stays until `removeUnused`, and with it the index, should it come back. */
  remove(row: FileRow): void {
    this.#touch(row.content)
    this.#sql.removeWords.run(row.id)
    this.#sql.remove.run(row.id)
  }

  /** Contents that no file has, to be given to `removeContent`. */
  unusedContents(): number[] {
    return this.#sql.unused.all(WRITE_ROWS_MAX).map(row => Number(row.id))
  }

  removeContent(content: number): void {
    this.#sql.removeContent.run(content)
  }

  /**
   * Keeps a content that no file has yet, some parts of its layer at a time, so that no transaction is long.
   * True when all are kept. One that is left half kept is gone on with, or removed as unused.
   */
  keep(file: HashedFile, parts: readonly LayerPart[], partsMax: number = WRITE_PARTS_MAX): boolean {
    return this.#keepParts(this.#contentFor(file), parts, partsMax)
  }

  #keepParts(content: number, parts: readonly LayerPart[], partsMax: number): boolean {
    const kept = Number(this.#sql.countParts.get(content)!.parts)
    for (const [place, { root, hashes }] of parts.slice(kept, kept + partsMax).entries()) {
      this.#sql.insertPart.run(content, kept + place, root, hashes)
    }
    return kept + partsMax >= parts.length
  }

  /**
   * A file was hashed: it has this content from now on, whatever it had before. Parts that `keep` was not
   * asked for, or that were removed as unused since, are kept with it.
   */
  hashed(row: FileRow, stamp: Stamp, file: HashedFile, parts: readonly LayerPart[]): void {
    const content = this.#contentFor(file)
    this.#keepParts(content, parts, parts.length)
    this.restamp({ ...row, due: null }, stamp, content)
  }

  /** What happened to contents since it was last asked, in terms of what others see. */
  takeChanges(): PlainChange[] {
    const changes: PlainChange[] = []
    for (const [content, before] of this.#before) {
      const after = this.#shown(content)
      if (before?.name === after?.name && before?.type === after?.type) continue
      if (before !== undefined) changes.push({ type: 'removed', file: before })
      if (after !== undefined) changes.push({ type: 'added', file: after })
    }
    this.#before.clear()
    let { files, bytes } = this.#totals
    for (const { type, file } of changes) {
      files += type === 'added' ? 1 : -1
      bytes += type === 'added' ? file.size : -file.size
    }
    this.#totals = { files, bytes }
    return changes
  }

  #touch(content: number | null): void {
    if (content === null || this.#before.has(content)) return
    this.#before.set(content, this.#shown(content))
  }

  #shown(content: number): PlainFile | undefined {
    return this.#sql.shown.get(content) as PlainFile | undefined
  }

  #contentFor({ root, size, sha1 }: HashedFile): number {
    const cid = ContentId.fromRoot(root, size).bytes
    const known = this.#sql.contentOf.get(cid)
    if (known !== undefined) return Number(known.id)
    return Number(this.#sql.insertContent.run(cid, size, sha1).lastInsertRowid)
  }
}
