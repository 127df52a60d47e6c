/**
 * Extensions of queries and results, and names of contents in them: the Hash/URN Gnutella Extensions
 * (HUGE 0.94), with GGEP beside them by the rules of its appendix B.
 *
 * Texts that begin with `urn:` come first, 0x1C between them, and then GGEP. Ours among the URNs is
 * `urn:cid:` with a content id. URNs that came in GGEP (`H`, a binary hash; `u`, a URN without `urn:`) are
 * given with the others, and made here they are always texts, which every servent reads.
 */
import {
  type ByteReader,
  type ByteSink,
  LimitError,
  MalformedError,
  utf8Length
} from '@servent/overlay/machine'
import { base32upper } from 'multiformats/bases/base32'
import { decodeText } from './bytes.ts'
import { URN_BYTES_MAX, URNS_MAX } from './constants.ts'
import { GGEP_MAGIC, type GgepPlace, readGgep, writeGgep } from './ggep.ts'
import type { GgepExtension } from './messages.ts'

/** "File separator", between extensions (HUGE, 3). */
const SEPARATOR = 0x1c
/** `urn:` in ASCII. */
const [U, R, N, COLON] = [0x75, 0x72, 0x6e, 0x3a]
const LOWER_LESS_UPPER = 0x20
const SHA1_BYTES = 20
const SHA1_URN = 'urn:sha1:'
const CID_URN = 'urn:cid:'
/** Of the data of GGEP `H`: which hash follows. */
const H_SHA1 = 0x01
const H_BITPRINT = 0x02

export interface Extensions {
  readonly urns: readonly string[]
  readonly ggep: readonly GgepExtension[]
}

/**
 * Reads what is left as an extension block. Texts that are no URNs, as XML and plain metadata, are passed over.
 *
 * @throws MalformedError  GGEP breaks its format, or there are too many URNs or too long ones
 */
export function readExtensions(reader: ByteReader): Extensions {
  const found: GgepExtension[] = []
  const urns: string[] = []
  while (reader.left > 0) {
    const first = reader.source[reader.at]
    if (first === GGEP_MAGIC) readGgep(reader, found)
    // Some servents write a NUL after the last extension, which they should not (draft 0.6, 2.2.5).
    else if (first === SEPARATOR || first === 0) reader.at += 1
    else readText(reader, urns)
  }
  return found.length === 0 ? { urns, ggep: found } : { urns, ggep: withoutUrns(found, urns) }
}

/** @throws LimitError  more, or longer ones, than any peer would accept */
export function writeExtensions(sink: ByteSink, { urns, ggep }: Extensions, place: GgepPlace): void {
  if (urns.length > URNS_MAX)
    throw new LimitError('URNS_MAX', `A query or a result has at most ${URNS_MAX} URNs, not ${urns.length}.`)
  for (const [index, urn] of urns.entries()) {
    if (!/^urn:[^\0\x1c]*$/i.test(urn) || utf8Length(urn) > URN_BYTES_MAX) {
      throw new LimitError(
        'URN_BYTES_MAX',
        `A URN begins with urn: and has at most ${URN_BYTES_MAX} bytes, none of them a separator.`
      )
    }
    if (index > 0) sink.u8(SEPARATOR)
    sink.plain(urn)
  }
  if (urns.length > 0 && ggep.length > 0) sink.u8(SEPARATOR)
  writeGgep(sink, ggep, place)
}

/** Most texts are no URNs, and a hit may be full of them: only those that are URNs are copied out. */
function readText(reader: ByteReader, urns: string[]): void {
  const { source: bytes, at, end } = reader
  let stop = at
  while (stop < end && bytes[stop] !== SEPARATOR && bytes[stop] !== 0) stop += 1
  reader.at = stop
  if (isUrn(bytes, at)) addUrn(urns, decodeText(bytes.subarray(at, stop)))
}

/** Begins with `urn:` in either case. No separator is among these bytes, so that none of them is past the text. */
function isUrn(bytes: Uint8Array, at: number): boolean {
  return (
    isLetter(bytes[at], U) &&
    isLetter(bytes[at + 1], R) &&
    isLetter(bytes[at + 2], N) &&
    bytes[at + 3] === COLON
  )
}

function isLetter(byte: number | undefined, letter: number): boolean {
  return byte === letter || byte === letter - LOWER_LESS_UPPER
}

function addUrn(urns: string[], urn: string): void {
  if (urns.length === URNS_MAX) throw new MalformedError(`it has over ${URNS_MAX} URNs`)
  if (utf8Length(urn) > URN_BYTES_MAX) throw new MalformedError(`a URN has over ${URN_BYTES_MAX} bytes`)
  urns.push(urn)
}

/** Turns `H` and `u` into texts; those that name a hash that is not known here stay as they are. */
function withoutUrns(found: readonly GgepExtension[], urns: string[]): GgepExtension[] {
  return found.filter(extension => {
    const urn = urnOfExtension(extension)
    if (urn === undefined) return true
    if (!urns.includes(urn)) addUrn(urns, urn)
    return false
  })
}

function urnOfExtension({ id, data, deflated }: GgepExtension): string | undefined {
  if (deflated === true) return undefined
  if (id === 'u') {
    const text = decodeText(data)
    return /[\0\x1c]/.test(text) ? undefined : `urn:${text}`
  }
  if (id !== 'H' || data.length <= SHA1_BYTES) return undefined
  // A bitprint begins with the SHA-1, to which it is brought down (HUGE, 2.3).
  if (data[0] !== H_SHA1 && data[0] !== H_BITPRINT) return undefined
  return urnOfSha1(data.subarray(1, 1 + SHA1_BYTES))
}

/** `urn:sha1:` and 32 characters of base32 without padding, as HUGE 2.3 has it. */
export function urnOfSha1(sha1: Uint8Array): string {
  return SHA1_URN + base32upper.baseEncode(sha1)
}

/** The 20 bytes that a `urn:sha1:` or a `urn:bitprint:` names, or nothing. */
export function sha1OfUrn(urn: string): Uint8Array | undefined {
  const digest = /^urn:(?:sha1:([a-z2-7]{32})|bitprint:([a-z2-7]{32})\.[a-z2-7]{39})$/i.exec(urn)
  return digest === null ? undefined : base32upper.baseDecode((digest[1] ?? digest[2]!).toUpperCase())
}

/** Of a content id in its text form. */
export function urnOfCid(cid: string): string {
  return CID_URN + cid
}

/** The text of the content id that a `urn:cid:` names, not yet parsed, or nothing. */
export function cidOfUrn(urn: string): string | undefined {
  return urn.slice(0, CID_URN.length).toLowerCase() === CID_URN ? urn.slice(CID_URN.length) : undefined
}
