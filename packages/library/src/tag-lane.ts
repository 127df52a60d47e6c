/**
 * Reads the tags of contents that were hashed without: by a program that read none, or while they could not be read.
 * One at a time, behind everything else, and nobody is told how far it is: these files are shared already.
 */
import { closeSync, fstatSync, readSync } from 'node:fs'
import { join } from 'node:path'
import type { Disk } from './disk.ts'
import { SCAN_SLICES } from './limits.ts'
import type { Pacer } from './pacer.ts'
import { OutsideError, openInsideSync } from './safe-open.ts'
import { stampOf } from './stamp.ts'
import type { PlacedRow, Store } from './store.ts'
import type { TagReader } from './tag-reader.ts'

export interface TagLaneParts {
  readonly store: Store
  readonly tags: TagReader
  readonly pacer: Pacer
  readonly disk: Disk
  readonly isScanning: () => boolean
  readonly isPrivate: (path: string) => boolean
  readonly write: (work: () => void) => void
  readonly onFailure: (error: unknown) => void
}

export class TagLane {
  readonly #parts: TagLaneParts
  #working: Promise<void> | undefined
  #isAskedAgain = false
  #stopped = false

  constructor(parts: TagLaneParts) {
    this.#parts = parts
  }

  /** There may be contents whose tags are to be read. */
  kick(): void {
    this.#isAskedAgain = true
    if (this.#stopped) return
    this.#working ??= this.#work()
      .catch(this.#parts.onFailure)
      .finally(() => {
        this.#working = undefined
      })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#working
  }

  async #work(): Promise<void> {
    const { store, tags, pacer, isScanning } = this.#parts
    while (this.#isAskedAgain) {
      this.#isAskedAgain = false
      for (let row = store.nextUntagged(0); row !== undefined; row = store.nextUntagged(row.content!)) {
        await pacer.turn()
        if (isScanning()) await pacer.pass(SCAN_SLICES)
        if (this.#stopped || !tags.canRead) return
        await this.#tag(row)
      }
    }
  }

  async #tag(row: PlacedRow): Promise<void> {
    const { store, write } = this.#parts
    const tags = await this.#read(row)
    if (tags !== undefined && !this.#stopped) write(() => store.setTags(row.content!, tags))
  }

  /** Nothing where the file is not what was hashed, or cannot be read: whoever shares it finds out. */
  async #read(row: PlacedRow): Promise<string | undefined> {
    const { disk, tags, isPrivate } = this.#parts
    const path = join(row.path, row.name)
    let fd: number | undefined
    try {
      if (isPrivate(path)) throw new OutsideError('It is private.')
      const opened = disk.at(path, () => openInsideSync(path))
      fd = opened.fd
      const isAsHashed = (stats: typeof opened.stats): boolean => {
        const { size, written } = stampOf(stats)
        return size === row.size && written === row.written
      }
      if (!isAsHashed(opened.stats)) return undefined
      const readAt = (...args: [Uint8Array, number, number, number]): number =>
        disk.at(path, () => readSync(opened.fd, ...args))
      const { size, type } = row
      const read = await tags.read({ path, size, type, readAt })
      return isAsHashed(disk.at(path, () => fstatSync(opened.fd, { bigint: true }))) ? read : undefined
    } catch (error) {
      if (String((error as NodeJS.ErrnoException).code).startsWith('ERR_')) throw error
      return undefined
    } finally {
      this.#close(path, fd)
    }
  }

  /** A disk that went silent meanwhile keeps its descriptor. */
  #close(path: string, fd: number | undefined): void {
    if (fd === undefined) return
    try {
      this.#parts.disk.at(path, () => closeSync(fd))
    } catch (error) {
      if ((error as Error).name !== 'DiskSilentError') throw error
    }
  }
}
