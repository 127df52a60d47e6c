/** Tickets of what lies at a path: of a shared file, and of a shared folder with all its files. */
import { realpath, stat } from 'node:fs/promises'
import { basename, parse, relative, sep } from 'node:path'
import type { Library } from '@servent/library'
import {
  type ContentId,
  encodeTicket,
  FOLDER_DEPTH_MAX,
  FOLDER_ENTRIES_MAX,
  FOLDER_PATH_BYTES_MAX,
  type FolderEntry,
  NAME_BYTES_MAX,
  type TicketProvider
} from '@servent/overlay'
import { NotFoundError } from './errors.ts'
import { type FolderListings, plainName } from './folder-listings.ts'

export interface PathTicket {
  readonly id: ContentId
  readonly ticket: string
  /** Of a folder: files in it for which the ticket does not stand. */
  readonly leftOut?: number
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
  const { entries, top, leftOut } = await entriesOf(library, path)
  // Files below a folder that is not shared itself have tickets of their own.
  if (entries.length === 0 || !listings.isShared(top)) throw notShared(path)
  const { id, size, name } = listings.make(top, entries)
  const ticket = encodeTicket({ id, size, name, providers: [self] })
  return leftOut === 0 ? { id, ticket } : { id, ticket, leftOut }
}

interface Entries {
  readonly entries: FolderEntry[]
  /** The folder's real path. */
  readonly top: string
  /** Files that are not hashed yet or cannot be read, and those too deep or with too long a path for a listing. */
  readonly leftOut: number
}

/** Files below a folder, one more than a listing has at most. */
async function entriesOf(library: Library, folder: string): Promise<Entries> {
  const top = await realpath(folder)
  const entries = new Map<string, FolderEntry>()
  let leftOut = 0
  for (let after = 0; entries.size <= FOLDER_ENTRIES_MAX; ) {
    const page = await library.list({ after, limit: PAGE_ENTRIES, under: top })
    for (const { path, id, size, state } of page) {
      const components = freeComponents(relative(top, path).split(sep).map(plainName), entries)
      const bytes = Buffer.byteLength(components.join('/'))
      // Deeper and longer ones are shared one by one, as others' disks may not take them.
      const isListed =
        components.length <= FOLDER_DEPTH_MAX &&
        bytes <= FOLDER_PATH_BYTES_MAX &&
        Buffer.byteLength(components.at(-1)!) <= NAME_BYTES_MAX
      if (state === 'shared' && id !== undefined && isListed)
        entries.set(components.join('/'), { path: components, id, size })
      else leftOut += 1
    }
    if (page.length < PAGE_ENTRIES) break
    after = page.at(-1)!.entry
  }
  return { entries: [...entries.values()], top, leftOut }
}

/** Names that differ on this disk may be one in a listing, as `a\\b` and `a_b`: the later ones are numbered. */
function freeComponents(components: string[], taken: ReadonlyMap<string, unknown>): string[] {
  const { name, ext } = parse(components.at(-1)!)
  let free = components
  for (let number = 1; taken.has(free.join('/')); number += 1)
    free = [...components.slice(0, -1), `${name} (${number})${ext}`]
  return free
}

const notShared = (path: string): NotFoundError =>
  new NotFoundError(
    `Nothing is shared at ${path}, or ${basename(path)} is not hashed yet. Share it first: servent share PATH.`
  )
