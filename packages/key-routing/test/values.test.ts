/** Values under keys: quorum, read repair, and which of two versions stays. */
import { describe, expect, it } from 'vitest'
import { REPAIR_MS, REPLICAS_DEFAULT } from '../src/machine.ts'
import { BAD, RecordRing, spreadKey } from './record-ring.ts'

const KEY = spreadKey(77)

function value(ring: RecordRing, writer: number, sequence: number, byte = sequence) {
  return ring.record(writer, KEY, { kind: 'value', sequence, body: Uint8Array.of(byte) })
}

function read(ring: RecordRing, node: number, quorum = 2) {
  return ring.ask(node, { type: 'read-value', key: KEY, quorum }, 'value-read')
}

function outsider(ring: RecordRing): number {
  return [...ring.members].find(node => !ring.holdersOf(KEY).includes(node))!
}

describe('a value', () => {
  it('is read as it was put, by everybody', () => {
    const ring = new RecordRing({ nodes: 9 })
    const record = value(ring, 0, 1)
    expect(ring.publish(0, [record]).outcomes).toEqual(['kept'])
    for (let node = 0; node < 9; node += 1) {
      const { record: found, holders } = read(ring, node)
      expect([found, holders]).toEqual([record, 2])
    }
  })

  it('that nobody put is none, and that is no failure', () => {
    const ring = new RecordRing({ nodes: 9 })
    const { record, failure, holders } = read(ring, 0)
    expect([record, failure, holders]).toEqual([undefined, undefined, 0])
  })

  it('is overwritten by anybody with a newer one, and by nobody with an older one', () => {
    const ring = new RecordRing({ nodes: 9 })
    ring.publish(0, [value(ring, 0, 2)])
    expect(ring.publish(1, [value(ring, 1, 3)]).outcomes).toEqual(['kept'])
    expect(ring.publish(2, [value(ring, 2, 1)]).outcomes).toEqual(['older'])
    expect(read(ring, 4).record?.sequence).toBe(3)
    const held = ring.holdersOf(KEY).flatMap(node => [...ring.keeper(node).records()])
    expect(held.map(({ sequence }) => sequence)).toEqual([3, 3, 3, 3])
  })

  it('that its validator refuses is kept by nobody, its own link or not', () => {
    const ring = new RecordRing({ nodes: 6 })
    expect(ring.publish(0, [value(ring, 0, 1, BAD)]).outcomes).toEqual(['refused'])
    expect(read(ring, 1).record).toBeUndefined()
  })

  it('survives the death of its owner, and a put after it', () => {
    const ring = new RecordRing({ nodes: 10 })
    ring.publish(0, [value(ring, 0, 1)])
    const [root] = ring.holdersOf(KEY)
    ring.crash(root!)
    const reader = [...ring.members].find(node => !ring.holdersOf(KEY).includes(node))!
    expect(read(ring, reader).record?.sequence).toBe(1)
    expect(ring.publish(reader, [value(ring, reader, 2)]).outcomes).toEqual(['kept'])
    expect(read(ring, reader).record?.sequence).toBe(2)
  })
})

describe('the quorum', () => {
  it('meets the last write although the holders that missed it are asked first', () => {
    // Copies never reach the two nearest replicas: a write quorum of 3 of 4 is all but one of them.
    const ring = new RecordRing({ nodes: 12, settings: { repairMs: 0 } })
    ring.publish(0, [value(ring, 0, 1)])
    ring.run(1000)
    const first = ring.holdersOf(KEY)[1]
    ring.simulation.pause(first!)
    expect(ring.publish(0, [value(ring, 0, 2)]).outcomes).toEqual(['kept'])
    ring.simulation.resume(first!)
    ring.run(10)
    expect(read(ring, outsider(ring), 2).record?.sequence).toBe(2)
  })

  it('asks on where those that it met have nothing', () => {
    const ring = new RecordRing({ nodes: 12, settings: { repairMs: 0 } })
    ring.publish(0, [value(ring, 0, 1)])
    ring.run(1000)
    // A root and a first replica that have only just come.
    const before = ring.holdersOf(KEY)
    for (let tries = 0; tries < 60 && ring.holdersOf(KEY)[1] !== before[0]; tries += 1) ring.add()
    ring.tellAll()
    expect(ring.holdersOf(KEY)[0]).not.toBe(before[0])
    expect(read(ring, outsider(ring), 1).record?.sequence).toBe(1)
  })
})

describe('a read that fewer answer than the quorum', () => {
  it('says so, whether they have a value or none; that there are fewer holders is no such thing', () => {
    const ring = new RecordRing({ nodes: 12, detectMs: 600_000, settings: { repairMs: 0 } })
    ring.publish(0, [value(ring, 0, 1)])
    ring.run(1000)
    expect(read(ring, outsider(ring), 4).incomplete).toBeUndefined()
    const [root, ...others] = ring.holdersOf(KEY)
    const reader = outsider(ring)
    const before = ring.simulation.metrics.byType().get?.messages ?? 0
    const id = ring.simulation.command(reader, { type: 'read-value', key: KEY, quorum: 4 })
    ring.simulation.runWhile(() => (ring.simulation.metrics.byType().get?.messages ?? 0) === before)
    for (const node of others) ring.simulation.silence(node)
    ring.run(30_000)
    expect(root).toBeDefined()
    expect(ring.told(reader, id)).toMatchObject([{ record: { sequence: 1 }, incomplete: true }])
    const alone = new RecordRing({ nodes: 1 })
    expect(read(alone, 0, 4).incomplete).toBeUndefined()
  })
})

describe('read repair', () => {
  it('gives the newest to holders that have an older one, and to those that have none', () => {
    const ring = new RecordRing({ nodes: 12, settings: { repairMs: 0 } })
    const old = value(ring, 0, 1)
    ring.publish(0, [old])
    ring.run(1000)
    // New holders come where some of the old ones die: nothing repairs them here.
    const [root, second] = ring.holdersOf(KEY)
    ring.crash(root!)
    ring.crash(second!)
    ring.run(1000)
    const holders = ring.holdersOf(KEY)
    expect(ring.holding(old).length).toBeLessThan(holders.length)
    expect(read(ring, outsider(ring), 4).record?.sequence).toBe(1)
    ring.run(1000)
    expect(new Set(ring.holding(old))).toEqual(new Set(holders))
  })

  it('happens at the next repair, too', () => {
    const ring = new RecordRing({ nodes: 12 })
    const record = value(ring, 0, 1)
    ring.publish(0, [record])
    const deaf = ring.holdersOf(KEY).at(-1)!
    ring.simulation.pause(deaf)
    const writer = outsider(ring)
    const newer = value(ring, writer, 2)
    ring.publish(writer, [newer])
    ring.simulation.resume(deaf)
    ring.run(2 * REPAIR_MS)
    expect(ring.holding(newer)).toHaveLength(1 + REPLICAS_DEFAULT)
  })
})
