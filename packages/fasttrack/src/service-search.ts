/** A search while it runs, as FastTrack's machine tells of it, with its rounds. */
import { multiaddrsOfContact, RunningSearch, type RunningSearchInit } from '@servent/libp2p-host'
import { type FileRecord, type Provider, peerIdText } from '@servent/overlay'
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
  /** A round is over, and another one may bring more. */
  readonly onMore: () => void
  /** The last round is over: what is being verified has a moment left. */
  readonly onLast: () => void
}

export class FastTrackSearch extends RunningSearch<FastTrackNotice, Found> {
  readonly #init: FastTrackSearchInit
  #roundsLeft: number
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
        for (const { record, index } of notice.files)
          this.add(`${record.id} ${record.provider}`, { record, notice, index, elapsedMs: this.elapsedMs })
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
