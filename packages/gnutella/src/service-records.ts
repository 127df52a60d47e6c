/** Signed records that others send, opened, and what queries on the wire ask for. */
import {
  ContentId,
  type FileRecord,
  matches,
  openRecord,
  parseQuery,
  peerIdText,
  type Query,
  restoreSealed
} from '@servent/overlay'
import { cidOfUrn, sha1OfUrn } from './huge.ts'
import type { HitResult } from './messages.ts'
import type { Claim, Wanted } from './types.ts'

/** Opens one result's record; nothing where it is not sound, or not of the contact that sent it. */
export async function openResult(
  { contact }: Claim,
  { record, abridged, name, size }: HitResult,
  nowMs: number
): Promise<FileRecord | undefined> {
  try {
    const sealed = abridged ? restoreSealed(abridged, { name, size, provider: contact.id }) : record
    return sealed && (await openRecord(sealed, { nowMs, provider: peerIdText(contact.id) }))
  } catch {
    // Whatever a stranger sent: it is no result.
    return undefined
  }
}

/** What a query on the wire asks for, read once. */
export class WantedFiles {
  readonly query: Query | undefined
  readonly ids: readonly ContentId[]
  readonly sha1s: readonly Uint8Array[]

  constructor({ text, urns }: Wanted, limit?: number) {
    this.query = readQuery(text, limit)
    this.ids = urns.flatMap(urn => readId(cidOfUrn(urn)))
    this.sha1s = urns.flatMap(urn => sha1OfUrn(urn) ?? [])
  }

  /** Whether a record is of such a file. Its SHA-1 no record tells, so a query for one is satisfied by any. */
  includes(record: FileRecord): boolean {
    if (this.ids.some(id => id.equals(record.id)) || this.sha1s.length > 0) return true
    return this.query !== undefined && matches(this.query, record)
  }
}

function readQuery(text: string, limit: number | undefined): Query | undefined {
  try {
    return parseQuery(text, limit === undefined ? {} : { limit })
  } catch {
    // No words, or more than a query may have: nothing matches it.
    return undefined
  }
}

function readId(text: string | undefined): ContentId[] {
  if (text === undefined) return []
  try {
    return [ContentId.parse(text)]
  } catch {
    return []
  }
}
