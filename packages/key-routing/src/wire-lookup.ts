/** The fields of each message of lookups (`routing.proto`): their lengths, and how they are written and read. */
import { type Contact, KEY_BYTES, type Key, MalformedError } from '@servent/overlay/machine'
import type { Reader, Writer } from 'protons-runtime'
import { HOPS_MAX, NEXT_HOPS_MAX, REPLICAS_MAX, SILENT_MAX, TIMEOUTS_MAX } from './constants.ts'
import type { LookupFailure, LookupMessage, LookupPurpose, NextHopsAnswer, ReplyBy } from './messages.ts'
import {
  bytesFieldLength,
  fixed32FieldLength,
  readBool,
  readEmbedded,
  readFields,
  readFixed32,
  readKey,
  readVarint,
  varintFieldLength,
  writeBytes,
  writeEmbedded,
  writeFixed32,
  writeVarint
} from './store-fields.ts'
import { contactByteLength, readContact, readPeerId, writeContact } from './wire-contact.ts'

/** In the order of their numbers in the `oneof`, from 1. */
export const LOOKUP_TYPES: readonly LookupMessage['type'][] = [
  'lookup',
  'hop-ack',
  'found',
  'lookup-failed',
  'next-hops-request',
  'next-hops-answer',
  'ping',
  'pong'
]
const PURPOSES: readonly LookupPurpose[] = ['user', 'table']
const REPLIES: readonly ReplyBy[] = ['direct', 'path']
const FAILURES: readonly LookupFailure[] = ['no-route', 'budget', 'not-ready', 'busy']
const U32_MAX = 2 ** 32 - 1
const KEY_FIELD_BYTES = bytesFieldLength(KEY_BYTES)
const RANGE_BYTES = 2 * KEY_FIELD_BYTES

/** Bytes of the message's fields. */
export function fieldsLength(message: LookupMessage): number {
  const id = fixed32FieldLength(message.id)
  switch (message.type) {
    case 'lookup':
      return (
        id +
        contactFieldLength(message.origin) +
        KEY_FIELD_BYTES +
        (message.purpose === 'user' ? 0 : 2) +
        (message.replyBy === 'direct' ? 0 : 2) +
        varintFieldLength(message.hops) +
        varintFieldLength(message.timeouts) +
        varintFieldLength(message.budgetMs) +
        (message.root ? 2 : 0) +
        silentLength(message.silent)
      )
    case 'hop-ack':
      return id + bytesFieldLength(message.origin.length)
    case 'found':
      return (
        id +
        bytesFieldLength(message.origin.length) +
        contactFieldLength(message.root) +
        RANGE_BYTES +
        contactsLength(message.replicas) +
        varintFieldLength(message.hops) +
        varintFieldLength(message.timeouts)
      )
    case 'lookup-failed':
      return (
        id +
        bytesFieldLength(message.origin.length) +
        varintFieldLength(FAILURES.indexOf(message.reason)) +
        varintFieldLength(message.hops) +
        varintFieldLength(message.timeouts)
      )
    case 'next-hops-request':
      return (
        id +
        KEY_FIELD_BYTES +
        (message.purpose === 'user' ? 0 : 2) +
        (message.root ? 2 : 0) +
        silentLength(message.silent)
      )
    case 'next-hops-answer':
      return (
        id +
        (message.range === undefined ? 0 : bytesFieldLength(RANGE_BYTES)) +
        contactsLength(message.replicas) +
        nextHopsLength(message.hops)
      )
    case 'ping':
    case 'pong':
      return id
  }
}

export function writeFields(message: LookupMessage, writer: Writer): void {
  writeFixed32(writer, 1, message.id)
  switch (message.type) {
    case 'lookup':
      writeEmbedded(writer, 2, () => writeContact(writer, message.origin))
      writeBytes(writer, 3, message.key)
      writeVarint(writer, 4, PURPOSES.indexOf(message.purpose))
      writeVarint(writer, 5, REPLIES.indexOf(message.replyBy))
      writeVarint(writer, 6, message.hops)
      writeVarint(writer, 7, message.timeouts)
      writeVarint(writer, 8, message.budgetMs)
      writeVarint(writer, 9, message.root ? 1 : 0)
      for (const id of message.silent) writeBytes(writer, 10, id)
      return
    case 'hop-ack':
      writeBytes(writer, 2, message.origin)
      return
    case 'found':
      writeBytes(writer, 2, message.origin)
      writeEmbedded(writer, 3, () => writeContact(writer, message.root))
      writeBytes(writer, 4, message.from)
      writeBytes(writer, 5, message.to)
      for (const replica of message.replicas) writeEmbedded(writer, 6, () => writeContact(writer, replica))
      writeVarint(writer, 7, message.hops)
      writeVarint(writer, 8, message.timeouts)
      return
    case 'lookup-failed':
      writeBytes(writer, 2, message.origin)
      writeVarint(writer, 3, FAILURES.indexOf(message.reason))
      writeVarint(writer, 4, message.hops)
      writeVarint(writer, 5, message.timeouts)
      return
    case 'next-hops-request':
      writeBytes(writer, 2, message.key)
      writeVarint(writer, 3, PURPOSES.indexOf(message.purpose))
      writeVarint(writer, 4, message.root ? 1 : 0)
      for (const id of message.silent) writeBytes(writer, 5, id)
      return
    case 'next-hops-answer':
      writeNextHops(message, writer)
      return
    case 'ping':
    case 'pong':
      return
  }
}

export const READERS: Readonly<
  Record<LookupMessage['type'], (reader: Reader, end: number) => LookupMessage>
> = {
  lookup(reader, end) {
    let id = 0
    let origin: Contact | undefined
    let key: Key | undefined
    let purpose = 'user' as LookupPurpose
    let replyBy = 'direct' as ReplyBy
    let hops = 0
    let timeouts = 0
    let budgetMs = 0
    let root = false
    const silent: Uint8Array[] = []
    readFields(reader, end, (field, wire) => {
      if (field === 1) id = readFixed32(reader, wire, 'id')
      else if (field === 2) origin = readEmbedded(reader, wire, 'contact', readContact)
      else if (field === 3) key = readKey(reader, wire, 'key')
      else if (field === 4) purpose = readWord(reader, wire, PURPOSES, 'purpose')
      else if (field === 5) replyBy = readWord(reader, wire, REPLIES, 'way of the answer')
      else if (field === 6) hops = readVarint(reader, wire, HOPS_MAX, 'count of hops')
      else if (field === 7) timeouts = readVarint(reader, wire, TIMEOUTS_MAX, 'count of timeouts')
      else if (field === 8) budgetMs = readVarint(reader, wire, U32_MAX, 'budget')
      else if (field === 9) root = readBool(reader, wire, 'mark of the root')
      else if (field === 10) readSilentInto(silent, reader, wire)
      else return false
      return true
    })
    if (origin === undefined || key === undefined)
      throw new MalformedError('A lookup has an origin and a key.')
    return { type: 'lookup', id, origin, key, purpose, replyBy, hops, timeouts, budgetMs, root, silent }
  },
  'hop-ack'(reader, end) {
    let id = 0
    let origin: Uint8Array | undefined
    readFields(reader, end, (field, wire) => {
      if (field === 1) id = readFixed32(reader, wire, 'id')
      else if (field === 2) origin = readPeerId(reader, wire)
      else return false
      return true
    })
    if (origin === undefined) throw new MalformedError('An acknowledgement names the origin.')
    return { type: 'hop-ack', origin, id }
  },
  found(reader, end) {
    let id = 0
    let origin: Uint8Array | undefined
    let root: Contact | undefined
    let from: Key | undefined
    let to: Key | undefined
    const replicas: Contact[] = []
    let hops = 0
    let timeouts = 0
    readFields(reader, end, (field, wire) => {
      if (field === 1) id = readFixed32(reader, wire, 'id')
      else if (field === 2) origin = readPeerId(reader, wire)
      else if (field === 3) root = readEmbedded(reader, wire, 'contact', readContact)
      else if (field === 4) from = readKey(reader, wire, 'key')
      else if (field === 5) to = readKey(reader, wire, 'key')
      else if (field === 6) readReplicaInto(replicas, reader, wire)
      else if (field === 7) hops = readVarint(reader, wire, HOPS_MAX, 'count of hops')
      else if (field === 8) timeouts = readVarint(reader, wire, TIMEOUTS_MAX, 'count of timeouts')
      else return false
      return true
    })
    if (origin === undefined || root === undefined || from === undefined || to === undefined)
      throw new MalformedError('An answer names the origin, the root and its range.')
    return { type: 'found', origin, id, root, from, to, replicas, hops, timeouts }
  },
  'lookup-failed'(reader, end) {
    let id = 0
    let origin: Uint8Array | undefined
    let reason = 'no-route' as LookupFailure
    let hops = 0
    let timeouts = 0
    readFields(reader, end, (field, wire) => {
      if (field === 1) id = readFixed32(reader, wire, 'id')
      else if (field === 2) origin = readPeerId(reader, wire)
      else if (field === 3) reason = readWord(reader, wire, FAILURES, 'reason')
      else if (field === 4) hops = readVarint(reader, wire, HOPS_MAX, 'count of hops')
      else if (field === 5) timeouts = readVarint(reader, wire, TIMEOUTS_MAX, 'count of timeouts')
      else return false
      return true
    })
    if (origin === undefined) throw new MalformedError('A failure names the origin.')
    return { type: 'lookup-failed', origin, id, reason, hops, timeouts }
  },
  'next-hops-request'(reader, end) {
    let id = 0
    let key: Key | undefined
    let purpose = 'user' as LookupPurpose
    let root = false
    const silent: Uint8Array[] = []
    readFields(reader, end, (field, wire) => {
      if (field === 1) id = readFixed32(reader, wire, 'id')
      else if (field === 2) key = readKey(reader, wire, 'key')
      else if (field === 3) purpose = readWord(reader, wire, PURPOSES, 'purpose')
      else if (field === 4) root = readBool(reader, wire, 'mark of the root')
      else if (field === 5) readSilentInto(silent, reader, wire)
      else return false
      return true
    })
    if (key === undefined) throw new MalformedError('A step of a lookup has a key.')
    return { type: 'next-hops-request', id, key, purpose, root, silent }
  },
  'next-hops-answer': readNextHops,
  ping: (reader, end) => ({ type: 'ping', id: readId(reader, end) }),
  pong: (reader, end) => ({ type: 'pong', id: readId(reader, end) })
}

function readId(reader: Reader, end: number): number {
  let id = 0
  readFields(reader, end, (field, wire) => {
    if (field !== 1) return false
    id = readFixed32(reader, wire, 'id')
    return true
  })
  return id
}

function writeNextHops(message: NextHopsAnswer, writer: Writer): void {
  const { range } = message
  if (range !== undefined) {
    writeEmbedded(writer, 2, () => {
      writeBytes(writer, 1, range.from)
      writeBytes(writer, 2, range.to)
    })
  }
  for (const replica of message.replicas) writeEmbedded(writer, 3, () => writeContact(writer, replica))
  for (const { contact, root } of message.hops) {
    writeEmbedded(writer, 4, () => {
      writeEmbedded(writer, 1, () => writeContact(writer, contact))
      writeVarint(writer, 2, root ? 1 : 0)
    })
  }
}

function readNextHops(reader: Reader, end: number): NextHopsAnswer {
  let id = 0
  let range: NextHopsAnswer['range']
  const replicas: Contact[] = []
  const hops: NextHopsAnswer['hops'][number][] = []
  readFields(reader, end, (field, wire) => {
    if (field === 1) id = readFixed32(reader, wire, 'id')
    else if (field === 2) range = readEmbedded(reader, wire, 'range', readRange)
    else if (field === 3) readReplicaInto(replicas, reader, wire)
    else if (field === 4) {
      if (hops.length === NEXT_HOPS_MAX) throw new MalformedError(`There are at most ${NEXT_HOPS_MAX} hops.`)
      hops.push(readEmbedded(reader, wire, 'hop', readHop))
    } else return false
    return true
  })
  const answer = { type: 'next-hops-answer', id, replicas, hops } as const
  return range === undefined ? answer : { ...answer, range }
}

function readRange(reader: Reader, end: number): { from: Key; to: Key } {
  let from: Key | undefined
  let to: Key | undefined
  readFields(reader, end, (field, wire) => {
    if (field === 1) from = readKey(reader, wire, 'key')
    else if (field === 2) to = readKey(reader, wire, 'key')
    else return false
    return true
  })
  if (from === undefined || to === undefined) throw new MalformedError('A range has two ends.')
  return { from, to }
}

function readHop(reader: Reader, end: number): { contact: Contact; root: boolean } {
  let contact: Contact | undefined
  let root = false
  readFields(reader, end, (field, wire) => {
    if (field === 1) contact = readEmbedded(reader, wire, 'contact', readContact)
    else if (field === 2) root = readBool(reader, wire, 'mark of the root')
    else return false
    return true
  })
  if (contact === undefined) throw new MalformedError('A hop is a contact.')
  return { contact, root }
}

function readSilentInto(silent: Uint8Array[], reader: Reader, wire: number): void {
  if (silent.length === SILENT_MAX) throw new MalformedError(`There are at most ${SILENT_MAX} silent peers.`)
  silent.push(readPeerId(reader, wire))
}

function readReplicaInto(replicas: Contact[], reader: Reader, wire: number): void {
  if (replicas.length === REPLICAS_MAX)
    throw new MalformedError(`There are at most ${REPLICAS_MAX} replicas.`)
  replicas.push(readEmbedded(reader, wire, 'contact', readContact))
}

/** A word by its number. */
function readWord<W>(reader: Reader, wire: number, words: readonly W[], what: string): W {
  return words[readVarint(reader, wire, words.length - 1, what)]!
}

function contactFieldLength(contact: Contact): number {
  return bytesFieldLength(contactByteLength(contact))
}

function contactsLength(contacts: readonly Contact[]): number {
  let length = 0
  for (const contact of contacts) length += contactFieldLength(contact)
  return length
}

function silentLength(ids: readonly Uint8Array[]): number {
  let length = 0
  for (const id of ids) length += bytesFieldLength(id.length)
  return length
}

function nextHopsLength(hops: NextHopsAnswer['hops']): number {
  let length = 0
  for (const { contact, root } of hops)
    length += bytesFieldLength(contactFieldLength(contact) + (root ? 2 : 0))
  return length
}
