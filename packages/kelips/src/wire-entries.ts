/** Lives, heartbeats and tuples as protobuf (`kelips.proto`), each field within its bound. */
import {
  bytesFieldLength,
  contactByteLength,
  fixed32FieldLength,
  readBool,
  readBytes,
  readContact,
  readEmbedded,
  readFields,
  readFixed32,
  readVarint,
  varintFieldLength,
  writeBytes,
  writeContact,
  writeEmbedded,
  writeFixed32,
  writeVarint
} from '@servent/key-routing/machine'
import { type Contact, MalformedError } from '@servent/overlay/machine'
import type { Reader, Writer } from 'protons-runtime'
import { CHAIN_LENGTH, LEVEL_MAX, PEER_PREFIX_BYTES, PREFIX_BYTES, SIGNATURE_BYTES_MAX } from './constants.ts'
import type { Beat, PeerLife, PeerTuple } from './messages.ts'
import { KINDS } from './tuple-table.ts'

const NO_BYTES: Uint8Array = new Uint8Array(0)
const SEQUENCE_MAX = Number.MAX_SAFE_INTEGER

/** A message embedded in a field with a tag of one byte. */
const embedded = (length: number): number => bytesFieldLength(length)

/** Bytes that may be none. */
const optional = (bytes: Uint8Array): number => (bytes.length === 0 ? 0 : bytesFieldLength(bytes.length))

function lifeFields({ contact, startS, beat, signature, level }: PeerLife): number {
  return (
    embedded(contactByteLength(contact)) +
    fixed32FieldLength(startS) +
    varintFieldLength(beat) +
    bytesFieldLength(PREFIX_BYTES) +
    optional(signature) +
    varintFieldLength(level)
  )
}

const beatFields = ({ beat }: Beat): number =>
  bytesFieldLength(PEER_PREFIX_BYTES) + varintFieldLength(beat) + bytesFieldLength(PREFIX_BYTES)

function tupleFields({ provider, sequence, expiresMs, withdrawn, signature }: PeerTuple): number {
  return (
    2 +
    bytesFieldLength(PREFIX_BYTES) +
    embedded(contactByteLength(provider)) +
    varintFieldLength(sequence) +
    fixed32FieldLength(expiresMs / 1000) +
    (withdrawn ? 2 : 0) +
    optional(signature)
  )
}

/** With the tag and length before it, as in a list. */
export const lifeByteLength = (life: PeerLife): number => embedded(lifeFields(life))
export const beatByteLength = (beat: Beat): number => embedded(beatFields(beat))
export const tupleByteLength = (tuple: PeerTuple): number => embedded(tupleFields(tuple))

export function writeLife(writer: Writer, field: number, life: PeerLife): void {
  writeEmbedded(writer, field, () => {
    writeEmbedded(writer, 1, () => writeContact(writer, life.contact))
    writeFixed32(writer, 2, life.startS)
    writeVarint(writer, 3, life.beat)
    writeBytes(writer, 4, life.value)
    writeBytes(writer, 5, life.signature)
    writeVarint(writer, 6, life.level)
  })
}

export function writeBeat(writer: Writer, field: number, { peer, beat, value }: Beat): void {
  writeEmbedded(writer, field, () => {
    writeBytes(writer, 1, peer)
    writeVarint(writer, 2, beat)
    writeBytes(writer, 3, value)
  })
}

export function writeTuple(writer: Writer, field: number, tuple: PeerTuple): void {
  writeEmbedded(writer, field, () => {
    writeVarint(writer, 1, KINDS.indexOf(tuple.kind) + 1)
    writeBytes(writer, 2, tuple.prefix)
    writeEmbedded(writer, 3, () => writeContact(writer, tuple.provider))
    writeVarint(writer, 4, tuple.sequence)
    writeFixed32(writer, 5, tuple.expiresMs / 1000)
    writeVarint(writer, 6, tuple.withdrawn ? 1 : 0)
    writeBytes(writer, 7, tuple.signature)
  })
}

export function readLife(reader: Reader, wire: number): PeerLife {
  let contact: Contact | undefined
  let startS = 0
  let beat = 0
  let value = NO_BYTES
  let signature = NO_BYTES
  let level = 0
  readEmbedded(reader, wire, 'life', (inner, end) =>
    readFields(inner, end, (field, type) => {
      if (field === 1) contact = readEmbedded(inner, type, 'contact', readContact)
      else if (field === 2) startS = readFixed32(inner, type, 'start')
      else if (field === 3) beat = readVarint(inner, type, CHAIN_LENGTH, 'heartbeat')
      else if (field === 4) value = readExact(inner, type, PREFIX_BYTES, 'value')
      else if (field === 5) signature = readBytes(inner, type, SIGNATURE_BYTES_MAX, 'signature')
      else if (field === 6) level = readVarint(inner, type, LEVEL_MAX, 'level')
      else return false
      return true
    })
  )
  if (contact === undefined || value.length === 0)
    throw new MalformedError('A life has a contact and a value.')
  return { contact, startS, beat, value, signature, level }
}

export function readBeat(reader: Reader, wire: number): Beat {
  let peer = NO_BYTES
  let beat = 0
  let value = NO_BYTES
  readEmbedded(reader, wire, 'heartbeat', (inner, end) =>
    readFields(inner, end, (field, type) => {
      if (field === 1) peer = readExact(inner, type, PEER_PREFIX_BYTES, 'peer')
      else if (field === 2) beat = readVarint(inner, type, CHAIN_LENGTH, 'heartbeat')
      else if (field === 3) value = readExact(inner, type, PREFIX_BYTES, 'value')
      else return false
      return true
    })
  )
  if (peer.length === 0 || value.length === 0) throw new MalformedError('A heartbeat has a peer and a value.')
  return { peer, beat, value }
}

export function readTuple(reader: Reader, wire: number): PeerTuple {
  let kind = 0
  let prefix = NO_BYTES
  let provider: Contact | undefined
  let sequence = 0
  let expiresS = 0
  let withdrawn = false
  let signature = NO_BYTES
  readEmbedded(reader, wire, 'tuple', (inner, end) =>
    readFields(inner, end, (field, type) => {
      if (field === 1) kind = readVarint(inner, type, KINDS.length, 'kind')
      else if (field === 2) prefix = readExact(inner, type, PREFIX_BYTES, 'prefix')
      else if (field === 3) provider = readEmbedded(inner, type, 'contact', readContact)
      else if (field === 4) sequence = readVarint(inner, type, SEQUENCE_MAX, 'sequence')
      else if (field === 5) expiresS = readFixed32(inner, type, 'expiry')
      else if (field === 6) withdrawn = readBool(inner, type, 'withdrawal')
      else if (field === 7) signature = readBytes(inner, type, SIGNATURE_BYTES_MAX, 'signature')
      else return false
      return true
    })
  )
  if (kind === 0 || prefix.length === 0 || provider === undefined)
    throw new MalformedError('A tuple has a kind, a prefix and a provider.')
  return {
    kind: KINDS[kind - 1]!,
    prefix,
    provider,
    sequence,
    expiresMs: expiresS * 1000,
    withdrawn,
    signature
  }
}

function readExact(reader: Reader, wire: number, length: number, what: string): Uint8Array {
  const bytes = readBytes(reader, wire, length, what)
  if (bytes.length !== length) throw new MalformedError(`A ${what} has ${length} bytes, not ${bytes.length}.`)
  return bytes
}
