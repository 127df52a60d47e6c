/**
 * Hashes what is due, some files at a time: a lane takes files of any size, the others small ones only, so
 * that a finished download does not wait behind a disk image. What is due lies in the catalogue, so a thread
 * that dies takes nothing with it but the file at hand.
 */
import { closeSync, fstatSync, lstatSync, read, readSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Disk } from './disk.ts'
import { fileReason } from './errors.ts'
import { type HashedFile, hashFile, type ReadAt } from './hash-file.ts'
import { type LayerPart, partsOf } from './layer.ts'
import {
  FRESH_MS,
  SCAN_SLICES,
  SETTLE_MS_MAX,
  SMALL_FILE_BYTES_MAX,
  SMALL_FILE_LANES,
  WRITE_HASHED_MAX,
  WRITE_HASHED_MS,
  WRITE_PARTS_MAX
} from './limits.ts'
import type { Pacer } from './pacer.ts'
import type { Problems } from './problems.ts'
import { OutsideError, openInsideSync } from './safe-open.ts'
import { GONE, HERE, UNPLUGGED } from './schema.ts'
import { ageMs, isMoved, isSame, type Stamp, stampOf } from './stamp.ts'
import type { FileRow, PlacedRow, Store } from './store.ts'
import type { StoreTree } from './store-tree.ts'
import type { TagReader } from './tag-reader.ts'
import { isMedia } from './tags.ts'

export interface HashLanesParts {
  readonly store: Store
  readonly tree: StoreTree
  readonly tags: TagReader
  readonly problems: Problems
  readonly pacer: Pacer
  readonly disk: Disk
  readonly settleMs: number
  /** Whether folders are looked through now. */
  readonly isScanning: () => boolean
  /** Never opened, whatever the catalogue says. */
  readonly isPrivate: (path: string) => boolean
  readonly write: (work: () => void) => void
  /** Bytes of a file were hashed; `due` is what it is due to. */
  readonly onBytes: (path: string, bytes: number, due: number | null) => void
  /** A file is done with, for now or for good; `due` is what it was due to. */
  readonly onDone: (size: number, due: number | null, hashedBytes: number) => void
  /** SQLite failed: nothing can go on. */
  readonly onFailure: (error: unknown) => void
}

const readBeside = promisify(read)

type OpenedFile = ReturnType<typeof openInsideSync>

/** A file that was hashed whole. */
interface Result {
  readonly path: string
  /** As the catalogue had it then, and as it looked before and after. */
  readonly row: FileRow
  readonly before: Stamp
  readonly after: Stamp
  readonly file: HashedFile
  readonly parts: readonly LayerPart[]
  /** In JSON, where they were read. */
  readonly tags: string | undefined
  readonly hashedBytes: number
}

/** Thrown to leave a file in the middle. */
class HashingStoppedError extends Error {}

export class HashLanes {
  readonly #parts: HashLanesParts
  readonly #busy = new Set<number>()
  /** How often each restless file was begun in vain. Those that rest are taken out again. */
  readonly #restless = new Map<number, number>()
  readonly #lanes: Promise<void>[] = []
  /** Not yet written down; their files are busy until then. */
  #results: Result[] = []
  #writeTimer: NodeJS.Timeout | undefined
  #wake = Promise.withResolvers<void>()
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(parts: HashLanesParts) {
    this.#parts = parts
  }

  start(): void {
    const sizes = [Number.MAX_SAFE_INTEGER, ...new Array<number>(SMALL_FILE_LANES).fill(SMALL_FILE_BYTES_MAX)]
    for (const sizeMax of sizes) this.#lanes.push(this.#lane(sizeMax).catch(this.#parts.onFailure))
  }

  /** There may be something to hash. */
  kick(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#wake.resolve()
    this.#wake = Promise.withResolvers()
  }

  /** Ends with the block at hand. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.kick()
    await Promise.all(this.#lanes)
    this.#writeDown()
  }

  async #lane(sizeMax: number): Promise<void> {
    const { tree, pacer, isScanning } = this.#parts
    for (;;) {
      await pacer.turn()
      if (isScanning()) await pacer.pass(SCAN_SLICES)
      // Nothing may come between this question and the promise that `stop` resolves, or nobody would wake it.
      if (this.#stopped) return
      const wake = this.#wake.promise
      const row = tree.nextDue(Date.now(), sizeMax, [...this.#busy])
      if (row === undefined && this.#results.length > 0) {
        // Of these, some may be to be hashed once more.
        this.#writeDown()
        continue
      }
      if (row === undefined) {
        this.#setTimer()
        await wake
        continue
      }
      this.#busy.add(row.id)
      const isWritten = (await this.#hash(row)) !== 'later'
      if (isWritten) this.#busy.delete(row.id)
    }
  }

  /** Wakes the lanes when a file that was left alone has had its rest. */
  #setTimer(): void {
    if (this.#timer !== undefined || this.#stopped) return
    const ms = this.#parts.tree.nextDueMs()
    // What is due already is in another lane's hands.
    const waitMs = (ms ?? 0) - Date.now()
    if (ms === undefined || waitMs <= 0) return
    const { tree, settleMs, write } = this.#parts
    // Nothing rests for longer: the wall clock was set back meanwhile.
    if (waitMs > Math.max(settleMs, SETTLE_MS_MAX)) write(() => tree.makeAllDueNow())
    this.#timer = setTimeout(() => this.kick(), Math.min(waitMs, SETTLE_MS_MAX, settleMs))
  }

  async #hash(row: PlacedRow): Promise<'later' | undefined> {
    const path = join(row.path, row.name)
    let opened: OpenedFile
    try {
      if (this.#parts.isPrivate(path)) throw new OutsideError('It is private.')
      opened = this.#parts.disk.at(path, () => openInsideSync(path))
    } catch (error) {
      this.#cannotOpen(row, path, error)
      return undefined
    }
    try {
      return await this.#hashOpened(row, path, opened)
    } catch (error) {
      if (error instanceof HashingStoppedError) return undefined
      if (String((error as NodeJS.ErrnoException).code).startsWith('ERR_')) throw error
      this.#cannotOpen(row, path, error)
      return undefined
    } finally {
      // A disk that went silent meanwhile keeps its descriptor.
      this.#close(path, opened.fd)
    }
  }

  #close(path: string, fd: number): void {
    try {
      this.#parts.disk.at(path, () => closeSync(fd))
    } catch (error) {
      if ((error as Error).name !== 'DiskSilentError') throw error
    }
  }

  /**
   * This thread waits for what is small, which is quicker than asking another one. A large file is read ahead while
   * it is hashed: there is one of them at a time.
   */
  #reader(path: string, fd: number, size: number): ReadAt {
    const { disk } = this.#parts
    if (size <= SMALL_FILE_BYTES_MAX) return (...args) => disk.at(path, () => readSync(fd, ...args))
    return async (...args) => (await disk.beside(path, () => readBeside(fd, ...args))).bytesRead
  }

  async #hashOpened(row: PlacedRow, path: string, { fd, stats }: OpenedFile): Promise<'later' | undefined> {
    const { store, pacer, disk, onBytes, onDone } = this.#parts
    const statNow = (): Stamp => stampOf(disk.at(path, () => fstatSync(fd, { bigint: true })))
    const age = ageMs(stats, Date.now())
    if (age >= 0 && age < FRESH_MS) await sleep(FRESH_MS - age)
    const before = statNow()
    let hashedBytes = 0
    const file = await hashFile(this.#reader(path, fd, before.size), before.size, bytes => {
      if (this.#stopped) throw new HashingStoppedError()
      hashedBytes += bytes
      onBytes(path, bytes, row.due)
      return pacer.turn()
    })
    const parts = await this.#keep(file)
    const tags = await this.#tagsOf(row.type, path, fd, file)
    const after = statNow()
    // The file that was read must still be the one at the path.
    const found = disk.at(path, () => lstatSync(path, { bigint: true, throwIfNoEntry: false }))
    const there = found === undefined ? undefined : stampOf(found)
    const current = store.file(row.id)
    if (current === undefined || current.state !== HERE) {
      onDone(row.size, row.due, hashedBytes)
      return undefined
    }
    const isWhole = file.size === before.size && isMoved(before, after) && there?.inode === after.inode
    if (!isWhole) {
      this.#postpone(current, path, there === undefined ? current : there, hashedBytes)
      return undefined
    }
    this.#restless.delete(row.id)
    this.#results.push({ path, row: current, before, after, file, parts, tags, hashedBytes })
    if (this.#results.length >= WRITE_HASHED_MAX || row.size > SMALL_FILE_BYTES_MAX) this.#writeDown()
    else this.#writeTimer ??= setTimeout(() => this.#writeDown(), WRITE_HASHED_MS)
    return 'later'
  }

  /** What was hashed is found by others from now on. */
  #writeDown(): void {
    const { store, write, problems, onDone, onFailure } = this.#parts
    clearTimeout(this.#writeTimer)
    this.#writeTimer = undefined
    const results = this.#results
    if (results.length === 0) return
    this.#results = []
    // A share may have begun to wait for a file since it was read.
    const dues = new Map<number, number | null>()
    try {
      write(() => {
        for (const { row, before, after, file, parts, tags } of results) {
          const current = store.file(row.id)
          dues.set(row.id, current?.due ?? row.due)
          // A scan that came in between has seen another file there, or none, and has said what is to be done.
          if (current === undefined || current.state !== HERE || !isSame(current, row)) continue
          store.hashed(current, after, file, parts, tags)
          // Renamed or linked meanwhile, or written by a program that sets mtime back: once more to be sure.
          if (!isSame(before, after)) store.setDue(current.id, Date.now())
        }
      })
    } catch (error) {
      onFailure(error)
      return
    }
    for (const { row } of results) this.#busy.delete(row.id)
    for (const { path, row, hashedBytes } of results) {
      problems.clear(path)
      onDone(row.size, dues.get(row.id) ?? null, hashedBytes)
    }
  }

  /**
   * Before the file is looked at for the last time, so that tags are of the bytes that were hashed, and before others
   * see it: whoever announces it does so once. Other lanes go on meanwhile.
   */
  async #tagsOf(type: string, path: string, fd: number, file: HashedFile): Promise<string | undefined> {
    const { store, tags, disk } = this.#parts
    if (!isMedia(type) || store.isTagged(file)) return undefined
    const readAt: ReadAt = (...args) => disk.at(path, () => readSync(fd, ...args))
    return tags.read({ path, size: file.size, type, readAt })
  }

  /** Makes the parts of the layer, and writes those of a large file before the file has them. */
  async #keep(file: HashedFile): Promise<LayerPart[]> {
    const { store, pacer, write } = this.#parts
    const parts: LayerPart[] = []
    for (const part of partsOf(file.layer, file.size)) {
      parts.push(part)
      if (this.#stopped) throw new HashingStoppedError()
      await pacer.turn()
    }
    if (parts.length <= WRITE_PARTS_MAX) return parts
    for (let isKept = false; !isKept; await pacer.turn()) {
      if (this.#stopped) throw new HashingStoppedError()
      write(() => {
        isKept = store.keep(file, parts)
      })
    }
    return parts
  }

  /** It changed while it was read: withdrawn, and tried again when it has rested. */
  #postpone(row: FileRow, path: string, stamp: Parameters<Store['restamp']>[1], hashedBytes: number): void {
    const { store, write, problems, settleMs, onDone } = this.#parts
    const tries = this.#restless.get(row.id) ?? 0
    this.#restless.set(row.id, tries + 1)
    const due = Date.now() + Math.min(settleMs * 2 ** tries, SETTLE_MS_MAX)
    write(() => store.restamp({ ...row, due }, stamp, null))
    problems.set(path, 'It changes while it is read. It is hashed when it rests.')
    onDone(row.size, row.due, hashedBytes)
    this.#setTimer()
  }

  #cannotOpen(row: PlacedRow, path: string, error: unknown): void {
    const { store, write, problems, onDone } = this.#parts
    this.#restless.delete(row.id)
    const current = store.file(row.id)
    if (current !== undefined) {
      const { code, name } = error as NodeJS.ErrnoException
      const gone = code === 'ENOENT' || code === 'ENOTDIR' || name === 'OutsideError'
      const reason = fileReason(error)
      write(() => {
        if (gone) store.withdraw(current, GONE, Date.now())
        // Its root is withdrawn as a whole, and this file is hashed when that is back.
        else if (code === 'ETIMEDOUT') store.withdraw(current, UNPLUGGED, Date.now())
        else store.restamp({ ...current, due: null }, current, null, reason)
      })
      if (!gone) problems.set(path, reason)
    }
    onDone(row.size, current?.due ?? row.due, 0)
  }
}
