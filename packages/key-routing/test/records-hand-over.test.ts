/** Hand-over: copy, acknowledge, delete (S3), whatever dies in between. */

import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import {
  LEASE_REPAIRS,
  REPAIR_MS,
  type RoutingMessage,
  SETTLE_MS,
  STORE_LIMITS,
  STORE_SETTINGS
} from '../src/machine.ts'
import { Home } from './home.ts'
import { RecordRing, spreadKey } from './record-ring.ts'
import { keyAt } from './solo.ts'

const RECORDS = 30

/** A ring in which every node has published, and the records. */
function fullRing(seed: string, settings = {}) {
  const ring = new RecordRing({ nodes: 8, seed, settings })
  const records = Array.from({ length: RECORDS }, (_, index) => ring.record(index % 8, spreadKey(index)))
  for (let node = 0; node < 8; node += 1)
    ring.publish(
      node,
      records.filter((_, index) => index % 8 === node)
    )
  ring.run(1000)
  return { ring, records }
}

describe('a peer that joins', () => {
  it('is handed what it is the root of, and reads find it all the time', () => {
    const { ring, records } = fullRing('join')
    const newcomer = ring.join()
    const reader = 0
    for (let moment = 0; moment < 20; moment += 1) {
      for (const record of records) expect(ring.fetch(reader, record.key).records).toEqual([record])
      ring.run(500)
    }
    const own = records.filter(({ key }) => ring.holdersOf(key)[0] === newcomer)
    expect(own.length).toBeGreaterThan(0)
    const held = new Set(ring.keeper(newcomer).records())
    for (const record of own) expect([...held]).toContainEqual(record)
  })

  // Each moment of a hand-over, from before it begins until after it is over, 50 ms apart.
  const moments = Array.from({ length: 24 }, (_, step) => 500 + SETTLE_MS - 100 + 50 * step)

  it.each(moments)('may crash %i ms after it came, and nothing is lost', afterMs => {
    const { ring, records } = fullRing('newcomer')
    const newcomer = ring.join()
    ring.run(afterMs)
    ring.crash(newcomer)
    for (const record of records) expect(ring.holding(record).length).toBeGreaterThan(0)
    ring.run(2 * SETTLE_MS + 3000)
    for (const record of records) expect(ring.fetch(2, record.key).records).toEqual([record])
  })

  it.each(moments)('is whole although who hands over crashes %i ms after it came', afterMs => {
    const { ring, records } = fullRing('giver')
    const newcomer = ring.join()
    ring.run(afterMs)
    const order = ring.inOrder()
    const giver = order[(order.indexOf(newcomer) + 1) % order.length]!
    ring.crash(giver)
    for (const record of records) expect(ring.holding(record).length).toBeGreaterThan(0)
    ring.run(4 * SETTLE_MS + 3000)
    const reader = [...ring.members].find(node => node !== newcomer)!
    for (const record of records) {
      expect(ring.fetch(reader, record.key).records).toEqual([record])
      expect(ring.holding(record).length).toBeGreaterThanOrEqual(1 + STORE_SETTINGS.replicas)
    }
  })
})

describe('a peer that hands over', () => {
  it('keeps what the root has no room for', () => {
    const roomless = (node: number) => (node < 8 ? {} : { limits: { ...STORE_LIMITS, recordsMax: 1 } })
    const ring = new RecordRing({ nodes: 8, seed: 'full', settingsOf: roomless })
    const records = Array.from({ length: RECORDS }, (_, index) => ring.record(0, spreadKey(index)))
    ring.publish(0, records)
    ring.run(1000)
    const newcomer = ring.join()
    ring.run((LEASE_REPAIRS + 5) * REPAIR_MS)
    const own = records.filter(({ key }) => ring.holdersOf(key)[0] === newcomer)
    expect(own.length).toBeGreaterThan(1)
    expect(ring.keeper(newcomer).snapshot().records).toBe(1)
    for (const record of own) {
      // All who held it before hold it still.
      const others = ring.holding(record).filter(node => node !== newcomer)
      expect(others.length).toBeGreaterThanOrEqual(STORE_SETTINGS.replicas)
      if (!ring.holding(record).includes(newcomer)) expect(others).toHaveLength(1 + STORE_SETTINGS.replicas)
    }
  })

  it('deletes when the root was seen to have all of it twice, a repair apart, and never before', () => {
    const home = new Home()
    const link = home.link(1)
    const root = home.link(2)
    home.router.calls.hold(home.peer(2), 'test')
    home.store(link, [home.record(1), home.record(1, { subject: keyAt(2) })])
    home.routing.root = () => undefined
    home.root = { root: testContact(2), from: keyAt(0), to: keyAt(9), replicas: [] }
    const compared = () => {
      for (let waited = 0; waited < 2 * REPAIR_MS; waited += 100) {
        home.effects.take()
        home.advance(100)
        const asked = home.effects.sent(root).find(message => message.type === 'digest-request')
        if (asked?.type === 'digest-request') return asked.id
      }
      throw new Error('Nothing was compared.')
    }
    const held = () => home.keeper.snapshot().records
    const say = (message: RoutingMessage) => home.give({ type: 'message', link: root, message })
    home.act(() => home.keeper.onTablesChanged(home.effects))
    // It does not answer, it is busy, it goes in the middle of it.
    compared()
    home.advance(10_000)
    say({ type: 'digest-answer', id: compared(), what: 'busy', hashes: [] })
    say({ type: 'digest-answer', id: compared(), what: 'all', hashes: [] })
    home.advance(20_000)
    expect(held()).toBe(2)
    // It takes one and has no room for the other.
    for (let round = 0; round < 2; round += 1) {
      home.effects.take()
      say({ type: 'digest-answer', id: compared(), what: 'all', hashes: [] })
      const { id } = home.last('store')
      say({ type: 'stored', id, outcomes: ['kept', 'full'], copies: [1, 0] })
      expect(held()).toBe(round === 0 ? 2 : 1)
    }
    say({ type: 'digest-answer', id: compared(), what: 'same', hashes: [] })
    expect(held()).toBe(1)
    say({ type: 'digest-answer', id: compared(), what: 'same', hashes: [] })
    expect(held()).toBe(0)
  })

  it('gives all it is the root of to the one that takes its place when it leaves', () => {
    const { ring, records } = fullRing('leave', { replicas: 0 })
    const order = ring.inOrder()
    const leaver = records.map(({ key }) => ring.holdersOf(key, 1)[0]!)[0]!
    const next = order[(order.indexOf(leaver) + 1) % order.length]!
    const own = [...ring.keeper(leaver).records()]
    expect(own.length).toBeGreaterThan(0)
    ring.ask(leaver, { type: 'leave' }, 'published')
    ring.simulation.stop(leaver)
    ring.members.delete(leaver)
    for (const record of own) expect(ring.holding(record)).toEqual([next])
    ring.tellAll()
    for (const record of own) expect(ring.fetch(next, record.key).records).toEqual([record])
  })

  it('leaves no last copy behind, whoever of its holders died just before', () => {
    const { ring, records } = fullRing('last copy', { replicas: 1 })
    const order = ring.inOrder()
    const [root, replica] = ring.holdersOf(records[0]!.key, 2) as [number, number]
    expect(order[(order.indexOf(root) + 1) % order.length]).toBe(replica)
    const own = records.filter(({ key }) => ring.holdersOf(key)[0] === root)
    ring.simulation.stop(root)
    ring.members.delete(root)
    // Nobody knows it yet, when the one that has the only copies goes.
    ring.changed()
    ring.ask(replica, { type: 'leave' }, 'published')
    ring.simulation.stop(replica)
    ring.members.delete(replica)
    for (const record of own) expect(ring.holding(record).length).toBeGreaterThan(0)
    ring.tellAll()
    ring.run(2 * SETTLE_MS)
    const reader = [...ring.members][0]!
    for (const record of own) expect(ring.fetch(reader, record.key).records).toEqual([record])
  })

  it('costs what differs and not more: a second comparison moves no record', () => {
    const { ring } = fullRing('cost')
    const newcomer = ring.join()
    ring.run(10_000)
    const moved = () =>
      [...ring.members].reduce((sum, node) => {
        const { repaired, handedOver, pulled } = ring.keeper(node).snapshot().counters
        return sum + repaired! + handedOver! + pulled!
      }, 0)
    const before = moved()
    expect(ring.keeper(newcomer).snapshot().records).toBeGreaterThan(0)
    ring.run(3 * REPAIR_MS)
    expect(moved()).toBe(before)
  })
})

describe('the budget', () => {
  it('holds back repair: 600 records of 500 bytes at 20,000 bytes a second take ten seconds and more', () => {
    const ring = new RecordRing({ nodes: 1, settings: { repairBytesPerS: 20_000, replicas: 1 } })
    const records = Array.from({ length: 900 }, (_, index) =>
      ring.record(0, spreadKey(index), { body: new Uint8Array(500) })
    )
    ring.publish(0, records)
    const other = ring.join()
    ring.run(500 + 2 * SETTLE_MS + 3000)
    // The bucket holds 192 KiB at the start.
    const early = ring.keeper(other).snapshot().records
    expect(early).toBeGreaterThan(200)
    expect(early).toBeLessThan(600)
    ring.run(40_000)
    expect(ring.keeper(other).snapshot().records).toBe(900)
  })
})
