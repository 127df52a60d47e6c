/**
 * Hashes what is due, some files at a time: a lane takes files of any size, the others small ones only, so
 * that a finished download does not wait behind a disk image. What is due lies in the catalogue, so a thread
 * that dies takes nothing with it but the file at hand.
 */
import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileReason } from './errors.ts'
import { type HashedFile, hashFile } from './hash-file.ts'
import { type LayerPart, partsOf } from './layer.ts'
import { FRESH_MS, SETTLE_MS_MAX, SMALL_FILE_BYTES_MAX, SMALL_FILE_LANES, WRITE_PARTS_MAX } from './limits.ts'
import type { Pacer } from './pacer.ts'
import type { Problems } from './problems.ts'
import { type OpenedFile, OutsideError, openInside } from './safe-open.ts'
import { GONE, HERE } from './schema.ts'
import { ageMs, isMoved, isSame, stampOf } from './stamp.ts'
import type { FileRow, PlacedRow, Store } from './store.ts'
import type { StoreTree } from './store-tree.ts'

export interface HashLanesParts {
  readonly store: Store
  readonly tree: StoreTree
  readonly problems: Problems
  readonly pacer: Pacer
  readonly settleMs: number
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

/** Thrown to leave a file in the middle. */
class HashingStoppedError extends Error {}

export class HashLanes {
  readonly #parts: HashLanesParts
  readonly #busy = new Set<number>()
  /** How often each restless file was begun in vain. Those that rest are taken out again. */
  readonly #restless = new Map<number, number>()
  readonly #lanes: Promise<void>[] = []
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
  }

  async #lane(sizeMax: number): Promise<void> {
    const { tree, pacer } = this.#parts
    for (;;) {
      await pacer.turn()
      // Nothing may come between this question and the promise that `stop` resolves, or nobody would wake it.
      if (this.#stopped) return
      const wake = this.#wake.promise
      const row = tree.nextDue(Date.now(), sizeMax, [...this.#busy])
      if (row === undefined) {
        this.#setTimer()
        await wake
        continue
      }
      this.#busy.add(row.id)
      try {
        await this.#hash(row)
      } finally {
        this.#busy.delete(row.id)
      }
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

  async #hash(row: PlacedRow): Promise<void> {
    const path = join(row.path, row.name)
    let opened: OpenedFile
    try {
      if (this.#parts.isPrivate(path)) throw new OutsideError('It is private.')
      opened = await openInside(path)
    } catch (error) {
      this.#cannotOpen(row, path, error)
      return
    }
    try {
      await this.#hashOpened(row, path, opened)
    } catch (error) {
      if (error instanceof HashingStoppedError) return
      if (String((error as NodeJS.ErrnoException).code).startsWith('ERR_')) throw error
      this.#cannotOpen(row, path, error)
    } finally {
      await opened.handle.close()
    }
  }

  async #hashOpened(row: PlacedRow, path: string, { handle, stats }: OpenedFile): Promise<void> {
    const { store, pacer, write, onBytes, onDone, problems } = this.#parts
    const age = ageMs(stats, Date.now())
    if (age >= 0 && age < FRESH_MS) await sleep(FRESH_MS - age)
    const before = stampOf(await handle.stat({ bigint: true }))
    let hashedBytes = 0
    const file = await hashFile(handle, before.size, bytes => {
      if (this.#stopped) throw new HashingStoppedError()
      hashedBytes += bytes
      onBytes(path, bytes, row.due)
      return pacer.turn()
    })
    const parts = await this.#keep(file)
    const after = stampOf(await handle.stat({ bigint: true }))
    // The file that was read must still be the one at the path.
    const there = await lstat(path, { bigint: true }).then(stampOf, () => undefined)
    const current = store.file(row.id)
    if (current === undefined || current.state !== HERE) {
      onDone(row.size, row.due, hashedBytes)
      return
    }
    const isWhole = file.size === before.size && isMoved(before, after) && there?.inode === after.inode
    if (!isWhole) {
      this.#postpone(current, path, there === undefined ? current : there, hashedBytes)
      return
    }
    this.#restless.delete(row.id)
    write(() => {
      store.hashed(current, after, file, parts)
      // Renamed or linked meanwhile, or written by a program that sets mtime back: once more to be sure.
      if (!isSame(before, after)) store.setDue(current.id, Date.now())
    })
    problems.clear(path)
    onDone(row.size, current.due, hashedBytes)
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
        else store.restamp({ ...current, due: null }, current, null, reason)
      })
      if (!gone) problems.set(path, reason)
    }
    onDone(row.size, current?.due ?? row.due, 0)
  }
}
