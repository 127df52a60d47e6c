/** Cuts into encoded messages by their proto: adds fields that nobody knows, or takes one away. */

import protobuf from 'protobufjs'
import { reader as readerOf, writer as writerOf } from 'protons-runtime'

/** A number that no message of the house has. */
const UNKNOWN_FIELD = 1000
const BYTES = 2

/** What is to be done with a message of a type, given its fields as they are encoded, tag and all. */
type Cut = (
  type: string,
  fields: readonly { readonly name: string; readonly bytes: Uint8Array }[]
) => Uint8Array[]

/** The message again, with every message in it cut. */
function cut(type: protobuf.Type, bytes: Uint8Array, by: Cut): Uint8Array {
  const reader = readerOf(bytes)
  const fields: { name: string; bytes: Uint8Array }[] = []
  while (reader.pos < bytes.length) {
    const start = reader.pos
    const tag = reader.uint32()
    const field = type.fieldsById[tag >>> 3]!.resolve()
    const { name } = field
    if (field.resolvedType instanceof protobuf.Type && (tag & 7) === BYTES) {
      const inside = cut(field.resolvedType, reader.bytes(), by)
      fields.push({ name, bytes: writerOf().uint32(tag).bytes(inside).finish() })
    } else {
      reader.skipType(tag & 7)
      fields.push({ name, bytes: bytes.slice(start, reader.pos) })
    }
  }
  return Uint8Array.from(by(type.name, fields).flatMap(part => [...part]))
}

/** With a field that is not known at the end of every message, of each wire type that there is. */
export function withUnknownFields(type: protobuf.Type, bytes: Uint8Array): Uint8Array {
  const unknown = writerOf()
    .uint32(UNKNOWN_FIELD << 3)
    .uint32(7)
    .uint32((UNKNOWN_FIELD << 3) | 1)
    .fixed64(7n)
    .uint32((UNKNOWN_FIELD << 3) | BYTES)
    .bytes(Uint8Array.of(7))
    .uint32((UNKNOWN_FIELD << 3) | 5)
    .fixed32(7)
    .finish()
  return cut(type, bytes, (_, fields) => [...fields.map(field => field.bytes), unknown])
}

/** Without a field of every message of one kind. */
export function withoutField(type: protobuf.Type, bytes: Uint8Array, of: string, name: string): Uint8Array {
  return cut(type, bytes, (kind, fields) =>
    fields.filter(field => kind !== of || field.name !== name).map(field => field.bytes)
  )
}
