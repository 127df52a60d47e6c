/** Whom a machine's search for words asks, and when it has asked enough: rule by rule, at one machine. */
import { LOOKUP_BUDGET_MS, type StoredRecord } from '@servent/key-routing/machine'
import { type Key, keyOfPeer, keyOfWord, type Link } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { expect, it } from 'vitest'
import {
  ASKED_AT_A_TIME,
  ASKED_PER_SEARCH_MAX,
  ASKED_SLOW_MS,
  ASKED_WAITED_FOR_MAX,
  PROVIDERS_PER_WORD_MAX
} from '../src/constants.ts'
import { isWhole, providersThatFit } from '../src/kad-wire.ts'
import { PROVIDERS_TOLD_MAX } from '../src/kad-wire-limits.ts'
import { Solo } from './support/solo.ts'

const RARE = keyOfWord('rare')
const COMMON = keyOfWord('common')
/** The one that keeps both words: nobody shares anything there. */
const KEEPER = 1
/** Numbers of peers, `count` of them from the first on. */
const peers = (first: number, count: number) => Array.from({ length: count }, (_, at) => first + at)

function fileOf(number: number, key = RARE): StoredRecord {
  return {
    kind: 'word',
    key,
    publisher: testContact(number),
    sequence: 1,
    expiresMs: 1_900_000_000_000,
    subject: keyOfPeer(testContact(number).id),
    body: new Uint8Array(8)
  }
}

/** A search for two words that is under way. */
class Searching {
  readonly solo = new Solo()
  /** Those who were asked for their files, in this order, and the id of each question. */
  readonly asked: { readonly number: number; readonly id: number }[] = []
  readonly #lookups: { readonly link: Link; readonly id: number; readonly key: Key }[] = []
  readonly #numbers = new Map<Link, number>()
  #answered = 0
  found = 0
  isOver = false

  constructor(limit: number, keepers = [KEEPER]) {
    this.solo.adopt(...keepers)
    this.solo.command({ type: 'fetch-rarest', keys: [RARE, COMMON], limit })
    this.note()
  }

  /** The keeper names these for each word, or is silent. There is a link to each of them. */
  told({ rare, common }: { rare: readonly number[]; common?: readonly number[] }, keeper = KEEPER): void {
    for (const number of [...rare, ...(common ?? [])]) this.#numbers.set(this.solo.link(number), number)
    for (const { link, id, key } of this.#lookups) {
      const numbers = key === RARE ? rare : common
      if (link !== this.solo.link(keeper) || numbers === undefined) continue
      const providers = numbers.map(number => testContact(number))
      this.solo.say(keeper, { type: 'providers', id, closer: [], providers })
    }
    this.note()
  }

  /** Whoever waits for an answer longest gives it. False: nobody waits. */
  answer(records: (number: number) => StoredRecord[]): boolean {
    const next = this.asked[this.#answered]
    if (next === undefined) return false
    this.#answered += 1
    const { number, id } = next
    this.solo.say(number, { type: 'files-answer', id, records: records(number), more: false })
    this.note()
    return true
  }

  note(): void {
    for (const effect of this.solo.effects.take()) {
      if (effect.type === 'notify' && effect.notice.type === 'records')
        this.found += effect.notice.records.length
      if (effect.type === 'notify' && effect.notice.type === 'records-end') this.isOver = true
      if (effect.type !== 'send') continue
      const { link, message } = effect
      if (message.type === 'get-providers') this.#lookups.push({ link, id: message.id, key: message.key })
      if (message.type === 'files-question')
        this.asked.push({ number: this.#numbers.get(link)!, id: message.id })
    }
  }

  get numbers(): number[] {
    return this.asked.map(({ number }) => number)
  }
}

it('asks all providers of a common word, far more than 64, where so many files are wanted', () => {
  const search = new Searching(4096)
  const many = peers(2, 200)
  search.told({ rare: many, common: many })
  while (search.answer(number => [fileOf(number)]));
  expect([search.numbers.length, search.found, search.isOver]).toEqual([200, 200, true])
})

it('asks nobody more when it has what is wanted', () => {
  const search = new Searching(10)
  const many = peers(2, 200)
  search.told({ rare: many, common: many })
  while (search.answer(number => [fileOf(number)]));
  // Each answer but the tenth lets one more be asked.
  expect([search.numbers.length, search.found, search.isOver]).toEqual([ASKED_AT_A_TIME + 9, 10, true])
})

it.each([
  [ASKED_PER_SEARCH_MAX, ASKED_PER_SEARCH_MAX],
  [ASKED_PER_SEARCH_MAX + 1, ASKED_PER_SEARCH_MAX]
])('of %i providers ASKED_PER_SEARCH_MAX are asked', (providers, asked) => {
  const search = new Searching(4096)
  const many = peers(2, providers)
  search.told({ rare: many, common: many })
  while (search.answer(() => []));
  expect([search.numbers.length, search.isOver]).toEqual([asked, true])
})

it('ASKED_AT_A_TIME are asked at a time, and those that take long hold up nobody before they are ASKED_WAITED_FOR_MAX', () => {
  const search = new Searching(4096)
  const many = peers(2, 200)
  search.told({ rare: many, common: many })
  const asked = (afterMs: number) => {
    search.solo.fire('calls', afterMs)
    search.note()
    return search.numbers.length
  }
  expect(search.numbers).toHaveLength(ASKED_AT_A_TIME)
  expect(asked(ASKED_SLOW_MS - 1)).toBe(ASKED_AT_A_TIME)
  expect(asked(1)).toBe(2 * ASKED_AT_A_TIME)
  for (let more = 2; more < ASKED_WAITED_FOR_MAX / ASKED_AT_A_TIME; more += 1) asked(ASKED_SLOW_MS)
  expect(search.numbers).toHaveLength(ASKED_WAITED_FOR_MAX)
  expect(asked(ASKED_SLOW_MS)).toBe(ASKED_WAITED_FOR_MAX)
  // One that answers late makes room, and its files count.
  search.answer(number => [fileOf(number)])
  expect([search.numbers.length, search.found]).toEqual([ASKED_WAITED_FOR_MAX + 1, 1])
})

it('whom a whole list of one of the words lacks is not asked', () => {
  const search = new Searching(4096)
  search.told({ rare: peers(2, 20), common: peers(12, 300) })
  while (search.answer(() => []));
  expect(search.numbers).toEqual(peers(12, 10))
})

it('the providers of the rarer word are all asked where the list of the other one was cut', () => {
  const search = new Searching(4096)
  search.told({ rare: peers(2, 20), common: peers(12, PROVIDERS_TOLD_MAX) })
  while (search.answer(() => []));
  // First those who were told of for both.
  expect(search.numbers).toEqual([...peers(12, 10), ...peers(2, 10)])
})

it('of a word that nobody answered for nothing is known: the providers of the other one are asked', () => {
  const search = new Searching(4096)
  search.told({ rare: peers(2, 5) })
  expect(search.numbers).toEqual([])
  search.solo.fire('calls', LOOKUP_BUDGET_MS)
  search.note()
  while (search.answer(() => []));
  expect([search.numbers, search.isOver]).toEqual([peers(2, 5), true])
})

it.each([
  [PROVIDERS_PER_WORD_MAX, []],
  [PROVIDERS_PER_WORD_MAX + 1, [5000]]
])('a list of %i is whole as long as PROVIDERS_PER_WORD_MAX are remembered', (common, asked) => {
  // No message is cut: three keepers name others each.
  const keepers = peers(KEEPER, 3)
  const search = new Searching(4096, keepers)
  const part = PROVIDERS_TOLD_MAX - 1
  for (const [at, keeper] of keepers.entries())
    search.told({ rare: [5000], common: peers(10 + at * part, Math.min(part, common - at * part)) }, keeper)
  while (search.answer(() => []));
  expect([search.numbers, search.isOver]).toEqual([asked, true])
})

it('a list is whole as long as one more would have had room', () => {
  const contacts = (count: number) => peers(1, count).map(number => testContact(number))
  expect(isWhole([])).toBe(true)
  expect(isWhole(contacts(PROVIDERS_TOLD_MAX - 1))).toBe(true)
  expect(isWhole(contacts(PROVIDERS_TOLD_MAX))).toBe(false)
  const long = contacts(PROVIDERS_TOLD_MAX - 1).map(contact => ({
    ...contact,
    addresses: Array.from({ length: 4 }, () => new Uint8Array(60))
  }))
  const fitting = providersThatFit(long)
  expect(fitting.length).toBeLessThan(long.length)
  expect(isWhole(fitting)).toBe(false)
  expect(isWhole(fitting.slice(1))).toBe(true)
})
