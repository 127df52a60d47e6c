/** Folders as tests share them and find them again. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type ContentId, encodeFolderListing, type FolderEntry, listingName } from '@servent/overlay'
import type { Downloads } from '../../src/index.ts'
import type { Peer } from './peer.ts'
import type { TestShare } from './share.ts'

export type FolderFiles = Readonly<Record<string, Uint8Array>>

/** Shares these files and the listing of them; paths are parted by `/`. */
export function shareFolder(share: TestShare, files: FolderFiles, name = 'Music'): ContentId {
  const entries = Object.entries(files).map(([path, bytes]): FolderEntry => {
    const components = path.split('/')
    const { id, size } = share.add(components.at(-1)!, bytes)
    return { path: components, id, size }
  })
  return shareListing(share, entries, name)
}

export function shareListing(share: TestShare, entries: readonly FolderEntry[], name = 'Music'): ContentId {
  return share.add(listingName(name), encodeFolderListing(entries)).id
}

/** Files of equal length, and one of the rest, that these bytes are cut into. */
export function cut(bytes: Uint8Array, count: number): FolderFiles {
  const each = Math.floor(bytes.length / count)
  const names = Array.from({ length: count }, (_, index) => `${index}`.padStart(3, '0'))
  return Object.fromEntries(
    names.map((name, index) => {
      const end = index === count - 1 ? bytes.length : (index + 1) * each
      return [name, bytes.subarray(index * each, end)]
    })
  )
}

export const startFolder = (
  downloads: Downloads,
  id: ContentId,
  peer: Pick<Peer, 'provider'>,
  more: object = {}
) => downloads.start({ id, name: 'Music', folder: true, providers: [peer.provider], ...more })

/** Paths of all files below a folder. */
export async function tree(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter(entry => !entry.isDirectory())
    .map(entry => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()
}

export const failure = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => {
      throw new Error('It did not fail.')
    },
    (error: Error) => error
  )
