/** What a user means by a row's number, a ticket, an id or the beginning of one. */
import { type Catalogue, ContentId, decodeTicket, folderName, type Provider } from '@servent/overlay'
import type { DownloadStatus } from '@servent/transfer'
import { AmbiguousError, NotFoundError } from './errors.ts'
import type { SearchRow } from './types.ts'

/** A file to fetch, as far as it is known before the first peer is asked. */
export interface Target {
  readonly id: ContentId
  readonly size?: number
  readonly name?: string
  /** It is the listing of a folder of this name. */
  readonly folder?: boolean
  readonly providers: readonly Provider[]
}

/** Where ids are looked for. */
export interface Known {
  readonly rows: readonly SearchRow[]
  readonly downloads: readonly DownloadStatus[]
  readonly catalogue: Catalogue
  /** Rows that a wish found; throws where there is no such wish. */
  readonly wishRows?: (wish: number) => readonly SearchRow[]
}

const ROW = /^[0-9]{1,6}$/
const WISH_ROW = /^([0-9]{1,9})\.([0-9]{1,9})$/
const TICKET = /^servent1/i
const PREFIX = /^[a-z2-7]{1,128}$/i
/** Ids of one kind begin with the same eight characters or so: fewer than these tell nothing. */
const PREFIX_CHARACTERS_MIN = 12
/** Ids named in a refusal. */
const SHOWN_MAX = 3

/**
 * @throws NotFoundError   there is no such row, or nothing here has such an id
 * @throws AmbiguousError  several ids begin like this
 * @throws TicketError     the ticket is damaged
 */
export async function resolveTarget(what: string, known: Known): Promise<Target> {
  const text = what.trim()
  if (ROW.test(text)) return rowTarget(Number(text), known.rows)
  const wish = WISH_ROW.exec(text)
  if (wish !== null && known.wishRows !== undefined)
    return wishTarget(Number(wish[1]), Number(wish[2]), known.wishRows(Number(wish[1])))
  if (TICKET.test(text)) {
    const { id, size, name, providers } = decodeTicket(text)
    return targetOf({ id, size, name, providers })
  }
  return idTarget(await resolveId(text, known), known.rows)
}

/**
 * @throws NotFoundError   nothing here has an id that begins like this
 * @throws AmbiguousError  several have, or the beginning is too short
 */
export async function resolveId(text: string, known: Known): Promise<ContentId> {
  try {
    return ContentId.parse(text)
  } catch {
    // The beginning of one, perhaps.
  }
  if (!PREFIX.test(text)) {
    throw new NotFoundError(`${JSON.stringify(text)} is no row of the last search, no ticket and no id.`)
  }
  if (text.length < PREFIX_CHARACTERS_MIN) {
    throw new AmbiguousError(
      `Write at least ${PREFIX_CHARACTERS_MIN} characters of the id: all ids begin alike.`
    )
  }
  const prefix = text.toLowerCase()
  const found = new Set(
    [...known.rows, ...known.downloads].map(({ id }) => id).filter(id => id.startsWith(prefix))
  )
  for await (const { id } of known.catalogue.files()) {
    if (id.toString().startsWith(prefix)) found.add(id.toString())
    if (found.size > SHOWN_MAX) break
  }
  const ids = [...found]
  if (ids.length === 1) return ContentId.parse(ids[0]!)
  if (ids.length === 0) {
    throw new NotFoundError(
      `No shared file, download or row of the last search has an id that begins with ${text}.`
    )
  }
  const shown = ids.slice(0, SHOWN_MAX).join(', ')
  throw new AmbiguousError(
    `${text} is the beginning of several ids: ${shown}${ids.length > SHOWN_MAX ? ', …' : ''}.`
  )
}

function rowTarget(number: number, rows: readonly SearchRow[]): Target {
  const row = rows.find(candidate => candidate.row === number)
  if (row !== undefined) return fromRow(row)
  const had =
    rows.length === 0 ? 'Nothing was found or searched yet' : `The last search has rows 1 to ${rows.length}`
  throw new NotFoundError(`There is no row ${number}. ${had}; servent search finds files.`)
}

function wishTarget(wish: number, number: number, rows: readonly SearchRow[]): Target {
  const row = rows.find(candidate => candidate.row === number)
  if (row !== undefined) return fromRow(row)
  throw new NotFoundError(
    `Wish ${wish} has no row ${number}, or it is not remembered any more. servent wishes ${wish} --all lists them.`
  )
}

function idTarget(id: ContentId, rows: readonly SearchRow[]): Target {
  const text = id.toString()
  const row = rows.find(candidate => candidate.id === text)
  return row === undefined ? { id, providers: [] } : fromRow(row)
}

const fromRow = ({ id, size, name, providers }: SearchRow): Target =>
  targetOf({ id: ContentId.parse(id), size, name, providers })

/** Told by its name to be a folder, or a file. */
function targetOf(file: Target & { readonly name: string }): Target {
  const folder = folderName(file.name)
  return folder === undefined ? file : { id: file.id, name: folder, folder: true, providers: file.providers }
}
