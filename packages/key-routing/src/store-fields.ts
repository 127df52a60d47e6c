/** Fields of protobuf messages about records: how long they are, and readers that refuse what is too long. */
import { KEY_BYTES, MalformedError } from '@servent/overlay/machine'
import type { Reader, Writer } from 'protons-runtime'

/** Wire types of protobuf. */
const VARINT = 0
const FIXED64 = 1
const BYTES = 2
const FIXED32 = 5

/** Bytes that a whole number up to 2^53 takes as a varint. */
export function varintLength(value: number): number {
  let length = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length += 1
  return length
}

/** A field of bytes, or of an embedded message, with a tag of one byte. */
export function bytesFieldLength(length: number): number {
  return 1 + varintLength(length) + length
}

/** Nothing where the bytes are none. */
export function optionalBytesLength(length: number): number {
  return length === 0 ? 0 : bytesFieldLength(length)
}

/** Nothing where the number is 0. */
export function varintFieldLength(value: number): number {
  return value === 0 ? 0 : 1 + varintLength(value)
}

export function writeBytes(writer: Writer, field: number, bytes: Uint8Array): void {
  if (bytes.length > 0) writer.uint32((field << 3) | BYTES).bytes(bytes)
}

export function writeVarint(writer: Writer, field: number, value: number): void {
  if (value !== 0) writer.uint32((field << 3) | VARINT).uint64Number(value)
}

export function writeFixed32(writer: Writer, field: number, value: number): void {
  if (value !== 0) writer.uint32((field << 3) | FIXED32).fixed32(value)
}

export function fixed32FieldLength(value: number): number {
  return value === 0 ? 0 : 5
}

/** Numbers of 8 bytes each, packed as proto3 packs them. */
export function writeFixed64s(writer: Writer, field: number, values: readonly number[]): void {
  if (values.length === 0) return
  writer.uint32((field << 3) | BYTES).fork()
  for (const value of values) writer.fixed64Number(value)
  writer.ldelim()
}

export function writeEmbedded(writer: Writer, field: number, write: () => void): void {
  writer.uint32((field << 3) | BYTES).fork()
  write()
  writer.ldelim()
}

/**
 * Reads the fields of a message that ends at `end`. `take` reads the value of a field that it knows, by its
 * number and wire type, and says so; others are skipped.
 *
 * @throws MalformedError  the message does not end where it should, or is no protobuf
 */
export function readFields(
  reader: Reader,
  end: number,
  take: (field: number, wire: number) => boolean
): void {
  while (reader.pos < end) {
    const tag = reader.uint32()
    if (!take(tag >>> 3, tag & 7)) reader.skipType(tag & 7)
  }
  if (reader.pos !== end) throw new MalformedError('A field is longer than its message.')
}

/** @throws MalformedError  longer than `max`; nothing of it is read */
export function readBytes(reader: Reader, wire: number, max: number, what: string): Uint8Array {
  const length = readLength(reader, wire, what)
  if (length > max) throw new MalformedError(`A ${what} has at most ${max} bytes, not ${length}.`)
  const start = reader.pos
  reader.skip(length)
  // A copy: a view would keep the whole chunk that it came in alive.
  return Uint8Array.from(reader.buf.subarray(start, start + length))
}

/** The key, or a digest of the same length. */
export function readKey(reader: Reader, wire: number, what: string): Uint8Array {
  const key = readBytes(reader, wire, KEY_BYTES, what)
  if (key.length !== KEY_BYTES)
    throw new MalformedError(`A ${what} has ${KEY_BYTES} bytes, not ${key.length}.`)
  return key
}

/** Reads an embedded message by `read`, which is told where it ends. */
export function readEmbedded<T>(
  reader: Reader,
  wire: number,
  what: string,
  read: (reader: Reader, end: number) => T
): T {
  const length = readLength(reader, wire, what)
  return read(reader, reader.pos + length)
}

/** @throws MalformedError  the list has `max` entries already */
export function readInto<T>(list: T[], max: number, item: T): void {
  if (list.length === max) throw new MalformedError(`A list has at most ${max} entries.`)
  list.push(item)
}

/** @throws MalformedError  no varint, or not a number that is exact */
export function readVarint(reader: Reader, wire: number, max: number, what: string): number {
  if (wire !== VARINT) throw wrongWire(what)
  const value = reader.uint64()
  if (value > BigInt(max)) throw new MalformedError(`A ${what} is at most ${max}, not ${value}.`)
  return Number(value)
}

export function readBool(reader: Reader, wire: number, what: string): boolean {
  return readVarint(reader, wire, 1, what) === 1
}

export function readFixed32(reader: Reader, wire: number, what: string): number {
  if (wire !== FIXED32) throw wrongWire(what)
  return reader.fixed32()
}

export function readFixed64(reader: Reader, wire: number, what: string): number {
  if (wire !== FIXED64) throw wrongWire(what)
  return exact(reader.fixed64(), what)
}

/** @throws MalformedError  more than `max` numbers; none of them is read */
export function readFixed64s(reader: Reader, wire: number, max: number, what: string): number[] {
  const length = readLength(reader, wire, what)
  if (length % 8 !== 0 || length > 8 * max)
    throw new MalformedError(`There are at most ${max} of a ${what}, not ${length / 8}.`)
  const values: number[] = []
  for (let count = 0; count < length; count += 8) values.push(exact(reader.fixed64(), what))
  return values
}

function readLength(reader: Reader, wire: number, what: string): number {
  if (wire !== BYTES) throw wrongWire(what)
  const length = reader.uint32()
  if (length > reader.len - reader.pos) throw new MalformedError(`A ${what} is longer than its message.`)
  return length
}

function exact(value: bigint, what: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new MalformedError(`A ${what} is too large.`)
  return Number(value)
}

function wrongWire(what: string): MalformedError {
  return new MalformedError(`A ${what} has the wrong wire type.`)
}
