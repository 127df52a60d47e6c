/** A search while it runs: what was found and not yet read, and when it is over. */
import type { FileRecord, RequestId, SearchTraffic } from '@servent/overlay'
import type { GnutellaNotice } from './types.ts'
import { gnutellaCodec } from './wire.ts'

export interface Found {
  readonly record: FileRecord
  readonly notice: GnutellaNotice & { type: 'found' }
  readonly index: number
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
  id: RequestId | undefined
  readonly #init: RunningSearchInit
  readonly #startedMs: number
  readonly #seen = new Set<string>()
  readonly #found: Found[] = []
  #refusal: string | undefined
  #ended = false
  #wake: (() => void) | undefined

  constructor(init: RunningSearchInit) {
    this.#init = init
    this.#startedMs = init.nowMs()
  }

  get refusal(): string | undefined {
    return this.#refusal
  }

  wants(record: FileRecord): boolean {
    return !this.#ended && this.#init.wants(record)
  }

  take(notice: GnutellaNotice): void {
    switch (notice.type) {
      case 'search-refused':
        this.#refusal = notice.reason
        this.end()
        break
      case 'search-traffic':
        this.#count(notice)
        break
      case 'found':
        this.#add(notice)
        break
    }
  }

  /** Nothing is added any more; what was found can still be read. */
  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  /** The next file, when it comes; nothing when the search is over and all of it was read. */
  async next(): Promise<Found | undefined> {
    while (this.#found.length === 0 && !this.#ended) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
      this.#wake = undefined
    }
    return this.#found.shift()
  }

  /** One provider's file is told of once, however many paths its hits came by. */
  #add(notice: GnutellaNotice & { type: 'found' }): void {
    for (const { record, index } of notice.files) {
      const key = `${record.id} ${record.provider}`
      if (this.#ended || this.#seen.has(key)) continue
      this.#seen.add(key)
      this.#found.push({ record, notice, index, elapsedMs: this.#init.nowMs() - this.#startedMs })
      if (this.#seen.size >= this.#init.limit) this.#ended = true
    }
    this.#wake?.()
  }

  #count({ message, copies }: GnutellaNotice & { type: 'search-traffic' }): void {
    const { traffic } = this.#init
    if (traffic === undefined) return
    traffic.messages += copies
    traffic.bytes += copies * gnutellaCodec.byteLength(message)
  }
}
