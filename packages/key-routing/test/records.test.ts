/** The table of records: versions, pages, and limits at the bound and one past it. */

import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import {
  COUNT_MAX,
  FULL_REMEMBERED_MS,
  recordByteLength,
  STORE_LIMITS,
  type StoredRecord,
  type StoreLimits,
  SWEEP_EAGER_MS
} from '../src/machine.ts'
import { RecordTable } from '../src/records.ts'
import { keyAt } from './solo.ts'

const WALL = 1_800_000_000_000
const all = (records: readonly StoredRecord[]) => records.length

function record(publisher: number, fields: Partial<StoredRecord> = {}): StoredRecord {
  return {
    kind: 'word',
    key: keyAt(1),
    publisher: testContact(publisher),
    sequence: 1,
    expiresMs: WALL + 1000,
    subject: keyAt(9),
    body: new Uint8Array(100),
    ...fields
  }
}

/** Puts records and gives what became of each. */
function putAll(limits: Partial<StoreLimits>, records: readonly StoredRecord[]) {
  const table = new RecordTable({ ...STORE_LIMITS, ...limits })
  return { table, outcomes: records.map(one => table.put(one, 0, WALL)) }
}

const one = recordByteLength(record(1))

describe('versions', () => {
  it('the newer one stays, the same one is the same', () => {
    const { outcomes, table } = putAll({}, [
      record(1, { sequence: 2 }),
      record(1, { sequence: 2 }),
      record(1, { sequence: 1 }),
      record(1, { sequence: 3 }),
      record(1, { sequence: 3, withdrawn: true })
    ])
    expect(outcomes).toEqual(['kept', 'same', 'older', 'kept', 'older'])
    expect([table.size, table.bytes]).toEqual([1, one])
  })

  it('publishers, subjects, kinds and keys are told apart; of values there is one under a key', () => {
    const { table } = putAll({}, [
      record(1),
      record(2),
      record(1, { subject: keyAt(8) }),
      record(1, { kind: 'provider' }),
      record(1, { key: keyAt(2) }),
      record(1, { kind: 'value', subject: new Uint8Array(0), sequence: 5 }),
      record(2, { kind: 'value', subject: new Uint8Array(0), sequence: 4 })
    ])
    expect(table.size).toBe(6)
    expect(table.find(record(3, { kind: 'value', subject: new Uint8Array(0) }))?.record.sequence).toBe(4)
  })
})

describe('limits', () => {
  it.each<[keyof StoreLimits, number, (n: number) => StoredRecord]>([
    ['recordsMax', 3, n => record(n, { key: keyAt(n) })],
    ['keyRecordsMax', 3, n => record(n)],
    ['publisherRecordsMax', 3, n => record(1, { key: keyAt(n) })],
    ['bytesMax', 3 * one, n => record(n, { key: keyAt(n) })],
    ['keyBytesMax', 3 * one, n => record(n)],
    ['publisherBytesMax', 3 * one, n => record(1, { key: keyAt(n) })],
    ['wordBytesMax', 3 * one, n => record(n, { key: keyAt(n) })],
    ['providerBytesMax', 3 * one, n => record(n, { kind: 'provider', key: keyAt(n) })],
    ['valueBytesMax', 3 * one, n => record(n, { kind: 'value', key: keyAt(n) })]
  ])('%s: as many as fit, and no more', (limit, most, make) => {
    // A record of kind 0 is two bytes shorter, and so is its bound.
    const shorter = limit === 'providerBytesMax' ? 3 * (one - recordByteLength(make(1))) : 0
    const { table, outcomes } = putAll({ [limit]: most - shorter }, [1, 2, 3, 4].map(make))
    // Whose limit it is: the key's, the publisher's, or the peer's as a whole.
    const full = /^(key|publisher)/.exec(limit)?.[1]
    const outcome = full === undefined ? 'full' : `full-${full}`
    expect(outcomes).toEqual(['kept', 'kept', 'kept', outcome])
    expect(putAll({ [limit]: most - shorter - 1 }, [1, 2, 3].map(make)).outcomes[2]).toBe(outcome)
    // A newer version of what is there takes no more room.
    expect(table.put({ ...make(2), sequence: 2 }, 0, WALL)).toBe('kept')
    const held = table.find(make(1))!
    table.delete(held)
    expect(table.put(make(4), 0, WALL)).toBe('kept')
  })

  it('other kinds have room where one is full', () => {
    const { outcomes } = putAll({ wordBytesMax: one }, [
      record(1),
      record(2),
      record(2, { kind: 'provider' })
    ])
    expect(outcomes).toEqual(['kept', 'full', 'kept'])
  })

  it('what has expired makes room, looked for once in a while', () => {
    const table = new RecordTable({ ...STORE_LIMITS, recordsMax: 1 })
    table.put(record(1), 0, WALL)
    expect(table.put(record(2), 0, WALL + 999)).toBe('full')
    expect(table.put(record(2, { expiresMs: WALL + 5000 }), SWEEP_EAGER_MS - 1, WALL + 1000)).toBe('full')
    expect(table.put(record(2, { expiresMs: WALL + 5000 }), SWEEP_EAGER_MS, WALL + 1000)).toBe('kept')
    expect(table.size).toBe(1)
  })

  it('an expired version of the record itself makes room for it', () => {
    const table = new RecordTable({ ...STORE_LIMITS, bytesMax: one })
    table.put(record(1), 0, WALL)
    const larger = record(1, { sequence: 2, expiresMs: WALL + 9000, body: new Uint8Array(100) })
    expect(table.put(larger, SWEEP_EAGER_MS, WALL + 2000)).toBe('kept')
    expect([table.size, table.bytes]).toEqual([1, one])
  })

  it('under a full key a publisher with few takes a place of the one with the most', () => {
    const subjects = [1, 2, 3, 4].map(keyAt)
    const { table, outcomes } = putAll({ keyRecordsMax: 4 }, [
      ...subjects.map((subject, index) => record(1, { subject, expiresMs: WALL + 1000 - index })),
      record(2),
      record(3),
      record(2, { subject: keyAt(1) })
    ])
    expect(outcomes).toEqual(['kept', 'kept', 'kept', 'kept', 'kept', 'kept', 'full-key'])
    const { records, total } = table.page('word', keyAt(1), 0, all, 0, WALL)
    // Those that expire first have gone.
    expect(records.map(({ publisher, subject }) => [publisher.id[9], subject[0]])).toEqual([
      [1, 1],
      [1, 2],
      [2, 9],
      [3, 9]
    ])
    expect(total).toBe(COUNT_MAX)
    expect([table.size, table.publishers]).toEqual([4, 3])
  })
})

describe('pages', () => {
  it('go on where the last one ended, whatever comes and goes in between', () => {
    const { table } = putAll(
      {},
      [1, 2, 3, 4, 5].map(publisher => record(publisher))
    )
    const read = (after: number) => table.page('word', keyAt(1), after, () => 2, 0, WALL)
    const first = read(0)
    expect(first.records.map(({ publisher }) => publisher.id[9])).toEqual([1, 2])
    table.delete(table.find(record(1))!)
    table.put(record(2, { sequence: 2 }), 0, WALL)
    table.put(record(6), 0, WALL)
    const second = read(first.next!)
    const third = read(second.next!)
    expect([...second.records, ...third.records].map(({ publisher }) => publisher.id[9])).toEqual([
      3, 4, 5, 6
    ])
    expect(third.next).toBeUndefined()
    expect(third.total).toBe(5)
  })

  it('a count needs no records', () => {
    const { table } = putAll({}, [record(1), record(2)])
    expect(table.page('word', keyAt(1), 0, () => 0, 0, WALL)).toEqual({ records: [], total: 2 })
    expect(table.page('word', keyAt(2), 0, () => 0, 0, WALL)).toEqual({ records: [], total: 0 })
  })

  it('say that more exist for an hour after one was refused', () => {
    const { table } = putAll({ keyRecordsMax: 1 }, [record(1), record(2)])
    const total = (nowMs: number) => table.page('word', keyAt(1), 0, all, nowMs, WALL).total
    expect([total(0), total(FULL_REMEMBERED_MS - 1), total(FULL_REMEMBERED_MS)]).toEqual([
      COUNT_MAX,
      COUNT_MAX,
      1
    ])
  })
})
