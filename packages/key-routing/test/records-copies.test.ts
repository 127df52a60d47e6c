/** Records at their roots and replicas: the storage invariants S1 to S6, in the simulator, before a global observer. */

import { WALL_START_MS } from '@servent/simulator'
import { describe, expect, it } from 'vitest'
import { LEASE_REPAIRS, REPAIR_MS, REPLICAS_DEFAULT, SETTLE_MS, SWEEP_MS } from '../src/machine.ts'
import { churn } from './record-churn.ts'
import { BAD, RecordRing, spreadKey } from './record-ring.ts'

const HOLDERS = 1 + REPLICAS_DEFAULT
/** After this, whoever lost a holder has another: detection, settling twice, and some round trips. */
const REPAIRED_MS = 500 + 2 * SETTLE_MS + 2000

describe('a record that is published', () => {
  it('is held by its root and its replica set, and acknowledged by the write quorum', () => {
    const ring = new RecordRing({ nodes: 12 })
    const record = ring.record(0, spreadKey(1))
    const { outcomes, copies } = ring.publish(0, [record])
    expect(outcomes).toEqual(['kept'])
    expect(copies[0]).toBeGreaterThanOrEqual(3)
    ring.run(1000)
    expect(new Set(ring.holding(record))).toEqual(new Set(ring.holdersOf(record.key)))
  })

  it('is read by everybody at once (S4)', () => {
    const ring = new RecordRing({ nodes: 9 })
    const record = ring.record(3, spreadKey(5))
    ring.publish(3, [record])
    for (let node = 0; node < 9; node += 1) {
      const { records, total, failure } = ring.fetch(node, record.key)
      expect({ records, total, failure }).toEqual({ records: [record], total: 1, failure: undefined })
    }
  })

  it('is copied to those that stand in for silent replicas, and to the new replica set when that is known', () => {
    const ring = new RecordRing({ nodes: 10, detectMs: 20_000 })
    const key = spreadKey(2)
    const silent = ring.holdersOf(key).slice(1)
    const publisher = [...ring.members].find(node => !ring.holdersOf(key, 2 * HOLDERS).includes(node))!
    for (const node of silent) ring.simulation.silence(node)
    const record = ring.record(publisher, key)
    const { outcomes, copies } = ring.publish(publisher, [record])
    expect(outcomes).toEqual(['kept'])
    expect(copies[0]).toBeGreaterThanOrEqual(3)
    for (const node of silent) ring.members.delete(node)
    ring.changed()
    ring.run(20_000 + REPAIRED_MS)
    expect(ring.holding(record)).toHaveLength(HOLDERS)
  })

  it('with a signature that is none is kept by no replica, and through nobody else', () => {
    const ring = new RecordRing({ nodes: 8 })
    const bad = ring.record(1, spreadKey(3), { body: Uint8Array.of(BAD) })
    const { outcomes, copies } = ring.publish(1, [bad])
    // Its own link proves the publisher, so the root has it; replicas ask.
    expect([outcomes, copies]).toEqual([['few-copies'], [1]])
    const stolen = ring.record(2, spreadKey(3), { body: Uint8Array.of(BAD) })
    const sender = [3, 4, 5, 6, 7].find(node => !ring.holdersOf(stolen.key).includes(node))!
    expect(ring.publish(sender, [stolen]).outcomes).toEqual(['refused'])
    expect(ring.holding(stolen)).toEqual([])
  })

  it('that is older than what is there is refused, and a newer one takes its place', () => {
    const ring = new RecordRing({ nodes: 6 })
    const record = ring.record(0, spreadKey(4), { sequence: 5 })
    expect(ring.publish(0, [record]).outcomes).toEqual(['kept'])
    expect(ring.publish(0, [{ ...record, sequence: 4 }]).outcomes).toEqual(['older'])
    expect(ring.publish(0, [record]).outcomes).toEqual(['kept'])
    const newer = { ...record, sequence: 6 }
    expect(ring.publish(0, [newer]).outcomes).toEqual(['kept'])
    expect(ring.fetch(1, record.key).records).toEqual([newer])
  })

  it('and withdrawn is neither read nor counted, and does not come back', () => {
    const ring = new RecordRing({ nodes: 8 })
    const record = ring.record(0, spreadKey(6))
    ring.publish(0, [record])
    // One of its holders does not hear of the withdrawal.
    const deaf = ring.holdersOf(record.key).at(-1)!
    ring.simulation.pause(deaf)
    ring.publish(0, [{ ...record, sequence: 2, withdrawn: true }])
    ring.simulation.resume(deaf)
    ring.run(2 * REPAIR_MS)
    const { records, total } = ring.fetch(3, record.key)
    expect([records, total]).toEqual([[], 0])
    expect([...ring.keeper(deaf).records()].map(({ sequence }) => sequence)).toEqual([2])
    expect(ring.publish(0, [record]).outcomes).toEqual(['older'])
  })

  it('that expires is not read any more, and forgotten soon after (S5)', () => {
    const ring = new RecordRing({ nodes: 6 })
    const record = ring.record(0, spreadKey(7), { expiresMs: WALL_START_MS + 30_000 })
    ring.publish(0, [record])
    expect(ring.fetch(1, record.key).total).toBe(1)
    ring.run(30_000 - ring.simulation.nowUs / 1000 - 200)
    expect(ring.fetch(1, record.key).total).toBe(1)
    ring.run(400)
    expect(ring.fetch(1, record.key).total).toBe(0)
    expect(ring.publish(0, [record]).outcomes).toEqual(['refused'])
    ring.run(2 * SWEEP_MS)
    expect(ring.holding(record)).toEqual([])
  })
})

describe('when peers die', () => {
  it('nothing is lost while fewer die than there are holders, and the replica count comes back (S1, S2)', () => {
    const ring = new RecordRing({ nodes: 16 })
    const records = Array.from({ length: 40 }, (_, index) => ring.record(index % 16, spreadKey(index)))
    for (let node = 0; node < 16; node += 1)
      ring.publish(
        node,
        records.filter((_, index) => index % 16 === node)
      )
    // Three of the holders of the first record, at one instant.
    for (const node of ring.holdersOf(records[0]!.key).slice(0, REPLICAS_DEFAULT)) ring.crash(node)
    for (const record of records) expect(ring.holding(record).length).toBeGreaterThan(0)
    ring.run(REPAIRED_MS)
    for (const record of records) {
      const holding = new Set(ring.holding(record))
      for (const node of ring.holdersOf(record.key)) expect(holding.has(node)).toBe(true)
    }
  })

  it('a reader is served by a replica while the root is silent', () => {
    const ring = new RecordRing({ nodes: 10, detectMs: 60_000 })
    const record = ring.record(0, spreadKey(9))
    ring.publish(0, [record])
    const [root] = ring.holdersOf(record.key)
    const reader = [...ring.members].find(node => !ring.holdersOf(record.key).includes(node))!
    ring.simulation.silence(root!)
    expect(ring.fetch(reader, record.key).records).toEqual([record])
  })

  it('copies that nobody needs go, once the root was seen to have what they are of (S6)', () => {
    const ring = new RecordRing({ nodes: 8 })
    const records = Array.from({ length: 30 }, (_, index) => ring.record(index % 8, spreadKey(100 + index)))
    for (let node = 0; node < 8; node += 1)
      ring.publish(
        node,
        records.filter((_, index) => index % 8 === node)
      )
    for (let joined = 0; joined < 6; joined += 1) {
      ring.join()
      ring.run(5000)
    }
    ring.run((LEASE_REPAIRS + 4) * REPAIR_MS)
    for (const record of records)
      expect(new Set(ring.holding(record)), `${record.key}`).toEqual(new Set(ring.holdersOf(record.key)))
  })
})

describe('under churn', () => {
  it.each(['one', 'two', 'three'])('no acknowledged record is ever without a holder (seed %s)', churn)
})
