/**
 * The Gnutella Generic Extension Protocol (GGEP 0.51): 0xC3, then extensions, each with one byte of flags,
 * an id, a length of one to three chunks of six bits, and data. It is how a descriptor carries what its
 * type has no field for.
 *
 * Compressed data stays as it is: no extension that is read here is ever published as compressed, and a
 * kibibyte of hostile deflate costs milliseconds however little it may give.
 */
import { type ByteReader, type ByteSink, LimitError, MalformedError } from '@servent/overlay/machine'
import { GGEP_DATA_BYTES_MAX, GGEP_EXTENSIONS_MAX, GGEP_ID_BYTES_MAX } from './constants.ts'
import type { GgepExtension } from './messages.ts'

export const GGEP_MAGIC = 0xc3

const FLAG_LAST = 0x80
const FLAG_COBS = 0x40
const FLAG_DEFLATE = 0x20
const FLAG_RESERVED = 0x10
const ID_LENGTH = 0x0f

const CHUNK_MORE = 0x80
const CHUNK_LAST = 0x40
const CHUNK_VALUE = 0x3f
const LENGTH_CHUNKS_MAX = 3
/** Of a COBS group: its code byte and 254 bytes that are not zero. */
const COBS_GROUP_BYTES = 254

/** `nul-free`: between the NULs of a result, where data that holds a zero is written in COBS. */
export type GgepPlace = 'plain' | 'nul-free'

/**
 * Reads one block, whose 0xC3 comes next, and adds its extensions to `found`.
 *
 * @throws MalformedError  flags, ids, lengths or COBS break the format, or a bound is passed
 */
export function readGgep(reader: ByteReader, found: GgepExtension[]): void {
  reader.at += 1
  for (;;) {
    if (found.length === GGEP_EXTENSIONS_MAX)
      throw new MalformedError(`it has over ${GGEP_EXTENSIONS_MAX} GGEP extensions`)
    const flags = reader.u8()
    const idLength = flags & ID_LENGTH
    if ((flags & FLAG_RESERVED) !== 0 || idLength === 0)
      throw new MalformedError('the flags of a GGEP extension are wrong')
    const id = readId(reader.take(idLength))
    const stored = reader.take(readLength(reader))
    const data = (flags & FLAG_COBS) === 0 ? stored : decodeCobs(stored)
    if (data.length > GGEP_DATA_BYTES_MAX)
      throw new MalformedError(`a GGEP extension has over ${GGEP_DATA_BYTES_MAX} bytes`)
    found.push((flags & FLAG_DEFLATE) === 0 ? { id, data } : { id, data, deflated: true })
    if ((flags & FLAG_LAST) !== 0) return
  }
}

/**
 * Writes one block, or nothing where there are no extensions.
 *
 * @throws LimitError  an extension that no peer would accept
 */
export function writeGgep(sink: ByteSink, extensions: readonly GgepExtension[], place: GgepPlace): void {
  if (extensions.length === 0) return
  if (extensions.length > GGEP_EXTENSIONS_MAX) {
    throw new LimitError(
      'GGEP_EXTENSIONS_MAX',
      `A GGEP block has at most ${GGEP_EXTENSIONS_MAX} extensions, not ${extensions.length}.`
    )
  }
  sink.u8(GGEP_MAGIC)
  for (const [index, { id, data, deflated }] of extensions.entries()) {
    checkExtension(id, data)
    const cobs = place === 'nul-free' && data.includes(0)
    const last = index === extensions.length - 1
    sink.u8(
      (last ? FLAG_LAST : 0) | (cobs ? FLAG_COBS : 0) | (deflated === true ? FLAG_DEFLATE : 0) | id.length
    )
    for (let at = 0; at < id.length; at += 1) sink.u8(id.charCodeAt(at))
    writeLength(sink, cobs ? cobsLength(data) : data.length)
    sink.raw(cobs ? encodeCobs(data) : data)
  }
}

function checkExtension(id: string, data: Uint8Array): void {
  if (id.length > GGEP_ID_BYTES_MAX || !/^[\x01-\xff]+$/.test(id)) {
    throw new LimitError(
      'GGEP_ID_BYTES_MAX',
      `The id of a GGEP extension has 1 to ${GGEP_ID_BYTES_MAX} bytes, none of them zero.`
    )
  }
  if (data.length > GGEP_DATA_BYTES_MAX) {
    throw new LimitError(
      'GGEP_DATA_BYTES_MAX',
      `A GGEP extension has at most ${GGEP_DATA_BYTES_MAX} bytes, not ${data.length}.`
    )
  }
}

function readId(bytes: Uint8Array): string {
  let id = ''
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at]!
    if (byte === 0) throw new MalformedError('the id of a GGEP extension holds a zero')
    id += String.fromCharCode(byte)
  }
  return id
}

/** Six bits in each chunk, most significant first; the last one says that it is the last (GGEP, length encoding). */
export function readLength(reader: ByteReader): number {
  let length = 0
  for (let chunks = 1; chunks <= LENGTH_CHUNKS_MAX; chunks += 1) {
    const chunk = reader.u8()
    length = (length << 6) | (chunk & CHUNK_VALUE)
    const marks = chunk & (CHUNK_MORE | CHUNK_LAST)
    if (marks === CHUNK_LAST) return length
    if (marks !== CHUNK_MORE) break
  }
  throw new MalformedError('the length of a GGEP extension is wrong')
}

export function writeLength(sink: ByteSink, length: number): void {
  if (length >= 1 << 12) sink.u8(CHUNK_MORE | (length >> 12))
  if (length >= 1 << 6) sink.u8(CHUNK_MORE | ((length >> 6) & CHUNK_VALUE))
  sink.u8(CHUNK_LAST | (length & CHUNK_VALUE))
}

/** Consistent Overhead Byte Stuffing (Cheshire and Baker 1997): the same bytes without a zero among them. */
export function encodeCobs(data: Uint8Array): Uint8Array {
  const encoded = new Uint8Array(cobsLength(data))
  let codeAt = 0
  let at = 1
  for (let index = 0; index < data.length; index += 1) {
    const byte = data[index]!
    // A full group implies no zero after it: when more comes, another group is opened.
    if (at - codeAt > COBS_GROUP_BYTES) {
      encoded[codeAt] = at - codeAt
      codeAt = at
      at += 1
    }
    if (byte === 0) {
      encoded[codeAt] = at - codeAt
      codeAt = at
    } else encoded[at] = byte
    at += 1
  }
  encoded[codeAt] = at - codeAt
  return encoded
}

/** Bytes that `encodeCobs` gives. */
export function cobsLength(data: Uint8Array): number {
  let length = 1
  let run = 0
  for (let index = 0; index < data.length; index += 1) {
    if (run === COBS_GROUP_BYTES) {
      length += 1
      run = 0
    }
    length += 1
    run = data[index] === 0 ? 0 : run + 1
  }
  return length
}

/** @throws MalformedError  a zero among the bytes, or a group that ends after them */
export function decodeCobs(encoded: Uint8Array): Uint8Array {
  if (encoded.includes(0)) throw new MalformedError('the COBS encoding of a GGEP extension holds a zero')
  const decoded = new Uint8Array(encoded.length)
  let at = 0
  let index = 0
  while (index < encoded.length) {
    const code = encoded[index]!
    const end = index + code
    if (end > encoded.length) throw new MalformedError('the COBS encoding of a GGEP extension ends too early')
    for (index += 1; index < end; index += 1) {
      decoded[at] = encoded[index]!
      at += 1
    }
    // The zero that ends a group; the one after the last group was never there.
    if (code <= COBS_GROUP_BYTES && end < encoded.length) at += 1
  }
  return decoded.subarray(0, at)
}
