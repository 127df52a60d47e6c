/** What the service remembers of its own: what is announced, provided and put, within bounds and across runs. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import { MemoryStore, systemClock } from '@servent/libp2p-host'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import { Announced } from '../src/service-announced.ts'
import { Announcer } from '../src/service-announcer.ts'
import {
  ANNOUNCED_CHUNK,
  OWN_VALUES_MAX,
  PROVIDED_MAX,
  PROVIDERS_MAX,
  PUBLISHED_LIFETIME_MS,
  PUBLISHED_RENEW_MS,
  SEARCH_RECORDS_MAX,
  WITHDRAWALS_MAX
} from '../src/service-constants.ts'
import { OwnRecords } from '../src/service-own.ts'
import { FETCH_RECORDS_MAX } from '../src/store-constants.ts'
import { SmallCatalogue } from './mesh.ts'

const bytesOf = (number: number) => Uint8Array.of(number >> 16, (number >> 8) & 255, number & 255)

describe('what is announced', () => {
  it('is there again in the next run, by its digest', async () => {
    const store = new MemoryStore()
    const first = new Announced(store)
    await first.load()
    first.set(7, 111, 5_000_000)
    first.set(ANNOUNCED_CHUNK + 7, 222, 6_000_000)
    await first.save()
    first.delete(7)
    const second = new Announced(store)
    await second.load()
    expect([second.until(7, 111), second.until(7, 112), second.until(8, 111)]).toEqual([5_000_000, 0, 0])
    expect([second.count(0), second.count(5_000_000), second.size]).toEqual([2, 1, 2])
    await first.save()
    await second.load()
    expect([...second.indices()]).toEqual([ANNOUNCED_CHUNK + 7])
    second.clear()
    await second.save()
    expect([...store.saved.keys()]).toEqual([])
  })

  it('is not written where nothing has changed, and what cannot be read is nothing', async () => {
    const store = new MemoryStore()
    store.saved.set('announced/0', new Uint8Array(5))
    store.saved.set('peers', new Uint8Array(12))
    const announced = new Announced(store)
    await announced.load()
    await announced.save()
    expect(announced.size).toBe(0)
    expect(store.saved.get('announced/0')).toHaveLength(5)
  })
})

describe('what is provided and put', () => {
  it('is due when half of its life is over', () => {
    const own = new OwnRecords()
    own.provide(bytesOf(1), 0)
    own.put(bytesOf(2), bytesOf(3), 0)
    const dueMs = PUBLISHED_LIFETIME_MS - PUBLISHED_RENEW_MS
    expect([own.dueProvided(dueMs - 1), own.dueValues(dueMs - 1)]).toEqual([[], []])
    expect(own.dueProvided(dueMs)).toMatchObject([{ bytes: bytesOf(1) }])
    expect(own.dueValues(dueMs)).toMatchObject([{ bytes: bytesOf(2), value: bytesOf(3) }])
    own.cancel(bytesOf(1))
    own.forgetValue(bytesOf(2))
    expect([own.provided, own.values]).toEqual([0, 0])
  })

  it(`is ${PROVIDED_MAX} contents and ${OWN_VALUES_MAX} values, and one past it takes the oldest place`, () => {
    const own = new OwnRecords()
    for (let number = 0; number < PROVIDED_MAX; number += 1) own.provide(bytesOf(number), 0)
    for (let number = 0; number < OWN_VALUES_MAX; number += 1) own.put(bytesOf(number), bytesOf(0), 0)
    expect([own.provided, own.values]).toEqual([PROVIDED_MAX, OWN_VALUES_MAX])
    own.provide(bytesOf(PROVIDED_MAX), 0)
    own.put(bytesOf(OWN_VALUES_MAX), bytesOf(0), 0)
    expect([own.provided, own.values]).toEqual([PROVIDED_MAX, OWN_VALUES_MAX])
    expect(own.dueProvided(PUBLISHED_LIFETIME_MS)[0]?.bytes).toEqual(bytesOf(1))
    expect(own.dueValues(PUBLISHED_LIFETIME_MS)[0]?.bytes).toEqual(bytesOf(1))
  })

  it('what is read at once is never more than a command gives', () => {
    for (const limit of [PROVIDERS_MAX, SEARCH_RECORDS_MAX])
      expect(limit).toBeLessThanOrEqual(FETCH_RECORDS_MAX)
  })
})

describe('what is to be withdrawn', () => {
  it(`is ${WITHDRAWALS_MAX} files, and one past it expires`, async () => {
    const announcer = new Announcer({
      privateKey: await generateKeyPair('Ed25519'),
      clock: systemClock,
      store: undefined,
      bytesPerS: 1000,
      self: () => testContact(0),
      isReady: () => true,
      publish: async () => [],
      isKnown: async () => true,
      renewOthers: async () => {},
      onError: () => {}
    })
    const catalogue = new SmallCatalogue()
    announcer.attach(catalogue)
    const file = catalogue.add('one')
    for (let index = 1; index <= WITHDRAWALS_MAX; index += 1) catalogue.remove({ ...file, index })
    expect(announcer.withdrawing).toBe(WITHDRAWALS_MAX)
    catalogue.remove({ ...file, index: WITHDRAWALS_MAX + 1 })
    expect(announcer.withdrawing).toBe(WITHDRAWALS_MAX)
    // One that is shared again needs no withdrawal.
    catalogue.add('two')
    expect(announcer.withdrawing).toBe(WITHDRAWALS_MAX - 1)
    announcer.end()
  })
})
