/**
 * Signed file records: a record in libp2p's signed envelope (RFC 0002), so that whoever searches can verify
 * what an index or a neighbour handed on.
 */
import type { PrivateKey } from '@libp2p/interface'
import { RecordEnvelope } from '@libp2p/peer-record'
import { encodeAbridged, isOwnKey } from './abridged-record.ts'
import { RecordError } from './errors.ts'
import { RECORD_LIFETIME_MS_MAX, SEALED_RECORD_BYTES_MAX } from './limits.ts'
import { peerIdBytes, peerIdText } from './names.ts'
import type { FileRecord } from './record.ts'
import { decodeRecord, encodeRecord } from './record-codec.ts'
import { RECORD_CODEC } from './record-envelope.ts'

/** Keeps a signature of a file record from being one of anything else. */
export const RECORD_DOMAIN = 'servent-file-record'

/** @throws RecordError  a field breaks its bounds, or the key is not the provider's */
export async function sealRecord(record: FileRecord, privateKey: PrivateKey): Promise<Uint8Array> {
  const signer = peerIdText(privateKey.publicKey.toMultihash().bytes)
  if (record.provider !== signer)
    throw new RecordError(`The provider is ${record.provider} and the key is of ${signer}.`)
  const payload = encodeRecord(record)
  const envelope = await RecordEnvelope.seal(
    { domain: RECORD_DOMAIN, codec: RECORD_CODEC, marshal: () => payload, equals: () => false },
    privateKey
  )
  const sealed = envelope.marshal()
  if (sealed.length > SEALED_RECORD_BYTES_MAX) throw tooLong(sealed.length)
  return sealed
}

/**
 * What is left of a sealed record beside its name, its size and its provider; nothing where the provider's PeerId is not
 * its key. `restoreSealed` makes the record again.
 *
 * @throws RecordError  it is no sealed record
 */
export function abridge(sealed: Uint8Array): Uint8Array | undefined {
  const { payload, signature } = readEnvelope(sealed)
  const record = decodeRecord(payload)
  return isOwnKey(peerIdBytes(record.provider)!) ? encodeAbridged(record, signature) : undefined
}

export interface OpenRecordOptions {
  /** Milliseconds since 1970. */
  readonly nowMs: number
  /** PeerId that the record must be of, in text form: of the link by which it came as its provider's own. */
  readonly provider?: string
}

/**
 * Opens what `sealRecord` gave and checks all of it, the cheap things first and the signature last.
 *
 * @throws RecordError  malformed, out of bounds, expired, valid for too long, not signed by its provider
 */
export async function openRecord(sealed: Uint8Array, options: OpenRecordOptions): Promise<FileRecord> {
  if (sealed.length > SEALED_RECORD_BYTES_MAX) throw tooLong(sealed.length)
  const envelope = readEnvelope(sealed)
  const record = decodeRecord(envelope.payload)
  const signer = peerIdText(envelope.publicKey.toMultihash().bytes)
  if (record.provider !== signer)
    throw new RecordError(`The record is of ${record.provider} and signed by ${signer}.`)
  if (options.provider !== undefined && options.provider !== signer) {
    throw new RecordError(`The record is of ${signer}, not of ${options.provider}.`)
  }
  if (record.expiresMs <= options.nowMs) throw new RecordError('The record has expired.')
  if (record.expiresMs - options.nowMs > RECORD_LIFETIME_MS_MAX) {
    throw new RecordError(
      `The record is valid for more than ${RECORD_LIFETIME_MS_MAX} ms; a clock may be wrong.`
    )
  }
  let valid: boolean
  try {
    valid = await envelope.validate(RECORD_DOMAIN)
  } catch {
    valid = false
  }
  if (!valid) throw new RecordError('The signature of the record is not valid.')
  return record
}

function readEnvelope(sealed: Uint8Array): RecordEnvelope {
  let envelope: RecordEnvelope
  let again: Uint8Array
  try {
    envelope = RecordEnvelope.createFromProtobuf(sealed)
    again = envelope.marshal()
  } catch (error) {
    throw new RecordError(`The record has no envelope that can be read: ${(error as Error).message}`)
  }
  // Other fields are nobody's statement, and whoever hands records on would carry them.
  if (!equal(again, sealed)) throw new RecordError('The envelope of the record is not in its canonical form.')
  if (!equal(envelope.payloadType, RECORD_CODEC)) throw new RecordError('The envelope holds no file record.')
  return envelope
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index])
}

function tooLong(length: number): RecordError {
  return new RecordError(`A signed record has at most ${SEALED_RECORD_BYTES_MAX} bytes, not ${length}.`)
}
