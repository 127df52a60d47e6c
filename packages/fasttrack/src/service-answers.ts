/** Answers to the machine's questions: the index, signatures, own records, dialling back. */
import type { KeywordIndex } from '@servent/keyword-index'
import { type Catalogue, type FileRecord, openRecord, peerIdText } from '@servent/overlay'
import type { DialBack } from './service-dial-back.ts'
import type { SealedRecords } from './service-records.ts'
import type { Claim, FastTrackAnswer, FastTrackQuestion } from './types.ts'

export interface AnswersInit {
  readonly index: KeywordIndex
  readonly records: SealedRecords
  readonly dialBack: DialBack
  readonly catalogue: () => Catalogue | undefined
  readonly wallMs: () => number
}

export class Answers {
  readonly #init: AnswersInit

  constructor(init: AnswersInit) {
    this.#init = init
  }

  async to(question: FastTrackQuestion, signal: AbortSignal): Promise<FastTrackAnswer> {
    const { index, records, dialBack, catalogue, wallMs } = this.#init
    switch (question.type) {
      case 'verify': {
        const nowMs = wallMs()
        const opened: (FileRecord | undefined)[] = []
        for (const claim of question.claims) opened.push(await open(claim, nowMs))
        return { type: 'verified', records: opened }
      }
      case 'records':
        return { type: 'records', ...(await records.page(catalogue(), question, wallMs())) }
      case 'dial-back':
        return { type: 'dialled', isReachable: await dialBack.reaches(question.contact, signal) }
      case 'index-add':
        await index.add(question.owner, question.files)
        return { type: 'index-added', files: question.files.length }
      case 'index-remove':
        return { type: 'index-removed', files: await index.remove(question.owner, question.keys) }
      case 'index-remove-owner':
        return { type: 'index-removed', files: await index.removeOwner(question.owner) }
      case 'index-search':
        return { type: 'index-hits', ...(await index.search(question.query)) }
      case 'index-providers':
        return { type: 'index-providers', hits: await index.providers(question.content, question.limit) }
      case 'index-browse':
        return {
          type: 'index-files',
          files: await index.browse(question.owner, question.after, question.limit)
        }
      case 'index-totals':
        return { type: 'index-totals', ...(await index.totals()) }
    }
  }
}

async function open({ provider, record }: Claim, nowMs: number): Promise<FileRecord | undefined> {
  try {
    return await openRecord(record, { nowMs, provider: peerIdText(provider) })
  } catch {
    // Whatever a stranger sent: it is no record.
    return undefined
  }
}
