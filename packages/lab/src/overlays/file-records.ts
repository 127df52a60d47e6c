/** Records of the world's files as long as signed ones, and signed by nobody: in the lab nobody lies. */
import {
  type Contact,
  encodeAbridged,
  type FileRecord,
  peerIdText,
  unsignedRecord
} from '@servent/overlay/machine'
import type { WorldFile } from '../world.ts'

/** What libp2p's envelope adds to a record: the key, the type of the payload, an Ed25519 signature, lengths. */
export const ENVELOPE_BYTES = 129
const SIGNATURE = new Uint8Array(64)
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
  return { record, sealed: unsignedRecord(record) }
}

/** As long as what Gnutella's hits have of a record. */
export function abridgedRecord(file: WorldFile, publisher: Contact): LabRecord {
  const { record } = labRecord(file, publisher)
  return { record, sealed: encodeAbridged(record, SIGNATURE) }
}

/** What peers share, made of each file with its record: one object for each peer and file, so that many hold it once. */
export class SharedOnce<Shared> {
  readonly #make: (file: WorldFile, sealed: Uint8Array) => Shared
  readonly #recordOf: typeof labRecord
  /** By provider, and by the number of the file. */
  readonly #shared = new Map<string, Map<number, Shared>>()
  readonly #records = new WeakMap<Uint8Array, FileRecord>()

  constructor(make: (file: WorldFile, sealed: Uint8Array) => Shared, recordOf = labRecord) {
    this.#make = make
    this.#recordOf = recordOf
  }

  of(self: Contact, file: WorldFile): Shared {
    const provider = peerIdText(self.id)
    const shared = this.#shared.get(provider) ?? new Map<number, Shared>()
    this.#shared.set(provider, shared)
    const known = shared.get(file.index)
    if (known !== undefined) return known
    const { record, sealed } = this.#recordOf(file, self)
    this.#records.set(sealed, record)
    const made = this.#make(file, sealed)
    shared.set(file.index, made)
    return made
  }

  /** Nothing where no peer has made it. */
  read(sealed: Uint8Array | undefined): FileRecord | undefined {
    return sealed && this.#records.get(sealed)
  }

  /** A provider, by its PeerId as text, is gone. What was found of it can still be read. */
  forget(provider: string): void {
    this.#shared.delete(provider)
  }
}
