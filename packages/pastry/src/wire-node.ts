/**
 * Messages of Pastry's nodes as protobuf (`pastry.proto`), written with the runtime of protons. Each is a list of
 * fields of five kinds; what breaks a bound is refused before it is kept.
 */
import {
  bytesFieldLength,
  contactByteLength,
  fixed32FieldLength,
  NEXT_HOPS_MAX,
  readBool,
  readContact,
  readEmbedded,
  readFields,
  readFixed32,
  readInto,
  readPeerId,
  readVarint,
  SILENT_MAX,
  varintFieldLength,
  writeBytes,
  writeContact,
  writeEmbedded,
  writeFixed32,
  writeVarint
} from '@servent/key-routing/machine'
import { type Contact, MalformedError } from '@servent/overlay/machine'
import type { Reader, Writer } from 'protons-runtime'
import {
  COLUMNS_MAX,
  DISTANCE_MS_MAX,
  FAILED_TOLD_MAX,
  JOIN_ENTRIES_MAX,
  LEAF_SET_MAX,
  NEIGHBOURHOOD_MAX,
  ROWS_MAX,
  TABLE_PROBE_MS_MAX
} from './constants.ts'
import type { NodeMessage, Standing } from './messages.ts'

/** From 1. */
const STANDINGS: readonly Standing[] = ['member', 'joining', 'out']
const DIGIT_BITS_MAX = Math.log2(COLUMNS_MAX)

/** One field of a message: how it is measured, written and read. `Value` is what the message has there. */
interface Field<Value> {
  readonly initial: () => Value | undefined
  byteLength(value: Value): number
  write(writer: Writer, number: number, value: Value): void
  /** The value with what was read: a list has one more. */
  read(reader: Reader, wire: number, name: string, before: Value | undefined): Value
}

const id: Field<number> = {
  initial: () => 0,
  byteLength: fixed32FieldLength,
  write: writeFixed32,
  read: (reader, wire, name) => readFixed32(reader, wire, name)
}

const flag: Field<boolean> = {
  initial: () => false,
  byteLength: value => (value ? 2 : 0),
  write: (writer, number, value) => writeVarint(writer, number, value ? 1 : 0),
  read: (reader, wire, name) => readBool(reader, wire, name)
}

const standing: Field<Standing> = {
  initial: () => undefined,
  byteLength: () => 2,
  write: (writer, number, value) => writeVarint(writer, number, STANDINGS.indexOf(value) + 1),
  read(reader, wire, name) {
    const value = STANDINGS[readVarint(reader, wire, STANDINGS.length, name) - 1]
    if (value === undefined) throw new MalformedError(`A ${name} is missing.`)
    return value
  }
}

/** A whole number up to `max`. */
const number = (max: number): Field<number> => ({
  initial: () => 0,
  byteLength: varintFieldLength,
  write: writeVarint,
  read: (reader, wire, name) => readVarint(reader, wire, max, name)
})

/** One that is not 0. */
const size = (max: number): Field<number> => ({ ...number(max), initial: () => undefined })

const contacts = (max: number): Field<readonly Contact[]> => ({
  initial: () => [],
  byteLength(list) {
    let length = 0
    for (const contact of list) length += bytesFieldLength(contactByteLength(contact))
    return length
  },
  write(writer, number, list) {
    for (const contact of list) writeEmbedded(writer, number, () => writeContact(writer, contact))
  },
  read(reader, wire, name, before) {
    const list = before as Contact[]
    readInto(list, max, readEmbedded(reader, wire, name, readContact))
    return list
  }
})

/** PeerIds' multihashes. */
const peerIds = (max: number): Field<readonly Uint8Array[]> => ({
  initial: () => [],
  byteLength(list) {
    let length = 0
    for (const { length: bytes } of list) length += bytesFieldLength(bytes)
    return length
  },
  write(writer, number, list) {
    for (const bytes of list) writeBytes(writer, number, bytes)
  },
  read(reader, wire, _name, before) {
    const list = before as Uint8Array[]
    readInto(list, max, readPeerId(reader, wire))
    return list
  }
})

/** Fields of a message in the order of their numbers, from 1. */
type Fields<Message> = { readonly [Name in Exclude<keyof Message, 'type'>]: Field<Message[Name]> }

type Schema = {
  readonly [Type in NodeMessage['type']]: Fields<Extract<NodeMessage, { readonly type: Type }>>
}

const leafSet = size(LEAF_SET_MAX)
const digitBits = size(DIGIT_BITS_MAX)
const leaves = contacts(LEAF_SET_MAX)
const row = number(ROWS_MAX - 1)
const leafState = {
  id,
  standing,
  leafSet,
  digitBits,
  leaves,
  failed: peerIds(FAILED_TOLD_MAX),
  probePeriodMs: number(TABLE_PROBE_MS_MAX)
}

const SCHEMA: Schema = {
  'join-request': { id, row, neighbours: flag, silent: peerIds(SILENT_MAX) },
  'join-answer': {
    id,
    standing,
    leafSet,
    digitBits,
    root: flag,
    entries: contacts(JOIN_ENTRIES_MAX),
    neighbours: contacts(NEIGHBOURHOOD_MAX),
    leaves,
    hops: contacts(NEXT_HOPS_MAX)
  },
  'leaf-probe': leafState,
  'leaf-probe-answer': leafState,
  heartbeat: {},
  'row-request': { id, row, column: number(COLUMNS_MAX) },
  row: { id, entries: contacts(COLUMNS_MAX) },
  announce: { entries: contacts(COLUMNS_MAX) },
  'neighbours-request': { id },
  neighbours: { id, neighbours: contacts(NEIGHBOURHOOD_MAX) },
  distance: { distanceUs: number(1000 * DISTANCE_MS_MAX) },
  leave: { leaves }
}

/** The order of their numbers in the `oneof`, from 2. */
export const NODE_TYPES = Object.keys(SCHEMA) as readonly NodeMessage['type'][]

type AnyFields = readonly (readonly [name: string, field: Field<unknown>])[]

const FIELDS: ReadonlyMap<string, AnyFields> = new Map(
  NODE_TYPES.map(type => [type, Object.entries(SCHEMA[type]) as unknown as AnyFields])
)

const fieldOf = (message: NodeMessage, name: string): unknown =>
  (message as unknown as Record<string, unknown>)[name]

/** Bytes of the message's fields. */
export function nodeByteLength(message: NodeMessage): number {
  let length = 0
  for (const [name, field] of FIELDS.get(message.type)!) length += field.byteLength(fieldOf(message, name))
  return length
}

/** Writes the message's fields. */
export function writeNode(message: NodeMessage, writer: Writer): void {
  for (const [index, [name, field]] of FIELDS.get(message.type)!.entries())
    field.write(writer, index + 1, fieldOf(message, name))
}

/** @throws MalformedError  a bound is broken, or something is missing */
export function readNode(type: NodeMessage['type'], reader: Reader, end: number): NodeMessage {
  const fields = FIELDS.get(type)!
  const message: Record<string, unknown> = { type }
  for (const [name, field] of fields) message[name] = field.initial()
  readFields(reader, end, (number, wire) => {
    const field = fields[number - 1]
    if (field === undefined) return false
    const [name, kind] = field
    message[name] = kind.read(reader, wire, name, message[name])
    return true
  })
  // A size that is written as 0 is none.
  for (const [name, field] of fields)
    if (message[name] === undefined || (field.initial() === undefined && message[name] === 0))
      throw new MalformedError(`A ${type} lacks its ${name}.`)
  return message as unknown as NodeMessage
}
