/**
 * libp2p's signed envelope (RFC 0002) around a file record, read and laid out without its signature: for those that
 * only hand a record on and want to see what it says, and for simulations, where nobody signs. Whether it is sound is
 * for `sealing.ts` to say.
 */
import { RecordError } from './errors.ts'
import { SEALED_RECORD_BYTES_MAX } from './limits.ts'
import type { FileRecord } from './record.ts'
import { decodeRecord, encodeRecord } from './record-codec.ts'

/** The envelope's payload type. */
export const RECORD_CODEC: Uint8Array = new TextEncoder().encode('/servent/file-record')

const PUBLIC_KEY = 1
const PAYLOAD_TYPE = 2
const PAYLOAD = 3
const SIGNATURE = 5
/** Of an Ed25519 key in libp2p's protobuf, and of its signature. */
const PUBLIC_KEY_BYTES = 36
const SIGNATURE_BYTES = 64
const LENGTH_DELIMITED = 2
/** Lengths of what fits have two bytes at most, each with seven bits. */
const LENGTH_BYTES_MAX = 2

/**
 * What a sealed record says, signed or not.
 *
 * @throws RecordError  there is no record in it, or it breaks a bound
 */
export function recordInside(sealed: Uint8Array): FileRecord {
  if (sealed.length > SEALED_RECORD_BYTES_MAX)
    throw new RecordError(
      `A signed record has at most ${SEALED_RECORD_BYTES_MAX} bytes, not ${sealed.length}.`
    )
  let payload: Uint8Array | undefined
  for (let at = 0; at < sealed.length; ) {
    const tag = sealed[at]!
    if (tag >= 0x80 || tag % 8 !== LENGTH_DELIMITED) throw unreadable()
    let length = 0
    let read = 0
    let byte: number
    do {
      byte = sealed[at + 1 + read] ?? 0
      length += (byte & 0x7f) << (7 * read)
      read += 1
    } while (byte >= 0x80 && read < LENGTH_BYTES_MAX)
    const from = at + 1 + read
    at = from + length
    if (byte >= 0x80 || at > sealed.length) throw unreadable()
    if (tag >> 3 !== PAYLOAD) continue
    // Decoders of protobuf take the last one: what is looked at here would not be what others verify.
    if (payload !== undefined) throw new RecordError('The envelope has more than one record in it.')
    payload = sealed.subarray(from, at)
  }
  if (payload === undefined) throw unreadable()
  return decodeRecord(payload)
}

const unreadable = () => new RecordError('The record has no envelope that can be read.')

/** As long as a signed one, and signed by nobody. */
export function unsignedRecord(record: FileRecord): Uint8Array {
  return envelopeOf(new Uint8Array(PUBLIC_KEY_BYTES), encodeRecord(record), new Uint8Array(SIGNATURE_BYTES))
}

/** The one form in bytes that an envelope around a file record has. */
export function envelopeOf(publicKey: Uint8Array, payload: Uint8Array, signature: Uint8Array): Uint8Array {
  const fields = [
    field(PUBLIC_KEY, publicKey),
    field(PAYLOAD_TYPE, RECORD_CODEC),
    field(PAYLOAD, payload),
    field(SIGNATURE, signature)
  ]
  const bytes = new Uint8Array(fields.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const one of fields) {
    bytes.set(one, at)
    at += one.length
  }
  return bytes
}

function field(number: number, value: Uint8Array): Uint8Array {
  const { length } = value
  const head = [(number << 3) | LENGTH_DELIMITED]
  if (length < 0x80) head.push(length)
  else head.push((length & 0x7f) | 0x80, length >> 7)
  const bytes = new Uint8Array(head.length + length)
  bytes.set(head)
  bytes.set(value, head.length)
  return bytes
}
