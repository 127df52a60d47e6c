/**
 * Signed records of what this peer shares, made once for each file until they near their end: what overlays hand
 * out with it.
 */
import type { PrivateKey } from '@libp2p/interface'
import type { PartialFile, SharedFile } from './catalogue.ts'
import type { ContentId } from './content-id.ts'
import { peerIdText } from './names.ts'
import type { FileRecord } from './record.ts'
import { sealRecord } from './sealing.ts'

/** How long a signed record is valid: a day. */
export const RECORD_LIFETIME_MS = 86_400_000
/** One with less time left than this is signed anew where nothing else is said. */
export const RECORD_RENEW_MS = RECORD_LIFETIME_MS / 4
/** Records kept at a time: those used last. */
export const SEALED_MAX = 10_000

interface Sealed {
  readonly bytes: Uint8Array
  readonly id: ContentId
  readonly name: string
  readonly expiresMs: number
}

/** Records of this peer. */
export class SealedRecords {
  readonly #privateKey: PrivateKey
  readonly #provider: string
  readonly #renewMs: number
  /** By index, in the order of their last use. */
  readonly #sealed = new Map<number, Sealed>()

  /** A record with less time left than `renewMs` is signed anew: longer where those who keep it are told of the next one late. */
  constructor(privateKey: PrivateKey, renewMs = RECORD_RENEW_MS) {
    this.#privateKey = privateKey
    this.#renewMs = renewMs
    this.#provider = peerIdText(privateKey.publicKey.toMultihash().bytes)
  }

  get size(): number {
    return this.#sealed.size
  }

  /** @throws RecordError  the file has a name or tags that no record can hold */
  async of(file: SharedFile | PartialFile, wallMs: number): Promise<Uint8Array> {
    const known = this.#sealed.get(file.index)
    if (known !== undefined) {
      this.#sealed.delete(file.index)
      const isSame = known.name === file.name && known.id.equals(file.id)
      const leftMs = known.expiresMs - wallMs
      // One with more than a whole life left was signed by a clock that has been set back since.
      if (isSame && leftMs >= this.#renewMs && leftMs <= RECORD_LIFETIME_MS) {
        this.#sealed.set(file.index, known)
        return known.bytes
      }
    }
    const { id, size, name, type, tags, index } = file
    const expiresMs = wallMs + RECORD_LIFETIME_MS
    const record: FileRecord = {
      id,
      size,
      name,
      type,
      tags,
      provider: this.#provider,
      sequence: wallMs,
      expiresMs
    }
    const bytes = await sealRecord(record, this.#privateKey)
    const oldest = this.#sealed.keys().next().value
    if (oldest !== undefined && this.#sealed.size >= SEALED_MAX) this.#sealed.delete(oldest)
    this.#sealed.set(index, { bytes, id, name, expiresMs })
    return bytes
  }

  forget(index: number): void {
    this.#sealed.delete(index)
  }
}
