/** What is indexed and asked: names of Zipf's words, in files of owners, and queries of two words each. */
import type { IndexedFile } from '@servent/keyword-index'
import { queriesFor, Words } from '../library/words.ts'

export const OWNER_FILES = 200
export const LIMIT = 100
const WORDS_SEED = 3
const QUERIES_SEED = 4
/** As long as the body of a Napster file is, about. */
const BODY = new Uint8Array(48).fill(7)

export interface Plan {
  readonly names: number
  /** Queries of each kind, as many for each store. */
  readonly queries: number
  /** PostgreSQL is asked fewer. */
  readonly postgresQueries: number
  /** Owners that are added, and removed, one by one when the index is full. */
  readonly peers: number
}

export type Owner = readonly [name: string, files: readonly IndexedFile[]]

/** The same owners for each store; texts are made anew each time, as those are that come over a network. */
export function* ownersOf(plan: Plan, more = 0): Generator<Owner> {
  const words = new Words(WORDS_SEED)
  for (let owner = 0; owner < plan.names / OWNER_FILES + more; owner += 1) {
    const files: IndexedFile[] = []
    for (let file = 0; file < OWNER_FILES; file += 1)
      files.push({
        key: `${file}.mp3`,
        words: words.name(),
        size: 1000 + file,
        type: 'audio/mpeg',
        body: BODY
      })
    yield [`owner-${owner}`, files]
  }
}

export const KINDS = ['two words of a name', 'two common words'] as const
export type Kind = (typeof KINDS)[number]
export type Queries = Readonly<Record<Kind, readonly (readonly string[])[]>>

/** Two words of one name out of all, and two of the twenty most common ones. */
export function queriesOf(plan: Plan): Queries {
  const kept: string[][] = []
  const words = new Words(WORDS_SEED)
  const every = Math.max(1, Math.floor(plan.names / plan.queries))
  for (let name = 0; name < plan.names; name += 1) {
    const drawn = words.name()
    if (name % every === 0) kept.push(drawn)
  }
  const texts = queriesFor(kept, plan.queries, new Words(QUERIES_SEED))
  // A word twice is a query of one word.
  const pairs = (kind: Kind): string[][] =>
    texts[kind].map(text => text.split(' ')).filter(([one, other]) => one !== other)
  return {
    'two words of a name': pairs('two words of a name'),
    'two common words': pairs('two common words')
  }
}
