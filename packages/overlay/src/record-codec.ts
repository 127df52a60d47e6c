/**
 * A file record in bytes: a map in DAG-CBOR, which gives one record one form (keys sorted, integers
 * shortest). The reader refuses every other form by writing the record again and comparing, so a signature
 * speaks of exactly one sequence of bytes. `sealing.ts` signs it.
 */
import * as dagCbor from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import { ContentId } from './content-id.ts'
import { RecordError } from './errors.ts'
import { RECORD_BYTES_MAX, TAG_VALUE_BYTES_MAX, TAGS_MAX } from './limits.ts'
import {
  isFileName,
  isMediaType,
  isPeerIdBytes,
  isTagName,
  peerIdBytes,
  peerIdText,
  utf8Bytes
} from './names.ts'
import type { FileRecord } from './record.ts'

/** In every record, so that a later form can be told from this one. */
export const RECORD_VERSION = 1

/** @throws RecordError  a field breaks its bounds, or the size is not one that the id can have */
export function encodeRecord(record: FileRecord): Uint8Array {
  const provider = peerIdBytes(record.provider)
  if (provider === undefined) throw new RecordError('The provider is not a PeerId as 12D3Koo….')
  checkRecord(record)
  const { id, size, name, type, tags, sequence, expiresMs } = record
  const bytes = dagCbor.encode({
    v: RECORD_VERSION,
    id: CID.decode(id.bytes),
    size,
    name,
    type,
    tags: { ...tags },
    provider,
    sequence,
    expires: expiresMs
  })
  if (bytes.length > RECORD_BYTES_MAX) throw tooLong(bytes.length)
  return bytes
}

/** @throws RecordError  the bytes are no record, not in its one form, or break a bound */
export function decodeRecord(bytes: Uint8Array): FileRecord {
  if (bytes.length > RECORD_BYTES_MAX) throw tooLong(bytes.length)
  const record = readRecord(decodeMap(bytes))
  const again = encodeRecord(record)
  if (again.length !== bytes.length || again.some((byte, index) => byte !== bytes[index])) {
    throw new RecordError('The record is not in its canonical form.')
  }
  return record
}

function decodeMap(bytes: Uint8Array): Record<string, unknown> {
  let value: unknown
  try {
    value = dagCbor.decode(bytes)
  } catch (error) {
    throw new RecordError(`The record is no DAG-CBOR: ${(error as Error).message}`)
  }
  if (!isMap(value)) throw new RecordError('The record is no map.')
  return value
}

function readRecord(map: Record<string, unknown>): FileRecord {
  const { v, id, size, name, type, tags, provider, sequence, expires } = map
  if (v !== RECORD_VERSION)
    throw new RecordError(
      `The record has version ${typeof v === 'number' ? v : 'none'}; ${RECORD_VERSION} is known.`
    )
  const cid = CID.asCID(id)
  if (cid === null) throw new RecordError('The id of the record is no CID.')
  if (!(provider instanceof Uint8Array) || !isPeerIdBytes(provider))
    throw new RecordError('The provider of the record is no PeerId.')
  if (typeof name !== 'string' || typeof type !== 'string' || !isMap(tags))
    throw new RecordError('A field of the record has the wrong type.')
  return {
    id: readId(cid),
    size: size as number,
    name,
    type,
    tags: tags as Record<string, string>,
    provider: peerIdText(provider),
    sequence: sequence as number,
    expiresMs: expires as number
  }
}

function readId(cid: CID): ContentId {
  try {
    return ContentId.decode(cid.bytes)
  } catch (error) {
    throw new RecordError((error as Error).message)
  }
}

/** Everything but the provider. Fields that were read may be of any type where the signature says number. */
function checkRecord(record: FileRecord): void {
  const { id, size, name, type, tags, sequence, expiresMs } = record
  try {
    id.checkSize(size)
  } catch (error) {
    throw new RecordError((error as Error).message)
  }
  if (!isFileName(name)) throw new RecordError('The name is empty, too long, a path, or no well-formed text.')
  if (!isMediaType(type)) throw new RecordError('The type is no media type as audio/flac.')
  if (!isCount(sequence)) throw new RecordError('The sequence is no whole number.')
  if (!isCount(expiresMs)) throw new RecordError('The expiry is no whole number of milliseconds.')
  const entries = Object.entries(tags)
  if (entries.length > TAGS_MAX)
    throw new RecordError(`A record has at most ${TAGS_MAX} tags, not ${entries.length}.`)
  for (const [tag, value] of entries) {
    if (!isTagName(tag)) throw new RecordError('A tag of the record has no well-formed name.')
    if (
      typeof value !== 'string' ||
      value.length > TAG_VALUE_BYTES_MAX ||
      !((utf8Bytes(value) ?? Infinity) <= TAG_VALUE_BYTES_MAX)
    ) {
      throw new RecordError(`The tag ${tag} is too long or no well-formed text.`)
    }
  }
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isMap(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  )
}

function tooLong(length: number): RecordError {
  return new RecordError(`A record has at most ${RECORD_BYTES_MAX} bytes, not ${length}.`)
}
