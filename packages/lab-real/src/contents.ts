/** Bytes for the world's files, so that real peers can hash what they share: the same for each seed. */
import type { World, WorldFile } from '@servent/lab/backend'
import { randomOf } from '@servent/simulator'
import { idOf } from './shared-files.ts'
import type { SharedContent } from './types.ts'

export function contentOf(seed: string, { index, name, size }: WorldFile): SharedContent {
  const random = randomOf(`${seed}/content/${index}`)
  return { index, name, bytes: Uint8Array.from({ length: size }, () => random.below(256)) }
}

/** Ids of contents to ids of the world's files, and back: those of the world are hashes of nothing. */
export class ContentIds {
  readonly #real = new Map<string, string>()
  readonly #ofWorld = new Map<string, string>()

  constructor(seed: string, { files }: World) {
    for (const file of files) {
      const id = `${idOf(contentOf(seed, file).bytes)}`
      this.#real.set(`${file.id}`, id)
      this.#ofWorld.set(id, `${file.id}`)
    }
  }

  realOf(file: WorldFile): string {
    return this.#real.get(`${file.id}`)!
  }

  /** What nobody shares stays what it is. */
  ofWorld(id: string): string {
    return this.#ofWorld.get(id) ?? id
  }
}
