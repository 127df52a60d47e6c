/** A catalogue in memory, for tests of what shares and finds. */
import { sha1 } from '@noble/hashes/legacy.js'
import { sha256 } from '@noble/hashes/sha2.js'
import type { Catalogue, CatalogueChange, SharedFile } from '../catalogue.ts'
import { ContentId } from '../content-id.ts'
import type { Query } from '../query.ts'
import { matches } from '../query-grammar.ts'

export class MemoryCatalogue implements Catalogue {
  /** By index. */
  readonly shared = new Map<number, SharedFile>()
  /** By index; of files that are shared no more, too. */
  readonly contents = new Map<number, Uint8Array>()
  readonly #listeners = new Set<(changes: readonly CatalogueChange[]) => void>()
  #nextIndex = 1
  /** How often somebody looked in it by words. */
  matchesAsked = 0

  get totals(): { files: number; bytes: number } {
    const bytes = [...this.shared.values()].reduce((total, { size }) => total + size, 0)
    return { files: this.shared.size, bytes }
  }

  /** Shares a file. The content is to be 16 KiB at most, so that its id is its SHA-256. */
  add(
    name: string,
    content: string = `content of ${name}`,
    tags: Record<string, string> = {},
    type = 'audio/flac'
  ): SharedFile {
    const bytes = new TextEncoder().encode(content)
    const id = ContentId.fromRoot(sha256(bytes), bytes.length)
    const index = this.#nextIndex
    this.#nextIndex += 1
    const file = { index, id, size: bytes.length, name, type, tags, sha1: sha1(bytes) }
    this.shared.set(index, file)
    this.contents.set(index, bytes)
    for (const listener of this.#listeners) listener([{ type: 'added', file }])
    return file
  }

  remove(file: SharedFile): void {
    this.shared.delete(file.index)
    for (const listener of this.#listeners) listener([{ type: 'removed', file }])
  }

  async match(query: Query, limit: number): Promise<SharedFile[]> {
    this.matchesAsked += 1
    return [...this.shared.values()].filter(file => matches(query, file)).slice(0, limit)
  }

  async get(id: ContentId): Promise<SharedFile | undefined> {
    return [...this.shared.values()].find(file => file.id.equals(id))
  }

  async byIndex(index: number): Promise<SharedFile | undefined> {
    return this.shared.get(index)
  }

  async bySha1(digest: Uint8Array): Promise<SharedFile | undefined> {
    return [...this.shared.values()].find(file => `${file.sha1}` === `${digest}`)
  }

  async *files(): AsyncGenerator<SharedFile, void> {
    yield* this.shared.values()
  }

  subscribe(listener: (changes: readonly CatalogueChange[]) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
