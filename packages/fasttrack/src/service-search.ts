/** A search while it runs: what was found and not yet read, its rounds, and when it is over. */
import { multiaddrsOfContact } from '@servent/libp2p-host'
import { type FileRecord, type Provider, peerIdText, type SearchTraffic } from '@servent/overlay'
import type { FastTrackNotice } from './types.ts'
import { fasttrackCodec } from './wire.ts'

export interface Found {
  readonly record: FileRecord
  readonly notice: FastTrackNotice & { type: 'found' }
  readonly index: number
  readonly elapsedMs: number
}

export interface RunningSearchInit {
  /** Files of one provider each that are told of. */
  readonly limit: number
  /** Rounds that it may have: each but the first is a "search more". */
  readonly rounds: number
  readonly nowMs: () => number
  readonly traffic: SearchTraffic | undefined
  /** A round is over, and another one may bring more. */
  readonly onMore: () => void
  /** The last round is over: what is being verified has a moment left. */
  readonly onLast: () => void
}

export class RunningSearch {
  readonly #init: RunningSearchInit
  readonly #startedMs: number
  readonly #seen = new Set<string>()
  readonly #found: Found[] = []
  #roundsLeft: number
  #refusal: string | undefined
  #ended = false
  #wake: (() => void) | undefined

  constructor(init: RunningSearchInit) {
    this.#init = init
    this.#startedMs = init.nowMs()
    this.#roundsLeft = init.rounds - 1
  }

  get refusal(): string | undefined {
    return this.#refusal
  }

  take(notice: FastTrackNotice): void {
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
      case 'searched':
        if (!notice.isMore || this.#roundsLeft <= 0) this.#init.onLast()
        else {
          this.#roundsLeft -= 1
          this.#init.onMore()
        }
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

  /** One provider's file is told of once, however many supernodes know it. */
  #add(notice: FastTrackNotice & { type: 'found' }): void {
    for (const { record, index } of notice.files) {
      const key = `${record.id} ${record.provider}`
      if (this.#ended || this.#seen.has(key)) continue
      this.#seen.add(key)
      this.#found.push({ record, notice, index, elapsedMs: this.#init.nowMs() - this.#startedMs })
      if (this.#seen.size >= this.#init.limit) this.#ended = true
    }
    this.#wake?.()
  }

  #count({ message, copies }: FastTrackNotice & { type: 'search-traffic' }): void {
    const { traffic } = this.#init
    if (traffic === undefined) return
    traffic.messages += copies
    traffic.bytes += copies * fasttrackCodec.byteLength(message)
  }
}

/** Who has the file, and the way to have it called. */
export function providerOf({ notice, index }: Found): Provider {
  const { contact } = notice
  const peerId = peerIdText(contact.id)
  return {
    peerId,
    addresses: multiaddrsOfContact(contact).map(address => address.toString()),
    overlay: 'fasttrack',
    push: { overlay: 'fasttrack', servent: peerId, index }
  }
}
