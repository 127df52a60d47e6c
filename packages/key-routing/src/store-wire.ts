/**
 * Messages about records as protobuf (`store.proto`), written with the runtime of protons: the body of a
 * `StoreMessage`, which an overlay's wire embeds. What breaks a bound is refused before it is copied.
 */
import { MalformedError } from '@servent/overlay/machine'
import { type Reader, reader as readerOf, type Writer } from 'protons-runtime'
import {
  COUNT_MAX,
  DIGEST_BRANCHES,
  DIGEST_DEPTH_MAX,
  FINGERPRINTS_MAX,
  PAGE_RECORDS_MAX,
  STORE_RECORDS_MAX
} from './store-constants.ts'
import {
  bytesFieldLength,
  fixed32FieldLength,
  optionalBytesLength,
  readBytes,
  readEmbedded,
  readFields,
  readFixed32,
  readFixed64,
  readFixed64s,
  readKey,
  readVarint,
  varintFieldLength,
  writeBytes,
  writeEmbedded,
  writeFixed32,
  writeFixed64s,
  writeVarint
} from './store-fields.ts'
import type {
  DigestAnswer,
  RecordKind,
  StoreAnswer,
  StoredRecord,
  StoreOutcome,
  StoreRecords,
  StoreRequest
} from './store-messages.ts'
import { KINDS, readRecordInto, recordsLength, writeRecords } from './store-wire-records.ts'

export type StoreMessage = StoreRequest | StoreAnswer

const ROLES: readonly StoreRecords['as'][] = ['root', 'replica', 'hand-over']
const OUTCOMES: readonly StoreOutcome[] = [
  'kept',
  'few-copies',
  'older',
  'refused',
  'full',
  'busy',
  'not-root',
  'full-key',
  'full-publisher'
]
const WHATS: readonly DigestAnswer['what'][] = ['same', 'branches', 'all', 'busy']
/** In the order of their numbers in the `oneof`, from 1. */
const TYPES: readonly StoreMessage['type'][] = [
  'store',
  'stored',
  'get',
  'page',
  'digest-request',
  'digest-answer',
  'pull'
]
const KEY_FIELD_BYTES = bytesFieldLength(32)

/** Bytes of a `StoreMessage`, without what its overlay writes around it. */
export function storeByteLength(message: StoreMessage): number {
  return bytesFieldLength(fieldsLength(message))
}

function fieldsLength(message: StoreMessage): number {
  const id = fixed32FieldLength(message.id)
  switch (message.type) {
    case 'store':
      return id + varintFieldLength(ROLES.indexOf(message.as)) + recordsLength(message.records)
    case 'stored':
      return id + optionalBytesLength(message.outcomes.length) + optionalBytesLength(message.copies.length)
    case 'get':
      return (
        id +
        varintFieldLength(KINDS.indexOf(message.kind)) +
        KEY_FIELD_BYTES +
        varintFieldLength(message.after) +
        varintFieldLength(message.limit)
      )
    case 'page':
      return (
        id +
        recordsLength(message.records) +
        varintFieldLength(message.total) +
        varintFieldLength(message.next ?? 0)
      )
    case 'digest-request':
      return (
        id + 2 * KEY_FIELD_BYTES + optionalBytesLength(message.prefix.length) + (message.digest === 0 ? 0 : 9)
      )
    case 'digest-answer':
      return (
        id + varintFieldLength(WHATS.indexOf(message.what)) + optionalBytesLength(8 * message.hashes.length)
      )
    case 'pull':
      return id + 2 * KEY_FIELD_BYTES + optionalBytesLength(8 * message.fingerprints.length)
  }
}

/** Writes the fields of a `StoreMessage`. */
export function writeStore(message: StoreMessage, writer: Writer): void {
  writeEmbedded(writer, TYPES.indexOf(message.type) + 1, () => writeMessage(message, writer))
}

function writeMessage(message: StoreMessage, writer: Writer): void {
  writeFixed32(writer, 1, message.id)
  switch (message.type) {
    case 'store':
      writeVarint(writer, 2, ROLES.indexOf(message.as))
      writeRecords(writer, 3, message.records)
      return
    case 'stored':
      writeBytes(
        writer,
        2,
        Uint8Array.from(message.outcomes, outcome => OUTCOMES.indexOf(outcome))
      )
      writeBytes(writer, 3, Uint8Array.from(message.copies))
      return
    case 'get':
      writeVarint(writer, 2, KINDS.indexOf(message.kind))
      writeBytes(writer, 3, message.key)
      writeVarint(writer, 4, message.after)
      writeVarint(writer, 5, message.limit)
      return
    case 'page':
      writeRecords(writer, 2, message.records)
      writeVarint(writer, 3, message.total)
      writeVarint(writer, 4, message.next ?? 0)
      return
    case 'digest-request':
      writeBytes(writer, 2, message.from)
      writeBytes(writer, 3, message.to)
      writeBytes(writer, 4, Uint8Array.from(message.prefix))
      if (message.digest !== 0) writer.uint32((5 << 3) | 1).fixed64Number(message.digest)
      return
    case 'digest-answer':
      writeVarint(writer, 2, WHATS.indexOf(message.what))
      writeFixed64s(writer, 3, message.hashes)
      return
    case 'pull':
      writeBytes(writer, 2, message.from)
      writeBytes(writer, 3, message.to)
      writeFixed64s(writer, 4, message.fingerprints)
      return
  }
}

/**
 * Reads a `StoreMessage` from bytes, or up to `end` from a reader.
 *
 * @throws MalformedError  no message, more than one, or a bound is broken
 */
export function readStore(from: Reader | Uint8Array, end?: number): StoreMessage {
  const reader = from instanceof Uint8Array ? readerOf(from) : from
  let message: StoreMessage | undefined
  try {
    readFields(reader, end ?? reader.len, (field, wire) => {
      const type = TYPES[field - 1]
      if (type === undefined) return false
      if (message !== undefined) throw new MalformedError('There is more than one message about records.')
      message = readEmbedded(reader, wire, type, (inner, innerEnd) => READERS[type](inner, innerEnd))
      return true
    })
  } catch (error) {
    // What the runtime throws about bytes that end too early.
    throw error instanceof MalformedError ? error : new MalformedError((error as Error).message)
  }
  if (message === undefined) throw new MalformedError('There is no message about records.')
  return message
}

const READERS: Readonly<Record<StoreMessage['type'], (reader: Reader, end: number) => StoreMessage>> = {
  store(reader, end) {
    let id = 0
    let as: StoreRecords['as'] = 'root'
    let bytes = 0
    const records: StoredRecord[] = []
    readFields(reader, end, (field, wire) => {
      if (field === 1) id = readFixed32(reader, wire, 'id')
      else if (field === 2) as = ROLES[readVarint(reader, wire, ROLES.length - 1, 'role')]!
      else if (field === 3) bytes = readRecordInto(reader, wire, records, bytes)
      else return false
      return true
    })
    return { type: 'store', id, as, records }
  },
  stored(reader, end) {
    let id = 0
    let outcomes: StoreOutcome[] = []
    let copies: number[] = []
    readFields(reader, end, (field, wire) => {
      if (field === 1) id = readFixed32(reader, wire, 'id')
      else if (field === 2) {
        const bytes = readBytes(reader, wire, STORE_RECORDS_MAX, 'list of outcomes')
        if (bytes.some(byte => byte >= OUTCOMES.length)) throw new MalformedError('An outcome is not known.')
        outcomes = Array.from(bytes, byte => OUTCOMES[byte]!)
      } else if (field === 3) copies = [...readBytes(reader, wire, STORE_RECORDS_MAX, 'list of copies')]
      else return false
      return true
    })
    if (copies.length !== outcomes.length) throw new MalformedError('An outcome has no count of copies.')
    return { type: 'stored', id, outcomes, copies }
  },
  get(reader, end) {
    let id = 0
    let kind = 'provider' as RecordKind
    let key: Uint8Array | undefined
    let after = 0
    let limit = 0
    readFields(reader, end, (field, wire) => {
      if (field === 1) id = readFixed32(reader, wire, 'id')
      else if (field === 2) kind = KINDS[readVarint(reader, wire, KINDS.length - 1, 'kind of record')]!
      else if (field === 3) key = readKey(reader, wire, 'key')
      else if (field === 4) after = readVarint(reader, wire, Number.MAX_SAFE_INTEGER, 'place')
      else if (field === 5) limit = readVarint(reader, wire, PAGE_RECORDS_MAX, 'limit of a page')
      else return false
      return true
    })
    if (key === undefined) throw new MalformedError('A request for records has a key.')
    return { type: 'get', id, kind, key, after, limit }
  },
  page(reader, end) {
    let id = 0
    let total = 0
    let next = 0
    let bytes = 0
    const records: StoredRecord[] = []
    readFields(reader, end, (field, wire) => {
      if (field === 1) id = readFixed32(reader, wire, 'id')
      else if (field === 2) bytes = readRecordInto(reader, wire, records, bytes)
      else if (field === 3) total = readVarint(reader, wire, COUNT_MAX, 'count of records')
      else if (field === 4) next = readVarint(reader, wire, Number.MAX_SAFE_INTEGER, 'place')
      else return false
      return true
    })
    const page = { type: 'page', id, records, total } as const
    return next === 0 ? page : { ...page, next }
  },
  'digest-request'(reader, end) {
    let id = 0
    let from: Uint8Array | undefined
    let to: Uint8Array | undefined
    let prefix: number[] = []
    let digest = 0
    readFields(reader, end, (field, wire) => {
      if (field === 1) id = readFixed32(reader, wire, 'id')
      else if (field === 2) from = readKey(reader, wire, 'key')
      else if (field === 3) to = readKey(reader, wire, 'key')
      else if (field === 4) {
        prefix = [...readBytes(reader, wire, DIGEST_DEPTH_MAX, 'prefix of fingerprints')]
        if (prefix.some(digit => digit >= DIGEST_BRANCHES)) throw new MalformedError('A digit is over 15.')
      } else if (field === 5) digest = readFixed64(reader, wire, 'digest')
      else return false
      return true
    })
    if (from === undefined || to === undefined) throw new MalformedError('A range has two ends.')
    return { type: 'digest-request', id, from, to, prefix, digest }
  },
  'digest-answer'(reader, end) {
    let id = 0
    let what = 'same' as DigestAnswer['what']
    let hashes: number[] = []
    readFields(reader, end, (field, wire) => {
      if (field === 1) id = readFixed32(reader, wire, 'id')
      else if (field === 2) what = WHATS[readVarint(reader, wire, WHATS.length - 1, 'answer about digests')]!
      else if (field === 3) hashes = readFixed64s(reader, wire, FINGERPRINTS_MAX, 'fingerprint')
      else return false
      return true
    })
    if (what === 'branches' ? hashes.length !== DIGEST_BRANCHES : what !== 'all' && hashes.length > 0)
      throw new MalformedError(`An answer about digests has ${hashes.length} of them.`)
    return { type: 'digest-answer', id, what, hashes }
  },
  pull(reader, end) {
    let id = 0
    let from: Uint8Array | undefined
    let to: Uint8Array | undefined
    let fingerprints: number[] = []
    readFields(reader, end, (field, wire) => {
      if (field === 1) id = readFixed32(reader, wire, 'id')
      else if (field === 2) from = readKey(reader, wire, 'key')
      else if (field === 3) to = readKey(reader, wire, 'key')
      else if (field === 4) fingerprints = readFixed64s(reader, wire, STORE_RECORDS_MAX, 'fingerprint')
      else return false
      return true
    })
    if (from === undefined || to === undefined) throw new MalformedError('A range has two ends.')
    return { type: 'pull', id, from, to, fingerprints }
  }
}
