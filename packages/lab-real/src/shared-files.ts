/** What a peer in this process shares: whole files of one block, in memory. */
import { sha256 } from '@noble/hashes/sha2.js'
import { type Catalogue, ContentId, matches, type Query, type SharedFile } from '@servent/overlay'
import type { SharedContent } from './types.ts'

export class SharedFiles implements Catalogue {
  readonly #files: readonly SharedFile[]

  constructor(contents: readonly SharedContent[]) {
    this.#files = contents.map(({ index, name, bytes }) => ({
      index,
      id: idOf(bytes),
      size: bytes.length,
      name,
      type: 'text/plain',
      tags: {},
      // Nobody asks for it: no content is fetched here.
      sha1: sha256(bytes).subarray(0, 20)
    }))
  }

  get totals(): Catalogue['totals'] {
    return { files: this.#files.length, bytes: this.#files.reduce((sum, { size }) => sum + size, 0) }
  }

  async match(query: Query, limit: number): Promise<SharedFile[]> {
    return this.#files.filter(file => matches(query, file)).slice(0, limit)
  }

  async get(id: ContentId): Promise<SharedFile | undefined> {
    return this.#files.find(file => file.id.equals(id))
  }

  async byIndex(index: number): Promise<SharedFile | undefined> {
    return this.#files.find(file => file.index === index)
  }

  async bySha1(sha1: Uint8Array): Promise<SharedFile | undefined> {
    return this.#files.find(file => file.sha1.every((byte, at) => byte === sha1[at]))
  }

  async *files(): AsyncGenerator<SharedFile, void> {
    yield* this.#files
  }

  /** Nothing changes. */
  subscribe(): () => void {
    return () => {}
  }
}

/** Of up to one block: the plain SHA-256. */
export function idOf(bytes: Uint8Array): ContentId {
  return ContentId.fromRoot(sha256(bytes), bytes.length)
}
