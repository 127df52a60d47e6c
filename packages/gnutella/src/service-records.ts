/**
 * Signed records: made of what this peer shares, once for each file until they near their end, and opened
 * when others send theirs.
 */
import type { PrivateKey } from '@libp2p/interface'
import {
  ContentId,
  type FileRecord,
  matches,
  openRecord,
  type PartialFile,
  parseQuery,
  peerIdText,
  type Query,
  type SharedFile,
  sealRecord
} from '@servent/overlay'
import { RECORD_LIFETIME_MS, RECORD_RENEW_MS, SEALED_MAX } from './constants.ts'
import { cidOfUrn, sha1OfUrn } from './huge.ts'
import type { HitResult } from './messages.ts'
import type { Claim, Wanted } from './types.ts'

interface Sealed {
  readonly bytes: Uint8Array
  readonly id: ContentId
  readonly name: string
  readonly expiresMs: number
}

/** Records of this peer. */
export class SealedRecords {
  readonly #privateKey: PrivateKey
  readonly #provider: string
  /** By index, in the order of their last use. */
  readonly #sealed = new Map<number, Sealed>()

  constructor(privateKey: PrivateKey) {
    this.#privateKey = privateKey
    this.#provider = peerIdText(privateKey.publicKey.toMultihash().bytes)
  }

  get size(): number {
    return this.#sealed.size
  }

  /** @throws RecordError  the file has a name or tags that no record can hold */
  async of(file: SharedFile | PartialFile, wallMs: number): Promise<Uint8Array> {
    const known = this.#sealed.get(file.index)
    if (known !== undefined) {
      this.#sealed.delete(file.index)
      const isSame = known.name === file.name && known.id.equals(file.id)
      if (isSame && known.expiresMs - wallMs >= RECORD_RENEW_MS) {
        this.#sealed.set(file.index, known)
        return known.bytes
      }
    }
    const { id, size, name, type, tags, index } = file
    const expiresMs = wallMs + RECORD_LIFETIME_MS
    const record: FileRecord = {
      id,
      size,
      name,
      type,
      tags,
      provider: this.#provider,
      sequence: wallMs,
      expiresMs
    }
    const bytes = await sealRecord(record, this.#privateKey)
    const oldest = this.#sealed.keys().next().value
    if (oldest !== undefined && this.#sealed.size >= SEALED_MAX) this.#sealed.delete(oldest)
    this.#sealed.set(index, { bytes, id, name, expiresMs })
    return bytes
  }

  forget(index: number): void {
    this.#sealed.delete(index)
  }
}

/** Opens one result's record; nothing where it is not sound, or not of the contact that sent it. */
export async function openResult(
  { contact }: Claim,
  { record }: HitResult,
  nowMs: number
): Promise<FileRecord | undefined> {
  if (record === undefined) return undefined
  try {
    return await openRecord(record, { nowMs, provider: peerIdText(contact.id) })
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
