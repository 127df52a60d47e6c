/** Signs what is stored by key and checks who signed it: provider records, withdrawals and values. */
import type { PrivateKey } from '@libp2p/interface'
import { RecordEnvelope } from '@libp2p/peer-record'
import {
  type Contact,
  isPartial,
  keyOfContent,
  keyOfWord,
  type PartialFile,
  type SharedFile,
  sealRecord
} from '@servent/overlay'
import { nameOf } from './records.ts'
import {
  encodeStatement,
  inspectRecord,
  keyOfMultihash,
  keyOfValue,
  PROVIDER_CODEC,
  type ProviderStatement,
  VALUE_CODEC,
  type ValueStatement,
  WITHDRAWAL_CODEC,
  type WithdrawalStatement,
  wordsOf
} from './records-body.ts'
import type { StoredRecord } from './store-messages.ts'

/** Keeps a signature of one kind of statement from being one of another. The codec says which. */
const DOMAINS: Readonly<Record<string, string>> = {
  [PROVIDER_CODEC]: 'servent-provider-record',
  [WITHDRAWAL_CODEC]: 'servent-withdrawal',
  [VALUE_CODEC]: 'servent-value',
  '/servent/file-record': 'servent-file-record'
}

/** What every record of this peer says of it and of itself. */
export interface Stamp {
  readonly privateKey: PrivateKey
  /** This peer, with the addresses at which it can be reached. */
  readonly self: Contact
  readonly sequence: number
  /** Milliseconds since 1970. */
  readonly expiresMs: number
}

/** This peer has the content with this multihash. */
export async function providerRecord(multihash: Uint8Array, stamp: Stamp): Promise<StoredRecord> {
  const { self, sequence, expiresMs } = stamp
  const key = keyOfMultihash(multihash)
  const statement = { ...statedBy(stamp), multihash, addresses: self.addresses }
  const body = await seal(PROVIDER_CODEC, statement, stamp.privateKey)
  return { kind: 'provider', key, publisher: self, sequence, expiresMs, subject: key, body }
}

/**
 * One record for each word of a shared file. One that is being fetched is not found by its words.
 *
 * @throws RecordError  the file has a name or tags that no record can hold
 */
export async function wordRecords(file: SharedFile | PartialFile, stamp: Stamp): Promise<StoredRecord[]> {
  if (isPartial(file)) return []
  const { privateKey, self, sequence, expiresMs } = stamp
  const { id, size, name, type, tags } = file
  const provider = privateKey.publicKey.toString()
  const body = await sealRecord({ id, size, name, type, tags, provider, sequence, expiresMs }, privateKey)
  const subject = keyOfContent(id)
  return wordsOf(file).map(word => ({
    kind: 'word',
    key: keyOfWord(word),
    publisher: self,
    sequence,
    expiresMs,
    subject,
    body
  }))
}

/** Takes back the provider record and the word records of a file. */
export async function withdrawals(file: SharedFile | PartialFile, stamp: Stamp): Promise<StoredRecord[]> {
  const { self: publisher, sequence, expiresMs } = stamp
  const subject = keyOfContent(file.id)
  const body = await seal(WITHDRAWAL_CODEC, { ...statedBy(stamp), subject }, stamp.privateKey)
  const words = isPartial(file) ? [] : wordsOf(file)
  const common = { publisher, sequence, expiresMs, subject, body, withdrawn: true } as const
  return [
    { kind: 'provider', key: subject, ...common },
    ...words.map(word => ({ kind: 'word', key: keyOfWord(word), ...common }) as const)
  ]
}

export async function valueRecord(key: Uint8Array, value: Uint8Array, stamp: Stamp): Promise<StoredRecord> {
  const { self: publisher, sequence, expiresMs } = stamp
  const body = await seal(VALUE_CODEC, { ...statedBy(stamp), key, value }, stamp.privateKey)
  const subject = new Uint8Array(0)
  return { kind: 'value', key: keyOfValue(key), publisher, sequence, expiresMs, subject, body }
}

/** Of records with one body and one publisher the signature is the same: a file's words share it. */
export type Signatures = Map<string, Promise<boolean>>

/** Whether a record is what its body states, and its publisher has signed that. */
export async function isGenuine(
  record: StoredRecord,
  wallMs: number,
  signatures: Signatures = new Map()
): Promise<boolean> {
  if (!inspectRecord(record, wallMs)) return false
  const name = `${nameOf(record.publisher.id)}${nameOf(record.body)}`
  const known = signatures.get(name) ?? isSigned(record)
  signatures.set(name, known)
  return known
}

async function isSigned({ body, publisher }: StoredRecord): Promise<boolean> {
  try {
    const envelope = RecordEnvelope.createFromProtobuf(body)
    const domain = DOMAINS[nameOf(envelope.payloadType)]
    if (domain === undefined || nameOf(envelope.publicKey.toMultihash().bytes) !== nameOf(publisher.id))
      return false
    return await envelope.validate(domain)
  } catch {
    // A key or a signature that cannot be read.
    return false
  }
}

function statedBy({ self, sequence, expiresMs }: Stamp) {
  return { publisher: self.id, sequence, expiresMs }
}

async function seal(
  codec: string,
  statement: ProviderStatement | WithdrawalStatement | ValueStatement,
  privateKey: PrivateKey
): Promise<Uint8Array> {
  const payload = encodeStatement(statement)
  const record = {
    domain: DOMAINS[codec]!,
    codec: new TextEncoder().encode(codec),
    marshal: () => payload,
    equals: () => false
  }
  return (await RecordEnvelope.seal(record, privateKey)).marshal()
}
