/** Bounds on what one comparison, one range cache, one round may hold, against peers that claim anything. */
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import {
  COPY_ROUNDS_MAX,
  DIGEST_BRANCHES,
  DIGEST_DEPTH_MAX,
  DIGEST_RANGES_MAX,
  DIGEST_RECORDS_BURST,
  DIGEST_ROOT_RECORDS,
  type DigestAnswer,
  type DigestRequest,
  FINGERPRINTS_MAX,
  HAND_OVER_LOOKUPS_MAX,
  RANGE_MS,
  RANGES_MAX,
  REPAIR_MS,
  type RoutingMessage,
  SETTLE_MS,
  STORE_LIMITS,
  STORE_RECORDS_MAX,
  type StoredRecord,
  SYNC_NODES_MAX,
  SYNC_REQUESTS,
  SYNC_WANTED_MAX,
  SYNCS_AT_ONCE,
  VALUE_HOLDERS_MAX
} from '../src/machine.ts'
import { RangeCache } from '../src/publish-ranges.ts'
import { RecordTable } from '../src/records.ts'
import { branchDigests, digestOf, fingerprintOf, underPrefix } from '../src/records-digest.ts'
import { RangeViews } from '../src/records-ranges.ts'
import { Pacer } from '../src/store-pacer.ts'
import { Home } from './home.ts'
import { RecordRing, spreadKey } from './record-ring.ts'
import { keyAt } from './solo.ts'

function record(number: number): StoredRecord {
  return {
    kind: 'word',
    key: spreadKey(number),
    publisher: testContact(1),
    sequence: 1,
    expiresMs: 2 ** 45,
    subject: keyAt(1),
    body: new Uint8Array(4)
  }
}

describe('ranges with known roots', () => {
  const at = (place: number) => {
    const key = keyAt(place >> 8)
    key[1] = place & 255
    return key
  }

  it('are found by the keys in them, around the end of the ring too', () => {
    const cache = new RangeCache()
    cache.add({ from: keyAt(200), to: keyAt(10) }, 1, 0)
    cache.add({ from: keyAt(10), to: keyAt(100) }, 2, 0)
    const rootOf = (first: number) => cache.find(keyAt(first), 0)?.root
    expect([rootOf(5), rootOf(10), rootOf(11), rootOf(100), rootOf(101), rootOf(200), rootOf(201)]).toEqual([
      1,
      1,
      2,
      2,
      undefined,
      undefined,
      1
    ])
    // One that overlaps others takes their place.
    cache.add({ from: keyAt(50), to: keyAt(220) }, 3, 0)
    expect([rootOf(5), rootOf(60), rootOf(210), cache.size]).toEqual([undefined, 3, 3, 1])
    cache.forget(3)
    expect(cache.size).toBe(0)
  })

  it('are believed for a while', () => {
    const cache = new RangeCache()
    cache.add({ from: keyAt(1), to: keyAt(1) }, 7, 0)
    expect(cache.find(keyAt(9), RANGE_MS - 1)?.root).toBe(7)
    expect(cache.find(keyAt(9), RANGE_MS)).toBeUndefined()
    expect(cache.size).toBe(0)
  })

  it(`are ${RANGES_MAX}, and one past it takes the place of the oldest`, () => {
    const cache = new RangeCache()
    for (let place = 0; place < RANGES_MAX; place += 1)
      cache.add({ from: at(place), to: at(place + 1) }, place, place)
    expect(cache.size).toBe(RANGES_MAX)
    expect(cache.find(at(1), 0)?.root).toBe(0)
    cache.add({ from: at(RANGES_MAX), to: at(RANGES_MAX + 1) }, RANGES_MAX, RANGES_MAX)
    expect(cache.size).toBe(RANGES_MAX)
    expect(cache.find(at(1), 0)).toBeUndefined()
    expect(cache.find(at(RANGES_MAX + 1), 0)?.root).toBe(RANGES_MAX)
  })
})

describe('fingerprints', () => {
  it('tell versions apart, and are spread over the branches of every node', () => {
    const one = record(1)
    const others: StoredRecord[] = [
      { ...one, sequence: 2 },
      { ...one, sequence: 1 + 2 ** 32 },
      { ...one, kind: 'provider' },
      { ...one, key: keyAt(3) },
      { ...one, subject: keyAt(4) },
      { ...one, publisher: testContact(2) },
      { ...one, withdrawn: true }
    ]
    expect(new Set([one, ...others].map(fingerprintOf)).size).toBe(8)
    expect(fingerprintOf({ ...one, body: new Uint8Array(9) })).toBe(fingerprintOf(one))
    const sorted = Array.from({ length: 3000 }, (_, number) => fingerprintOf(record(number))).sort(
      (a, b) => a - b
    )
    const sizes = Array.from({ length: DIGEST_BRANCHES }, (_, digit) => {
      const [from, to] = underPrefix(sorted, [digit])
      return to - from
    })
    expect(sizes.reduce((sum, size) => sum + size)).toBe(3000)
    expect(Math.min(...sizes)).toBeGreaterThan(120)
    expect(branchDigests(sorted, []).every(digest => digest > 0)).toBe(true)
    expect(digestOf([])).toBe(0)
    expect(digestOf(sorted)).not.toBe(digestOf(sorted.slice(1)))
  })
})

describe('ranges at hand', () => {
  it(`are ${DIGEST_RANGES_MAX}, and made anew when something has changed`, () => {
    const table = new RecordTable(STORE_LIMITS)
    for (let number = 0; number < 50; number += 1) table.put(record(number), 0, 0)
    const views = new RangeViews(table)
    const of = (to: number) => views.of(keyAt(0), keyAt(to), 0)!
    const first = of(0)
    expect(first.fingerprints).toHaveLength(50)
    expect(of(0)).toBe(first)
    for (let number = 1; number <= DIGEST_RANGES_MAX; number += 1) of(number)
    expect(views.size).toBe(DIGEST_RANGES_MAX)
    expect(of(0)).not.toBe(first)
    const before = of(0)
    table.put(record(50), 0, 0)
    expect(of(0).fingerprints).toHaveLength(51)
    expect(of(0)).not.toBe(before)
  })

  it('cost others their budget, by the keys that are there and the records in the range', () => {
    const table = new RecordTable(STORE_LIMITS)
    for (let number = 0; number < 500; number += 1)
      table.put({ ...record(number % 5), subject: spreadKey(number) }, 0, 0)
    const views = new RangeViews(table)
    let given = 0
    for (; views.of(keyAt(0), keyAt(0), 0) !== undefined; given += 1) table.version += 1
    expect(given).toBe(Math.floor(DIGEST_RECORDS_BURST / (5 + 500)))
    expect(views.of(keyAt(0), keyAt(0), 2)).toBeDefined()
  })

  it('may be looked through as a whole, however much that is', () => {
    const views = new RangeViews(new RecordTable(STORE_LIMITS))
    expect(views.spend(2 * DIGEST_RECORDS_BURST, 0)).toBe(true)
    expect(views.spend(1, 0)).toBe(false)
    const exact = new RangeViews(new RecordTable(STORE_LIMITS))
    expect([exact.spend(DIGEST_RECORDS_BURST, 0), exact.spend(1, 0)]).toEqual([true, false])
  })
})

/** Many records under few keys, of which a stranger asks. */
class Hot extends Home {
  readonly asker: number
  looked = 0

  constructor(keys: number, records: number) {
    super()
    const own = this.link(1)
    for (let number = 0; number < records; number += 1) {
      const fields = { key: spreadKey(number % keys), subject: spreadKey(number), body: new Uint8Array(4) }
      this.store(own, [this.record(1, fields)])
    }
    this.asker = this.link(2)
    const { nextHops } = this.routing
    this.routing.nextHops = (...given) => {
      this.looked += 1
      return nextHops.apply(this.routing, given)
    }
  }

  /** Asks until it is told that this peer is busy; gives how often it was answered. */
  askAll(): number {
    for (let asked = 0; ; asked += 1) {
      this.effects.take()
      const request = { type: 'digest-request', id: asked, from: keyAt(0), to: keyAt(0) } as const
      this.give({ type: 'message', link: this.asker, message: { ...request, prefix: [], digest: 1 } })
      if (this.last('digest-answer').what === 'busy') return asked
    }
  }
}

describe('digests of many records under few keys', () => {
  it('are answered as the records allow, from a range at hand too, and keys are looked up once each', () => {
    const hot = new Hot(5, 1000)
    const asked = hot.askAll()
    // The view once, and for each request its records and the roots of its keys.
    const once = 5 + 1000
    expect(asked).toBe(Math.floor((DIGEST_RECORDS_BURST - once) / (1000 + 5 * DIGEST_ROOT_RECORDS)))
    expect(hot.looked).toBe(5 * asked)
    expect(hot.keeper.snapshot().counters.digestsBusy).toBe(1)
  })

  it('look no root up where the tables say that the range is the asker’s', () => {
    const hot = new Hot(5, 100)
    hot.routing.isPlausibleRange = () => true
    const before = hot.looked
    const held = [...hot.keeper.records()].length
    const asked = hot.askAll()
    expect(held).toBe(100)
    expect(hot.looked - before).toBeLessThanOrEqual(asked + 1)
    expect(asked).toBe(Math.floor((DIGEST_RECORDS_BURST - 105) / 100))
  })
})

describe('bytes on repair', () => {
  it('wait for their turn in their order', () => {
    const home = new Home()
    const pacer = new Pacer(1000)
    const done: number[] = []
    for (let turn = 0; turn < 4 * SYNCS_AT_ONCE; turn += 1)
      pacer.spend(40_000, () => done.push(turn), home.effects)
    expect(done).toEqual([0, 1, 2, 3])
    home.effects.advance(40_000)
    pacer.onTimer(home.effects)
    expect(done.length).toBeGreaterThan(4)
    expect(done).toEqual([...done].sort((a, b) => a - b))
    expect(pacer.waiting).toBe(4 * SYNCS_AT_ONCE - done.length)
  })
})

/** A keeper that compares with one replica, which the test speaks for. */
class Compared extends Home {
  readonly peerLink: number
  #answered = new Set<number>()

  constructor() {
    super()
    this.peerLink = this.link(1)
    this.router.calls.hold(this.peer(1), 'test')
    this.routing.copies = [this.peer(1)]
    const own = this.link(2)
    const records = Array.from({ length: 3 }, (_, index) => this.record(2, { subject: keyAt(index) }))
    this.store(own, records)
    this.effects.take()
    this.act(() => this.keeper.onTablesChanged(this.effects))
  }

  requests<K extends RoutingMessage['type']>(type: K): Extract<RoutingMessage, { type: K; id: number }>[] {
    return this.effects.sent(this.peerLink).filter(message => {
      if (message.type !== type || !('id' in message) || this.#answered.has(message.id)) return false
      this.#answered.add(message.id)
      return true
    }) as never
  }

  /** Answers digests until no more are asked for, and says how many there were. */
  answerDigests(answer: (request: DigestRequest) => Omit<DigestAnswer, 'type' | 'id'>): number {
    let asked = 0
    for (;;) {
      const sent = this.effects.sent(this.peerLink)
      this.effects.take()
      const requests = sent.filter(message => message.type === 'digest-request')
      const pulls = sent.filter(message => message.type === 'pull')
      if (requests.length + pulls.length === 0) return asked
      asked += requests.length
      const { peerLink: link } = this
      for (const request of requests)
        this.give({
          type: 'message',
          link,
          message: { type: 'digest-answer', id: request.id, ...answer(request) }
        })
      for (const { id } of pulls)
        this.give({ type: 'message', link, message: { type: 'page', id, records: [], total: 0 } })
    }
  }
}

describe('a comparison', () => {
  it(`asks about at most ${SYNC_NODES_MAX} nodes, whatever the other one claims to have`, () => {
    const compared = new Compared()
    compared.advance(2 * SETTLE_MS)
    let seed = 1
    const junk = () => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
      return seed
    }
    const asked = compared.answerDigests(({ prefix }) =>
      prefix.length < DIGEST_DEPTH_MAX
        ? { what: 'branches', hashes: Array.from({ length: DIGEST_BRANCHES }, () => 1 + junk()) }
        : { what: 'all', hashes: Array.from({ length: FINGERPRINTS_MAX }, junk) }
    )
    expect(asked).toBeGreaterThan(SYNC_NODES_MAX / 2)
    expect(asked).toBeLessThanOrEqual(SYNC_NODES_MAX + SYNC_REQUESTS)
    expect(compared.keeper.snapshot().sizes.comparisons).toEqual([0, SYNCS_AT_ONCE])
    expect(SYNC_WANTED_MAX).toBeGreaterThan(FINGERPRINTS_MAX * SYNC_REQUESTS)
  })

  it('gives what the other one lacks, and ends where it is busy', () => {
    const compared = new Compared()
    compared.advance(2 * SETTLE_MS)
    const [request] = compared.requests('digest-request')
    const answer = (message: RoutingMessage) =>
      compared.give({ type: 'message', link: compared.peerLink, message })
    answer({ type: 'digest-answer', id: request!.id, what: 'all', hashes: [] })
    const [store] = compared.requests('store')
    expect(store).toMatchObject({ as: 'replica' })
    expect(store!.records).toHaveLength(3)
    const kept = ['kept', 'kept', 'kept'] as const
    answer({ type: 'stored', id: store!.id, outcomes: kept, copies: [1, 1, 1] })
    expect(compared.keeper.snapshot().counters.repaired).toBe(3)
    // The next comparison comes within five quarters of the time between two.
    let again: DigestRequest | undefined
    for (let waited = 0; again === undefined && waited < 1.25 * REPAIR_MS; waited += 100) {
      compared.advance(100)
      again = compared.requests('digest-request')[0]
    }
    answer({ type: 'digest-answer', id: again!.id, what: 'busy', hashes: [] })
    expect(compared.keeper.snapshot().sizes.comparisons?.[0]).toBe(0)
  })
})

describe('rounds', () => {
  it(`of copies are ${COPY_ROUNDS_MAX}: those that stand in for silent replicas are asked once`, () => {
    const home = new Home()
    const [own, first, second, third] = [1, 2, 3, 4].map(number => home.link(number))
    home.routing.copies = [home.peer(2)]
    home.routing.onSilent = peer => {
      home.routing.silent.push(peer)
      home.routing.copies = [home.peer(2 + home.routing.silent.length)]
    }
    home.store(own!, [home.record(1)])
    const asked = () =>
      [first!, second!, third!].map(
        link => home.effects.sent(link).filter(message => message.type === 'store').length
      )
    expect(asked()).toEqual([1, 0, 0])
    home.advance(60_000)
    expect(asked()).toEqual([1, 1, 0])
    expect(home.stored()).toEqual(['few-copies'])
  })

  it(`of hand-over look up ${HAND_OVER_LOOKUPS_MAX} roots, and the next round goes on`, () => {
    const home = new Home()
    const link = home.link(1)
    const count = HAND_OVER_LOOKUPS_MAX + 10
    for (let number = 0; number < count; number += 1)
      home.store(link, [
        home.record(1, { key: spreadKey(number), expiresMs: home.effects.wall + 10_000_000 })
      ])
    expect(home.keeper.snapshot().records).toBe(count)
    home.routing.root = () => undefined
    home.isCutOff = true
    const looked = home.lookups.length
    home.act(() => home.keeper.onTablesChanged(home.effects))
    home.advance(SETTLE_MS)
    expect(home.lookups.length - looked).toBe(HAND_OVER_LOOKUPS_MAX)
  })

  it(`of a read ask ${VALUE_HOLDERS_MAX} holders at most`, () => {
    const ring = new RecordRing({ nodes: 30, settings: { replicas: 25, repairMs: 0 } })
    const { holders } = ring.ask(0, { type: 'read-value', key: spreadKey(1), quorum: 30 }, 'value-read')
    expect(holders).toBe(0)
    // One of them may be the reader itself.
    const asked = ring.simulation.metrics.byType().get!.messages
    expect(asked).toBeGreaterThanOrEqual(VALUE_HOLDERS_MAX - 1)
    expect(asked).toBeLessThanOrEqual(VALUE_HOLDERS_MAX)
    expect(STORE_RECORDS_MAX).toBeGreaterThan(0)
  })
})
