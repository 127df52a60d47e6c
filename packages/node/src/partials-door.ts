/**
 * Files that are being fetched, as overlays see them. What knows of them belongs to transfers, which are loaded when they
 * are first needed.
 */
import type { ContentId, PartialCatalogue, PartialChange, PartialFile } from '@servent/overlay'
import type { Partials } from '@servent/transfer'

export class PartialsDoor implements PartialCatalogue {
  readonly #listeners = new Set<(change: PartialChange) => void>()
  #opening: Promise<Partials> | undefined
  #partials: Partials | undefined

  /** For transfers, which share one. */
  opened(): Promise<Partials> {
    this.#opening ??= this.#open()
    return this.#opening
  }

  async #open(): Promise<Partials> {
    const { Partials } = await import('@servent/transfer')
    const partials = new Partials()
    partials.subscribe(change => {
      for (const listener of [...this.#listeners]) listener(change)
    })
    this.#partials = partials
    return partials
  }

  get(id: ContentId): PartialFile | undefined {
    return this.#partials?.get(id)
  }

  byIndex(index: number): PartialFile | undefined {
    return this.#partials?.byIndex(index)
  }

  files(): Iterable<PartialFile> {
    return this.#partials?.files() ?? []
  }

  subscribe(listener: (change: PartialChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
