/**
 * Which files are announced and until when, kept between runs in chunks of their indices, so that a restart
 * announces what is due and not everything. An entry holds a digest of what was announced: a file that has
 * another name now, or a peer that has other addresses, is not announced any more.
 */
import type { StateStore } from '@servent/libp2p-host'
import {
  type Catalogue,
  type Contact,
  PARTIAL_INDEX_MIN,
  type PartialFile,
  type SharedFile
} from '@servent/overlay'
import { ANNOUNCED_CHUNK } from './service-constants.ts'

const PREFIX = 'announced/'
const ENTRY_BYTES = 12

export type AnyFile = SharedFile | PartialFile

/** What is to be announced: what is shared, then what is being fetched. */
export async function* filesOf(catalogue: Catalogue): AsyncGenerator<AnyFile, void> {
  yield* catalogue.files()
  yield* catalogue.partials?.files() ?? []
}

interface Entry {
  readonly tag: number
  /** Seconds since 1970. */
  readonly expiresS: number
}

export class Announced {
  readonly #store: StateStore | undefined
  readonly #entries = new Map<number, Entry>()
  readonly #changed = new Set<number>()

  constructor(store: StateStore | undefined) {
    this.#store = store
  }

  get size(): number {
    return this.#entries.size
  }

  async load(): Promise<void> {
    this.#entries.clear()
    for (const [key, bytes] of (await this.#store?.load()) ?? []) {
      if (!key.startsWith(PREFIX) || bytes.length % ENTRY_BYTES !== 0) continue
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
      for (let at = 0; at < bytes.length; at += ENTRY_BYTES) {
        this.#entries.set(view.getUint32(at), {
          tag: view.getUint32(at + 4),
          expiresS: view.getUint32(at + 8)
        })
      }
    }
  }

  /** Milliseconds since 1970 until which a file is announced as it is; 0 where it is not. */
  until(index: number, tag: number): number {
    const entry = this.#entries.get(index)
    return entry === undefined || entry.tag !== tag ? 0 : entry.expiresS * 1000
  }

  has(index: number): boolean {
    return this.#entries.has(index)
  }

  indices(): IterableIterator<number> {
    return this.#entries.keys()
  }

  /** How many shared files are announced and have not expired: what is being fetched is not counted. */
  count(wallMs: number): number {
    let count = 0
    for (const [index, { expiresS }] of this.#entries)
      if (index < PARTIAL_INDEX_MIN && expiresS * 1000 > wallMs) count += 1
    return count
  }

  set(index: number, tag: number, untilMs: number): void {
    this.#entries.set(index, { tag, expiresS: Math.floor(untilMs / 1000) })
    this.#changed.add(Math.floor(index / ANNOUNCED_CHUNK))
  }

  delete(index: number): void {
    if (this.#entries.delete(index)) this.#changed.add(Math.floor(index / ANNOUNCED_CHUNK))
  }

  clear(): void {
    for (const index of [...this.#entries.keys()]) this.delete(index)
  }

  /** Writes the chunks that have changed. */
  async save(): Promise<void> {
    const chunks = [...this.#changed]
    this.#changed.clear()
    for (const chunk of chunks) {
      const entries: [number, Entry][] = []
      for (let index = chunk * ANNOUNCED_CHUNK; index < (chunk + 1) * ANNOUNCED_CHUNK; index += 1) {
        const entry = this.#entries.get(index)
        if (entry !== undefined) entries.push([index, entry])
      }
      const view = new DataView(new ArrayBuffer(ENTRY_BYTES * entries.length))
      for (const [place, [index, { tag, expiresS }]] of entries.entries()) {
        view.setUint32(ENTRY_BYTES * place, index)
        view.setUint32(ENTRY_BYTES * place + 4, tag)
        view.setUint32(ENTRY_BYTES * place + 8, expiresS)
      }
      await this.#store?.save(
        `${PREFIX}${chunk}`,
        entries.length === 0 ? undefined : new Uint8Array(view.buffer)
      )
    }
  }
}

/** FNV-1a over what a file's records say, 32 bits. */
export function tagOf({ id, name, type, tags }: AnyFile, self: Contact): number {
  const addresses = self.addresses.map(address => String.fromCharCode(...address)).sort()
  const text = JSON.stringify([id.toString(), name, type, Object.entries(tags).sort(), addresses])
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  return hash >>> 0
}
