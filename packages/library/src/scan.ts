/**
 * Compares folders with the catalogue, folder by folder: what is new or changed is marked to be hashed, what
 * is as it was is left alone, what is gone is withdrawn. One folder's names are in memory at a time.
 */
import { type BigIntStats, lstatSync, opendirSync, realpathSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { CONTENT_SIZE_BYTES_MAX, NAME_BYTES_MAX } from '@servent/overlay/machine'
import type { Disk } from './disk.ts'
import { fileReason } from './errors.ts'
import type { Filter } from './filter.ts'
import { FOLDER_DEPTH_MAX, WRITE_ROWS_MAX } from './limits.ts'
import { mediaType } from './media-type.ts'
import type { Pacer } from './pacer.ts'
import type { Problems } from './problems.ts'
import { GONE, HERE, UNPLUGGED } from './schema.ts'
import { isMoved, isSame, type Stamp, stampOf } from './stamp.ts'
import type { FileRow, Place, PlacedRow, Store } from './store.ts'
import type { StoreTree } from './store-tree.ts'

export interface ScanParts {
  readonly store: Store
  readonly tree: StoreTree
  readonly filter: Filter
  readonly problems: Problems
  readonly pacer: Pacer
  readonly disk: Disk
  /** A folder of a root is about to be looked at. */
  readonly onFolder: (root: string, path: string) => void
  /** A folder is withdrawn with all below it. */
  readonly onGone: (path: string) => void
  /** One transaction, and the changes of it published. */
  readonly write: (work: () => void) => void
  /** Shared on its own: a folder that is walked for its own sake, or a file that no filter leaves out. */
  readonly isRoot: (path: string) => boolean
  /** Never shared, whatever it is in. */
  readonly isPrivate: (path: string) => boolean
  /** A file is to be hashed, after `due`. `from` is what it was due to before. */
  readonly onDue: (size: number, due: number, from: number | null) => void
  /** A file that was to be hashed after `due` is to be hashed sooner already, for another share. */
  readonly onSooner: (due: number, sooner: number) => void
  readonly isStopped: () => boolean
}

interface Found {
  readonly name: string
  readonly stamp: Stamp
}

/** A folder to look at: with all below it, or where it is not `deep` with those that are not known yet. */
export interface FolderToScan {
  readonly root: string
  readonly path: string
  readonly deep: boolean
}

interface Level extends FolderToScan {
  readonly depth: number
}

/** By path, whether the file that was hashed there is there now. */
type StillThere = ReadonlyMap<string, boolean>

/** Of a folder, read from the system at a time. */
const ENTRIES_READ = 128

export class Scanner {
  readonly #parts: ScanParts

  constructor(parts: ScanParts) {
    this.#parts = parts
  }

  /**
   * Looks at folders. What is found to be hashed is due at `due`.
   *
   * Folders that are missing are withdrawn at the end, since they may be found again under another name; the
   * folder above one is looked at for that, where a watcher has not said yet what came.
   */
  async folders(places: readonly FolderToScan[], due: number): Promise<void> {
    const waiting: Level[] = places.map(place => ({ ...place, depth: 0 }))
    const missing = new Set<string>()
    for (let level = waiting.pop(); level !== undefined; level = waiting.pop()) {
      if (this.#parts.isStopped()) return
      await this.#parts.pacer.turn()
      const { root, path, deep, depth } = level
      if (depth > FOLDER_DEPTH_MAX) {
        this.#parts.problems.set(path, `It lies more than ${FOLDER_DEPTH_MAX} folders deep.`)
        continue
      }
      const below = await this.#one(root, path, due, missing)
      if (below === undefined) {
        if (missing.has(path)) continue
        missing.add(path)
        if (path !== root) waiting.push({ root, path: dirname(path), deep: false, depth: 0 })
        continue
      }
      for (const folder of below) {
        if (deep || this.#parts.tree.knownFolder(folder) === undefined)
          waiting.push({ root, path: folder, deep, depth: depth + 1 })
      }
    }
    for (const folder of missing) await this.withdraw(folder, GONE)
  }

  /** Looks at one file, whatever its name. */
  file(path: string, due: number): void {
    const { problems, write, tree, store, isPrivate } = this.#parts
    const folder = dirname(path)
    const name = basename(path)
    let stats: BigIntStats | undefined
    let state: typeof GONE | typeof UNPLUGGED = GONE
    try {
      stats = this.#stat(path)
    } catch (error) {
      state = UNPLUGGED
      problems.set(path, fileReason(error))
    }
    if (stats?.isFile() && !isPrivate(path) && this.#isAcceptable(path, stats)) {
      const found = { name, stamp: stampOf(stats) }
      const stillThere = this.#stillThere([found])
      problems.clear(path)
      write(() => this.#look(tree.folder(folder, null), found, due, stillThere))
      return
    }
    const known = tree.knownFolder(folder)
    const row = known === undefined ? undefined : store.fileAt(known, name)
    if (row !== undefined && row.state === HERE) write(() => store.withdraw(row, state, Date.now()))
  }

  #stat(path: string): BigIntStats | undefined {
    return this.#parts.disk.at(path, () => lstatSync(path, { bigint: true, throwIfNoEntry: false }))
  }

  /** Withdraws all below a path that is not shared on its own. */
  async withdraw(path: string, state: typeof GONE | typeof UNPLUGGED): Promise<void> {
    const { store, tree, problems, pacer, write, isRoot } = this.#parts
    problems.clearBelow(path)
    this.#parts.onGone(path)
    for (let after = 0; ; await pacer.turn()) {
      const page = tree.filesBelow(path, after)
      if (page.length === 0) return
      after = page.at(-1)!.id
      const withdrawn = page.filter(
        row =>
          (row.state === HERE || (state === GONE && row.state === UNPLUGGED)) &&
          !this.#isBelowAnotherRoot(path, row, isRoot)
      )
      if (withdrawn.length === 0) continue
      write(() => {
        for (const row of withdrawn) store.withdraw(row, state, Date.now())
      })
    }
  }

  #isBelowAnotherRoot(top: string, row: PlacedRow, isRoot: (path: string) => boolean): boolean {
    for (let path = join(row.path, row.name); path !== top; path = dirname(path)) {
      if (isRoot(path)) return true
    }
    return false
  }

  /** Looks at the files of one folder; gives the folders in it, or nothing where it is gone itself. */
  async #one(root: string, path: string, due: number, missing: Set<string>): Promise<string[] | undefined> {
    const { problems, pacer, disk, tree, write, isRoot } = this.#parts
    const names = new Set<string>()
    const folders: string[] = []
    let folder = 0
    try {
      // Somebody may have put a link in the folder's place since it was listed.
      if (disk.at(path, () => realpathSync.native(path)) !== path)
        throw Object.assign(new Error('It is a link.'), { code: 'ENOTDIR' })
      this.#parts.onFolder(root, path)
      const entries = disk.at(path, () =>
        opendirSync(path, { encoding: 'buffer' as BufferEncoding, bufferSize: ENTRIES_READ })
      )
      const next = () => disk.at(path, () => entries.readSync())
      try {
        const parent = path === root ? undefined : tree.knownFolder(dirname(path))
        write(() => {
          folder = tree.folder(path, parent ?? null)
        })
        let batch: Found[] = []
        for (let entry = next(); entry !== null; entry = next()) {
          const found = this.#read(root, path, entry.name as unknown as Buffer, folders)
          if (found !== undefined) {
            names.add(found.name)
            batch.push(found)
          }
          if (batch.length < WRITE_ROWS_MAX) continue
          this.#lookAtAll(folder, batch, due)
          batch = []
          await pacer.turn()
          // What was not listed is not gone.
          if (this.#parts.isStopped()) return []
        }
        this.#lookAtAll(folder, batch, due)
      } finally {
        disk.as(0, () => entries.closeSync())
      }
      problems.clear(path)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === undefined || code.startsWith('ERR_')) throw error
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
      await this.withdraw(path, UNPLUGGED)
      problems.set(path, fileReason(error))
      return []
    }
    await this.#withdrawMissing(path, folder, names)
    const found = new Set(folders)
    for (const below of tree.foldersIn(folder)) {
      if (!found.has(below) && !isRoot(below)) missing.add(below)
    }
    return folders
  }

  /** One entry of a folder: a file to look at, a folder for the list, or nothing. */
  #read(root: string, folder: string, rawName: Buffer, folders: string[]): Found | undefined {
    const { filter, problems, isRoot, isPrivate } = this.#parts
    const name = rawName.toString('utf8')
    const path = join(folder, name)
    if (isRoot(path) || isPrivate(path)) return undefined
    if (!filter(relative(root, path), name)) return undefined
    if (!rawName.equals(Buffer.from(name))) {
      problems.set(path, 'Its name is not valid UTF-8. Rename it.')
      return undefined
    }
    let stats: BigIntStats | undefined
    try {
      stats = this.#stat(path)
    } catch (error) {
      // The rest of the folder would not answer either.
      if ((error as Error).name === 'DiskSilentError') throw error
      problems.set(path, fileReason(error))
      return undefined
    }
    if (stats?.isDirectory()) folders.push(path)
    // Links are not followed: what they lead to inside a root is shared there, and what is outside is not.
    // Pipes, sockets and devices have no content to share.
    if (!stats?.isFile() || !this.#isAcceptable(path, stats)) return undefined
    return { name, stamp: stampOf(stats) }
  }

  #isAcceptable(path: string, stats: BigIntStats): boolean {
    const reason = refusal(path, stats)
    if (reason !== undefined) this.#parts.problems.set(path, reason)
    return reason === undefined
  }

  #lookAtAll(folder: number, batch: readonly Found[], due: number): void {
    const { store, write } = this.#parts
    // Most of the time nothing changed, and then nothing is written.
    const changed = batch.filter(({ name, stamp }) => !isSettled(store.fileAt(folder, name), stamp))
    if (changed.length === 0) return
    const stillThere = this.#stillThere(changed)
    write(() => {
      for (const found of changed) this.#look(folder, found, due, stillThere)
    })
  }

  #look(folder: number, { name, stamp }: Found, due: number, stillThere: StillThere): void {
    const { store, onDue } = this.#parts
    const row = store.fileAt(folder, name)
    const place: Place = { folder, name, type: mediaType(name), stamp }
    if (row === undefined) {
      const known = this.#hashedElsewhere(stamp, stillThere)
      if (known?.moved) store.move(known.row, place)
      else store.add(place, known?.row.content ?? null, known === undefined ? due : null)
      if (known === undefined) onDue(stamp.size, due, null)
      return
    }
    if (isSame(row, stamp)) {
      const waits = row.content === null || row.due !== null
      if (row.state !== HERE) store.restamp({ ...row, due: waits ? this.#soonest(row, due) : null }, stamp)
      else if (waits) store.setDue(row.id, this.#soonest(row, due))
      return
    }
    if (isMoved(row, stamp) && row.content !== null) {
      store.restamp({ ...row, due: row.due ?? Date.now() }, stamp)
      if (row.due === null) onDue(row.size, Date.now(), null)
      return
    }
    const known = this.#hashedElsewhere(stamp, stillThere)
    const next = known === undefined ? this.#soonest(row, due) : null
    store.restamp({ ...row, due: next }, stamp, known?.row.content ?? null)
  }

  /** When a known file is to be hashed: after `due`, or when it was to be before, whichever is sooner. */
  #soonest(row: FileRow, due: number): number {
    const { onDue, onSooner } = this.#parts
    const sooner = row.due !== null && row.due < due ? row.due : due
    if (sooner !== row.due) onDue(row.size, sooner, row.due)
    if (sooner !== due) onSooner(due, sooner)
    return sooner
  }

  /** A file that was hashed under another path: renamed (`moved`), or linked and still there. */
  #hashedElsewhere(stamp: Stamp, stillThere: StillThere): { row: PlacedRow; moved: boolean } | undefined {
    const row = this.#parts.store.sameInode(stamp)[0]
    if (row === undefined) return undefined
    // A path that was not asked about came into the catalogue just now, so it is there.
    return { row, moved: row.state !== HERE || stillThere.get(join(row.path, row.name)) === false }
  }

  /** Whether files with these inodes are still where they were. Asked before a transaction: no disk is, in one. */
  #stillThere(batch: readonly Found[]): StillThere {
    const stillThere = new Map<string, boolean>()
    for (const { stamp } of batch) {
      const row = this.#parts.store.sameInode(stamp)[0]
      if (row === undefined || row.state !== HERE) continue
      const path = join(row.path, row.name)
      let stats: BigIntStats | undefined
      try {
        stats = this.#stat(path)
      } catch {
        // What cannot be looked at is not there for anybody.
      }
      stillThere.set(path, stats !== undefined && stampOf(stats).inode === stamp.inode)
    }
    return stillThere
  }

  async #withdrawMissing(path: string, folder: number, names: Set<string>): Promise<void> {
    const { store, pacer, write, isRoot } = this.#parts
    // Every name that was found has a row by now, so where there are no more rows nothing is missing.
    if (store.countIn(folder) === names.size) return
    for (let after = 0; ; await pacer.turn()) {
      const page = store.filesIn(folder, after, WRITE_ROWS_MAX)
      if (page.length === 0) break
      after = page.at(-1)!.id
      const missing = page.filter(({ name }) => !names.has(name) && !isRoot(join(path, name)))
      if (missing.length === 0) continue
      write(() => {
        for (const row of missing) store.withdraw(row, GONE, Date.now())
      })
    }
  }
}

/** Nothing needs to be written about the file. */
function isSettled(row: FileRow | undefined, stamp: Stamp): boolean {
  return (
    row !== undefined && row.state === HERE && isSame(row, stamp) && row.content !== null && row.due === null
  )
}

/** Why a file cannot be shared, whatever is in it. */
export function refusal(path: string, { size }: { size: bigint }): string | undefined {
  if (size > BigInt(CONTENT_SIZE_BYTES_MAX)) return 'It has more than 4 TiB.'
  const bytes = Buffer.byteLength(path) - Buffer.byteLength(dirname(path)) - 1
  if (bytes > NAME_BYTES_MAX) return `Its name has more than ${NAME_BYTES_MAX} bytes. Rename it.`
  return undefined
}
