/** What one search by words found, held against what there is to find. */
import type { NodeIndex } from '@servent/simulator'
import type { SearchOutcome } from '../deployment.ts'
import type { Places } from '../places.ts'
import type { World, WorldFile } from '../world.ts'

/** Peers that share a file and live. */
export function holdersOf({ holders }: WorldFile, places: Places): NodeIndex[] {
  return holders.flatMap(place => places.nodeAt(place) ?? [])
}

/** Goes on while the search is under way: what is asked of it is how far it has come. */
export class FoundFiles implements SearchOutcome {
  /** By their ids as text: files that hold all words, and that somebody else has who lives. */
  readonly #wanted: ReadonlySet<string>
  readonly #found = new Set<string>()
  readonly #startedUs: number
  readonly cost = { messages: 0, bytes: 0 }
  firstHitUs: number | undefined
  #asked: boolean | undefined

  constructor(world: World, places: Places, origin: NodeIndex, words: readonly string[], nowUs: number) {
    const files = world.matching(words).filter(file => holdersOf(file, places).some(node => node !== origin))
    this.#wanted = new Set(files.map(({ id }) => `${id}`))
    this.#startedUs = nowUs
  }

  add(ids: readonly string[], nowUs: number): void {
    if (ids.length > 0) this.firstHitUs ??= nowUs - this.#startedUs
    for (const id of ids) this.#found.add(id)
  }

  /** It is over, and has asked others or has not. */
  end(asked: boolean): void {
    this.#asked = asked
  }

  get asked(): boolean {
    return this.#asked === true
  }

  get wanted(): number {
    return this.#wanted.size
  }

  /** Nothing where the search failed or has not ended. */
  get found(): number {
    return this.asked ? this.#found.size : 0
  }

  get right(): number {
    return this.asked ? [...this.#found].filter(id => this.#wanted.has(id)).length : 0
  }
}
