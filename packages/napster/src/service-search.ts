/** A search, or a page of a browse, while it runs: what was found and not yet read, and how it ended. */
import type { FileRecord, SearchTraffic } from '@servent/overlay'
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

export interface RunningSearchInit {
  readonly wants: (record: FileRecord) => boolean
  /** Files of one provider each that are told of. */
  readonly limit: number
  readonly nowMs: () => number
  readonly traffic: SearchTraffic | undefined
}

export class RunningSearch {
  /** Where the next page of a browse begins; empty where there is none. */
  next = ''
  ended: Ended | undefined
  readonly #init: RunningSearchInit
  readonly #startedMs: number
  readonly #seen = new Set<string>()
  readonly #found: FoundFile[] = []
  #isOver = false
  #wake: (() => void) | undefined

  constructor(init: RunningSearchInit) {
    this.#init = init
    this.#startedMs = init.nowMs()
  }

  get count(): number {
    return this.#seen.size
  }

  wants(record: FileRecord): boolean {
    return !this.#isOver && this.#init.wants(record)
  }

  take(notice: NapsterNotice): void {
    switch (notice.type) {
      case 'found':
        for (const file of notice.files) this.#add(file)
        this.#wake?.()
        break
      case 'search-traffic':
        this.#count(notice)
        break
      case 'search-ended':
        this.ended = notice
        this.end()
        break
      case 'browsed':
        this.next = notice.next
        this.ended = { unanswered: [], reason: notice.reason }
        this.end()
        break
    }
  }

  /** Nothing is added any more; what was found can still be read. */
  end(): void {
    this.#isOver = true
    this.#wake?.()
  }

  /** The next file, when it comes; nothing when the search is over and all of it was read. */
  async nextFile(): Promise<FoundFile | undefined> {
    while (this.#found.length === 0 && !this.#isOver) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
      this.#wake = undefined
    }
    return this.#found.shift()
  }

  /** One provider's file is told of once, whichever servers it came from. */
  #add(file: VerifiedFile): void {
    const key = `${file.record.id} ${file.record.provider} ${file.index}`
    if (this.#isOver || this.#seen.has(key)) return
    this.#seen.add(key)
    this.#found.push({ ...file, elapsedMs: this.#init.nowMs() - this.#startedMs })
    if (this.#seen.size >= this.#init.limit) this.#isOver = true
  }

  #count({ message }: NapsterNotice & { type: 'search-traffic' }): void {
    const { traffic } = this.#init
    if (traffic === undefined) return
    traffic.messages += 1
    traffic.bytes += napsterCodec.byteLength(message)
  }
}
