/**
 * Users of the load tests: real libp2p nodes with a catalogue in memory. What they say of themselves is the truth that
 * results are held against: which files their server has acknowledged, and whether they are connected.
 */
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { Libp2p } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { boundedYamux } from '@servent/libp2p-host'
import { MemoryCatalogue } from '@servent/overlay/testing'
import type { Random } from '@servent/simulator'
import { createLibp2p } from 'libp2p'
import { napster } from '../src/index.ts'
import type { NapsterService } from '../src/service.ts'
import { CONNECTION_MONITOR } from './load-servers.ts'

/** Common words, the more often the earlier they stand (Zipf's law with exponent 1). */
const VOCABULARY_WORDS = 2_000
const WORDS_PER_FILE = 3

export class Vocabulary {
  readonly #random: Random
  readonly #sums: number[] = []

  constructor(random: Random) {
    this.#random = random
    for (let rank = 1; rank <= VOCABULARY_WORDS; rank += 1)
      this.#sums.push((this.#sums.at(-1) ?? 0) + 1 / rank)
  }

  word(): string {
    const at = this.#random.unit() * this.#sums.at(-1)!
    return `common${this.#sums.findIndex(sum => sum >= at)}`
  }

  words(): string[] {
    return Array.from({ length: WORDS_PER_FILE }, () => this.word())
  }
}

/** From when a user was without a server, or without all of their files at one, to when they were not any more. */
export interface Gap {
  readonly server: number
  readonly files: number
}

export class LoadUser {
  readonly number: number
  readonly catalogue = new MemoryCatalogue()
  readonly libp2p: Libp2p<{ napster: NapsterService }>
  /** In all of their files' names and in no others. */
  readonly word: string
  /** When they left, for good or for a while. */
  goneMs: number | undefined
  readonly gaps: Gap[] = []
  /** How many of their files have a word. */
  readonly words = new Map<string, number>()
  #lostMs: number | undefined
  #serverMs: number | undefined
  #files = 0

  private constructor(number: number, libp2p: Libp2p<{ napster: NapsterService }>) {
    this.number = number
    this.libp2p = libp2p
    this.word = `user${number}`
  }

  static async start(number: number, server: string): Promise<LoadUser> {
    const privateKey = await generateKeyPair('Ed25519')
    const libp2p = await createLibp2p({
      privateKey,
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [boundedYamux()],
      connectionMonitor: CONNECTION_MONITOR,
      services: { identify: identify(), napster: napster({ privateKey, servers: [multiaddr(server)] }) }
    })
    const user = new LoadUser(number, libp2p)
    libp2p.services.napster.attach(user.catalogue)
    return user
  }

  get peerId(): string {
    return this.libp2p.peerId.toString()
  }

  get service(): NapsterService {
    return this.libp2p.services.napster
  }

  share(vocabulary: Vocabulary, count: number): void {
    for (let more = 0; more < count; more += 1) {
      const words = new Set([this.word, this.uniqueWord(this.#files), ...vocabulary.words()])
      for (const word of words) this.words.set(word, (this.words.get(word) ?? 0) + 1)
      const name = `${[...words].join(' ')}.mp3`
      this.catalogue.add(name, name)
      this.#files += 1
    }
  }

  get files(): number {
    return this.#files
  }

  /** In the name of one file. */
  uniqueWord(file: number): string {
    return `one${this.number}of${file}`
  }

  async leave(): Promise<void> {
    await this.libp2p.stop()
    this.goneMs = performance.now()
  }

  async comeBack(): Promise<void> {
    this.goneMs = undefined
    await this.libp2p.start()
  }

  /** PeerId of the server that they are logged in at. */
  get server(): string | undefined {
    return this.goneMs === undefined ? ((this.service.snapshot().server as string) ?? undefined) : undefined
  }

  /** The session in which their server has acknowledged all of their files; nothing where it has not. */
  get wholeSession(): number | undefined {
    if (this.goneMs !== undefined) return undefined
    const { server, announced, counters } = this.service.snapshot()
    return server !== null && announced?.files === this.#files ? counters.logins : undefined
  }

  /** Notes gaps, as of now. */
  watch(nowMs: number): void {
    if (this.goneMs !== undefined) {
      this.#lostMs = undefined
      return
    }
    if (this.server === undefined) {
      this.#lostMs ??= nowMs
      this.#serverMs = undefined
      return
    }
    this.#serverMs ??= nowMs
    if (this.#lostMs === undefined || this.wholeSession === undefined) return
    this.gaps.push({ server: this.#serverMs - this.#lostMs, files: nowMs - this.#lostMs })
    this.#lostMs = undefined
  }
}
