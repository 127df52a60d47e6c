/** Own records for the machine: signed when they are uploaded, page by page. */
import type { PrivateKey } from '@libp2p/interface'
import {
  type Catalogue,
  type PartialFile,
  RECORD_LIFETIME_MS,
  SealedRecords,
  type SharedFile
} from '@servent/overlay'
import type { UploadedFile } from './messages.ts'

type AnyFile = SharedFile | PartialFile

/** A supernode keeps a record until all is uploaded anew, twice a day: for so long it must last. */
const RENEW_MS = RECORD_LIFETIME_MS - RECORD_LIFETIME_MS / 4

export class OwnRecords {
  readonly #sealed: SealedRecords
  /** Where the last page ended: the next one mostly begins there. */
  #reading: { readonly files: AsyncIterator<AnyFile>; at: number; next: AnyFile | undefined } | undefined

  constructor(privateKey: PrivateKey) {
    this.#sealed = new SealedRecords(privateKey, RENEW_MS)
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
    try {
      return await this.#sealed.of(file, wallMs)
    } catch {
      return undefined
    }
  }

  forget(index: number): void {
    this.#sealed.forget(index)
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
