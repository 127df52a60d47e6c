/** A search, or a page of a browse, while it runs, as Napster's machine tells of it. */
import { RunningSearch, type RunningSearchInit } from '@servent/libp2p-host'
import type { FileRecord } from '@servent/overlay'
import type { NapsterNotice, VerifiedFile } from './types.ts'
import { napsterCodec } from './wire.ts'

export interface Ended {
  /** PeerIds of servers that did not answer in time. */
  readonly unanswered: readonly string[]
  /** Why there is nothing, or not all; empty where all is well. */
  readonly reason: string
  /** There was no server to ask. */
  readonly nobody?: true
}

export interface FoundFile extends VerifiedFile {
  readonly elapsedMs: number
}

/** The limit is of files, of one provider each. */
export interface NapsterSearchInit extends RunningSearchInit {
  readonly wants: (record: FileRecord) => boolean
}

export class NapsterSearch extends RunningSearch<NapsterNotice, FoundFile> {
  /** Where the next page of a browse begins; empty where there is none. */
  nextPage = ''
  ended: Ended | undefined
  readonly #wants: (record: FileRecord) => boolean

  constructor(init: NapsterSearchInit) {
    super(init)
    this.#wants = init.wants
  }

  wants(record: FileRecord): boolean {
    return !this.isOver && this.#wants(record)
  }

  take(notice: NapsterNotice): void {
    switch (notice.type) {
      case 'found':
        // One provider's file is told of once, whichever servers it came from.
        for (const file of notice.files)
          this.add(`${file.record.id} ${file.record.provider} ${file.index}`, {
            ...file,
            elapsedMs: this.elapsedMs
          })
        break
      case 'search-traffic':
        this.charge(() => napsterCodec.byteLength(notice.message))
        break
      case 'search-ended':
        this.ended = notice
        this.end()
        break
      case 'browsed':
        this.nextPage = notice.next
        this.ended = { unanswered: [], reason: notice.reason }
        this.end()
        break
    }
  }
}
