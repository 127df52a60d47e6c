/** What happens to a shared root as a whole: looked at again, unplugged, back again, taken out, forgotten. */
import { lstatSync, opendirSync } from 'node:fs'
import { join } from 'node:path'
import type { Disk } from './disk.ts'
import { GONE_KEPT_MS } from './limits.ts'
import type { Pacer } from './pacer.ts'
import type { Problems } from './problems.ts'
import type { Roots } from './roots.ts'
import type { FolderToScan, Scanner } from './scan.ts'
import { HERE, UNPLUGGED } from './schema.ts'
import type { PlacedRow, Store } from './store.ts'
import type { RootRow, StoreTree } from './store-tree.ts'

export interface RootKeeperParts {
  readonly store: Store
  readonly tree: StoreTree
  readonly roots: Roots
  readonly scanner: Scanner
  readonly problems: Problems
  readonly pacer: Pacer
  readonly disk: Disk
  readonly write: (work: () => void) => void
  /** A root came, went, or changed its state. */
  readonly onRoots: () => void
}

export class RootKeeper {
  readonly #parts: RootKeeperParts

  constructor(parts: RootKeeperParts) {
    this.#parts = parts
  }

  /** Looks at a root and all below it. */
  async rescan(path: string): Promise<void> {
    const { roots, problems } = this.#parts
    const root = roots.get(path)
    if (root === undefined || root.state === 'leaving') return
    if (!this.isReachable(root)) {
      await this.unplug(root)
      return
    }
    if (root.state === 'missing' || root.device !== this.#deviceOf(path)) this.set(root, 'present')
    problems.clearBelow(path)
    await this.scan(path, root.kind, Date.now())
  }

  /** Looks at a path that is shared, by itself or with a folder above it. What is found is due at `due`. */
  async scan(path: string, kind: 'folder' | 'file', due: number): Promise<void> {
    const { scanner, roots } = this.#parts
    if (kind === 'file') {
      scanner.file(path, due)
      return
    }
    const root = roots.has(path) ? path : roots.covering(path)?.path
    if (root !== undefined) await scanner.folders([{ root, path, deep: true }], due)
  }

  /** Looks at folders that a watcher named, those marked `true` with all below them. */
  async scanFolders(folders: ReadonlyMap<string, boolean>): Promise<void> {
    const { roots, scanner } = this.#parts
    const places: FolderToScan[] = []
    for (const [path, deep] of folders) {
      const root = roots.has(path) ? roots.get(path) : roots.covering(path)
      if (root?.kind !== 'folder') continue
      if (this.isReachable(root)) places.push({ root: root.path, path, deep })
      else await this.unplug(root)
    }
    await scanner.folders(places, Date.now())
  }

  /** Withdraws what is below a root that cannot be reached. It is remembered until the root is back. */
  async unplug(root: RootRow): Promise<void> {
    const { scanner } = this.#parts
    if (root.state === 'present') this.set(root, 'missing')
    if (root.kind === 'folder') await scanner.withdraw(root.path, UNPLUGGED)
    else scanner.file(root.path, Date.now())
  }

  /**
   * Takes the files of an unshared root out, but for those that are shared by another root. Gives how many of
   * them others could see until now.
   */
  async takeOut(root: RootRow): Promise<number> {
    const { store, tree, roots, problems, pacer, write, onRoots } = this.#parts
    let files = 0
    if (roots.covering(root.path) === undefined) {
      for (let page = this.#page(root, 0); page.length > 0; page = this.#page(root, page.at(-1)!.id)) {
        const leaving = page.filter(row => !this.#isSharedOtherwise(root, row))
        write(() => {
          for (const row of leaving) store.remove(row)
        })
        files += leaving.filter(({ state, content }) => state === HERE && content !== null).length
        await pacer.turn()
      }
    }
    problems.clearBelow(root.path)
    write(() => tree.removeRoot(root))
    roots.reload()
    onRoots()
    return files
  }

  /** Forgets what was gone for long enough, and what nothing refers to. */
  async forget(): Promise<void> {
    const { store, tree, pacer, write } = this.#parts
    const beforeMs = Date.now() - GONE_KEPT_MS
    for (let rows = tree.goneBefore(beforeMs); rows.length > 0; rows = tree.goneBefore(beforeMs)) {
      write(() => {
        for (const row of rows) store.remove(row)
      })
      await pacer.turn()
    }
    for (let ids = store.unusedContents(); ids.length > 0; ids = store.unusedContents()) {
      write(() => {
        for (const id of ids) store.removeContent(id)
      })
      await pacer.turn()
    }
    while (tree.removeEmptyFolders() > 0) await pacer.turn()
  }

  isReachable(root: RootRow): boolean {
    const { roots, tree, disk } = this.#parts
    const isEmptied = (): boolean => isEmptyFolder(root.path) && tree.filesBelow(root.path, 0, 1).length > 0
    try {
      return disk.at(root.path, () => roots.isReachable(root, isEmptied))
    } catch (error) {
      if ((error as Error).name === 'DiskSilentError') return false
      throw error
    }
  }

  set(root: RootRow, state: RootRow['state']): void {
    const { tree, roots, write, onRoots } = this.#parts
    const device = state === 'present' ? this.#deviceOf(root.path) : undefined
    write(() => tree.setRoot(root, state, device ?? root.device))
    roots.reload()
    onRoots()
  }

  #deviceOf(path: string): string | undefined {
    const stats = this.#parts.disk.at(path, () => lstatSync(path, { throwIfNoEntry: false }))
    return stats === undefined ? undefined : String(stats.dev)
  }

  #page(root: RootRow, after: number): PlacedRow[] {
    const { tree } = this.#parts
    return root.kind === 'folder' ? tree.filesBelow(root.path, after) : tree.fileAt(root.path, after)
  }

  #isSharedOtherwise(root: RootRow, row: PlacedRow): boolean {
    const { roots } = this.#parts
    const path = join(row.path, row.name)
    return path !== root.path && (roots.has(path) || roots.covering(path) !== undefined)
  }
}

function isEmptyFolder(path: string): boolean {
  const folder = opendirSync(path)
  try {
    return folder.readSync() === null
  } finally {
    folder.closeSync()
  }
}
