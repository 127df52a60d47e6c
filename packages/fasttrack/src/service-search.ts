/** A search while it runs, as FastTrack's machine tells of it, with its rounds. */
import { type Clock, multiaddrsOfContact, RunningSearch, type RunningSearchInit } from '@servent/libp2p-host'
import { type FileRecord, type Provider, peerIdText } from '@servent/overlay'
import { ROUND_SETTLE_MS, SEARCH_ENOUGH, SEARCH_SETTLE_MS } from './constants.ts'
import { SearchRefusedError } from './errors.ts'
import type { FastTrackNotice } from './types.ts'
import { fasttrackCodec } from './wire.ts'

export interface Found {
  readonly record: FileRecord
  readonly notice: FastTrackNotice & { type: 'found' }
  readonly index: number
  readonly elapsedMs: number
}

/** The limit is of files, of one provider each. */
export interface FastTrackSearchInit extends RunningSearchInit {
  /** Rounds that it may have: each but the first is a "search more". */
  readonly rounds: number
  /** What `SEARCH_ENOUGH` is of: files, each counted once whoever shares it, or who shares one file. */
  readonly enoughOf: 'files' | 'providers'
  readonly clock: Clock
  /** A round is over and has not brought enough, and another one may bring more. */
  readonly onMore: () => void
}

export class FastTrackSearch extends RunningSearch<FastTrackNotice, Found> {
  readonly #init: FastTrackSearchInit
  readonly #files = new Set<string>()
  #roundsLeft: number
  #settling: unknown
  #refusal: string | undefined

  constructor(init: FastTrackSearchInit) {
    super(init)
    this.#init = init
    this.#roundsLeft = init.rounds - 1
  }

  take(notice: FastTrackNotice): void {
    switch (notice.type) {
      case 'search-refused':
        this.#refusal = notice.reason
        this.end()
        break
      case 'search-traffic':
        this.charge(() => fasttrackCodec.byteLength(notice.message), notice.copies)
        break
      case 'found':
        // One provider's file is told of once, however many supernodes know it.
        for (const { record, index } of notice.files) {
          this.#files.add(`${record.id}`)
          this.add(`${record.id} ${record.provider}`, { record, notice, index, elapsedMs: this.elapsedMs })
        }
        break
      case 'searched':
        if (!notice.isMore || this.#roundsLeft <= 0) this.#endSoon()
        else {
          this.#roundsLeft -= 1
          this.#settle(ROUND_SETTLE_MS, () => this.#goOn())
        }
        break
    }
  }

  /** Its reader is gone. */
  dispose(): void {
    this.#init.clock.clearTimeout(this.#settling)
  }

  /** With enough of them this was the last round. */
  #goOn(): void {
    const found = this.#init.enoughOf === 'files' ? this.#files.size : this.count
    if (found >= SEARCH_ENOUGH) this.#endSoon()
    else this.#init.onMore()
  }

  /** What is being verified has a moment left. */
  #endSoon(): void {
    this.#settle(SEARCH_SETTLE_MS, () => this.end())
  }

  /** One thing at a time: what waits already is not put off. */
  #settle(afterMs: number, then: () => void): void {
    if (this.#settling !== undefined) return
    this.#settling = this.#init.clock.setTimeout(() => {
      this.#settling = undefined
      then()
    }, afterMs)
  }

  /** @throws SearchRefusedError  too many searches run, or the query has no word to look for */
  override check(): void {
    if (this.#refusal !== undefined) throw new SearchRefusedError(this.#refusal)
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
