/** A search while it runs, as Gnutella's machine tells of it. */
import { RunningSearch, type RunningSearchInit } from '@servent/libp2p-host'
import type { FileRecord } from '@servent/overlay'
import { SearchRefusedError } from './errors.ts'
import type { GnutellaNotice } from './types.ts'
import { gnutellaCodec } from './wire.ts'

export interface Found {
  readonly record: FileRecord
  readonly notice: GnutellaNotice & { type: 'found' }
  readonly index: number
  readonly elapsedMs: number
}

/** The limit is of files, of one provider each. */
export interface GnutellaSearchInit extends RunningSearchInit {
  readonly wants: (record: FileRecord) => boolean
}

export class GnutellaSearch extends RunningSearch<GnutellaNotice, Found> {
  readonly #wants: (record: FileRecord) => boolean
  #refusal: string | undefined

  constructor(init: GnutellaSearchInit) {
    super(init)
    this.#wants = init.wants
  }

  wants(record: FileRecord): boolean {
    return !this.isOver && this.#wants(record)
  }

  take(notice: GnutellaNotice): void {
    switch (notice.type) {
      case 'search-refused':
        this.#refusal = notice.reason
        this.end()
        break
      case 'search-traffic':
        this.charge(() => gnutellaCodec.byteLength(notice.message), notice.copies)
        break
      case 'found':
        // One provider's file is told of once, however many paths its hits came by.
        for (const { record, index } of notice.files)
          this.add(`${record.id} ${record.provider}`, { record, notice, index, elapsedMs: this.elapsedMs })
        break
    }
  }

  /** @throws SearchRefusedError  too many searches run, or the query is one that peers ignore */
  override check(): void {
    if (this.#refusal !== undefined) throw new SearchRefusedError(this.#refusal)
  }
}
