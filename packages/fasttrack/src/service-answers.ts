/** Answers to the machine's questions: the index, signatures, own records, dialling back. */
import { answerFromIndex, type KeywordIndex } from '@servent/keyword-index'
import { type Catalogue, type FileRecord, openRecord, peerIdText } from '@servent/overlay'
import type { DialBack } from './service-dialling.ts'
import type { OwnRecords } from './service-records.ts'
import type { Claim, FastTrackAnswer, FastTrackQuestion } from './types.ts'

export interface AnswersInit {
  readonly index: KeywordIndex
  readonly records: OwnRecords
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
      default:
        return answerFromIndex(index, question)
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
