/** What one search by words found, held against what there is to find. */
import type { NodeIndex } from '@servent/simulator'
import type { SearchOutcome } from '../deployment.ts'
import type { Places } from '../places.ts'
import type { Part } from '../run-result.ts'
import type { SearchAsk, World, WorldFile } from '../world.ts'

/** Peers that share a file and live. */
export function holdersOf({ holders }: WorldFile, places: Places): NodeIndex[] {
  return holders.flatMap(place => places.nodeAt(place) ?? [])
}

/** What was found of what there was, once a search is over: only numbers are kept of it. */
interface Verdict {
  readonly found: number
  readonly right: number
  readonly rightResults: number
  readonly soughtRight: boolean
}

const NOTHING: Verdict = { found: 0, right: 0, rightResults: 0, soughtRight: false }

/** Goes on while the search is under way: what is asked of it is how far it has come. */
export class FoundFiles implements SearchOutcome {
  /** By their ids as text: files that hold all words and that somebody else has who lives in reach, and who they are. */
  readonly #wanted = new Map<string, ReadonlySet<NodeIndex>>()
  readonly #found = new Set<string>()
  /** A file and who has it. */
  readonly #rightResults = new Set<string>()
  readonly #soughtId: string
  readonly #soughtWanted: boolean
  readonly #wantedResults: number
  readonly #startedUs: number
  readonly wanted: number
  readonly cost = { messages: 0, bytes: 0 }
  firstHitUs: number | undefined
  #verdict: Verdict | undefined

  constructor(
    world: World,
    places: Places,
    origin: NodeIndex,
    { words, file }: Pick<SearchAsk, 'words' | 'file'>,
    nowUs: number,
    isInReach: (node: NodeIndex) => boolean = () => true
  ) {
    let results = 0
    for (const one of world.matching(words)) {
      const others = holdersOf(one, places).filter(node => node !== origin && isInReach(node))
      if (others.length > 0) this.#wanted.set(`${one.id}`, new Set(others))
      results += others.length
    }
    this.#soughtId = `${file.id}`
    this.#soughtWanted = this.#wanted.has(this.#soughtId)
    this.wanted = this.#wanted.size
    this.#wantedResults = results
    this.#startedUs = nowUs
  }

  /** Files by their ids as text, and who has them. */
  add(
    found: readonly { readonly id: string; readonly holder: NodeIndex | undefined }[],
    nowUs: number
  ): void {
    if (found.length > 0) this.firstHitUs ??= nowUs - this.#startedUs
    for (const { id, holder } of found) {
      this.#found.add(id)
      if (holder !== undefined && this.#wanted.get(id)?.has(holder)) this.#rightResults.add(`${id} ${holder}`)
    }
  }

  /** It is over, and has asked others or has not: then it has found nothing. */
  end(asked: boolean): void {
    const right = [...this.#found].filter(id => this.#wanted.has(id)).length
    const soughtRight = this.#soughtWanted && this.#found.has(this.#soughtId)
    if (asked) {
      this.#verdict = { found: this.#found.size, right, rightResults: this.#rightResults.size, soughtRight }
    }
    this.#wanted.clear()
    this.#found.clear()
    this.#rightResults.clear()
  }

  get asked(): boolean {
    return this.#verdict !== undefined
  }

  get found(): number {
    return (this.#verdict ?? NOTHING).found
  }

  get right(): number {
    return (this.#verdict ?? NOTHING).right
  }

  get results(): Part {
    return { wanted: this.#wantedResults, right: (this.#verdict ?? NOTHING).rightResults }
  }

  get sought(): { wanted: boolean; right: boolean } {
    return { wanted: this.#soughtWanted, right: (this.#verdict ?? NOTHING).soughtRight }
  }
}
