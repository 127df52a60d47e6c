/** What one search by words found, held against what there is to find. */
import type { NodeIndex } from '@servent/simulator'
import type { SearchOutcome } from '../deployment.ts'
import type { Places } from '../places.ts'
import type { World, WorldFile } from '../world.ts'

/** Peers that share a file and live. */
export function holdersOf({ holders }: WorldFile, places: Places): NodeIndex[] {
  return holders.flatMap(place => places.nodeAt(place) ?? [])
}

export class FoundFiles {
  /** By their ids as text: files that hold all words, and that somebody else has who lives. */
  readonly #wanted: ReadonlySet<string>
  readonly #found = new Set<string>()
  readonly #startedUs: number
  #firstHitUs: number | undefined

  constructor(world: World, places: Places, origin: NodeIndex, words: readonly string[], nowUs: number) {
    const files = world.matching(words).filter(file => holdersOf(file, places).some(node => node !== origin))
    this.#wanted = new Set(files.map(({ id }) => `${id}`))
    this.#startedUs = nowUs
  }

  add(ids: readonly string[], nowUs: number): void {
    if (ids.length > 0) this.#firstHitUs ??= nowUs - this.#startedUs
    for (const id of ids) this.#found.add(id)
  }

  outcome(asked: boolean, messages: number, bytes: number): SearchOutcome {
    return {
      asked,
      found: this.#found.size,
      right: [...this.#found].filter(id => this.#wanted.has(id)).length,
      wanted: this.#wanted.size,
      messages,
      bytes,
      firstHitUs: this.#firstHitUs
    }
  }
}
