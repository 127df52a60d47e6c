/** Signed records of what this peer shares: made when they are uploaded, page by page, and kept for a while. */
import type { PrivateKey } from '@libp2p/interface'
import {
  type Catalogue,
  type FileRecord,
  type PartialFile,
  peerIdText,
  type SharedFile,
  sealRecord
} from '@servent/overlay'
import { RECORD_LIFETIME_MS, SEALED_MAX } from './constants.ts'
import type { UploadedFile } from './messages.ts'

type AnyFile = SharedFile | PartialFile

interface Sealed {
  readonly bytes: Uint8Array
  readonly tag: string
  readonly sealedMs: number
}

/** A record that is younger is uploaded as it is; an upload anew, twice a day, makes new ones. */
const REUSED_MS = RECORD_LIFETIME_MS / 4

export class SealedRecords {
  readonly #privateKey: PrivateKey
  readonly #provider: string
  /** By index, the oldest first. */
  readonly #sealed = new Map<number, Sealed>()
  /** Where the last page ended: the next one mostly begins there. */
  #reading: { readonly files: AsyncIterator<AnyFile>; at: number; next: AnyFile | undefined } | undefined

  constructor(privateKey: PrivateKey) {
    this.#privateKey = privateKey
    this.#provider = peerIdText(privateKey.publicKey.toMultihash().bytes)
  }

  get size(): number {
    return this.#sealed.size
  }

  /** Files after an index, in their order: as many as fit, one at least. A file that no record can hold is left out. */
  async page(
    catalogue: Catalogue | undefined,
    {
      after,
      bytesMax,
      filesMax
    }: { readonly after: number; readonly bytesMax: number; readonly filesMax: number },
    wallMs: number
  ): Promise<{ files: UploadedFile[]; isLast: boolean }> {
    if (catalogue === undefined) return { files: [], isLast: true }
    if (this.#reading?.at !== after) {
      this.#reading = {
        files: allFiles(catalogue, after)[Symbol.asyncIterator](),
        at: after,
        next: undefined
      }
    }
    const reading = this.#reading
    const files: UploadedFile[] = []
    let bytes = 0
    for (;;) {
      const file = reading.next ?? (await nextOf(reading.files))
      reading.next = undefined
      if (file === undefined) {
        this.#reading = undefined
        return { files, isLast: true }
      }
      const record = await this.of(file, wallMs)
      if (record === undefined) continue
      bytes += record.length
      if (files.length > 0 && (bytes > bytesMax || files.length >= filesMax)) {
        reading.next = file
        reading.at = files.at(-1)!.index
        return { files, isLast: false }
      }
      files.push({ index: file.index, record })
    }
  }

  /** Nothing where the file has a name or tags that no record can hold. */
  async of(file: AnyFile, wallMs: number): Promise<Uint8Array | undefined> {
    const { id, size, name, type, tags, index } = file
    const tag = JSON.stringify([id.toString(), name, type, tags])
    const known = this.#sealed.get(index)
    if (known?.tag === tag && Math.abs(wallMs - known.sealedMs) < REUSED_MS) return known.bytes
    const record: FileRecord = {
      id,
      size,
      name,
      type,
      tags,
      provider: this.#provider,
      sequence: wallMs,
      expiresMs: wallMs + RECORD_LIFETIME_MS
    }
    try {
      const bytes = await sealRecord(record, this.#privateKey)
      this.#sealed.delete(index)
      const oldest = this.#sealed.keys().next().value
      if (oldest !== undefined && this.#sealed.size >= SEALED_MAX) this.#sealed.delete(oldest)
      this.#sealed.set(index, { bytes, tag, sealedMs: wallMs })
      return bytes
    } catch {
      return undefined
    }
  }

  forget(index: number): void {
    this.#sealed.delete(index)
    // What was read ahead may be what has gone.
    this.#reading = undefined
  }
}

async function nextOf(files: AsyncIterator<AnyFile>): Promise<AnyFile | undefined> {
  const { done, value } = await files.next()
  return done === true ? undefined : value
}

/** What is shared, and then what is being fetched: those have the higher indices. */
async function* allFiles(catalogue: Catalogue, after: number): AsyncGenerator<AnyFile, void> {
  for await (const file of catalogue.files()) if (file.index > after) yield file
  const partials = [...(catalogue.partials?.files() ?? [])].sort((a, b) => a.index - b.index)
  for (const file of partials) if (file.index > after) yield file
}
