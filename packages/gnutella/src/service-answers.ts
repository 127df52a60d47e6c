/** Answers to the machine's questions: what the catalogue has, and which records are sound. */
import {
  abridge,
  type Catalogue,
  type FileRecord,
  isPartial,
  type PartialFile,
  type RequestId,
  type SealedRecords,
  type SharedFile
} from '@servent/overlay'
import { urnOfCid, urnOfSha1 } from './huge.ts'
import type { HitResult } from './messages.ts'
import { openResult, WantedFiles } from './service-records.ts'
import type { GnutellaAnswer, GnutellaQuestion, VerifiedFile } from './types.ts'

export interface AnswersInit {
  readonly records: SealedRecords
  readonly catalogue: () => Catalogue | undefined
  readonly wallMs: () => number
  /** Whether a search still runs and wants this record. */
  readonly wants: (search: RequestId, record: FileRecord) => boolean
}

export class Answers {
  readonly #init: AnswersInit
  readonly #abridgedOf = new WeakMap<Uint8Array, Uint8Array | undefined>()

  constructor(init: AnswersInit) {
    this.#init = init
  }

  async to(question: GnutellaQuestion): Promise<GnutellaAnswer> {
    switch (question.type) {
      case 'match':
        return { type: 'match', results: await this.#match(question) }
      case 'verify':
        return { type: 'verify', files: await this.#verify(question) }
      case 'vouch':
        return { type: 'vouch', expiresMs: await this.#vouch(question) }
    }
  }

  async #match(question: GnutellaQuestion & { type: 'match' }): Promise<HitResult[]> {
    const catalogue = this.#init.catalogue()
    if (catalogue === undefined) return []
    const wanted = new WantedFiles(question, question.limit)
    const found = new Map<number, SharedFile | PartialFile>()
    const named = await Promise.all([
      // Who is fetching a content has a part of it for whoever asks for it by its id.
      ...wanted.ids.map(async id => (await catalogue.get(id)) ?? catalogue.partials?.get(id)),
      ...wanted.sha1s.map(sha1 => catalogue.bySha1(sha1))
    ])
    for (const file of named) if (file !== undefined) found.set(file.index, file)
    if (wanted.query !== undefined) {
      for (const file of await catalogue.match(wanted.query, question.limit)) found.set(file.index, file)
    }
    const files = [...found.values()].slice(0, question.limit)
    return (await Promise.all(files.map(file => this.#result(file)))).flatMap(result => result ?? [])
  }

  async #result(file: SharedFile | PartialFile): Promise<HitResult | undefined> {
    try {
      const record = await this.#init.records.of(file, this.#init.wallMs())
      const { index, size, name, id } = file
      const sha1 = isPartial(file) ? [] : [urnOfSha1(file.sha1)]
      const abridged = this.#abridged(record)
      if (abridged !== undefined) return { index, size, name, urns: sha1, abridged, ggep: [] }
      return { index, size, name, urns: [urnOfCid(id.toString()), ...sha1], record, ggep: [] }
    } catch {
      // A name or tags that no record can hold: other files are no worse for it.
      return undefined
    }
  }

  /** Made once for each sealed record, which is one object for as long as it is handed out. */
  #abridged(sealed: Uint8Array): Uint8Array | undefined {
    if (!this.#abridgedOf.has(sealed)) this.#abridgedOf.set(sealed, abridge(sealed))
    return this.#abridgedOf.get(sealed)
  }

  async #verify({ search, claim }: GnutellaQuestion & { type: 'verify' }): Promise<VerifiedFile[]> {
    const files: VerifiedFile[] = []
    for (const result of claim.results) {
      const record = await openResult(claim, result, this.#init.wallMs())
      if (record !== undefined && this.#init.wants(search, record))
        files.push({ index: result.index, record })
    }
    return files
  }

  async #vouch(question: GnutellaQuestion & { type: 'vouch' }): Promise<number[]> {
    const wanted = new WantedFiles(question)
    const verdicts: number[] = []
    for (const claim of question.claims) {
      let expiresMs = Number.MAX_SAFE_INTEGER
      for (const result of claim.results) {
        const record = await openResult(claim, result, this.#init.wallMs())
        const sound = record !== undefined && wanted.includes(record)
        expiresMs = Math.min(expiresMs, sound ? record.expiresMs : 0)
        if (expiresMs === 0) break
      }
      verdicts.push(expiresMs)
    }
    return verdicts
  }
}
