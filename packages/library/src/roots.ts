/** What the user shared: which paths, which of them may be shared at all, and which root a path belongs to. */
import { lstatSync, realpathSync, type Stats, statSync } from 'node:fs'
import { basename, dirname, join, parse, relative, resolve, sep } from 'node:path'
import { fileReason, NotShareableError, NotSharedError, PathNotFoundError } from './errors.ts'
import type { Filter } from './filter.ts'
import { isOwnFile } from './own-files.ts'
import { isWithin } from './paths.ts'
import type { RootRow, SharedBelow, StoreTree } from './store-tree.ts'
import type { SharedRoot } from './types.ts'

export interface RootsInit {
  readonly tree: StoreTree
  readonly filter: Filter
  /** Real paths. */
  readonly databasePath: string
  readonly privateFolders: readonly string[]
  readonly publicFolders: readonly string[]
}

export interface Shareable {
  /** Without symbolic links. */
  readonly path: string
  readonly kind: 'folder' | 'file'
  readonly device: string
}

export class Roots {
  readonly #init: RootsInit
  #rows = new Map<string, RootRow>()

  constructor(init: RootsInit) {
    this.#init = init
    this.reload()
  }

  /** After each write of a root. */
  reload(): void {
    this.#rows = new Map(this.#init.tree.roots().map(row => [row.path, row]))
  }

  all(): RootRow[] {
    return [...this.#rows.values()]
  }

  get(path: string): RootRow | undefined {
    return this.#rows.get(path)
  }

  /** The number of the nearest root at or above a path, 0 where there is none. */
  idOf(path: string): number {
    for (let at = path; ; at = dirname(at)) {
      const row = this.#rows.get(at)
      if (row !== undefined) return row.id
      if (at === dirname(at)) return 0
    }
  }

  /** Shared on its own, and staying so. */
  has(path: string): boolean {
    const row = this.#rows.get(path)
    return row !== undefined && row.state !== 'leaving'
  }

  /** Never shared. A folder on the way to a public one is not private: what is in it is asked about by itself. */
  isPrivate(path: string): boolean {
    if (isOwnFile(this.#init.databasePath, path)) return true
    return this.#privateFolder(path, folder => isWithin(folder, path) || isWithin(path, folder)) !== undefined
  }

  /**
   * The private folder that keeps a path from being shared. A public folder opens a way into those that it
   * lies in, and into no other: one around a private folder, or the same as it, leaves that private.
   */
  #privateFolder(path: string, opens: (publicFolder: string) => boolean): string | undefined {
    const { privateFolders, publicFolders } = this.#init
    return privateFolders.find(folder => {
      if (!isWithin(folder, path)) return false
      return !publicFolders.some(open => open !== folder && isWithin(folder, open) && opens(open))
    })
  }

  /** The shared folder that a path is shared with: the nearest one above whose filter lets it through. */
  covering(path: string): RootRow | undefined {
    for (let folder = dirname(path); ; folder = dirname(folder)) {
      const row = this.#rows.get(folder)
      if (row?.kind === 'folder' && row.state !== 'leaving') {
        return this.#passes(folder, path) ? row : undefined
      }
      if (folder === dirname(folder)) return undefined
    }
  }

  #passes(root: string, path: string): boolean {
    const names = relative(root, path).split(sep)
    return names.every((name, index) => this.#init.filter(names.slice(0, index + 1).join(sep), name))
  }

  /**
   * What is at a path that the user wants to share.
   *
   * @throws PathNotFoundError
   * @throws NotShareableError
   */
  resolve(given: string): Shareable {
    let path: string
    let stats: Stats
    try {
      path = realpathSync.native(given)
      stats = statSync(path)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT' || code === 'ENOTDIR') {
        throw new PathNotFoundError(`There is nothing at ${given}. Check the path.`)
      }
      throw new NotShareableError(`${given} cannot be shared. ${fileReason(error)}`)
    }
    if (path === parse(path).root) {
      throw new NotShareableError(
        `${given} is a whole drive, with secrets of its user on it. Share the folders that you mean.`
      )
    }
    if (isOwnFile(this.#init.databasePath, path)) {
      throw new NotShareableError(`${given} is one of this node's own files. Share something else.`)
    }
    const secret = this.#privateFolder(path, folder => isWithin(folder, path))
    if (secret !== undefined) {
      throw new NotShareableError(`${given} holds this node's own files (${secret}). Share another folder.`)
    }
    if (!stats.isFile() && !stats.isDirectory()) {
      throw new NotShareableError(`${given} is neither a file nor a folder. Share one of those.`)
    }
    return { path, kind: stats.isDirectory() ? 'folder' : 'file', device: String(stats.dev) }
  }

  /**
   * The root that a user means by a path, which may not exist any more.
   *
   * @throws NotSharedError
   */
  find(given: string): RootRow {
    const path = resolve(given)
    // What is known by this name is not looked for: its disk may be gone, or not answer.
    const named = this.#rows.get(path) ?? this.all().find(row => row.given === path)
    const real = named === undefined ? realpathOr(path) : path
    const found = named ?? this.#rows.get(real)
    if (found !== undefined && found.state !== 'leaving') return found
    const above = this.covering(real)
    if (above === undefined) throw new NotSharedError(`${given} is not shared. The library lists what is.`)
    throw new NotSharedError(
      `${given} is shared as a part of ${above.path}. Unshare that, or leave this out by an exclude pattern.`
    )
  }

  /** Whether the root can be reached now, and is what it was. */
  isReachable(row: RootRow, isEmpty: () => boolean): boolean {
    try {
      // A link in its place is not followed: it would lead out of what the user chose.
      if (realpathSync.native(row.path) !== row.path) return false
      const stats = lstatSync(row.path)
      if (row.kind === 'file') return stats.isFile()
      if (!stats.isDirectory()) return false
      // A drive that was taken out may leave its empty mount point behind, on another device.
      return String(stats.dev) === row.device || !isEmpty()
    } catch {
      return false
    }
  }

  /** As others see them. */
  view(reasonOf: (row: RootRow) => string): SharedRoot[] {
    const { tree } = this.#init
    return this.all()
      .filter(({ state }) => state !== 'leaving')
      .map(row => {
        const { path, kind, state } = row
        const { files, bytes }: SharedBelow =
          kind === 'file' ? tree.sharedAt(path) : tree.sharedBelow(path, 0)
        if (state === 'present') return { path, kind, present: true, files, bytes }
        return { path, kind, present: false, reason: reasonOf(row), files, bytes }
      })
  }
}

/** A path without symbolic links as far as it exists, itself where it does not. */
export function realpathOr(path: string): string {
  try {
    return realpathSync.native(path)
  } catch {
    return path
  }
}

/** The real path of what may not exist yet, in a folder that does. */
export function realPathOfFile(path: string): string {
  const full = resolve(path)
  return join(realpathOr(dirname(full)), basename(full))
}
