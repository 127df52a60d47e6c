/** Tickets of what lies at a path: of a shared file, and of a shared folder with all its files. */
import { realpath, stat } from 'node:fs/promises'
import { basename, relative, sep } from 'node:path'
import type { Library } from '@servent/library'
import {
  type ContentId,
  encodeTicket,
  FOLDER_DEPTH_MAX,
  FOLDER_ENTRIES_MAX,
  FOLDER_PATH_BYTES_MAX,
  type FolderEntry,
  type TicketProvider
} from '@servent/overlay'
import { NotFoundError } from './errors.ts'
import { type FolderListings, plainName } from './folder-listings.ts'

export interface PathTicket {
  readonly id: ContentId
  readonly ticket: string
}

export interface PathTicketInit {
  readonly self: TicketProvider
  readonly library: Library
  readonly listings: FolderListings
}

/** Entries that are read of the library at a time. */
const PAGE_ENTRIES = 1000

/**
 * @throws NotFoundError       nothing at this path is shared
 * @throws FolderListingError  the folder has more files than a listing holds
 */
export async function ticketOfPath(
  path: string,
  { self, library, listings }: PathTicketInit
): Promise<PathTicket> {
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() === true
  if (!isFolder) {
    const [entry] = await library.list({ limit: 1, under: path })
    if (entry?.id === undefined || entry.state !== 'shared') throw notShared(path)
    const { id, size, name } = entry
    return { id, ticket: encodeTicket({ id, size, name: plainName(name), providers: [self] }) }
  }
  const { entries, top } = await entriesOf(library, path)
  // Files below a folder that is not shared itself have tickets of their own.
  if (entries.length === 0 || !listings.isShared(top)) throw notShared(path)
  const { id, size, name } = listings.make(top, entries)
  return { id, ticket: encodeTicket({ id, size, name, providers: [self] }) }
}

/** Files below a folder, one more than a listing has at most, and the folder's real path. */
async function entriesOf(library: Library, folder: string): Promise<{ entries: FolderEntry[]; top: string }> {
  const top = await realpath(folder)
  const entries = new Map<string, FolderEntry>()
  for (let after = 0; entries.size <= FOLDER_ENTRIES_MAX; ) {
    const page = await library.list({ after, limit: PAGE_ENTRIES, under: top })
    for (const { path, id, size, state } of page) {
      if (state !== 'shared' || id === undefined) continue
      const components = relative(top, path).split(sep).map(plainName)
      // Deeper and longer ones are shared one by one, as others' disks may not take them.
      if (components.length > FOLDER_DEPTH_MAX) continue
      if (Buffer.byteLength(components.join('/')) > FOLDER_PATH_BYTES_MAX) continue
      entries.set(components.join('/'), { path: components, id, size })
    }
    if (page.length < PAGE_ENTRIES) break
    after = page.at(-1)!.entry
  }
  return { entries: [...entries.values()], top }
}

const notShared = (path: string): NotFoundError =>
  new NotFoundError(
    `Nothing is shared at ${path}, or ${basename(path)} is not hashed yet. Share it first: servent share PATH.`
  )
