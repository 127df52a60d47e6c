/**
 * What is the same for every overlay of a run: who shares which files, and what is looked up and searched for,
 * when and by whom. All of it is drawn from the run's seed before any overlay is asked.
 *
 * A *place* is where a peer stands in the plan: places number 0 to nodes - 1, and whoever comes for a peer that
 * left takes over its place and its files. Popularity is Zipf's with exponent 1, by division alone: the file of
 * rank k has 1/k of the copies that the first one has, and one at least; words of names likewise. What is asked for
 * is any file as likely as another, or by the same law, so that copies are proportional to what is asked for.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { ContentId, type Key } from '@servent/overlay/machine'
import { type Random, randomOf } from '@servent/simulator'
import type { Plan } from './plan.ts'
import { Sharers } from './sharing.ts'
import { Zipf } from './zipf.ts'

/**
 * Copies of the file that most peers have, as a part of all peers. Where few sharers have most of all they can have half
 * of all answers only if no file is everywhere.
 */
const COPIES_PARTS: Readonly<Record<Plan['sharing'], number>> = { even: 10, heavy: 100 }
/** Files for each peer. */
const FILES_PER_NODE = 1
const WORDS_PER_NAME = 3
/** Words that a search asks for, of those of a name. */
const WORDS_PER_SEARCH = 2
/** Words in use, for each file; a few at least. */
const WORDS_PER_FILE = 0.5
const WORDS_MIN = 32
/** On average, so that most are written over. */
const PUTS_PER_VALUE = 2
const FILE_BYTES_MAX = 16_384

export interface WorldFile {
  readonly index: number
  readonly id: ContentId
  /** Its words with a space between, and an ending. */
  readonly name: string
  readonly words: readonly string[]
  /** Bytes, at most one block. */
  readonly size: number
  /** Places that share it. */
  readonly holders: readonly number[]
}

/** What somebody asks for at a time. `chooser` picks who asks among those who live then. */
export interface Ask {
  /** Microseconds from the start of the measured time. */
  readonly atUs: number
  /** In [0, 1). */
  readonly chooser: number
}
export interface LookupAsk extends Ask {
  readonly type: 'lookup'
  readonly key: Key
  /** For overlays that find files rather than keys. */
  readonly file: WorldFile
}
export interface SearchAsk extends Ask {
  readonly type: 'search'
  readonly words: readonly string[]
  /** Whose words they are. */
  readonly file: WorldFile
  /** Asked for as a file that there is once. */
  readonly single: boolean
  /** Results that are wanted, a file of one provider each; nothing: all. */
  readonly enough?: number
}
interface ValueAsk extends Ask {
  /** Which value, from 0. */
  readonly value: number
  readonly key: Key
}
export interface PutAsk extends ValueAsk {
  readonly type: 'put'
}
export interface GetAsk extends ValueAsk {
  readonly type: 'get'
}

export class World {
  readonly files: readonly WorldFile[]
  /** By place. */
  readonly filesAt: readonly (readonly WorldFile[])[]
  readonly lookups: readonly LookupAsk[]
  readonly searches: readonly SearchAsk[]
  /** In the first half of the measured time, several for most values. */
  readonly puts: readonly PutAsk[]
  /** In its second half, of values that somebody puts. */
  readonly gets: readonly GetAsk[]
  readonly #byWord = new Map<string, WorldFile[]>()
  /** By rank, where that is how files are asked for. */
  readonly #demand: Zipf | undefined
  /** Files of which there is one copy. */
  readonly #singles: readonly WorldFile[]

  constructor(seed: string, plan: Plan) {
    const { nodes, lookups, searches, puts, gets, duration, demand } = plan
    const random = randomOf(seed)
    this.files = makeFiles(random.fork('files'), plan, seed)
    this.#demand = demand === 'zipf' ? new Zipf(this.files.length) : undefined
    this.#singles = this.files.filter(({ holders }) => holders.length === 1)
    const filesAt: WorldFile[][] = Array.from({ length: nodes }, () => [])
    for (const file of this.files) {
      for (const place of file.holders) filesAt[place]!.push(file)
      for (const word of file.words) {
        const list = this.#byWord.get(word)
        if (list === undefined) this.#byWord.set(word, [file])
        else list.push(file)
      }
    }
    this.filesAt = filesAt
    const durationUs = duration * 1_000_000
    this.lookups = this.makeLookups(random.fork('lookups'), lookups, durationUs)
    const wanted = random.fork('searches')
    this.searches = times(random.fork('search-times'), searches, durationUs).map(ask => ({
      ...ask,
      ...this.#search(wanted, plan)
    }))
    ;[this.puts, this.gets] = makeValueAsks(random.fork('values'), puts, gets, durationUs)
  }

  /** Lookups of random keys and files within a time, in the order of their moments. */
  makeLookups(random: Random, count: number, withinUs: number): LookupAsk[] {
    const keys = random.fork('keys')
    return times(random.fork('times'), count, withinUs).map(ask => ({
      ...ask,
      type: 'lookup',
      key: randomKey(keys),
      file: this.#asked(keys)
    }))
  }

  /** Who wants what there is once says all the words; anybody else some. */
  #search(random: Random, { rare, enough }: Plan): Omit<SearchAsk, keyof Ask> {
    const single = rare > 0 && this.#singles.length > 0 && random.unit() < rare
    const file = single ? this.#singles[random.below(this.#singles.length)]! : this.#asked(random)
    const words = single ? file.words : someWords(random, file.words)
    return { type: 'search', words, file, single, ...(enough === null ? {} : { enough }) }
  }

  #asked(random: Random): WorldFile {
    return this.files[this.#demand?.draw(random) ?? random.below(this.files.length)]!
  }

  /** Files whose names hold all words. */
  matching(words: readonly string[]): readonly WorldFile[] {
    const lists = words.map(word => this.#byWord.get(word) ?? [])
    const [rarest = []] = lists.sort((a, b) => a.length - b.length)
    return rarest.filter(file => words.every(word => file.words.includes(word)))
  }
}

function makeValueAsks(random: Random, puts: number, gets: number, durationUs: number): [PutAsk[], GetAsk[]] {
  const halfUs = Math.floor(durationUs / 2)
  const drawKeys = random.fork('keys')
  const keys = Array.from({ length: Math.ceil(puts / PUTS_PER_VALUE) }, () => randomKey(drawKeys))
  const which = random.fork('which')
  const written = times(random.fork('put-times'), puts, halfUs).map((ask): PutAsk => {
    const value = which.below(keys.length)
    return { ...ask, type: 'put', value, key: keys[value]! }
  })
  const read = times(random.fork('get-times'), gets, halfUs).map((ask): GetAsk => {
    const { value, key } = written[which.below(written.length)]!
    return { ...ask, atUs: halfUs + ask.atUs, type: 'get', value, key }
  })
  return [written, read]
}

/** Moments spread evenly at random, in their order: a Poisson process of which the count is known. */
function times(random: Random, count: number, durationUs: number): Ask[] {
  const asks = Array.from({ length: count }, () => ({
    atUs: Math.floor(random.unit() * durationUs),
    chooser: random.unit()
  }))
  return asks.sort((a, b) => a.atUs - b.atUs)
}

function randomKey(random: Random): Key {
  const key = new Uint8Array(32)
  const view = new DataView(key.buffer)
  for (let offset = 0; offset < 32; offset += 4) view.setUint32(offset, random.u32())
  return key
}

function someWords(random: Random, words: readonly string[]): string[] {
  const left = [...words]
  return Array.from({ length: WORDS_PER_SEARCH }, () => left.splice(random.below(left.length), 1)[0]!)
}

function makeFiles(random: Random, plan: Plan, seed: string): WorldFile[] {
  const { nodes } = plan
  const sharers = new Sharers(random, plan)
  const count = Math.max(1, Math.round(FILES_PER_NODE * nodes))
  const vocabulary = new Zipf(Math.max(WORDS_MIN, Math.round(WORDS_PER_FILE * count)))
  const most = Math.max(1, Math.floor(nodes / COPIES_PARTS[plan.sharing]))
  const encoder = new TextEncoder()
  return Array.from({ length: count }, (_, index) => {
    const words = new Set<string>()
    while (words.size < WORDS_PER_NAME) words.add(wordOf(vocabulary.draw(random)))
    const size = 1 + random.below(FILE_BYTES_MAX)
    const copies = Math.max(1, Math.floor(most / (index + 1)))
    const holders = sharers.draw(random, copies)
    return {
      index,
      id: ContentId.fromRoot(sha256(encoder.encode(`servent/lab/${seed}/${index}`)), size),
      name: `${[...words].join(' ')}.txt`,
      words: [...words],
      size,
      holders
    }
  })
}

const CONSONANTS = 'bdfgklmnprstvz'
const VOWELS = 'aeiou'
const SYLLABLES = CONSONANTS.length * VOWELS.length

/** A word that can be said, another for each number: `bado`, `keli`. Two syllables at least. */
export function wordOf(number: number): string {
  let word = ''
  let rest = number
  do {
    const syllable = rest % SYLLABLES
    word += CONSONANTS[Math.floor(syllable / VOWELS.length)]! + VOWELS[syllable % VOWELS.length]!
    rest = Math.floor(rest / SYLLABLES)
  } while (rest > 0)
  return word.length < 4 ? `${word}xo` : word
}
