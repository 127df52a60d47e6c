/** The table of a peer, and the metric that it is ordered by. */
import { commonPrefixBits, compareKeys, type Key, xorDistance } from '@servent/overlay/machine'
import { randomOf } from '@servent/simulator'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Buckets } from '../src/buckets.ts'
import { IdealTables } from '../src/machine.ts'
import { compareXor, randomKeyWithPrefix } from '../src/xor.ts'

const key = fc.uint8Array({ minLength: 32, maxLength: 32 })
/** Keys that differ in their first byte and in their last. */
const keyOf = (first: number, last = 0): Key => {
  const made = new Uint8Array(32)
  made[0] = first
  made[31] = last
  return made
}
const SELF_KEY = keyOf(0)

describe('the metric', () => {
  it('orders keys as their distances are ordered', () => {
    fc.assert(
      fc.property(key, key, key, (target, a, b) => {
        const byDistance = compareKeys(xorDistance(target, a), xorDistance(target, b))
        expect(Math.sign(compareXor(target, a, b))).toBe(Math.sign(byDistance))
      })
    )
  })

  it('has a random key in each bucket', () => {
    const random = randomOf('keys')
    const source = { random: () => random.u32() }
    fc.assert(
      fc.property(key, fc.integer({ min: 0, max: 255 }), (own, prefix) => {
        expect(commonPrefixBits(own, randomKeyWithPrefix(own, prefix, source))).toBe(prefix)
      })
    )
  })
})

describe('buckets', () => {
  it('hold peers by the prefix that they share with this one', () => {
    const buckets = new Buckets(SELF_KEY, 2)
    expect(buckets.add(1, keyOf(0b1000_0000), 0)).toBe(true)
    expect(buckets.add(2, keyOf(0b0100_0000), 0)).toBe(true)
    expect(buckets.add(3, keyOf(0, 1), 0)).toBe(true)
    expect([0, 1, 2, 255].map(prefix => buckets.at(prefix).map(({ peer }) => peer))).toEqual([
      [1],
      [2],
      [],
      [3]
    ])
    expect(buckets.length).toBe(256)
  })

  it('hold k peers each, and no more', () => {
    const buckets = new Buckets(SELF_KEY, 2)
    for (const peer of [1, 2]) expect(buckets.add(peer, keyOf(0x80, peer), 0)).toBe(true)
    expect(buckets.isFull(keyOf(0x80, 3))).toBe(true)
    expect(buckets.add(3, keyOf(0x80, 3), 0)).toBe(false)
    expect(buckets.add(4, keyOf(0x40, 4), 0)).toBe(true)
    expect(buckets.size).toBe(3)
  })

  it('have the one that was heard of longest ago first', () => {
    const buckets = new Buckets(SELF_KEY, 3)
    for (const peer of [1, 2, 3]) buckets.add(peer, keyOf(0x80, peer), peer)
    buckets.heard(buckets.find(1, keyOf(0x80, 1))!, 9)
    expect(buckets.at(0).map(({ peer, heardMs }) => [peer, heardMs])).toEqual([
      [2, 2],
      [3, 3],
      [1, 9]
    ])
    buckets.remove(buckets.find(2, keyOf(0x80, 2))!)
    expect([...buckets.all()].map(({ peer }) => peer)).toEqual([3, 1])
  })

  it('give the nearest to any key, as sorting all would', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: 255 }), fc.nat({ max: 3 })), { maxLength: 60 }),
        fc.nat({ max: 255 }),
        fc.integer({ min: 1, max: 20 }),
        (made, target, count) => {
          const buckets = new Buckets(SELF_KEY, 20)
          const keys = new Map<number, Key>()
          for (const [first, last] of made) {
            const peer = first * 4 + last + 1
            if (peer === 1 || keys.has(peer) || !buckets.add(peer, keyOf(first, last), 0)) continue
            keys.set(peer, keyOf(first, last))
          }
          const wanted = [...keys].sort(([, a], [, b]) => compareXor(keyOf(target), a, b))
          const found = buckets.closest(keyOf(target), count, 7)
          expect(found.map(({ peer }) => peer)).toEqual(
            wanted
              .map(([peer]) => peer)
              .filter(peer => peer !== 7)
              .slice(0, count)
          )
        }
      )
    )
  })
})

describe('ideal tables', () => {
  const random = randomOf('ideal')
  const keys = Array.from({ length: 300 }, () => Uint8Array.from({ length: 32 }, () => random.below(256)))
  const ideal = new IdealTables(keys)

  it('have of each bucket all that there are, or k of them', () => {
    for (const own of [0, 100, 299]) {
      const peers = ideal.peersOf(own, 20, count => random.below(count))
      expect(new Set(peers).size).toBe(peers.length)
      expect(peers).not.toContain(own)
      for (let prefix = 0; prefix < 20; prefix += 1) {
        const isOf = (peer: number) => commonPrefixBits(keys[own]!, keys[peer]!) === prefix
        const all = keys.map((_, peer) => peer).filter(peer => peer !== own && isOf(peer))
        expect(peers.filter(isOf)).toHaveLength(Math.min(20, all.length))
      }
    }
  })
})
