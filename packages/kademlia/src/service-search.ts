/**
 * Searches: Kademlia knows who has files with a word, and no more. All words are looked up at once; a peer that is told
 * of for every word is asked over `/servent/words/1.0.0` at once, and those of the rarest word in the end, for a node
 * gives no more providers of a popular word than its message holds. What they answer was signed by them and has all
 * words, or it is left out.
 */
import type { PeerId } from '@libp2p/interface'
import type { KadDHT } from '@libp2p/kad-dht'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Clock } from '@servent/libp2p-host'
import {
  type ContentId,
  type Hit,
  keyOfWord,
  matches,
  openRecord,
  type Provider,
  type Query,
  type SearchTraffic,
  wordsOfTags
} from '@servent/overlay'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { decode as digestFrom, create as digestOf } from 'multiformats/hashes/digest'
import {
  ASKED_AT_A_TIME,
  ASKED_PER_SEARCH_MAX,
  ASKED_SLOW_MS,
  ASKED_WAITED_FOR_MAX,
  KEYS_PER_SEARCH_MAX,
  PROVIDERS_PER_WORD_MAX
} from './constants.ts'
import { QueryCost } from './service-query.ts'
import type { Words } from './service-words.ts'

const SHA2_256 = 0x12

/** A word's key as a CID, by which its providers are stored and found. */
export const cidOfWord = (word: string): CID => CID.createV1(raw.code, digestOf(SHA2_256, keyOfWord(word)))

export const cidOfMultihash = (multihash: Uint8Array): CID =>
  CID.createV1(raw.code, digestFrom(Uint8Array.from(multihash)))

export interface SearchesInit {
  readonly dht: KadDHT
  readonly words: Pick<Words, 'ask'>
  readonly clock: Clock
  readonly self: string
}

interface Candidate {
  readonly id: PeerId
  readonly addresses: readonly Multiaddr[]
  /** Steps until the first peer that told of it. */
  readonly steps: number
  /** Indices of words that it was told of for. */
  readonly words: Set<number>
}

export class Searches {
  readonly #init: SearchesInit

  constructor(init: SearchesInit) {
    this.#init = init
  }

  /** Ends when the lookups have, and whoever was asked has answered, or with the signal. */
  async *search(query: Query, signal: AbortSignal, traffic: SearchTraffic): AsyncGenerator<Hit, void> {
    const words = wordsOfQuery(query)
    if (words.length === 0) return
    const run = new SearchRun(this.#init, query, signal, traffic)
    run.begin(words)
    yield* run.hits()
  }

  /** Those that Kademlia has for a content, each once, with the addresses that it was told. */
  async *providers(
    id: ContentId,
    signal: AbortSignal,
    traffic: SearchTraffic
  ): AsyncGenerator<Provider, void> {
    const { dht, self } = this.#init
    const cost = new QueryCost(traffic)
    const seen = new Set([self])
    for await (const event of dht.findProviders(cidOfMultihash(id.multihash), { signal })) {
      cost.note(event)
      if (event.name !== 'PROVIDER') continue
      for (const { id, multiaddrs } of event.providers) {
        const peerId = `${id}`
        if (seen.has(peerId) || seen.size > PROVIDERS_PER_WORD_MAX) continue
        seen.add(peerId)
        yield { peerId, addresses: multiaddrs.map(String), overlay: 'kademlia' }
      }
    }
  }
}

class SearchRun {
  readonly #init: SearchesInit
  readonly #query: Query
  readonly #signal: AbortSignal
  readonly #traffic: SearchTraffic
  readonly #startedMs: number
  readonly #candidates = new Map<string, Candidate>()
  /** Who is to be asked, and is not yet. */
  readonly #waiting: Candidate[] = []
  readonly #asked = new Set<string>()
  readonly #found: Hit[] = []
  readonly #seen = new Set<string>()
  #words = 0
  #lookups = 0
  #asking = 0
  /** Of these, those who take long: they do not hold up the others. */
  #slow = 0
  #wake: (() => void) | undefined

  constructor(init: SearchesInit, query: Query, signal: AbortSignal, traffic: SearchTraffic) {
    this.#init = init
    this.#query = query
    this.#signal = signal
    this.#traffic = traffic
    this.#startedMs = init.clock.nowMs()
  }

  begin(words: readonly string[]): void {
    this.#words = words.length
    this.#lookups = words.length
    for (const [index, word] of words.entries()) {
      this.#lookUp(index, word)
        // What this word's lookup did not find the others may.
        .catch(() => {})
        .finally(() => {
          this.#lookups -= 1
          if (this.#lookups === 0) this.#askRarest()
          this.#wake?.()
        })
    }
  }

  async *hits(): AsyncGenerator<Hit, void> {
    let given = 0
    const onAbort = () => this.#wake?.()
    this.#signal.addEventListener('abort', onAbort)
    try {
      for (;;) {
        for (let hit = this.#found.shift(); hit !== undefined; hit = this.#found.shift()) {
          yield hit
          given += 1
          if (given >= this.#query.limit) return
        }
        const isOver = this.#lookups === 0 && this.#asking === 0 && this.#waiting.length === 0
        if (isOver || this.#signal.aborted) return
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
      }
    } finally {
      this.#signal.removeEventListener('abort', onAbort)
    }
  }

  async #lookUp(index: number, word: string): Promise<void> {
    const { dht, self } = this.#init
    const cost = new QueryCost(this.#traffic)
    let count = 0
    for await (const event of dht.findProviders(cidOfWord(word), { signal: this.#signal })) {
      cost.note(event)
      if (event.name !== 'PROVIDER') continue
      for (const { id, multiaddrs } of event.providers) {
        if (`${id}` === self || count >= PROVIDERS_PER_WORD_MAX) continue
        count += 1
        this.#told(index, id, multiaddrs, cost.stepsTo(`${event.from}`))
      }
    }
  }

  #told(index: number, id: PeerId, addresses: readonly Multiaddr[], steps: number): void {
    const known = this.#candidates.get(`${id}`)
    const candidate = known ?? { id, addresses, steps, words: new Set<number>() }
    if (known === undefined) this.#candidates.set(`${id}`, candidate)
    candidate.words.add(index)
    if (candidate.words.size === this.#words) this.#enqueue(candidate)
  }

  /** All lookups have ended: a list that was cut may lack some who have the files, and the shortest was cut least. */
  #askRarest(): void {
    const counts = new Array<number>(this.#words).fill(0)
    for (const { words } of this.#candidates.values()) for (const word of words) counts[word]! += 1
    const rarest = counts.indexOf(Math.min(...counts))
    const left = [...this.#candidates.values()]
      .filter(({ words }) => words.has(rarest) && words.size < this.#words)
      .sort((a, b) => b.words.size - a.words.size)
    for (const candidate of left) this.#enqueue(candidate)
  }

  #enqueue(candidate: Candidate): void {
    const name = `${candidate.id}`
    if (this.#asked.has(name) || this.#asked.size >= ASKED_PER_SEARCH_MAX) return
    this.#asked.add(name)
    this.#waiting.push(candidate)
    this.#askNext()
  }

  get #mayAsk(): boolean {
    const isFree = this.#asking - this.#slow < ASKED_AT_A_TIME && this.#asking < ASKED_WAITED_FOR_MAX
    return isFree && !this.#signal.aborted && !this.#hasEnough
  }

  get #hasEnough(): boolean {
    return this.#seen.size >= this.#query.limit
  }

  #askNext(): void {
    const { clock } = this.#init
    while (this.#mayAsk) {
      const candidate = this.#waiting.shift()
      if (candidate === undefined) return
      this.#asking += 1
      let isSlow = false
      const hedge = clock.setTimeout(() => {
        isSlow = true
        this.#slow += 1
        this.#askNext()
      }, ASKED_SLOW_MS)
      this.#ask(candidate)
        // Who is gone, or does not speak this, has nothing that could be had.
        .catch(() => {})
        .finally(() => {
          clock.clearTimeout(hedge)
          this.#asking -= 1
          if (isSlow) this.#slow -= 1
          this.#askNext()
          this.#wake?.()
        })
    }
  }

  async #ask({ id, addresses, steps }: Candidate): Promise<void> {
    const { words, clock } = this.#init
    this.#traffic.messages += 1
    const { records, bytes } = await words.ask(id, addresses, this.#query, this.#signal)
    this.#traffic.messages += 1
    this.#traffic.bytes += bytes
    const peerId = `${id}`
    for (const sealed of records) {
      const record = await openRecord(sealed, { nowMs: clock.wallMs(), provider: peerId })
      const name = `${record.id} ${peerId}`
      // The first that is wrong ends what this peer says.
      if (!matches(this.#query, record)) return
      if (this.#seen.has(name)) continue
      this.#seen.add(name)
      this.#found.push({
        record,
        provider: { peerId, addresses: addresses.map(String), overlay: 'kademlia' },
        overlay: 'kademlia',
        // And the one to whoever has the file.
        hops: steps + 1,
        elapsedMs: Math.round(clock.nowMs() - this.#startedMs)
      })
      this.#wake?.()
    }
  }
}

function wordsOfQuery({ words, tags = {} }: Query): string[] {
  return [...new Set(words.length > 0 ? words : wordsOfTags(tags))].slice(0, KEYS_PER_SEARCH_MAX)
}
