/** The three tables and what they are made of, without a machine. */
import {
  compareKeys,
  KEY_BYTES,
  type Key,
  keyFromHex,
  NO_PEER,
  ringDistance,
  SELF
} from '@servent/overlay/machine'
import { randomOf } from '@servent/simulator'
import { describe, expect, it } from 'vitest'
import { LeafSet } from '../src/leaf-set.ts'
import {
  COLUMNS_MAX,
  compareCloseness,
  LEAF_SET_MAX,
  NEIGHBOURHOOD_MAX,
  ROWS_MAX,
  slotOf
} from '../src/machine.ts'
import { NeighbourhoodSet } from '../src/neighbourhood-set.ts'
import { keyBefore, keyBehind, midpoint } from '../src/node-ids.ts'
import { RoutingTable } from '../src/routing-table.ts'
import { randomKey } from './support/lookups.ts'

/** The key whose first two bytes are the number, the others 0. */
function at(number: number): Key {
  const key = new Uint8Array(KEY_BYTES)
  key[0] = (number >> 8) & 255
  key[1] = number & 255
  return key
}

const hex = (digits: string): Key => keyFromHex(digits.padEnd(64, '0'))

describe('which node a key belongs to', () => {
  it('the numerically closest, the shorter way round', () => {
    expect(compareCloseness(at(0x1000), at(0x1200), at(0x0f00))).toBeGreaterThan(0)
    expect(compareCloseness(at(0x0010), at(0xfff0), at(0x0040))).toBeLessThan(0)
    expect(compareCloseness(at(5), at(7), at(7))).toBe(0)
  })

  it('of two that are equally close, the one before it: the same whichever is named first, and over the top', () => {
    for (const [key, before, behind] of [
      [0x1000, 0x0f00, 0x1100],
      [0x0000, 0xff00, 0x0100],
      [0x8000, 0x0000, 0x0000]
    ] as const) {
      if (before === behind) continue
      expect(compareCloseness(at(key), at(before), at(behind))).toBeLessThan(0)
      expect(compareCloseness(at(key), at(behind), at(before))).toBeGreaterThan(0)
    }
    // Opposite each other: both ways are as long.
    expect(compareCloseness(at(0x4000), at(0x0000), at(0x8000))).toBeLessThan(0)
    expect(compareCloseness(at(0xc000), at(0x0000), at(0x8000))).toBeGreaterThan(0)
  })

  it('changes at the midpoint, which is still the first one’s', () => {
    const random = randomOf('midpoints')
    for (let count = 0; count < 200; count += 1) {
      const [a, b] = [randomKey(random), randomKey(random)]
      const middle = midpoint(a, b)
      expect(compareCloseness(middle, a, b)).toBeLessThanOrEqual(0)
      expect(compareCloseness(keyBehind(middle), a, b)).toBeGreaterThanOrEqual(0)
      expect(compareKeys(keyBehind(keyBefore(middle)), middle)).toBe(0)
    }
  })
})

describe('Rowstron section 2.1: where an id stands in a routing table', () => {
  it('in the row of as many digits as are shared, in the column of the next', () => {
    expect(slotOf(hex('10233102'), hex('10222302'), 4)).toBe(3 * 16 + 2)
    expect(slotOf(hex('10233102'), hex('f0'), 4)).toBe(15)
    expect(slotOf(at(0), hex('40'), 2)).toBe(1)
    expect(slotOf(at(7), at(7), 4)).toBe(-1)
  })

  it('has a row for each digit of a key, and as many columns as digits', () => {
    const last = keyFromHex(`${'0'.repeat(63)}1`)
    expect(slotOf(at(0), last, 1)).toBe((ROWS_MAX - 1) * 2 + 1)
    expect(slotOf(at(0), hex('f0'), 4)).toBe(COLUMNS_MAX - 1)
  })

  it('grows by rows, and forgets', () => {
    const table = new RoutingTable(4)
    expect([table.rows, table.size, table.at(99)]).toEqual([0, 0, NO_PEER])
    table.set(35, 7, 12.5)
    table.set(3, 8, 0)
    expect([table.rows, table.size, table.at(35), table.distanceMs(35)]).toEqual([3, 2, 7, 12.5])
    expect(table.row(2)).toEqual([7])
    expect(table.peers()).toEqual([8, 7])
    expect([...table.entries()].map(({ slot }) => slot)).toEqual([3, 35])
    expect(table.remove(7)).toBe(35)
    expect(table.remove(7)).toBe(-1)
    expect(table.has(7)).toBe(false)
    table.clear()
    expect(table.size).toBe(0)
  })
})

describe('Rowstron section 2.1: the leaf set', () => {
  /** Peers are numbers, and so are their ids; this node is at 0x8000. */
  const keyOf = (peer: number): Key => at(peer === SELF ? 0x8000 : peer)
  const filled = (size: number, peers: readonly number[]): LeafSet => {
    const leaves = new LeafSet(size, keyOf)
    for (const peer of peers) leaves.add(peer)
    return leaves
  }

  it('has the nearest of each side, the nearest first, whatever the order in which they came', () => {
    const leaves = filled(4, [0x9000, 0x8100, 0x8200, 0x7000, 0x7f00, 0x1000, 0x8050])
    expect(leaves.larger).toEqual([0x8050, 0x8100])
    expect(leaves.smaller).toEqual([0x7f00, 0x7000])
    expect(leaves.members).toEqual([0x8050, 0x8100, 0x7f00, 0x7000])
    expect(leaves.wants(0x9000)).toBe(false)
    expect(leaves.wants(0x8060)).toBe(true)
    expect(leaves.wants(0x8050)).toBe(false)
    expect(leaves.add(0x9000)).toBe(false)
  })

  it('meets itself where there are few, and then covers everything', () => {
    const leaves = filled(8, [0x9000, 0x2000, 0x4000])
    expect(leaves.larger).toEqual([0x9000, 0x2000, 0x4000])
    expect(leaves.smaller).toEqual([0x4000, 0x2000, 0x9000])
    expect(leaves.members).toEqual([0x9000, 0x2000, 0x4000])
    expect(leaves.isWhole).toBe(true)
    expect(leaves.covers(at(0))).toBe(true)
  })

  it('where some go and few are left, has those of one side on the other one too', () => {
    const leaves = filled(4, [0x9000, 0xa000, 0xb000, 0x7000, 0x6000])
    expect([leaves.larger, leaves.smaller]).toEqual([
      [0x9000, 0xa000],
      [0x7000, 0x6000]
    ])
    leaves.remove(0x6000)
    expect(leaves.smaller).toEqual([0x7000, 0xa000])
    leaves.remove(0x7000)
    expect([leaves.larger, leaves.smaller]).toEqual([
      [0x9000, 0xa000],
      [0xa000, 0x9000]
    ])
  })

  it('that was not whole is not whole for having lost one: who fills its place is not next to the others', () => {
    const sides = [1, 2, 3, 4].map(step => 0x400 * step)
    const leaves = filled(8, [...sides.map(way => 0x8000 + way), ...sides.map(way => 0x8000 - way)])
    const isCovered = (key: number) => leaves.covers(at(key))
    expect([leaves.isWhole, isCovered(0x9000), isCovered(0x9001), isCovered(0)]).toEqual([
      false,
      true,
      false,
      false
    ])
    leaves.remove(0x8800)
    expect(leaves.larger).toEqual([0x8400, 0x8c00, 0x9000, 0x7000])
    expect([leaves.isWhole, leaves.isSure, isCovered(0x9001), isCovered(0)]).toEqual([
      false,
      false,
      false,
      false
    ])
    expect([isCovered(0x9000), isCovered(0x7000), leaves.ends]).toEqual([true, true, [0x9000, 0x7000]])
    // Nor for having lost more.
    leaves.remove(0x8c00)
    leaves.remove(0x7400)
    expect(leaves.larger).toEqual([0x8400, 0x9000, 0x7000, 0x7800])
    expect([leaves.isWhole, leaves.sure.larger, leaves.sure.smaller]).toEqual([
      false,
      [0x8400, 0x9000],
      [0x7c00, 0x7800, 0x7000]
    ])
    // Whoever comes between them is next, wherever it lies.
    leaves.add(0x9400)
    leaves.add(0x1000)
    expect([leaves.sure.larger, leaves.isSure]).toEqual([[0x8400, 0x9000, 0x9400], false])
    expect([leaves.isWhole, isCovered(0x9400), isCovered(0x9401)]).toEqual([false, true, false])
    leaves.confirm()
    expect([leaves.isWhole, isCovered(0)]).toEqual([true, true])
    // A set that is whole knows that it is when one goes.
    leaves.remove(0x9400)
    expect([leaves.isWhole, leaves.isSure]).toEqual([true, true])
  })

  it('covers the keys between its furthest leaves, these among them', () => {
    const leaves = filled(2, [0x9000, 0x7000, 0x1000])
    expect(leaves.isWhole).toBe(false)
    const covered = [0x6fff, 0x7000, 0x8000, 0x9000, 0x9001].map(key => leaves.covers(at(key)))
    expect(covered).toEqual([false, true, true, true, false])
  })

  it('knows who is closest to a key, itself among them, and who comes next', () => {
    const leaves = filled(4, [0x8100, 0x8200, 0x7f00, 0x7e00])
    const nobody = () => false
    expect(leaves.closest(at(0x8010), nobody)).toBe(SELF)
    expect(leaves.closest(at(0x8080), nobody)).toBe(SELF)
    expect(leaves.closest(at(0x8081), nobody)).toBe(0x8100)
    expect(leaves.closest(at(0x8081), peer => peer === 0x8100)).toBe(SELF)
    expect(leaves.nearest(at(0x8190), 3)).toEqual([0x8200, 0x8100, 0x7f00])
    expect(leaves.nearest(at(0x8190), 9)).toHaveLength(4)
  })

  it('agrees with who is closest of all, by any ids', () => {
    const random = randomOf('closest')
    for (let round = 0; round < 50; round += 1) {
      const keys = Array.from({ length: 1 + random.below(9) }, () => randomKey(random))
      const leaves = new LeafSet(32, peer => keys[peer]!)
      for (let peer = 1; peer < keys.length; peer += 1) leaves.add(peer)
      const key = randomKey(random)
      const wanted = keys
        .map((_, peer) => peer)
        .sort((a, b) => compareKeys(ringDistance(key, keys[a]!), ringDistance(key, keys[b]!)))[0]
      expect(leaves.closest(key, () => false)).toBe(wanted)
    }
  })

  it('has at most |L| leaves, and loses one when it is taken out', () => {
    const leaves = filled(
      LEAF_SET_MAX,
      Array.from({ length: 2 * LEAF_SET_MAX + 2 }, (_, at) => 0x7000 + 0x100 * at + 1)
    )
    expect(leaves.members).toHaveLength(LEAF_SET_MAX)
    const [first] = leaves.larger
    expect(leaves.remove(first!)).toBe(true)
    expect(leaves.remove(first!)).toBe(false)
    expect(leaves.members).toHaveLength(LEAF_SET_MAX - 1)
    leaves.clear()
    expect(leaves.isEmpty).toBe(true)
  })
})

describe('Rowstron section 2.1: the neighbourhood set', () => {
  it(`has the ${NEIGHBOURHOOD_MAX} nearest that were measured`, () => {
    const set = new NeighbourhoodSet(NEIGHBOURHOOD_MAX)
    for (let peer = 1; peer <= NEIGHBOURHOOD_MAX + 1; peer += 1) set.add(peer, 1000 - peer)
    expect(set.peers).toHaveLength(NEIGHBOURHOOD_MAX)
    expect(set.peers[0]).toBe(NEIGHBOURHOOD_MAX + 1)
    expect(set.distanceMs(1)).toBeUndefined()
    set.add(2, 1)
    expect([set.peers[0], set.distanceMs(2), set.peers.length]).toEqual([2, 1, NEIGHBOURHOOD_MAX])
    set.add(SELF, 1)
    set.add(99, 0)
    expect(set.peers).not.toContain(SELF)
    expect(set.peers).not.toContain(99)
    set.remove(2)
    set.remove(2)
    expect(set.peers).not.toContain(2)
    set.clear()
    expect(set.peers).toEqual([])
  })
})
