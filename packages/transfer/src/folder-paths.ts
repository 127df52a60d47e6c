/**
 * Where the files of a listing go below their folder. Each component is made one harmless name; names that a
 * file system may take for one (upper and lower case, ways to write an accent, a file and a folder) are
 * numbered, and the same listing always gives the same paths. Nothing here touches the disk.
 */
import { join, sep } from 'node:path'
import { decodeFolderListing, type FolderEntry, listingName } from '@servent/overlay'
import { nameKey, numberedName, safeFileName } from './safe-file-name.ts'
import type { FolderFileStatus } from './types.ts'

interface Folder {
  /** By the component as the listing has it. */
  readonly folders: Map<string, { readonly name: string; readonly folder: Folder }>
  /** Keys of names that are given. */
  readonly taken: Set<string>
  /** Of the name that had to be numbered last, where the low numbers were taken. */
  number: number
}

/** Numbers that each name tries for itself; those after are the folder's, so that no listing makes this slow. */
const LOW_NUMBERS = 8

const makeFolder = (): Folder => ({ folders: new Map(), taken: new Set(), number: LOW_NUMBERS })

/** Components below the folder, of each entry, in the order of the entries. */
export function localPaths(entries: readonly FolderEntry[]): string[][] {
  const top = makeFolder()
  return entries.map(({ path }) => {
    let folder = top
    const local: string[] = []
    for (const component of path.slice(0, -1)) {
      let inner = folder.folders.get(component)
      if (inner === undefined) {
        inner = { name: freeName(folder, component), folder: makeFolder() }
        folder.folders.set(component, inner)
      }
      local.push(inner.name)
      folder = inner.folder
    }
    return [...local, freeName(folder, path.at(-1)!)]
  })
}

/**
 * Where the listing itself stands until it is read: under its id, and as a file on its way, so that no file of the
 * user's is taken for it and removed.
 */
export const listingPath = ({ folder, id }: { readonly folder: string; readonly id: string }): string =>
  join(folder, `${listingName(id)}.part`)

/** A page of the files that a listing names, with where those that are whole stand. */
export function folderFiles(
  listing: Uint8Array,
  finished: ReadonlyMap<number, string>,
  after: number,
  limit: number
): FolderFileStatus[] {
  const entries = decodeFolderListing(listing)
  const paths = localPaths(entries)
  return entries.slice(after, after + limit).map(({ id, size }, index) => {
    const path = finished.get(after + index)
    return {
      id: id.toString(),
      path: path?.replaceAll(sep, '/') ?? paths[after + index]!.join('/'),
      size,
      isDone: path !== undefined
    }
  })
}

function freeName(folder: Folder, component: string): string {
  const name = localName(component)
  for (let number = 0; ; number += 1) {
    if (number > LOW_NUMBERS) folder.number += 1
    const candidate = numberedName(name, number > LOW_NUMBERS ? folder.number : number)
    const key = nameKey(candidate)
    if (folder.taken.has(key)) continue
    folder.taken.add(key)
    return candidate
  }
}

/** A name that ends as a file on its way could be taken for one, and be removed. */
function localName(component: string): string {
  const name = safeFileName(component, { reserveBytes: 1 })
  return /\.part$/i.test(name) ? `${name}_` : name
}
