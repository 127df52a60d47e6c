/** Follows the catalogue, and tells the machine what is shared since and what is not any more, in its order. */
import type { Catalogue, CatalogueChange, PartialChange } from '@servent/overlay'
import { CHANGES_WAITING_MAX } from './constants.ts'
import type { UploadedFile } from './messages.ts'
import type { OwnRecords } from './service-records.ts'
import type { FastTrackCommand } from './types.ts'

export interface SharingInit {
  readonly records: OwnRecords
  readonly wallMs: () => number
  readonly tell: (command: FastTrackCommand) => void
}

export class Sharing {
  readonly #init: SharingInit
  #unsubscribe: (() => void) | undefined
  /** Signing takes time; what changed later is told later all the same. */
  #telling: Promise<void> = Promise.resolve()

  constructor(init: SharingInit) {
    this.#init = init
  }

  follow(catalogue: Catalogue | undefined): void {
    this.end()
    if (catalogue === undefined) return
    const take = (changes: readonly (CatalogueChange | PartialChange)[]) => {
      for (const { file } of changes) this.#init.records.forget(file.index)
      this.#telling = this.#telling.then(() => this.#tell(changes))
    }
    const ends = [catalogue.subscribe(take), catalogue.partials?.subscribe(change => take([change]))]
    this.#unsubscribe = () => {
      for (const end of ends) end?.()
    }
    this.#init.tell({ type: 'reshare' })
  }

  end(): void {
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
  }

  async #tell(changes: readonly (CatalogueChange | PartialChange)[]): Promise<void> {
    const { records, wallMs, tell } = this.#init
    if (changes.length > CHANGES_WAITING_MAX) {
      tell({ type: 'reshare' })
      return
    }
    const added = new Map<number, UploadedFile>()
    const removed = new Set<number>()
    for (const { type, file } of changes) {
      added.delete(file.index)
      if (type === 'removed') removed.add(file.index)
      const record = type === 'added' ? await records.of(file, wallMs()) : undefined
      if (record !== undefined) added.set(file.index, { index: file.index, record })
    }
    tell({ type: 'changed', added: [...added.values()], removed: [...removed] })
  }
}
