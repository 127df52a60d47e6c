/**
 * Records of the world's files as long as signed ones, and signed by nobody: in the lab nobody lies. A peer's
 * record of a file is one object, so that a network of many holds each once.
 */
import { type Contact, encodeRecord, type FileRecord, peerIdText } from '@servent/overlay/machine'
import type { WorldFile } from '../world.ts'

/** What libp2p's envelope adds to a record: the key, the type of the payload, an Ed25519 signature, lengths. */
export const ENVELOPE_BYTES = 129
/** The year 2100. */
export const EXPIRES_MS = 4_102_444_800_000

export interface LabRecord {
  readonly record: FileRecord
  readonly sealed: Uint8Array
}

export function labRecord({ id, size, name }: WorldFile, publisher: Contact): LabRecord {
  const record: FileRecord = {
    id,
    size,
    name,
    type: 'text/plain',
    tags: {},
    provider: peerIdText(publisher.id),
    sequence: 1,
    expiresMs: EXPIRES_MS
  }
  return { record, sealed: new Uint8Array(encodeRecord(record).length + ENVELOPE_BYTES) }
}
