/**
 * Searches by words, much as the service over libp2p does them (`service-search.ts`): the providers of all words are looked
 * up at once. A peer that is told of for every word is asked for its files at once. In the end those of the rarest word
 * are, too, as far as lists of other words were cut at what a message holds: whoever a whole list lacks has no file with
 * that word. Peers are asked until there are as many files as are wanted, and the dead do not hold up those who live.
 *
 * The service knows less: libp2p's `findProviders` ends with twenty providers, where this asks all of the nearest, and the
 * service leaves nobody out for a list that looks whole. So what the simulator finds of common words is an upper bound.
 */
import { FETCH_RECORDS_MAX, Hedge, isReadable, nameOf, type StoredRecord } from '@servent/key-routing/machine'
import { type Contact, type Key, NO_PEER, type Peer, SELF, sameBytes } from '@servent/overlay/machine'
import {
  ASKED_AT_A_TIME,
  ASKED_PER_SEARCH_MAX,
  ASKED_SLOW_MS,
  ASKED_WAITED_FOR_MAX,
  PROVIDERS_PER_WORD_MAX
} from './constants.ts'
import type { Fx, Kad } from './kad.ts'
import { isWhole, kademliaCodec } from './kad-wire.ts'
import { type LookupEnd, startLookup } from './lookup-run.ts'
import { KAD_PRIORITY_LOOKUP } from './machine-constants.ts'
import type { FilesAnswer, KademliaAnswer, KademliaMessage } from './messages.ts'
import { providersOf } from './serving.ts'
import type { KademliaTypes } from './types.ts'

export interface SearchInit {
  readonly command: number
  /** Of words; of a content there is one, and its providers are what is looked for. */
  readonly keys: readonly Key[]
  readonly kind: 'word' | 'provider'
  readonly limit: number
  readonly done: () => void
}

interface Candidate {
  readonly peer: Peer
  /** Requests until the first that told of it had answered. */
  readonly steps: number
  /** Indices of words that it was told of for. */
  readonly words: Set<number>
}

/** Who has one word, as far as this search was told. */
interface Listed {
  readonly key: Key
  count: number
  /** The nearest to the key were asked, and none of them left anybody out. */
  isWhole: boolean
}

export class Search {
  readonly #kad: Kad
  readonly #init: SearchInit
  readonly #limit: number
  readonly #startMs: number
  readonly #traffic = { messages: 0, bytes: 0 }
  readonly #candidates = new Map<Peer, Candidate>()
  readonly #listed: readonly Listed[]
  readonly #waiting: Candidate[] = []
  readonly #asked = new Set<Peer>()
  readonly #seen = new Set<string>()
  readonly #failures: (LookupEnd['failed'] | undefined)[] = []
  #lookups: number
  #asking = 0
  /** Of these, those who take long: they do not hold up the others. */
  #slow = 0
  #isOver = false

  constructor(kad: Kad, init: SearchInit, fx: Fx) {
    this.#kad = kad
    this.#init = init
    this.#limit = Math.min(init.limit, FETCH_RECORDS_MAX)
    this.#startMs = fx.nowMs()
    this.#listed = init.keys.map(key => ({ key, count: 0, isWhole: true }))
    this.#lookups = init.keys.length
  }

  heldPeers(hold: (peer: Peer) => void): void {
    for (const peer of this.#candidates.keys()) hold(peer)
  }

  start(fx: Fx): void {
    for (const [index, listed] of this.#listed.entries()) {
      const { key } = listed
      // This peer may be one of the k that keep the word.
      for (const provider of providersOf(this.#kad, key, fx)) this.#told(index, provider, 0, fx)
      startLookup(
        this.#kad,
        {
          key,
          purpose: 'user',
          asking: 'get-providers',
          budgetMs: this.#kad.settings.lookupBudgetMs,
          onAnswer: (_from, answer, steps, later) => this.#onProviders(index, answer, steps, later),
          done: (end, later) => this.#onLookedUp(listed, end, later)
        },
        fx
      )
    }
  }

  giveUp(): void {
    this.#isOver = true
    this.#init.done()
  }

  #onProviders(index: number, answer: KademliaAnswer, steps: number, fx: Fx): boolean {
    if (this.#isOver) return true
    if (answer.type !== 'providers') return false
    if (!isWhole(answer.providers)) this.#listed[index]!.isWhole = false
    for (const provider of answer.providers) this.#told(index, provider, steps, fx)
    return false
  }

  #onLookedUp(listed: Listed, { traffic, failed, isComplete }: LookupEnd, fx: Fx): void {
    if (this.#isOver) return
    if (!isComplete || failed !== undefined) listed.isWhole = false
    this.#note(traffic.messages, traffic.bytes)
    this.#failures.push(failed)
    this.#lookups -= 1
    if (this.#lookups === 0 && this.#init.kind === 'word') this.#askRarest(fx)
    this.#endIfOver(fx)
  }

  #told(index: number, provider: Contact, steps: number, fx: Fx): void {
    const peer = fx.peers.intern(provider)
    const known = this.#candidates.get(peer)
    if (peer === SELF || known?.words.has(index) === true) return
    const listed = this.#listed[index]!
    if (peer === NO_PEER || listed.count >= PROVIDERS_PER_WORD_MAX) {
      listed.isWhole = false
      return
    }
    const candidate = known ?? { peer, steps, words: new Set<number>() }
    this.#candidates.set(peer, candidate)
    candidate.words.add(index)
    listed.count += 1
    if (this.#init.kind === 'provider') this.#tell([providerRecord(listed.key, provider, fx)], steps, fx)
    else if (candidate.words.size === this.#listed.length) this.#enqueue(candidate, fx)
  }

  #askRarest(fx: Fx): void {
    const told = [...this.#listed.keys()].filter(index => this.#listed[index]!.count > 0)
    const whole = [...this.#listed.keys()].filter(index => this.#listed[index]!.isWhole)
    // Of a list that was cut nobody knows how long it is.
    const [rarest] = (whole.length > 0 ? whole : told).sort(
      (a, b) => this.#listed[a]!.count - this.#listed[b]!.count
    )
    const left = [...this.#candidates.values()].filter(
      ({ words }) => words.has(rarest ?? 0) && whole.every(index => words.has(index))
    )
    left.sort((a, b) => b.words.size - a.words.size)
    for (const candidate of left) this.#enqueue(candidate, fx)
  }

  #enqueue(candidate: Candidate, fx: Fx): void {
    if (this.#asked.has(candidate.peer) || this.#asked.size >= ASKED_PER_SEARCH_MAX) return
    this.#asked.add(candidate.peer)
    this.#waiting.push(candidate)
    this.#askNext(fx)
  }

  get #mayAsk(): boolean {
    const isWanted = !this.#isOver && this.#seen.size < this.#limit
    return isWanted && this.#asking - this.#slow < ASKED_AT_A_TIME && this.#asking < ASKED_WAITED_FOR_MAX
  }

  #askNext(fx: Fx): void {
    while (this.#mayAsk) {
      const candidate = this.#waiting.shift()
      if (candidate === undefined) return
      this.#ask(candidate, fx)
    }
  }

  #ask(candidate: Candidate, fx: Fx): void {
    this.#asking += 1
    const { calls, mark } = this.#kad
    let isSlow = false
    const hedge = new Hedge<KademliaTypes>(later => {
      isSlow = true
      this.#slow += 1
      this.#askNext(later)
    })
    calls.wait(hedge, fx.nowMs() + ASKED_SLOW_MS, fx)
    const question = { type: 'files-question', id: calls.nextId(), words: this.#init.keys, ...mark } as const
    this.#noteMessage(question)
    calls.request(
      candidate.peer,
      question,
      KAD_PRIORITY_LOOKUP,
      (outcome, later) => {
        calls.end(hedge, false, later)
        this.#asking -= 1
        if (isSlow) this.#slow -= 1
        if (this.#isOver) return
        if ('answer' in outcome && outcome.answer.type === 'files-answer')
          this.#onFiles(candidate, outcome.answer, later)
        this.#askNext(later)
        this.#endIfOver(later)
      },
      fx
    )
  }

  /** What it says of itself counts, and of no one else. */
  #onFiles({ peer, steps }: Candidate, answer: FilesAnswer, fx: Fx): void {
    this.#noteMessage(answer)
    const { id } = fx.peers.contact(peer)
    const names = new Set(this.#init.keys.map(nameOf))
    const theirs = answer.records.filter(
      record =>
        record.kind === 'word' &&
        names.has(nameOf(record.key)) &&
        sameBytes(record.publisher.id, id) &&
        isReadable(record, fx.wallMs())
    )
    this.#tell(theirs, steps + 1, fx)
  }

  #tell(records: readonly StoredRecord[], hops: number, fx: Fx): void {
    const fresh = records.filter(({ subject, publisher }) => {
      const name = `${nameOf(subject)}${nameOf(publisher.id)}`
      if (this.#seen.has(name) || this.#seen.size >= this.#limit) return false
      this.#seen.add(name)
      return true
    })
    if (fresh.length === 0) return
    const { command } = this.#init
    const elapsedMs = fx.nowMs() - this.#startMs
    fx.notify({ type: 'records', command, records: fresh, total: this.#seen.size, hops, elapsedMs })
  }

  #noteMessage(message: KademliaMessage): void {
    this.#note(1, kademliaCodec.byteLength(message))
  }

  #note(messages: number, bytes: number): void {
    this.#traffic.messages += messages
    this.#traffic.bytes += bytes
  }

  #endIfOver(fx: Fx): void {
    const mayGoOn = this.#waiting.length > 0 && this.#seen.size < this.#limit
    const isWaiting = this.#lookups > 0 || this.#asking > 0 || mayGoOn
    if (this.#isOver || isWaiting) return
    this.#isOver = true
    this.#init.done()
    const { command } = this.#init
    const failure = this.#failures.every(failed => failed !== undefined) ? this.#failures[0] : undefined
    fx.notify({
      type: 'records-end',
      command,
      total: this.#seen.size,
      traffic: this.#traffic,
      ...(failure !== undefined && { failure })
    })
  }
}

/** Who has a content, as the notices of structured overlays say it. Kademlia keeps nothing else of it. */
function providerRecord(key: Key, publisher: Contact, fx: Fx): StoredRecord {
  const expiresMs = Math.floor(fx.wallMs()) + 1
  return { kind: 'provider', key, publisher, sequence: 0, expiresMs, subject: key, body: NOTHING }
}

const NOTHING = new Uint8Array(0)
