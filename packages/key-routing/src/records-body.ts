/**
 * What is inside a record's body: a libp2p signed envelope (RFC 0002) around one of four statements, each in the
 * one form that DAG-CBOR gives it. `inspectRecord` holds the statement against the record around it, signature
 * aside, and is pure; `service-sealing.ts` signs and checks signatures.
 */
import * as dagCbor from '@ipld/dag-cbor'
import { sha256 } from '@noble/hashes/sha2.js'
import {
  ADDRESS_BYTES_MAX,
  CONTACT_ADDRESSES_MAX,
  compareKeys,
  decodeRecord,
  isPeerIdBytes,
  type Key,
  keyOfContent,
  keyOfWord,
  MalformedError,
  type Matchable,
  peerIdBytes,
  wordsOfFile
} from '@servent/overlay/machine'
import { reader as readerOf } from 'protons-runtime'
import { nameOf } from './records.ts'
import {
  FILE_WORDS_MAX,
  MULTIHASH_BYTES_MAX,
  RECORD_BODY_BYTES_MAX,
  SEQUENCE_AHEAD_MS_MAX,
  SUBJECT_BYTES,
  VALUE_BYTES_MAX,
  VALUE_KEY_BYTES_MAX
} from './store-constants.ts'
import { readBytes, readFields } from './store-fields.ts'
import type { StoredRecord } from './store-messages.ts'

/** What every statement says of itself. */
interface Statement {
  /** The PeerId's multihash of whoever makes it. */
  readonly publisher: Uint8Array
  readonly sequence: number
  readonly expiresMs: number
}

/** The publisher has the content with this multihash, at these addresses. */
export interface ProviderStatement extends Statement {
  readonly multihash: Uint8Array
  readonly addresses: readonly Uint8Array[]
}

/** The publisher takes back what it said, with a smaller sequence, of this subject under any key. */
export interface WithdrawalStatement extends Statement {
  readonly subject: Uint8Array
}

export interface ValueStatement extends Statement {
  /** As the user wrote it. */
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** The payload types of envelopes, as text. */
export const PROVIDER_CODEC = '/servent/provider-record'
export const WITHDRAWAL_CODEC = '/servent/withdrawal'
export const VALUE_CODEC = '/servent/value'
const FILE_CODEC = '/servent/file-record'

const VERSION = 1
const PUBLIC_KEY_BYTES_MAX = 1024
const SIGNATURE_BYTES_MAX = 1024
const CODEC_BYTES_MAX = 64

/** Under which a value is stored. */
export function keyOfValue(key: Uint8Array): Key {
  return sha256(key)
}

/** Under which providers of a content are stored, whatever form its CID has. */
export function keyOfMultihash(multihash: Uint8Array): Key {
  return sha256(multihash)
}

/** The words under which a file is found: those of its name first, then those of its tags. */
export function wordsOf(file: Pick<Matchable, 'name' | 'tags'>): string[] {
  return wordsOfFile(file).slice(0, FILE_WORDS_MAX)
}

/** `ns` of a key `/ns/…`; nothing where the key has no namespace. */
export function namespaceOf(key: Uint8Array): string | undefined {
  const match = /^\/([^/]+)\/./s.exec(nameOf(key))
  return match?.[1]
}

export function encodeStatement(
  statement: ProviderStatement | WithdrawalStatement | ValueStatement
): Uint8Array {
  const { expiresMs, ...rest } = statement
  return dagCbor.encode({ v: VERSION, expires: expiresMs, ...rest })
}

/** @throws MalformedError  no statement of this kind, or one that breaks its bounds */
export function decodeProvider(payload: Uint8Array): ProviderStatement {
  const map = decodeMap(payload)
  const { multihash, addresses } = map
  check(isBytes(multihash, MULTIHASH_BYTES_MAX) && multihash.length > 0, 'A multihash is too long or empty.')
  check(
    Array.isArray(addresses) &&
      addresses.length <= CONTACT_ADDRESSES_MAX &&
      addresses.every(address => isBytes(address, ADDRESS_BYTES_MAX) && address.length > 0),
    'The addresses of a provider are too many or too long.'
  )
  return canonical(payload, {
    ...readCommon(map),
    multihash: multihash as Uint8Array,
    addresses: addresses as Uint8Array[]
  })
}

/** @throws MalformedError  no statement of this kind, or one that breaks its bounds */
export function decodeWithdrawal(payload: Uint8Array): WithdrawalStatement {
  const map = decodeMap(payload)
  const { subject } = map
  check(isBytes(subject, SUBJECT_BYTES) && subject.length === SUBJECT_BYTES, 'A subject has 32 bytes.')
  return canonical(payload, { ...readCommon(map), subject: subject as Uint8Array })
}

/** @throws MalformedError  no statement of this kind, or one that breaks its bounds */
export function decodeValue(payload: Uint8Array): ValueStatement {
  const map = decodeMap(payload)
  const { key, value } = map
  check(isBytes(key, VALUE_KEY_BYTES_MAX) && key.length > 0, `A key has 1 to ${VALUE_KEY_BYTES_MAX} bytes.`)
  check(isBytes(value, VALUE_BYTES_MAX), `A value has at most ${VALUE_BYTES_MAX} bytes.`)
  return canonical(payload, { ...readCommon(map), key: key as Uint8Array, value: value as Uint8Array })
}

/** An envelope in its parts. Nothing of it is verified. */
export interface OpenEnvelope {
  readonly codec: string
  readonly payload: Uint8Array
}

/** @throws MalformedError  no envelope */
export function readEnvelope(body: Uint8Array): OpenEnvelope {
  let codec = ''
  let payload = new Uint8Array(0)
  try {
    const reader = readerOf(body)
    readFields(reader, body.length, (field, wire) => {
      if (field === 1) readBytes(reader, wire, PUBLIC_KEY_BYTES_MAX, 'public key')
      else if (field === 2) codec = nameOf(readBytes(reader, wire, CODEC_BYTES_MAX, 'payload type'))
      else if (field === 3)
        payload = Uint8Array.from(readBytes(reader, wire, RECORD_BODY_BYTES_MAX, 'payload'))
      else if (field === 5) readBytes(reader, wire, SIGNATURE_BYTES_MAX, 'signature')
      else return false
      return true
    })
  } catch (error) {
    throw error instanceof MalformedError ? error : new MalformedError((error as Error).message)
  }
  return { codec, payload }
}

/**
 * Whether a record is what its body states: key, publisher, subject, sequence, expiry. A value must also not have
 * a sequence too far in the future, for it would be the newest until then.
 */
export function inspectRecord(record: StoredRecord, wallMs: number): boolean {
  if (SOUND.has(record)) return true
  try {
    const { codec, payload } = readEnvelope(record.body)
    const statement = STATEMENTS[codec]?.(payload, record, wallMs)
    const isSound = statement !== undefined && isSame(statement, record)
    if (isSound && record.kind !== 'value') SOUND.add(record)
    return isSound
  } catch {
    // Malformed at whatever depth: it is no record.
    return false
  }
}

/** Records that were looked through: one that comes in is looked through before its signature is, and then with it. */
const SOUND = new WeakSet<StoredRecord>()

/** By payload type: what is stated, where it can be stated by a record of this kind under this key. */
const STATEMENTS: Readonly<
  Record<string, (payload: Uint8Array, record: StoredRecord, wallMs: number) => Statement | undefined>
> = {
  [PROVIDER_CODEC](payload, { kind, key, subject, withdrawn }) {
    const statement = decodeProvider(payload)
    const own = keyOfMultihash(statement.multihash)
    const fits = kind === 'provider' && withdrawn !== true && sameKey(own, key) && sameKey(own, subject)
    return fits ? statement : undefined
  },
  [FILE_CODEC](payload, { kind, key, subject, withdrawn }) {
    if (kind !== 'word' || withdrawn === true) return undefined
    const file = decodeRecord(payload)
    if (!sameKey(keyOfContent(file.id), subject)) return undefined
    if (!wordsOf(file).some(word => sameKey(keyOfWord(word), key))) return undefined
    const { provider, sequence, expiresMs } = file
    // It was bytes of a PeerId in the payload, and is the text of these.
    return { publisher: peerIdBytes(provider)!, sequence, expiresMs }
  },
  [WITHDRAWAL_CODEC](payload, { kind, subject, withdrawn }) {
    const statement = decodeWithdrawal(payload)
    const fits = kind !== 'value' && withdrawn === true && sameKey(statement.subject, subject)
    return fits ? statement : undefined
  },
  [VALUE_CODEC](payload, { kind, key, withdrawn }, wallMs) {
    const statement = decodeValue(payload)
    if (kind !== 'value' || withdrawn === true || !sameKey(keyOfValue(statement.key), key)) return undefined
    return statement.sequence > wallMs + SEQUENCE_AHEAD_MS_MAX ? undefined : statement
  }
}

function isSame(statement: Statement, { publisher, sequence, expiresMs }: StoredRecord): boolean {
  return (
    nameOf(statement.publisher) === nameOf(publisher.id) &&
    statement.sequence === sequence &&
    statement.expiresMs === expiresMs
  )
}

function decodeMap(payload: Uint8Array): Record<string, unknown> {
  let map: unknown
  try {
    map = dagCbor.decode(payload)
  } catch (error) {
    throw new MalformedError(`A statement is no DAG-CBOR: ${(error as Error).message}`)
  }
  check(typeof map === 'object' && map !== null && !Array.isArray(map), 'A statement is a map.')
  check((map as { v?: unknown }).v === VERSION, 'A statement has a version that is not known.')
  return map as Record<string, unknown>
}

function readCommon({ publisher, sequence, expires }: Record<string, unknown>): Statement {
  check(publisher instanceof Uint8Array && isPeerIdBytes(publisher), 'The publisher is no PeerId.')
  check(isCount(sequence) && isCount(expires), 'A sequence or an expiry is no whole number.')
  return {
    publisher: publisher as Uint8Array,
    sequence: sequence as number,
    expiresMs: expires as number
  }
}

/** A signature speaks of one sequence of bytes: other forms of the same statement are refused. */
function canonical<S extends ProviderStatement | WithdrawalStatement | ValueStatement>(
  payload: Uint8Array,
  statement: S
): S {
  const again = encodeStatement(statement)
  check(
    again.length === payload.length && again.every((byte, index) => byte === payload[index]),
    'A statement is not in its one form.'
  )
  return statement
}

function check(holds: boolean, message: string): void {
  if (!holds) throw new MalformedError(message)
}

function isBytes(value: unknown, max: number): value is Uint8Array {
  return value instanceof Uint8Array && value.length <= max
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function sameKey(a: Key, b: Key): boolean {
  return a.length === b.length && compareKeys(a, b) === 0
}
