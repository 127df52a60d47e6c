/** Stored records and contacts as protobuf (`store.proto`), each within its bounds. */
import { type Contact, KEY_BYTES, MalformedError } from '@servent/overlay/machine'
import type { Reader, Writer } from 'protons-runtime'
import {
  RECORD_BODY_BYTES_MAX,
  STORE_BYTES_MAX,
  STORE_RECORDS_MAX,
  SUBJECT_BYTES
} from './store-constants.ts'
import {
  bytesFieldLength,
  optionalBytesLength,
  readBool,
  readBytes,
  readEmbedded,
  readFields,
  readKey,
  readVarint,
  varintFieldLength,
  writeBytes,
  writeEmbedded,
  writeVarint
} from './store-fields.ts'
import type { RecordKind, StoredRecord } from './store-messages.ts'
import { contactByteLength, readContact, writeContact } from './wire-contact.ts'

export const KINDS: readonly RecordKind[] = ['provider', 'word', 'value']

/** Bytes that a record takes where it is stored and on the wire, without the tag and length before it. */
export function recordByteLength(record: StoredRecord): number {
  return (
    varintFieldLength(KINDS.indexOf(record.kind)) +
    bytesFieldLength(KEY_BYTES) +
    bytesFieldLength(contactByteLength(record.publisher)) +
    varintFieldLength(record.sequence) +
    varintFieldLength(record.expiresMs) +
    optionalBytesLength(record.subject.length) +
    optionalBytesLength(record.body.length) +
    (record.withdrawn === true ? 2 : 0)
  )
}

function writeRecord(writer: Writer, record: StoredRecord): void {
  writeVarint(writer, 1, KINDS.indexOf(record.kind))
  writeBytes(writer, 2, record.key)
  writeEmbedded(writer, 3, () => writeContact(writer, record.publisher))
  writeVarint(writer, 4, record.sequence)
  writeVarint(writer, 5, record.expiresMs)
  writeBytes(writer, 6, record.subject)
  writeBytes(writer, 7, record.body)
  writeVarint(writer, 8, record.withdrawn === true ? 1 : 0)
}

function readRecord(reader: Reader, end: number): StoredRecord {
  let kind = 'provider' as RecordKind
  let key: Uint8Array | undefined
  let publisher: Contact | undefined
  let sequence = 0
  let expiresMs = 0
  let subject = new Uint8Array(0)
  let body = new Uint8Array(0)
  let withdrawn = false
  readFields(reader, end, (field, wire) => {
    if (field === 1) kind = KINDS[readVarint(reader, wire, KINDS.length - 1, 'kind of record')]!
    else if (field === 2) key = readKey(reader, wire, 'key')
    else if (field === 3) publisher = readEmbedded(reader, wire, 'publisher', readContact)
    else if (field === 4) sequence = readVarint(reader, wire, Number.MAX_SAFE_INTEGER, 'sequence')
    else if (field === 5) expiresMs = readVarint(reader, wire, Number.MAX_SAFE_INTEGER, 'expiry')
    else if (field === 6) subject = Uint8Array.from(readKey(reader, wire, 'subject'))
    else if (field === 7)
      body = Uint8Array.from(readBytes(reader, wire, RECORD_BODY_BYTES_MAX, 'body of a record'))
    else if (field === 8) withdrawn = readBool(reader, wire, 'mark of a withdrawal')
    else return false
    return true
  })
  if (key === undefined || publisher === undefined)
    throw new MalformedError('A record has a key and a publisher.')
  if (subject.length !== (kind === 'value' ? 0 : SUBJECT_BYTES))
    throw new MalformedError(`The subject of a ${kind} record has ${subject.length} bytes.`)
  const record = { kind, key, publisher, sequence, expiresMs, subject, body }
  return withdrawn ? { ...record, withdrawn } : record
}

export function recordsLength(records: readonly StoredRecord[]): number {
  let length = 0
  for (const record of records) length += bytesFieldLength(recordByteLength(record))
  return length
}

export function writeRecords(writer: Writer, field: number, records: readonly StoredRecord[]): void {
  for (const record of records) writeEmbedded(writer, field, () => writeRecord(writer, record))
}

/**
 * Adds one record to those of its message.
 *
 * @throws MalformedError  one past `STORE_RECORDS_MAX`, or bytes past `STORE_BYTES_MAX`
 */
export function readRecordInto(
  reader: Reader,
  wire: number,
  records: StoredRecord[],
  bytesBefore: number
): number {
  if (records.length === STORE_RECORDS_MAX)
    throw new MalformedError(`A message has at most ${STORE_RECORDS_MAX} records.`)
  const before = reader.pos
  records.push(readEmbedded(reader, wire, 'record', readRecord))
  // The tag before it has one byte.
  const bytes = bytesBefore + 1 + reader.pos - before
  if (bytes > STORE_BYTES_MAX)
    throw new MalformedError(`The records of a message have at most ${STORE_BYTES_MAX} bytes.`)
  return bytes
}

/** As many of the records, from the first, as one message may hold: at least one where there is one. */
export function fitInMessage(records: readonly StoredRecord[], from = 0): StoredRecord[] {
  const fitting: StoredRecord[] = []
  let bytes = 0
  for (let index = from; index < records.length && fitting.length < STORE_RECORDS_MAX; index += 1) {
    bytes += bytesFieldLength(recordByteLength(records[index]!))
    if (bytes > STORE_BYTES_MAX) break
    fitting.push(records[index]!)
  }
  return fitting
}
