/**
 * A folder listing: the files of one folder and of those below it, as one small content with an id of its own,
 * so that one ticket stands for all of them. Its bytes are DAG-CBOR:
 *
 *     ["servent-folder", 1, [[[component, …], id, size], …]]
 *
 * with the components of a path below the folder, the bytes of the file's CID, and its size in bytes. Entries
 * are sorted by their paths, component by component in the order of UTF-8, so that equal folders have one
 * listing, and none comes twice. A listing that breaks a bound of `limits.ts` is refused as a whole. Components
 * are what a peer calls its files: who writes them to a disk cleans them first.
 */
import * as dagCbor from '@ipld/dag-cbor'
import { CborReader } from './cbor-reader.ts'
import { ContentId } from './content-id.ts'
import { FolderListingError } from './errors.ts'
import {
  FOLDER_BYTES_MAX,
  FOLDER_DEPTH_MAX,
  FOLDER_ENTRIES_MAX,
  FOLDER_LISTING_BYTES_MAX,
  FOLDER_PATH_BYTES_MAX,
  NAME_BYTES_MAX
} from './limits.ts'
import { compareTexts, isFileName, utf8Bytes } from './names.ts'

export interface FolderEntry {
  /** Components below the folder; the last is the file's name. */
  readonly path: readonly string[]
  readonly id: ContentId
  /** Bytes. */
  readonly size: number
}

/** What the name of a listing ends in, in tickets and answers: the folder's own name stands before it. */
const FOLDER_MARK = '.servent-folder'
const FORMAT = 'servent-folder'
const VERSION = 1

/** The name of a folder's listing. A folder's name that is too long for it is cut. */
export function listingName(folder: string): string {
  let name = ''
  for (const point of folder.toWellFormed()) {
    if (utf8Bytes(name + point)! > NAME_BYTES_MAX - FOLDER_MARK.length) break
    name += point
  }
  return name + FOLDER_MARK
}

/** The folder's name that the name of a listing has; nothing where it is not the name of one. */
export function folderName(name: string): string | undefined {
  return name.length > FOLDER_MARK.length && name.endsWith(FOLDER_MARK)
    ? name.slice(0, -FOLDER_MARK.length)
    : undefined
}

/**
 * The bytes of the listing with these files, in whatever order they are given.
 *
 * @throws FolderListingError  there are none, or they break a bound
 */
export function encodeFolderListing(entries: readonly FolderEntry[]): Uint8Array {
  const sorted = [...entries].sort((a, b) => comparePaths(a.path, b.path))
  checkEntries(sorted)
  const bytes = dagCbor.encode([
    FORMAT,
    VERSION,
    sorted.map(({ path, id, size }) => [[...path], id.bytes, size])
  ])
  checkBytes(bytes.length)
  return bytes
}

/** @throws FolderListingError  the bytes are no listing, of a newer version, or break a bound */
export function decodeFolderListing(bytes: Uint8Array): FolderEntry[] {
  checkBytes(bytes.length)
  try {
    return readListing(new CborReader(bytes))
  } catch (error) {
    throw (error as Error).name === 'FolderListingError' ? error : noListing()
  }
}

/** Each count is refused before what it counts is read: 4 MiB of tiny lists would take a hundred times as much. */
function readListing(reader: CborReader): FolderEntry[] {
  if (reader.list() !== 3 || reader.text() !== FORMAT) throw noListing()
  const version = reader.uint()
  if (version !== VERSION) {
    throw new FolderListingError(
      `This folder listing has version ${version}, and this program knows ${VERSION}. Install a newer one.`
    )
  }
  const count = reader.list()
  checkCount(count)
  const entries: FolderEntry[] = []
  while (entries.length < count) entries.push(readEntry(reader))
  reader.end()
  checkEntries(entries)
  return entries
}

function readEntry(reader: CborReader): FolderEntry {
  if (reader.list() !== 3) throw noListing()
  const depth = reader.list()
  checkDepth(depth)
  const path: string[] = []
  while (path.length < depth) {
    if (!reader.isText) throw badComponent()
    path.push(reader.text())
  }
  return { path, id: ContentId.decode(reader.bytes()), size: reader.uint() }
}

function checkEntries(entries: readonly FolderEntry[]): void {
  checkCount(entries.length)
  let total = 0
  for (const [index, { path, id, size }] of entries.entries()) {
    checkPath(path)
    if (index > 0 && comparePaths(entries[index - 1]!.path, path) >= 0) {
      throw new FolderListingError('The paths of the folder listing are out of order, or one stands twice.')
    }
    try {
      id.checkSize(size)
    } catch (error) {
      throw new FolderListingError((error as Error).message)
    }
    total += size
  }
  if (total > FOLDER_BYTES_MAX) {
    throw new FolderListingError(
      `The files of a folder listing have at most ${FOLDER_BYTES_MAX} bytes, not ${total}.`
    )
  }
}

function checkPath(path: readonly string[]): void {
  checkDepth(path.length)
  let bytes = path.length - 1
  for (const component of path) {
    if (typeof component !== 'string' || !isFileName(component)) throw badComponent()
    bytes += utf8Bytes(component)!
  }
  if (bytes > FOLDER_PATH_BYTES_MAX) {
    throw new FolderListingError(
      `A path in a folder listing has at most ${FOLDER_PATH_BYTES_MAX} bytes, not ${bytes}.`
    )
  }
}

function checkDepth(depth: number): void {
  if (depth > 0 && depth <= FOLDER_DEPTH_MAX) return
  throw new FolderListingError(
    `A path in a folder listing has 1 to ${FOLDER_DEPTH_MAX} components, not ${depth}.`
  )
}

function checkCount(count: number): void {
  if (count === 0) throw new FolderListingError('A folder listing names at least one file, and this none.')
  if (count > FOLDER_ENTRIES_MAX) {
    throw new FolderListingError(
      `A folder listing has at most ${FOLDER_ENTRIES_MAX} files, and this has more. Take a folder inside it.`
    )
  }
}

function checkBytes(bytes: number): void {
  if (bytes <= FOLDER_LISTING_BYTES_MAX) return
  throw new FolderListingError(
    `A folder listing has at most ${FOLDER_LISTING_BYTES_MAX} bytes, not ${bytes}. Take a folder inside it.`
  )
}

function comparePaths(a: readonly string[], b: readonly string[]): number {
  for (let index = 0; index < Math.min(a.length, b.length); index += 1) {
    const order = compareTexts(a[index]!, b[index]!)
    if (order !== 0) return order
  }
  return a.length - b.length
}

const badComponent = (): FolderListingError =>
  new FolderListingError(
    'A component of a path in the folder listing is empty, too long, a path, or no well-formed text.'
  )

const noListing = (): FolderListingError =>
  new FolderListingError('These bytes are no folder listing. Ask for a new ticket of the folder.')
