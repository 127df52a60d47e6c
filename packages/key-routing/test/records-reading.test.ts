/** Reading by words: pages of a hot word, honest totals, the rarest of several words, who is asked when one is gone. */
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import {
  COUNT_MAX,
  FALL_BACKS_MAX,
  FETCH_KEYS_MAX,
  FETCH_PAGES_MAX,
  FETCH_RECORDS_MAX,
  PAGE_RECORDS_MAX,
  PUBLISH_ATTEMPTS_MAX,
  PUBLISH_RECORDS_MAX,
  PUBLISHES_MAX,
  READS_MAX,
  STORE_LIMITS
} from '../src/machine.ts'
import { Home } from './home.ts'
import { RecordRing, spreadKey } from './record-ring.ts'
import { keyAt } from './solo.ts'

const HOT = spreadKey(500)

/** Records of one node, each with a subject of its own. */
function many(ring: RecordRing, publisher: number, count: number, key = HOT, from = 0) {
  return Array.from({ length: count }, (_, index) =>
    ring.record(publisher, key, { subject: spreadKey(10_000 + from + index) })
  )
}

describe('a hot word', () => {
  it('is read page by page, each record once', () => {
    const ring = new RecordRing({ nodes: 8 })
    const records = many(ring, 0, 3 * PAGE_RECORDS_MAX + 1)
    ring.publish(0, records)
    const before = ring.notices.length
    const found = ring.fetch(5, HOT)
    expect([found.records.length, found.total]).toEqual([193, 193])
    expect(new Set(found.records.map(({ subject }) => String(subject))).size).toBe(193)
    expect(ring.notices.slice(before).filter(({ notice }) => notice.type === 'records')).toHaveLength(4)
    // A lookup with its acknowledgement and its answer, and four pages.
    expect(found.traffic.messages).toBe(11)
    expect(found.traffic.bytes).toBeGreaterThan(193 * 200)
  })

  it('is capped, and its total says that more exist', () => {
    const limits = { ...STORE_LIMITS, keyRecordsMax: 100 }
    const ring = new RecordRing({ nodes: 8, settings: { limits } })
    const outcomes = [1, 2, 3].flatMap(
      node => ring.publish(node, many(ring, node, 60, HOT, 60 * node)).outcomes
    )
    expect(outcomes.filter(outcome => outcome === 'kept').length).toBeGreaterThanOrEqual(100)
    expect(outcomes).toContain('full-key')
    const { records, total } = ring.fetch(6, HOT)
    expect([records.length, total]).toEqual([100, COUNT_MAX])
    // Nobody has the word for himself.
    const shares = [1, 2, 3].map(
      node => records.filter(({ publisher }) => publisher === ring.simulation.contactOf(node)).length
    )
    for (const share of shares) expect(share).toBeGreaterThanOrEqual(30)
  })

  it('is read up to the limit, and the total tells of the rest', () => {
    const ring = new RecordRing({ nodes: 8 })
    ring.publish(0, many(ring, 0, 100))
    const { records, total } = ring.fetch(5, HOT, { limit: 70 })
    expect([records.length, total]).toEqual([70, 100])
  })

  it('is read to its end from a replica when the root dies between two pages', () => {
    const ring = new RecordRing({ nodes: 8, detectMs: 60_000 })
    ring.publish(0, many(ring, 0, 200))
    const [root] = ring.holdersOf(HOT)
    const reader = [...ring.members].find(node => !ring.holdersOf(HOT).includes(node))!
    const id = ring.simulation.command(reader, { type: 'fetch', kind: 'word', key: HOT, limit: 4096 })
    ring.simulation.runWhile(() => ring.told(reader, id).length === 0)
    ring.simulation.crash(root!)
    ring.run(20_000)
    const told = ring.told(reader, id)
    const subjects = told.flatMap(notice =>
      notice.type === 'records' ? notice.records.map(({ subject }) => String(subject)) : []
    )
    expect(subjects).toHaveLength(200)
    expect(new Set(subjects).size).toBe(200)
    expect(told.at(-1)).toMatchObject({ type: 'records-end', total: 200 })
  })

  it('cannot be read when the root and all who are asked after it are gone, and that is said', () => {
    const ring = new RecordRing({ nodes: 8, detectMs: 60_000 })
    ring.publish(0, many(ring, 0, 5))
    const holders = ring.holdersOf(HOT)
    expect(holders).toHaveLength(1 + FALL_BACKS_MAX)
    const reader = [...ring.members].find(node => !holders.includes(node))!
    const asked = () => ring.simulation.metrics.byType().get?.messages ?? 0
    const id = ring.simulation.command(reader, { type: 'fetch', kind: 'word', key: HOT, limit: 10 })
    ring.simulation.runWhile(() => asked() === 0)
    for (const node of holders) ring.simulation.silence(node)
    ring.run(60_000)
    expect(ring.told(reader, id)).toMatchObject([{ type: 'records-end', failure: 'no-route' }])
  })
})

describe('a holder that gives what is over', () => {
  it('has its expired and its withdrawn records left out', () => {
    const home = new Home()
    const link = home.link(1)
    home.routing.root = () => undefined
    home.root = { root: testContact(1), from: keyAt(0), to: keyAt(2), replicas: [] }
    const { wall } = home.effects
    home.command({ type: 'fetch', kind: 'provider', key: keyAt(1), limit: 10 })
    const { id } = home.last('get')
    const at = (publisher: number, fields: object) =>
      home.record(publisher, { kind: 'provider', subject: keyAt(1), ...fields })
    const good = at(3, { expiresMs: wall + 1 })
    const records = [at(1, { expiresMs: wall }), at(2, { withdrawn: true }), good]
    home.effects.take()
    home.give({ type: 'message', link, message: { type: 'page', id, records, total: 3 } })
    const told = home.effects.log.flatMap(effect => (effect.type === 'notify' ? [effect.notice] : []))
    expect(told).toMatchObject([{ type: 'records', records: [good] }, { type: 'records-end' }])
  })
})

describe('a search of several words', () => {
  const keys = [spreadKey(1), spreadKey(2), spreadKey(3)]

  function library() {
    const ring = new RecordRing({ nodes: 10 })
    ring.publish(0, many(ring, 0, 40, keys[0]))
    ring.publish(1, many(ring, 1, 3, keys[1]))
    ring.publish(2, many(ring, 2, 20, keys[2]))
    return ring
  }

  function search(ring: RecordRing, node: number, words = keys) {
    const from = ring.notices.length
    const end = ring.ask(node, { type: 'fetch-rarest', keys: words, limit: 100 }, 'records-end')
    const records = ring.notices
      .slice(from)
      .flatMap(({ notice }) => (notice.type === 'records' ? notice.records : []))
    return { end, records }
  }

  it('reads the records of the rarest', () => {
    const { end, records } = search(library(), 7)
    expect(records).toHaveLength(3)
    expect(new Set(records.map(({ key }) => String(key)))).toEqual(new Set([String(keys[1])]))
    expect(end.total).toBe(3)
  })

  it('ends at a word that nobody has, without a record on the wire', () => {
    const ring = library()
    const paged = () => ring.simulation.metrics.byType().page?.bytes ?? 0
    const before = paged()
    const { end, records } = search(ring, 7, [...keys, spreadKey(99)])
    expect([records, end.total, end.failure]).toEqual([[], 0, undefined])
    expect(paged() - before).toBeLessThan(100)
  })

  it('reads the rarest of the others where the holders of a word died, since names hold all of their words', () => {
    const ring = new RecordRing({ nodes: 12, detectMs: 600_000 })
    ring.publish(0, many(ring, 0, 20, keys[0]))
    ring.publish(0, many(ring, 0, 40, keys[2]))
    const lost = ring.record(0, keys[1]!)
    ring.publish(0, [lost])
    for (const node of ring.holding(lost)) ring.simulation.silence(node)
    const asking = ring.inOrder().find(node => node !== 0 && ring.simulation.alive(node))!
    const { end, records } = search(ring, asking)
    expect(end.failure).toBeUndefined()
    expect(new Set(records.map(({ key }) => String(key)))).toEqual(new Set([String(keys[0])]))
    expect(records).toHaveLength(20)
    // One word, and nobody else's names to look at.
    expect(search(ring, asking, [keys[1]!])).toMatchObject({ end: { total: 0 }, records: [] })
  })

  it(`has at most ${FETCH_KEYS_MAX} words`, () => {
    const ring = new RecordRing({ nodes: 3 })
    const words = (count: number) => Array.from({ length: count }, (_, index) => spreadKey(index))
    expect(search(ring, 0, words(FETCH_KEYS_MAX)).end.failure).toBeUndefined()
    expect(search(ring, 0, words(FETCH_KEYS_MAX + 1)).end.failure).toBe('busy')
    expect(search(ring, 0, []).end.failure).toBe('busy')
  })
})

describe('publishing', () => {
  it('finds the roots of many records with few lookups', () => {
    const ring = new RecordRing({ nodes: 10 })
    const records = Array.from({ length: 400 }, (_, index) => ring.record(0, spreadKey(index)))
    const lookups = () => ring.simulation.metrics.byType().lookup?.messages ?? 0
    const { outcomes } = ring.publish(0, records)
    expect(new Set(outcomes)).toEqual(new Set(['kept']))
    expect(lookups()).toBeLessThanOrEqual(30)
    const before = lookups()
    ring.publish(
      0,
      records.map(record => ({ ...record, sequence: 2 }))
    )
    // Ranges are remembered.
    expect(lookups()).toBe(before)
  })

  it('looks again for a root that is none any more', () => {
    const ring = new RecordRing({ nodes: 6 })
    const records = (sequence: number) =>
      Array.from({ length: 60 }, (_, index) => ring.record(0, spreadKey(index), { sequence }))
    ring.publish(0, records(1))
    for (let joined = 0; joined < 4; joined += 1) ring.add()
    ring.tellAll()
    const { outcomes } = ring.publish(0, records(2))
    expect(new Set(outcomes)).toEqual(new Set(['kept']))
    for (const record of records(2)) {
      const holding = new Set(ring.holding(record))
      expect(holding.has(ring.holdersOf(record.key)[0]!)).toBe(true)
    }
  })

  it(`says that a root is unreachable after ${PUBLISH_ATTEMPTS_MAX} attempts`, () => {
    const ring = new RecordRing({ nodes: 4 })
    // It has not been told of the ring, so it finds nobody.
    const lonely = ring.add()
    const record = ring.record(lonely, spreadKey(1))
    const { outcomes, copies } = ring.ask(
      lonely,
      { type: 'publish', records: [record] },
      'published',
      120_000
    )
    expect([outcomes, copies]).toEqual([['unreachable'], [0]])
  })

  it(`takes ${PUBLISH_RECORDS_MAX} records in one command and ${PUBLISHES_MAX} commands at a time`, () => {
    const ring = new RecordRing({ nodes: 1 })
    const records = Array.from({ length: PUBLISH_RECORDS_MAX + 1 }, (_, index) =>
      ring.record(0, keyAt(index % 256), { subject: spreadKey(index), body: new Uint8Array(8) })
    )
    expect(new Set(ring.publish(0, records).outcomes)).toEqual(new Set(['busy']))
    expect(new Set(ring.publish(0, records.slice(1)).outcomes)).toEqual(new Set(['kept']))
    const two = new RecordRing({ nodes: 2, detectMs: 600_000 })
    const away = two.inOrder().find(node => node !== 0)!
    two.simulation.silence(away)
    const record = two.record(0, two.simulation.keyOf(away))
    const ids = Array.from({ length: PUBLISHES_MAX + 1 }, () =>
      two.simulation.command(0, { type: 'publish', records: [record] })
    )
    expect(two.told(0, ids.at(-1)!)).toMatchObject([{ type: 'published', outcomes: ['busy'] }])
    expect(two.told(0, ids.at(-2)!)).toEqual([])
  })

  it('is forgotten when it is given up', () => {
    const ring = new RecordRing({ nodes: 2, detectMs: 600_000 })
    const away = ring.inOrder().find(node => node !== 0)!
    ring.simulation.silence(away)
    const record = ring.record(0, ring.simulation.keyOf(away))
    const id = ring.simulation.command(0, { type: 'publish', records: [record] })
    ring.run(100)
    ring.simulation.command(0, { type: 'give-up', command: id })
    ring.run(120_000)
    expect(ring.told(0, id)).toEqual([])
    expect(ring.keeper(0).snapshot().sizes.publishes).toEqual([0, PUBLISHES_MAX])
  })
})

describe('reads', () => {
  it(`are ${READS_MAX} at a time, and one past it is refused`, () => {
    const ring = new RecordRing({ nodes: 2, detectMs: 600_000 })
    const away = ring.inOrder().find(node => node !== 0)!
    ring.simulation.silence(away)
    const key = ring.simulation.keyOf(away)
    const fetch = { type: 'fetch', kind: 'word', key, limit: FETCH_RECORDS_MAX } as const
    const ids = Array.from({ length: READS_MAX }, () => ring.simulation.command(0, fetch))
    expect(ring.told(0, ids.at(-1)!)).toEqual([])
    expect(ring.told(0, ring.simulation.command(0, fetch))).toMatchObject([{ failure: 'busy' }])
    const value = ring.simulation.command(0, { type: 'read-value', key, quorum: 2 })
    expect(ring.told(0, value)).toMatchObject([{ type: 'value-read', failure: 'busy' }])
    ring.simulation.command(0, { type: 'give-up', command: ids[0]! })
    expect(ring.told(0, ring.simulation.command(0, fetch))).toEqual([])
    expect(ring.told(0, ids[0]!)).toEqual([])
  })

  it(`take at most ${FETCH_PAGES_MAX} pages and ${FETCH_RECORDS_MAX} records`, () => {
    const limits = { ...STORE_LIMITS, keyRecordsMax: 8192, keyBytesMax: 8 * 1024 * 1024 }
    const ring = new RecordRing({ nodes: 2, settings: { limits, repairMs: 0 } })
    // Two publishes of the most that one may hold.
    ring.publish(
      0,
      many(ring, 0, PUBLISH_RECORDS_MAX).map(record => ({ ...record, body: new Uint8Array(8) }))
    )
    const more = many(ring, 1, 10, HOT, PUBLISH_RECORDS_MAX)
    ring.publish(1, more)
    const reader = ring.holdersOf(HOT, 2)[1]!
    const { records, total } = ring.fetch(reader, HOT, { limit: FETCH_RECORDS_MAX + 10 })
    expect([records.length, total]).toEqual([FETCH_RECORDS_MAX, FETCH_RECORDS_MAX + 10])
    expect(FETCH_PAGES_MAX * PAGE_RECORDS_MAX).toBeGreaterThanOrEqual(FETCH_RECORDS_MAX)
  })
})
