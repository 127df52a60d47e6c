/**
 * Hears of changes below the shared folders. What a watcher says is only a hint where to look: folders that
 * it names are scanned, and the scan decides. What it misses a rescan finds.
 */
import { basename, dirname, relative } from 'node:path'
import { type FSWatcher, watch } from 'chokidar'
import type { Filter } from './filter.ts'
import { WATCH_GATHER_MS, WATCHED_FOLDERS_MAX } from './limits.ts'

export interface WatcherParts {
  readonly filter: Filter
  readonly isPrivate: (path: string) => boolean
  /** Folders to look at; `deep`: and all below. Empty with `all`: too many to name, look at everything. */
  readonly onChanges: (folders: ReadonlyMap<string, boolean>, all: boolean) => void
  /** Files that are shared on their own. */
  readonly onFile: (path: string) => void
  /** A folder's watcher has seen all that was there when it began; what came in between, it may have missed. */
  readonly onReady: (root: string) => void
  readonly onError: (root: string, error: unknown) => void
}

export class Watcher {
  readonly #parts: WatcherParts
  readonly #folders = new Map<string, FSWatcher>()
  #files: FSWatcher | undefined
  #gathered = new Map<string, boolean>()
  #all = false
  #timer: NodeJS.Timeout | undefined

  constructor(parts: WatcherParts) {
    this.#parts = parts
  }

  add(path: string, kind: 'folder' | 'file'): void {
    if (kind === 'file') {
      this.#files ??= this.#watchFiles()
      this.#files.add(path)
      return
    }
    if (this.#folders.has(path)) return
    const watcher = this.#watchFolder(path)
    this.#folders.set(path, watcher)
  }

  async remove(path: string): Promise<void> {
    const watcher = this.#folders.get(path)
    this.#folders.delete(path)
    if (watcher === undefined) this.#files?.unwatch(path)
    await watcher?.close()
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const watchers = [...this.#folders.values(), this.#files]
    this.#folders.clear()
    this.#files = undefined
    await Promise.all(watchers.map(watcher => watcher?.close()))
  }

  #watchFolder(root: string): FSWatcher {
    const { filter, isPrivate, onReady, onError } = this.#parts
    const ignored = (path: string): boolean => {
      if (path === root || !path.startsWith(root)) return false
      return isPrivate(path) || !filter(relative(root, path), basename(path))
    }
    const watcher = watch(root, {
      ignored,
      ignoreInitial: true,
      followSymlinks: false,
      ignorePermissionErrors: true,
      atomic: false
    })
    watcher.on('all', (event, path) => this.#gather(event, path, root))
    watcher.on('ready', () => onReady(root))
    watcher.on('error', error => onError(root, error))
    return watcher
  }

  #watchFiles(): FSWatcher {
    const { onFile, onError } = this.#parts
    const watcher = watch([], {
      ignoreInitial: true,
      followSymlinks: false,
      ignorePermissionErrors: true,
      atomic: false
    })
    watcher.on('all', (_event, path) => onFile(path))
    watcher.on('error', error => onError('', error))
    return watcher
  }

  #gather(event: string, path: string, root: string): void {
    // A folder that came or went is looked at as a whole; of a file the folder that it is in.
    const isFolder = event === 'addDir' && path !== root
    const folder = isFolder || path === root ? path : dirname(path)
    if (this.#gathered.size >= WATCHED_FOLDERS_MAX && !this.#gathered.has(folder)) this.#all = true
    else this.#gathered.set(folder, isFolder || this.#gathered.get(folder) === true)
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
