/** Answers to the machine's questions: the index, which records are sound, and what the catalogue has. */
import { answerFromIndex, type IndexQuestion, type KeywordIndex } from '@servent/keyword-index'
import {
  type Catalogue,
  type FileRecord,
  openRecord,
  peerIdText,
  type RequestId,
  type SealedRecords,
  type SharedFile
} from '@servent/overlay'
import { entryOf } from './entries.ts'
import { ServerError } from './errors.ts'
import type { SharedRecord } from './messages.ts'

import type { Claim, NapsterAnswer, NapsterQuestion, VerifiedFile } from './types.ts'

export interface AnswersInit {
  readonly records: SealedRecords
  readonly catalogue: () => Catalogue | undefined
  readonly index: KeywordIndex | undefined
  readonly wallMs: () => number
  /** Whether a search or a browse still runs and wants this record. */
  readonly wants: (search: RequestId, record: FileRecord) => boolean
}

export class Answers {
  readonly #init: AnswersInit
  /** The walk through the catalogue that is under way. */
  #walk: { readonly pass: number; readonly files: AsyncIterator<SharedFile> } | undefined

  constructor(init: AnswersInit) {
    this.#init = init
  }

  async to(question: NapsterQuestion): Promise<NapsterAnswer> {
    switch (question.type) {
      case 'verify-shares': {
        const records: (FileRecord | undefined)[] = []
        for (const { record } of question.files) records.push(await this.#open(record, question.provider))
        return { type: 'shares', records }
      }
      case 'verify-found': {
        const files: VerifiedFile[] = []
        for (const claim of question.claims) files.push(...(await this.#verify(question.search, claim)))
        return { type: 'verified', files }
      }
      case 'next-files':
        return this.#nextFiles(question.pass, question.limit)
      case 'files':
        return { type: 'files', files: await this.#files(question.indexes), isLast: false }
      default:
        return this.#answerFromIndex(question)
    }
  }

  /** The walk ends, and what it held open is closed. */
  async stop(): Promise<void> {
    const walk = this.#walk
    this.#walk = undefined
    await walk?.files.return?.()
  }

  async #answerFromIndex(question: IndexQuestion): Promise<NapsterAnswer> {
    const { index } = this.#init
    if (index === undefined) throw new ServerError('This peer is no server and has no index.')
    return answerFromIndex(index, question)
  }

  /** Nothing where a record is not sound, or not this provider's. */
  async #open(sealed: Uint8Array, provider: string): Promise<FileRecord | undefined> {
    try {
      return await openRecord(sealed, { nowMs: this.#init.wallMs(), provider })
    } catch {
      // Whatever a stranger sent: it is no record.
      return undefined
    }
  }

  async #verify(search: RequestId, { found, hops }: Claim): Promise<VerifiedFile[]> {
    const { nick, link, firewalled, contact } = found
    const shared = entryOf(found.entry)
    if (shared === undefined) return []
    const record = await this.#open(shared.record, peerIdText(contact.id))
    if (record === undefined || !this.#init.wants(search, record)) return []
    return [{ index: shared.index, record, nick, link, firewalled, contact, hops }]
  }

  async #nextFiles(pass: number, limit: number): Promise<NapsterAnswer> {
    const catalogue = this.#init.catalogue()
    if (catalogue === undefined) return { type: 'files', files: [], isLast: true }
    if (this.#walk?.pass !== pass) {
      await this.stop()
      this.#walk = { pass, files: catalogue.files()[Symbol.asyncIterator]() }
    }
    const { files } = this.#walk!
    const read: SharedRecord[] = []
    for (let count = 0; count < limit; count += 1) {
      const next = await files.next()
      if (next.done === true) return { type: 'files', files: read, isLast: true }
      read.push(...(await this.#seal(next.value)))
    }
    return { type: 'files', files: read, isLast: false }
  }

  async #files(indexes: readonly number[]): Promise<SharedRecord[]> {
    const catalogue = this.#init.catalogue()
    const read: SharedRecord[] = []
    for (const index of indexes) {
      const file = await catalogue?.byIndex(index)
      if (file !== undefined) read.push(...(await this.#seal(file)))
    }
    return read
  }

  async #seal(file: SharedFile): Promise<SharedRecord[]> {
    try {
      return [{ index: file.index, record: await this.#init.records.of(file, this.#init.wallMs()) }]
    } catch {
      // A name or tags that no record can hold: other files are no worse for it.
      return []
    }
  }
}
