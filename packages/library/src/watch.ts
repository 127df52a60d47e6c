/**
 * Hears of changes below the shared folders. What it hears is only a hint where to look: folders that it names are
 * scanned, and the scan decides. What it misses a rescan finds.
 *
 * Linux watches a folder at a time, so each is watched from just before it is scanned: nothing comes in between.
 * Other systems watch all below a folder by themselves. No file has a watcher of its own.
 */
import { type FSWatcher, watch } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import type { Filter } from './filter.ts'
import { WATCH_GATHER_MS, WATCHED_FOLDERS_MAX } from './limits.ts'
import { isWithin } from './paths.ts'

export interface WatcherParts {
  readonly filter: Filter
  readonly isPrivate: (path: string) => boolean
  /** What is known as a folder: it is looked at as a whole when it comes or goes. */
  readonly isFolder: (path: string) => boolean
  /** A call to the file system. */
  readonly at: <T>(path: string, work: () => T) => T
  /** Folders to look at; `deep`: and all below. Empty with `all`: too many to name, look at everything. */
  readonly onChanges: (folders: ReadonlyMap<string, boolean>, all: boolean) => void
  /** Files that are shared on their own. */
  readonly onFile: (path: string) => void
  readonly onError: (root: string, error: unknown) => void
}

const WATCHES_ALL_BELOW = process.platform === 'darwin' || process.platform === 'win32'

export class Watcher {
  readonly #parts: WatcherParts
  readonly #folders = new Map<string, FSWatcher>()
  /** By the folders that they are in: a file that is replaced takes its own watcher with it. */
  readonly #files = new Map<string, { watcher: FSWatcher; paths: Set<string> }>()
  /** Said once for each root that cannot be watched, not for each folder in it. */
  readonly #complained = new Set<string>()
  #gathered = new Map<string, boolean>()
  #all = false
  #timer: NodeJS.Timeout | undefined
  /** A scan that is under way may still ask: one watcher that is left would keep the thread from ending. */
  #isClosed = false

  constructor(parts: WatcherParts) {
    this.#parts = parts
  }

  /** A folder of a root is about to be scanned. */
  folder(root: string, path: string): void {
    if (this.#folders.has(path) || (WATCHES_ALL_BELOW && path !== root)) return
    const watcher = this.#watch(root, path, { recursive: WATCHES_ALL_BELOW }, (event, name) =>
      this.#heard(root, path, event, name)
    )
    if (watcher === undefined) return
    this.#folders.set(path, watcher)
    watcher.on('error', () => this.#close(path))
  }

  /** A file that is shared on its own. */
  file(path: string): void {
    const folder = dirname(path)
    const known = this.#files.get(folder)
    if (known !== undefined) {
      known.paths.add(path)
      return
    }
    const paths = new Set([path])
    const watcher = this.#watch(path, folder, {}, (_event, name) => {
      for (const one of paths) if (name === null || name === basename(one)) this.#parts.onFile(one)
    })
    if (watcher !== undefined) this.#files.set(folder, { watcher, paths })
  }

  /** Neither a folder nor anything below it is watched any more, nor a file. */
  remove(path: string): void {
    for (const folder of [...this.#folders.keys()]) if (isWithin(path, folder)) this.#close(folder)
    this.#complained.delete(path)
    const file = this.#files.get(dirname(path))
    if (file === undefined || !file.paths.delete(path) || file.paths.size > 0) return
    file.watcher.close()
    this.#files.delete(dirname(path))
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const folder of [...this.#folders.keys()]) this.#close(folder)
    for (const { watcher } of this.#files.values()) watcher.close()
    this.#files.clear()
  }

  #close(folder: string): void {
    this.#folders.get(folder)?.close()
    this.#folders.delete(folder)
  }

  #watch(
    root: string,
    path: string,
    options: { recursive?: boolean },
    heard: (event: string, name: string | null) => void
  ): FSWatcher | undefined {
    if (this.#isClosed) return undefined
    try {
      const watcher = this.#parts.at(path, () => watch(path, options, heard))
      watcher.on('error', error => this.#complain(root, error))
      return watcher
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // The scan that comes next finds out by itself what is gone or silent.
      if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'ETIMEDOUT') this.#complain(root, error)
      return undefined
    }
  }

  #complain(root: string, error: unknown): void {
    if (this.#complained.has(root)) return
    this.#complained.add(root)
    this.#parts.onError(root, error)
  }

  #heard(root: string, folder: string, event: string, name: string | null): void {
    const { filter, isPrivate, isFolder } = this.#parts
    if (name === null) {
      this.#gather(folder, false)
      return
    }
    // A folder that is deleted or moved away says so under its own name: another one may have its path now.
    if (event === 'rename' && name === basename(folder)) {
      this.#close(folder)
      this.#gather(folder, true)
    }
    const path = join(folder, name)
    if (isPrivate(path) || !filter(relative(root, path), basename(path))) return
    this.#gather(dirname(path), false)
    if (event !== 'rename' || !isFolder(path)) return
    if (!WATCHES_ALL_BELOW) this.remove(path)
    this.#gather(path, true)
  }

  #gather(folder: string, deep: boolean): void {
    if (this.#gathered.size >= WATCHED_FOLDERS_MAX && !this.#gathered.has(folder)) this.#all = true
    else this.#gathered.set(folder, deep || this.#gathered.get(folder) === true)
    this.#timer ??= setTimeout(() => this.#flush(), WATCH_GATHER_MS)
  }

  #flush(): void {
    this.#timer = undefined
    const gathered = this.#gathered
    const all = this.#all
    this.#gathered = new Map()
    this.#all = false
    this.#parts.onChanges(all ? new Map() : gathered, all)
  }
}
