/** A share of files in memory: the ports that the library fills, with ways to be slow, changed or gone. */
import { createHash, hash } from 'node:crypto'
import { openSync, readSync } from 'node:fs'
import {
  type BlockReader,
  type BlockSource,
  type Catalogue,
  ContentChangedError,
  ContentId,
  leafHashes,
  rootOfLayer,
  type SharedFile,
  TreeHasher,
  UpperTree
} from '@servent/overlay'

export const sha256 = (bytes: Uint8Array): Uint8Array => hash('sha256', bytes, 'buffer')

const MiB = 1024 * 1024

export function idOf(bytes: Uint8Array): ContentId {
  const hasher = new TreeHasher(sha256)
  hasher.update(bytes)
  return ContentId.fromRoot(hasher.finish().root, bytes.length)
}

/** Bytes that look random and are the same for one seed. */
export function randomBytes(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length)
  const words = new Uint32Array(bytes.buffer, 0, Math.floor(length / 4))
  let state = (seed * 2654435761 + 1) >>> 0
  for (let index = 0; index < words.length; index += 1) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    words[index] = state
  }
  return bytes
}

interface Held {
  readonly file: SharedFile
  readonly read: (offset: number, length: number) => Uint8Array
  readonly tree: UpperTree
}

export class TestShare implements Catalogue, BlockSource {
  readonly #held = new Map<string, Held>()
  /** Ids whose files changed after they were hashed. */
  readonly changed = new Set<string>()
  /** Called before each read. */
  beforeRead: (offset: number) => Promise<void> | void = () => {}
  openReaders = 0

  add(name: string, bytes: Uint8Array, more: Partial<SharedFile> = {}): SharedFile {
    const hasher = new TreeHasher(sha256)
    hasher.update(bytes)
    const sha1 = createHash('sha1').update(bytes).digest()
    return this.#hold(name, hasher, (offset, length) => bytes.subarray(offset, offset + length), {
      sha1,
      ...more
    })
  }

  /** A file that stands on the disk, and is read there. */
  addFile(name: string, path: string): SharedFile {
    const hasher = new TreeHasher(sha256)
    const fd = openSync(path, 'r')
    const chunk = Buffer.alloc(MiB)
    for (let length = readSync(fd, chunk); length > 0; length = readSync(fd, chunk))
      hasher.update(chunk.subarray(0, length))
    return this.#hold(name, hasher, (offset, length) => {
      const bytes = new Uint8Array(length)
      return bytes.subarray(0, readSync(fd, bytes, 0, length, offset))
    })
  }

  /** A file of `count` times the same block of 1 MiB: as large as one likes, and no larger in memory. */
  addRepeated(name: string, block: Uint8Array, count: number): SharedFile {
    const hasher = new TreeHasher(sha256)
    for (let index = 0; index < count; index += 1) hasher.update(block)
    return this.#hold(name, hasher, (offset, length) => block.subarray(offset % MiB, (offset % MiB) + length))
  }

  /** A file of which only the layer of 1 MiB hashes is there. */
  addLayer(name: string, layer: Uint8Array, size: number): SharedFile {
    const root = rootOfLayer(layer, size, sha256)
    const tree = { finish: () => ({ size, root, layer }) } as TreeHasher
    return this.#hold(name, tree, () => {
      throw new Error('Its bytes are nowhere.')
    })
  }

  #hold(name: string, hasher: TreeHasher, read: Held['read'], more: Partial<SharedFile> = {}): SharedFile {
    const { root, layer, size } = hasher.finish()
    const file: SharedFile = {
      index: this.#held.size + 1,
      id: ContentId.fromRoot(root, size),
      size,
      name,
      type: 'application/octet-stream',
      tags: {},
      sha1: new Uint8Array(20),
      ...more
    }
    this.#held.set(file.id.toString(), { file, read, tree: new UpperTree(layer, size, sha256) })
    return file
  }

  /** Another share of the same files, which are not hashed again. */
  again(): TestShare {
    const share = new TestShare()
    for (const [id, held] of this.#held) share.#held.set(id, held)
    return share
  }

  remove(id: ContentId): void {
    this.#held.delete(id.toString())
  }

  get totals() {
    const all = [...this.#held.values()]
    return { files: all.length, bytes: all.reduce((sum, { file }) => sum + file.size, 0) }
  }

  async match(): Promise<readonly SharedFile[]> {
    return [...this.#held.values()].map(({ file }) => file)
  }

  async get(id: ContentId): Promise<SharedFile | undefined> {
    return this.#held.get(id.toString())?.file
  }

  async byIndex(index: number): Promise<SharedFile | undefined> {
    return [...this.#held.values()].find(({ file }) => file.index === index)?.file
  }

  async bySha1(sha1: Uint8Array): Promise<SharedFile | undefined> {
    return [...this.#held.values()].find(({ file }) => Buffer.compare(file.sha1, sha1) === 0)?.file
  }

  async *files(): AsyncIterable<SharedFile> {
    yield* [...this.#held.values()].map(({ file }) => file)
  }

  subscribe(): () => void {
    return () => {}
  }

  async open(id: ContentId): Promise<BlockReader | undefined> {
    const held = this.#held.get(id.toString())
    if (held === undefined) return undefined
    this.openReaders += 1
    const check = () => {
      if (this.changed.has(id.toString())) throw new ContentChangedError('It is another file now.')
    }
    return {
      file: held.file,
      read: async (offset, length) => {
        await this.beforeRead(offset)
        check()
        return held.read(offset, length)
      },
      hashes: async (height, index, count) => {
        check()
        if (height >= 6 || held.file.size <= MiB) return held.tree.hashes(height, index, count)
        if (height > 0) throw new RangeError('This share has leaves and the layers of 1 MiB.')
        return leafHashes(held.read(index * 16384, count * 16384), sha256)
      },
      close: async () => {
        this.openReaders -= 1
      }
    }
  }
}
