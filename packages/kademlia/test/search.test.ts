/** Whom a search asks, in which order, and how many at most: rule by rule, with what kad-dht would tell. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PeerId } from '@libp2p/interface'
import type { KadDHT, QueryEvent } from '@libp2p/kad-dht'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { type Clock, systemClock } from '@servent/libp2p-host'
import { parseQuery } from '@servent/overlay'
import { expect, it, vi } from 'vitest'
import {
  ASKED_AT_A_TIME,
  ASKED_PER_SEARCH_MAX,
  ASKED_SLOW_MS,
  ASKED_WAITED_FOR_MAX,
  KEYS_PER_SEARCH_MAX,
  PROVIDERS_PER_WORD_MAX
} from '../src/constants.ts'
import { cidOfWord, Searches } from '../src/service-search.ts'

const peersOf = async (count: number): Promise<PeerId[]> =>
  Promise.all(
    Array.from({ length: count }, async () => peerIdFromPrivateKey(await generateKeyPair('Ed25519')))
  )

/** Tells of these peers for these words, and notes who is asked. */
class Told {
  readonly asked: PeerId[] = []
  readonly lookedUp: string[] = []
  atATime = 0
  atATimeMost = 0
  /** Whoever is asked waits for this. */
  answering = Promise.resolve()
  readonly searches: Searches
  readonly #by: ReadonlyMap<string, readonly PeerId[]>

  constructor(
    from: PeerId,
    told: Readonly<Record<string, readonly PeerId[]>>,
    self = 'nobody',
    clock: Clock = systemClock
  ) {
    this.#by = new Map(Object.entries(told).map(([word, peers]) => [`${cidOfWord(word)}`, peers]))
    const { lookedUp } = this
    const providers = this.#by
    const dht = {
      async *findProviders(cid: { toString(): string }): AsyncGenerator<QueryEvent> {
        lookedUp.push(`${cid}`)
        const infos = (providers.get(`${cid}`) ?? []).map(id => ({ id, multiaddrs: [] }))
        const path = { index: 0, queued: 0, running: 0, total: 0 }
        yield { name: 'PROVIDER', type: 4, from, providers: infos, path }
      }
    } as unknown as KadDHT
    const ask = async (peer: PeerId) => {
      this.asked.push(peer)
      this.atATime += 1
      this.atATimeMost = Math.max(this.atATimeMost, this.atATime)
      await this.answering
      this.atATime -= 1
      return { records: [], more: false, bytes: 10 }
    }
    this.searches = new Searches({ dht, words: { ask }, clock, self })
  }

  async search(text: string): Promise<{ messages: number; bytes: number }> {
    const traffic = { messages: 0, bytes: 0 }
    for await (const hit of this.searches.search(parseQuery(text), new AbortController().signal, traffic))
      throw new Error(`Nobody has ${hit.record.name}.`)
    return traffic
  }
}

it('asks those first who were told of for every word, then those of the rarest, and nobody else', async () => {
  const [from, both, rare, common, other] = (await peersOf(5)) as [PeerId, PeerId, PeerId, PeerId, PeerId]
  const told = new Told(from, { rare: [rare, both], common: [common, both, other] })
  const traffic = await told.search('common rare')
  expect(told.asked.map(String)).toEqual([both, rare].map(String))
  expect(traffic).toEqual({ messages: 4, bytes: 20 })
})

it('does not ask itself', async () => {
  const [from, self] = (await peersOf(2)) as [PeerId, PeerId]
  const told = new Told(from, { word: [self] }, `${self}`)
  await told.search('word')
  expect(told.asked).toEqual([])
})

it('looks up KEYS_PER_SEARCH_MAX words, and asks ASKED_PER_SEARCH_MAX peers, ASKED_AT_A_TIME at a time', async () => {
  const [from, ...many] = (await peersOf(ASKED_PER_SEARCH_MAX + 2)) as [PeerId, ...PeerId[]]
  const told = new Told(from, { word: many })
  await told.search('word')
  expect(told.asked).toHaveLength(ASKED_PER_SEARCH_MAX)
  expect(told.atATimeMost).toBe(ASKED_AT_A_TIME)
  const words = Array.from({ length: KEYS_PER_SEARCH_MAX + 1 }, (_, at) => `w${at}`)
  await told.search(words.join(' '))
  expect(told.lookedUp).toHaveLength(1 + KEYS_PER_SEARCH_MAX)
})

it('those who take longer than ASKED_SLOW_MS hold up nobody before they are ASKED_WAITED_FOR_MAX', async () => {
  const [from, ...many] = (await peersOf(ASKED_WAITED_FOR_MAX + 2)) as [PeerId, ...PeerId[]]
  const due: (() => void)[] = []
  const clock: Clock = {
    ...systemClock,
    setTimeout: (run, afterMs) => {
      expect(afterMs).toBe(ASKED_SLOW_MS)
      return due.push(run)
    },
    clearTimeout: () => undefined
  }
  const told = new Told(from, { word: many }, 'nobody', clock)
  let answer = () => {}
  told.answering = new Promise(resolve => {
    answer = resolve
  })
  const searched = told.search('word')
  await vi.waitFor(() => expect(told.asked).toHaveLength(ASKED_AT_A_TIME))
  for (let run = due.shift(); run !== undefined; run = due.shift()) run()
  expect(told.asked).toHaveLength(ASKED_WAITED_FOR_MAX)
  answer()
  await searched
  expect(told.asked).toHaveLength(many.length)
  expect(told.atATimeMost).toBe(ASKED_WAITED_FOR_MAX)
})

it('remembers PROVIDERS_PER_WORD_MAX providers of a word', async () => {
  const [from, last] = (await peersOf(2)) as [PeerId, PeerId]
  // Told again and again, one peer takes the room of all: what comes past the bound is not looked at.
  const same = Array.from({ length: PROVIDERS_PER_WORD_MAX - 1 }, () => from)
  const full = new Told(from, { word: [...same, last] })
  await full.search('word')
  expect(full.asked.map(String)).toEqual([from, last].map(String))
  const past = new Told(from, { word: [...same, from, last] })
  await past.search('word')
  expect(past.asked.map(String)).toEqual([`${from}`])
})
