/**
 * Fields of protobuf as values: how long one is, how it is written, and how it is read within its bound. A message is a
 * list of them, so that its length, its bytes and its limits are said once (`wire-messages.ts`).
 */

import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import {
  bytesFieldLength,
  contactByteLength,
  readBytes,
  readContact,
  readEmbedded,
  readFields,
  readVarint,
  varintFieldLength,
  writeBytes,
  writeContact,
  writeEmbedded,
  writeVarint
} from '@servent/key-routing/machine'
import { type Contact, MalformedError, utf8Bytes } from '@servent/overlay/machine'
import type { Reader, Writer } from 'protons-runtime'

/** One field's value. Numbers of fields are below 16, so that tags have one byte. */
export interface Kind<Value> {
  /** With the tag; 0 where the field is left out. */
  length(value: Value): number
  write(writer: Writer, field: number, value: Value): void
  /** `before`: what came of this field already. */
  read(reader: Reader, wire: number, before: Value | undefined, what: string): Value
  /** What it is where it did not come; throws where it must. */
  absent(what: string): Value
}

export type Fields<Shape> = { readonly [Name in keyof Shape]-?: readonly [number, Kind<Shape[Name]>] }

const NO_BYTES = new Uint8Array(0)
const BYTE_MAX = 255
const decoder = new TextDecoder('utf-8', { fatal: true })
const encoder = new TextEncoder()

export function number(max: number): Kind<number> {
  return {
    length: varintFieldLength,
    write: writeVarint,
    read: (reader, wire, _before, what) => readVarint(reader, wire, max, what),
    absent: () => 0
  }
}

export const flag: Kind<boolean> = {
  length: value => (value ? 2 : 0),
  write: (writer, field, value) => writeVarint(writer, field, value ? 1 : 0),
  read: (reader, wire, _before, what) => readVarint(reader, wire, 1, what) === 1,
  absent: () => false
}

/** One of a list, by its place from 1. */
export function choice<Value>(values: readonly Value[]): Kind<Value> {
  return {
    length: () => 2,
    write: (writer, field, value) => writeVarint(writer, field, values.indexOf(value) + 1),
    read: (reader, wire, _before, what) => {
      const place = readVarint(reader, wire, values.length, what)
      if (place === 0) throw missing(what)
      return values[place - 1]!
    },
    absent: what => {
      throw missing(what)
    }
  }
}

/** Exactly so many bytes, or where it is said none. */
export function exactBytes(size: number, mayBeMissing = false): Kind<Uint8Array> {
  return {
    length: value => (value.length === 0 ? 0 : bytesFieldLength(value.length)),
    write: writeBytes,
    read: (reader, wire, _before, what) => {
      const bytes = readBytes(reader, wire, size, what)
      if (bytes.length !== size) throw new MalformedError(`A ${what} has ${size} bytes, not ${bytes.length}.`)
      return bytes
    },
    absent: what => {
      if (!mayBeMissing) throw missing(what)
      return NO_BYTES
    }
  }
}

/** From one byte to a most. */
export function someBytes(max: number): Kind<Uint8Array> {
  return {
    length: value => bytesFieldLength(value.length),
    write: writeBytes,
    read: (reader, wire, _before, what) => {
      const bytes = readBytes(reader, wire, max, what)
      if (bytes.length === 0) throw missing(what)
      return bytes
    },
    absent: what => {
      throw missing(what)
    }
  }
}

/** Bytes that machines hold as hexadecimal digits, since they are keys of maps. */
export function hex(size: number): Kind<string> {
  const bytes = exactBytes(size)
  return {
    length: () => bytesFieldLength(size),
    write: (writer, field, value) => writeBytes(writer, field, hexToBytes(value)),
    read: (reader, wire, _before, what) => bytesToHex(bytes.read(reader, wire, undefined, what)),
    absent: what => bytesToHex(bytes.absent(what))
  }
}

export function text(maxBytes: number): Kind<string> {
  return {
    length: value => (value === '' ? 0 : bytesFieldLength(utf8Bytes(value)!)),
    write: (writer, field, value) => writeBytes(writer, field, encoder.encode(value)),
    read: (reader, wire, _before, what) => {
      const bytes = readBytes(reader, wire, maxBytes, what)
      try {
        return decoder.decode(bytes)
      } catch {
        throw new MalformedError(`A ${what} is not UTF-8.`)
      }
    },
    absent: () => ''
  }
}

export const contact: Kind<Contact> = {
  length: value => bytesFieldLength(contactByteLength(value)),
  write: (writer, field, value) => writeEmbedded(writer, field, () => writeContact(writer, value)),
  read: (reader, wire, _before, what) => readEmbedded(reader, wire, what, readContact),
  absent: what => {
    throw missing(what)
  }
}

/** A message in a field. */
export function embedded<Shape>(fields: Fields<Shape>): Kind<Shape> {
  return {
    length: value => bytesFieldLength(fieldsLength(fields, value)),
    write: (writer, field, value) => writeEmbedded(writer, field, () => writeAll(fields, writer, value)),
    read: (reader, wire, _before, what) =>
      readEmbedded(reader, wire, what, (inner, end) => readAll(fields, inner, end)),
    absent: what => {
      throw missing(what)
    }
  }
}

/** At most `max` of them; the one past it is refused before it is read. A kind that leaves out its default is none for a list. */
export function list<Value>(of: Kind<Value>, max: number): Kind<readonly Value[]> {
  return {
    length: values => values.reduce((sum, value) => sum + of.length(value), 0),
    write: (writer, field, values) => {
      for (const value of values) of.write(writer, field, value)
    },
    read: (reader, wire, before, what) => {
      // Read here alone, and grown in place: `before` is what an earlier turn of this function made.
      const values = (before ?? []) as Value[]
      if (values.length === max) throw new MalformedError(`There are at most ${max} of a ${what}.`)
      values.push(of.read(reader, wire, undefined, what))
      return values
    },
    absent: () => []
  }
}

/** Whole numbers in one field of bytes, as proto3 packs them. */
export function packedNumbers(max: number, each: number): Kind<readonly number[]> {
  const lengthOf = (values: readonly number[]) =>
    values.reduce((sum, value) => sum + Math.max(1, varintFieldLength(value) - 1), 0)
  return {
    length: values => (values.length === 0 ? 0 : bytesFieldLength(lengthOf(values))),
    write: (writer, field, values) => {
      if (values.length === 0) return
      writeEmbedded(writer, field, () => {
        for (const value of values) writer.uint32(value)
      })
    },
    read: (reader, wire, _before, what) =>
      readEmbedded(reader, wire, what, (inner, end) => {
        const values: number[] = []
        while (inner.pos < end) {
          if (values.length === max) throw new MalformedError(`There are at most ${max} of a ${what}.`)
          values.push(readVarint(inner, 0, each, what))
        }
        if (inner.pos !== end) throw new MalformedError(`A ${what} is longer than its list.`)
        return values
      }),
    absent: () => []
  }
}

/** Some of a list, by their places; one that is not known yet is taken for the first. */
export function packedChoices<Value>(values: readonly Value[], max: number): Kind<readonly Value[]> {
  const numbers = packedNumbers(max, BYTE_MAX)
  const places = (chosen: readonly Value[]) => chosen.map(value => values.indexOf(value))
  return {
    length: chosen => numbers.length(places(chosen)),
    write: (writer, field, chosen) => numbers.write(writer, field, places(chosen)),
    read: (reader, wire, _before, what) =>
      numbers.read(reader, wire, undefined, what).map(place => values[place] ?? values[0]!),
    absent: () => []
  }
}

export function fieldsLength<Shape>(fields: Fields<Shape>, shape: Shape): number {
  let length = 0
  for (const name in fields) length += fields[name][1].length(shape[name])
  return length
}

export function writeAll<Shape>(fields: Fields<Shape>, writer: Writer, shape: Shape): void {
  for (const name in fields) {
    const [field, kind] = fields[name]
    kind.write(writer, field, shape[name])
  }
}

/** @throws MalformedError  a field breaks its bound, or one that must be there is not */
export function readAll<Shape>(fields: Fields<Shape>, reader: Reader, end: number): Shape {
  const shape: Partial<Shape> = {}
  const byNumber = new Map<number, keyof Shape>()
  for (const name in fields) byNumber.set(fields[name][0], name)
  readFields(reader, end, (field, wire) => {
    const name = byNumber.get(field)
    if (name === undefined) return false
    shape[name] = fields[name][1].read(reader, wire, shape[name], String(name))
    return true
  })
  for (const name in fields) shape[name] ??= fields[name][1].absent(name)
  return shape as Shape
}

function missing(what: string): MalformedError {
  return new MalformedError(`A message has no ${what}.`)
}
