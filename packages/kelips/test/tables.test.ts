/** The pure parts: groups, chains of heartbeats, packed tables, rations, and the choice of targets. */
import { keyOfPeer } from '@servent/overlay'
import { randomOf } from '@servent/simulator'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { leadsTo, OwnChain, SHA_CHAIN, stepped } from '../src/chain.ts'
import {
  CHAIN_LENGTH,
  CHAIN_SPARE,
  CONTACTS_MAX,
  FRESH_TOLD_MAX,
  LEVEL_MAX,
  PREFIX_BYTES,
  RTT_MS_MAX,
  SIGNATURE_BYTES_MAX
} from '../src/constants.ts'
import { Contacts } from '../src/contacts.ts'
import { estimateOf, groupOf, isSameGroup, levelFor, nextLevel } from '../src/group.ts'
import { type Life, LifeTable } from '../src/life-table.ts'
import { pickFresh, pickRation } from '../src/ration.ts'
import { ROWS_MAX } from '../src/row-index.ts'
import { chooseTargets, weightOf } from '../src/spatial.ts'
import { type Tuple, TupleTable } from '../src/tuple-table.ts'

const keys = new Map<number, Uint8Array>()
const keyOf = (peer: number): Uint8Array => {
  let key = keys.get(peer)
  if (key === undefined) {
    key = keyOfPeer(Uint8Array.of(peer >> 16, peer >> 8, peer))
    keys.set(peer, key)
  }
  return key
}
const life = (beat: number, signature = new Uint8Array(0)): Life => ({
  startS: 7,
  beat,
  value: new Uint8Array(PREFIX_BYTES).fill(beat),
  signature,
  level: 3
})
const source = (seed: string) => {
  const random = randomOf(seed)
  return { random: () => random.below(2 ** 32) }
}

describe('groups', () => {
  it('are the first bits of a key', () => {
    const key = Uint8Array.of(0b1011_0001, 0x80, ...new Uint8Array(30))
    expect([0, 1, 2, 4, 8, 9, LEVEL_MAX].map(level => groupOf(key, level))).toEqual([
      0, 1, 2, 11, 177, 355, 2840
    ])
    expect(isSameGroup(key, Uint8Array.of(0b1011_1111, ...new Uint8Array(31)), 4)).toBe(true)
    expect(isSameGroup(key, Uint8Array.of(0b1011_1111, ...new Uint8Array(31)), 5)).toBe(false)
  })

  it('a group splits into those with one bit more', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.nat(LEVEL_MAX - 1), (key, level) => {
        expect(groupOf(key, level + 1) >> 1).toBe(groupOf(key, level))
      })
    )
  })

  it('are about the root of the number of peers, and have about 16 members where that is less', () => {
    const levels = [1, 16, 31, 32, 64, 256, 1000, 4096, 100_000, 2 ** 30].map(n => levelFor(Math.log2(n)))
    expect(levels).toEqual([0, 0, 0, 1, 2, 4, 5, 6, 8, LEVEL_MAX])
  })

  it('what makes a group split never makes the halves merge', () => {
    for (let estimate = 0; estimate < 40; estimate += 0.01)
      for (let level = 0; level <= LEVEL_MAX; level += 1) {
        const next = nextLevel(level, estimate)
        expect(Math.abs(next - level)).toBeLessThanOrEqual(1)
        if (next !== level) expect(nextLevel(next, estimate) - next).not.toBe(level - next)
      }
    expect(estimateOf(32, 5)).toBe(10)
  })
})

describe('a chain of heartbeats', () => {
  const chain = new OwnChain(SHA_CHAIN, new Uint8Array(PREFIX_BYTES).fill(9), 100, 5000, 1000)

  it('each leads to those before it, and to the anchor', () => {
    for (const [later, earlier] of [
      [1, 0],
      [33, 31],
      [500, 2],
      [CHAIN_LENGTH, CHAIN_LENGTH - 1],
      [CHAIN_LENGTH, 0]
    ] as const)
      expect(leadsTo(chain.valueAt(later), later - earlier, chain.valueAt(earlier), SHA_CHAIN)).toBe(true)
    expect(stepped(chain.valueAt(70), 70, SHA_CHAIN)).toEqual(chain.anchor)
  })

  it('nobody gets further by what was shown, nor by another chain', () => {
    const other = new OwnChain(SHA_CHAIN, new Uint8Array(PREFIX_BYTES), 100, 5000, 1000)
    expect(leadsTo(chain.valueAt(5), 5, chain.valueAt(5), SHA_CHAIN)).toBe(false)
    expect(leadsTo(other.valueAt(9), 4, chain.valueAt(5), SHA_CHAIN)).toBe(false)
  })

  it('beats with the clock, and its last value is for the farewell alone', () => {
    expect([4000, 5000, 5999, 6000, 15_000].map(ms => chain.beatAt(ms))).toEqual([-1, 0, 0, 1, 10])
    expect(chain.beatAt(5000 + 1000 * CHAIN_LENGTH)).toBe(CHAIN_LENGTH - 1)
    expect(chain.isNearItsEnd(5000 + 1000 * (CHAIN_LENGTH - CHAIN_SPARE) - 1, CHAIN_SPARE)).toBe(false)
    expect(chain.isNearItsEnd(5000 + 1000 * (CHAIN_LENGTH - CHAIN_SPARE), CHAIN_SPARE)).toBe(true)
  })
})

describe('a packed table of lives', () => {
  it('says what a map says, whatever comes in and goes', () => {
    const step = fc.tuple(fc.constantFrom('add', 'remove', 'beat', 'told'), fc.integer({ min: 1, max: 60 }))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), steps => {
        const table = new LifeTable(40, FRESH_TOLD_MAX, keyOf)
        const model = new Map<number, { beat: number; told: number; signature: Uint8Array }>()
        for (const [what, peer] of steps) {
          const row = table.find(peer)
          expect(row >= 0).toBe(model.has(peer))
          if (what === 'add' && row < 0) {
            const signature = new Uint8Array(peer % (SIGNATURE_BYTES_MAX + 1)).fill(peer)
            const added = table.add(peer, life(peer, signature), 1000)
            expect(added >= 0).toBe(model.size < 40)
            if (added >= 0) model.set(peer, { beat: peer, told: 0, signature })
          } else if (row >= 0 && what === 'remove') {
            table.remove(row)
            model.delete(peer)
          } else if (row >= 0 && what === 'beat') {
            table.beat(row, 99, new Uint8Array(PREFIX_BYTES), 2000)
            model.get(peer)!.beat = 99
          } else if (row >= 0 && what === 'told') {
            table.told(row, 3)
            model.get(peer)!.told += 3
          }
        }
        expect(table.size).toBe(model.size)
        expect(table.fresh).toBe([...model.values()].filter(({ told }) => told < FRESH_TOLD_MAX).length)
        expect(table.untold).toBe([...model.values()].filter(({ told }) => told === 0).length)
        for (const [peer, { beat, signature }] of model) {
          const row = table.find(peer)
          expect(table.findPrefix(keyOf(peer).slice(0, 8))).toBe(row)
          expect(table.lifeAt(row)).toMatchObject({ beat, startS: 7, level: 3, signature })
        }
        expect(table.findPrefix(keyOf(1000).slice(0, 8))).toBe(-1)
      })
    )
  })

  it('takes at most 40 bytes an entry, and so do contacts and tuples', () => {
    const table = new LifeTable(ROWS_MAX, FRESH_TOLD_MAX, keyOf)
    const contacts = new Contacts(2, FRESH_TOLD_MAX, keyOf)
    contacts.relevel(8, keyOf(0))
    const tuples = new TupleTable(ROWS_MAX, FRESH_TOLD_MAX)
    for (let peer = 1; peer <= 20_000; peer += 1) {
      table.add(peer, life(1), 0)
      contacts.add(peer, life(1), 0)
      tuples.add(tuple(peer), peer)
    }
    // A quarter more room than rows at most, since tables grow by that.
    expect(table.byteLength / (20_000 * 1.25)).toBeLessThanOrEqual(40)
    expect(contacts.table.size).toBe(2 * 256)
    expect(contacts.byteLength / (512 * 1.25)).toBeLessThanOrEqual(40)
    expect(tuples.byteLength / (20_000 * 1.25)).toBeLessThanOrEqual(40)
    expect(table.signatureBytes + tuples.signatureBytes).toBe(0)
  })

  it('takes one byte more than the longest signature beside that, for each row that there is room for', () => {
    const signature = new Uint8Array(64)
    const table = new LifeTable(ROWS_MAX, FRESH_TOLD_MAX, keyOf)
    const tuples = new TupleTable(ROWS_MAX, FRESH_TOLD_MAX)
    for (let peer = 1; peer <= 20_000; peer += 1) {
      table.add(peer, life(1, signature), 0)
      tuples.add({ ...tuple(peer), signature }, peer)
    }
    for (const { signatureBytes } of [table, tuples]) {
      expect(signatureBytes % (SIGNATURE_BYTES_MAX + 1)).toBe(0)
      expect(signatureBytes / 20_000).toBeGreaterThanOrEqual(73)
      expect(signatureBytes / 20_000).toBeLessThanOrEqual(73 * 1.25 + 1)
    }
    // Real peers, whose entries are signed: three times what the row alone takes.
    for (const each of [table, tuples])
      expect((each.byteLength + each.signatureBytes) / (20_000 * 1.25)).toBeLessThanOrEqual(113)
  })

  it('that makes room at once has as much as one that grew, and finds the same', () => {
    for (const rows of [0, 1, 4, 5, 100, 390, 999, 1000, 1001]) {
      const [grown, reserved] = [1, 2].map(() => new LifeTable(1000, FRESH_TOLD_MAX, keyOf))
      reserved!.reserve(rows)
      for (const table of [grown!, reserved!])
        for (let peer = 1; peer <= rows; peer += 1)
          expect(table.add(peer, life(1), 0) >= 0).toBe(peer <= 1000)
      expect(reserved!.byteLength).toBe(grown!.byteLength)
      for (let peer = 1; peer <= rows + 1; peer += 1) expect(reserved!.find(peer)).toBe(grown!.find(peer))
    }
  })

  it('keeps numbers of 32 bits whole', () => {
    const table = new LifeTable(2, FRESH_TOLD_MAX, () => keyOf(1))
    const [peer, startS, heardMs] = [2 ** 31 - 1, 2 ** 32 - 1, 100 * (2 ** 32 - 1)]
    table.add(5, life(1), 0)
    table.add(peer, { ...life(CHAIN_LENGTH), startS }, heardMs)
    table.remove(0)
    expect(table.find(peer)).toBe(0)
    expect([table.peerAt(0), table.startAt(0), table.heardMs(0)]).toEqual([peer, startS, heardMs])
    expect(table.beatAt(0)).toBe(CHAIN_LENGTH)
  })

  it('keeps round trips up to RTT_MS_MAX', () => {
    const table = new LifeTable(1, FRESH_TOLD_MAX, keyOf)
    table.add(1, life(1), 0)
    for (const [given, kept] of [
      [0.2, 1],
      [RTT_MS_MAX, RTT_MS_MAX],
      [RTT_MS_MAX + 1, RTT_MS_MAX]
    ] as const) {
      table.setRtt(0, given)
      expect(table.rttMs(0)).toBe(kept)
    }
  })
})

const tuple = (n: number, own: Partial<Tuple> = {}): Tuple => ({
  kind: 'provider',
  prefix: keyOf(n).slice(0, PREFIX_BYTES),
  sequence: n,
  expiresMs: 1_800_000_000_000,
  withdrawn: false,
  signature: new Uint8Array(0),
  ...own
})

describe('a packed table of tuples', () => {
  it('says what a map says, whatever comes in and goes', () => {
    const kind = fc.constantFrom('provider' as const, 'word' as const, 'value' as const)
    const what = fc.constantFrom('add', 'add', 'remove', 'renew')
    const step = fc.tuple(what, kind, fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 5 }))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), steps => {
        const table = new TupleTable(50, FRESH_TOLD_MAX)
        const model = new Map<string, Tuple>()
        for (const [what, kind, key, origin] of steps) {
          const own = tuple(key, { kind, signature: new Uint8Array(64).fill(origin) })
          const name = `${kind} ${key} ${origin}`
          const row = table.find(kind, own.prefix, origin)
          expect(row >= 0).toBe(model.has(name))
          if (what === 'add' && row < 0) {
            if (table.add(own, origin) >= 0) model.set(name, own)
          } else if (row >= 0 && what === 'remove') {
            table.remove(row)
            model.delete(name)
          } else if (row >= 0 && what === 'renew') {
            const newer = { ...own, withdrawn: true, sequence: own.sequence + 1 }
            table.renew(row, newer)
            model.set(name, newer)
          }
        }
        expect(table.size).toBe(model.size)
        expect(table.fresh).toBe(model.size)
        for (const [name, own] of model) {
          const row = table.find(own.kind, own.prefix, Number(name.split(' ')[2]))
          expect(table.tupleAt(row)).toEqual(own)
        }
        const under = table.under('word', keyOf(3).slice(0, PREFIX_BYTES)).length
        expect(under).toBe([...model.keys()].filter(name => name.startsWith('word 3 ')).length)
      })
    )
  })

  it('keeps sequences of 53 bits and times of 32', () => {
    const table = new TupleTable(3, FRESH_TOLD_MAX)
    const expiresMs = 1000 * (2 ** 32 - 1)
    const sequences = [0, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER]
    for (const [at, sequence] of sequences.entries())
      table.add(tuple(at, { sequence, expiresMs }), 70_000 + at)
    expect(sequences.map((_, row) => table.sequenceAt(row))).toEqual(sequences)
    expect(sequences.map((_, row) => table.originAt(row))).toEqual([70_000, 70_001, 70_002])
    expect(table.expiresMs(2)).toBe(expiresMs)
  })
})

describe('contacts', () => {
  it('are so many for each group, and find their places again when there are more groups', () => {
    const contacts = new Contacts(CONTACTS_MAX, FRESH_TOLD_MAX, keyOf)
    contacts.relevel(2, keyOf(0))
    const own = groupOf(keyOf(0), 2)
    const others = Array.from({ length: 200 }, (_, at) => at + 1).filter(
      peer => groupOf(keyOf(peer), 2) !== own
    )
    for (const peer of others) contacts.add(peer, life(1), 0)
    expect(contacts.table.size).toBe(3 * CONTACTS_MAX)
    for (let row = contacts.table.size - 1; row >= 0; row -= 3) contacts.remove(row)
    expect(contacts.table.size).toBe(2 * CONTACTS_MAX)
    const left = contacts.relevel(1, keyOf(0))
    const group = 1 - (own >> 1)
    expect(contacts.of(group).length).toBe(Math.min(CONTACTS_MAX, contacts.table.size))
    expect(contacts.table.size + left.length).toBe(2 * CONTACTS_MAX)
    for (const { peer } of left) expect(contacts.table.find(peer)).toBe(-1)
  })
})

describe('a ration', () => {
  const tableOf = (fresh: number, old: number): LifeTable => {
    const table = new LifeTable(1000, FRESH_TOLD_MAX, keyOf)
    for (let peer = 1; peer <= fresh + old; peer += 1) {
      table.add(peer, life(1), 0)
      if (peer > fresh) table.told(peer - 1, FRESH_TOLD_MAX)
    }
    return table
  }

  it.each([
    [100, 100, 6, 3],
    [1, 100, 6, 1],
    [100, 1, 6, 5],
    [100, 0, 6, 6],
    [0, 100, 6, 0],
    [2, 2, 6, 2]
  ])('of %i fresh and %i old entries, %i go, of them %i fresh', (fresh, old, ration, expected) => {
    const table = tableOf(fresh, old)
    const rows = pickRation(table, ration, source('ration'))
    expect(new Set(rows).size).toBe(Math.min(ration, fresh + old))
    expect(rows.filter(row => table.isFresh(row)).length).toBe(expected)
  })

  it('of the fresh ones those go that were told least', () => {
    const table = tableOf(5, 0)
    table.told(0, 2)
    table.told(3, 1)
    expect(pickFresh(table, 3, source('fresh')).sort()).toEqual([1, 2, 4])
    expect(pickFresh(table, 4, source('fresh'))[3]).toBe(3)
  })

  it('each old one is as likely as another', () => {
    const table = tableOf(0, 20)
    const tally = Array.from({ length: 20 }, () => 0)
    const random = source('even')
    for (let turn = 0; turn < 4000; turn += 1)
      for (const row of pickRation(table, 4, random)) tally[row]! += 1
    for (const count of tally) expect(Math.abs(count - 800)).toBeLessThan(120)
  })
})

describe('targets', () => {
  it('are chosen by 1/rtt^2 but for the last, which is any', () => {
    const rtts = [10, 20, 40, 0]
    const table = { size: 4, rttMs: (row: number) => rtts[row]! }
    expect(weightOf(0)).toBe(weightOf(100))
    const first = [0, 0, 0, 0]
    const last = [0, 0, 0, 0]
    const random = source('targets')
    for (let turn = 0; turn < 10_000; turn += 1) {
      const [near, any] = chooseTargets(table, 2, random)
      expect(near).not.toBe(any)
      first[near!]! += 1
      last[any!]! += 1
    }
    const total = rtts.reduce((sum, rtt) => sum + weightOf(rtt), 0)
    for (const [row, rtt] of rtts.entries())
      expect(Math.abs(first[row]! / 10_000 - weightOf(rtt) / total)).toBeLessThan(0.02)
    expect(Math.min(...last.slice(1))).toBeGreaterThan(2500)
  })

  it('are all where there are no more', () => {
    expect(chooseTargets({ size: 2, rttMs: () => 0 }, 3, source('few'))).toEqual([0, 1])
    expect(chooseTargets({ size: 0, rttMs: () => 0 }, 3, source('none'))).toEqual([])
    expect(chooseTargets({ size: 9, rttMs: () => 5 }, 1, source('one')).length).toBe(1)
  })
})
