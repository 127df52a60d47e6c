/** A signed value by itself, for a store that is not this one: what it says of its key, its writer and its age is proven. */
import { peerIdText } from '@servent/overlay'
import { decodeValue, keyOfValue, readEnvelope } from './records-body.ts'
import { isGenuine, type Stamp, valueRecord } from './service-sealing.ts'
import { ValueError } from './validators.ts'

export interface SealedValue {
  readonly value: Uint8Array
  /** PeerId in text form. */
  readonly writer: string
  /** The larger one is the newer. */
  readonly sequence: number
  /** Milliseconds since 1970. */
  readonly expiresMs: number
}

export async function sealValue(key: Uint8Array, value: Uint8Array, stamp: Stamp): Promise<Uint8Array> {
  return (await valueRecord(key, value, stamp)).body
}

/** @throws ValueError  malformed, of another key, expired, from too far ahead, or not signed by its writer */
export async function openValue(body: Uint8Array, key: Uint8Array, wallMs: number): Promise<SealedValue> {
  const { publisher, sequence, expiresMs, value, key: stated } = readValue(body)
  const record = {
    kind: 'value',
    key: keyOfValue(key),
    publisher: { id: publisher, addresses: [] },
    sequence,
    expiresMs,
    subject: new Uint8Array(0),
    body
  } as const
  if (stated.length !== key.length || stated.some((byte, at) => byte !== key[at]))
    throw new ValueError('The value is of another key.')
  if (expiresMs <= wallMs) throw new ValueError('The value has expired.')
  if (!(await isGenuine(record, wallMs))) throw new ValueError('The value was not signed as it says.')
  return { value, writer: peerIdText(publisher), sequence, expiresMs }
}

function readValue(body: Uint8Array) {
  try {
    return decodeValue(readEnvelope(body).payload)
  } catch (error) {
    throw new ValueError(`The value cannot be read: ${(error as Error).message}`)
  }
}
