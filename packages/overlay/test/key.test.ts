import {
  addPowerOfTwo,
  between,
  betweenLeftClosed,
  betweenRightClosed,
  ContentId,
  clockwiseDistance,
  commonPrefixBits,
  commonPrefixDigits,
  compareClockwise,
  compareKeys,
  KEY_BITS,
  KEY_BYTES,
  type Key,
  keyBit,
  keyDigit,
  keyFromHex,
  keyOfContent,
  keyOfPeer,
  keyOfWord,
  keyToHex,
  ringDistance,
  xorDistance
} from '@servent/overlay/machine'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hex, sha256 } from './trees.ts'

const RING = 2n ** 256n
const keyOf = (number: bigint): Key =>
  keyFromHex((((number % RING) + RING) % RING).toString(16).padStart(64, '0'))
const numberOf = (key: Key): bigint => BigInt(`0x${keyToHex(key)}`)

// Near each other, near the seam of the ring, and anywhere.
const number = fc.oneof(
  fc.bigInt(0n, 4n),
  fc.bigInt(RING - 4n, RING - 1n),
  fc.bigInt(0n, RING - 1n),
  fc.nat(255).map(bit => 1n << BigInt(bit))
)

describe('between', () => {
  const [zero, one, five, last] = [0n, 1n, 5n, RING - 1n].map(keyOf) as [Key, Key, Key, Key]

  test('an interval wraps around', () => {
    expect(between(zero, last, one)).toBe(true)
    expect(between(last, five, one)).toBe(true)
    expect(between(zero, five, one)).toBe(true)
    expect(between(five, last, one)).toBe(false)
    expect(betweenRightClosed(one, last, one)).toBe(true)
    expect(betweenRightClosed(last, last, one)).toBe(false)
    expect(betweenLeftClosed(last, last, one)).toBe(true)
    expect(betweenLeftClosed(one, last, one)).toBe(false)
  })

  test('an interval from a key to itself goes once around', () => {
    for (const end of [zero, one, five, last]) {
      for (const key of [zero, one, five, last]) {
        const itself = key === end
        expect(between(key, end, end)).toBe(!itself)
        expect(betweenRightClosed(key, end, end)).toBe(true)
        expect(betweenLeftClosed(key, end, end)).toBe(true)
      }
    }
  })

  test('an interval between neighbours is empty but for its closed end', () => {
    for (const [from, to] of [
      [zero, one],
      [last, zero]
    ] as const) {
      for (const key of [zero, one, five, last]) {
        expect(between(key, from, to)).toBe(false)
        expect(betweenRightClosed(key, from, to)).toBe(key === to)
        expect(betweenLeftClosed(key, from, to)).toBe(key === from)
      }
    }
  })

  test('agrees with whole numbers: going clockwise, the key is met before the end', () => {
    const distance = (from: bigint, to: bigint) => (to - from + RING) % RING
    fc.assert(
      fc.property(number, number, number, (key, from, to) => {
        const length = distance(from, to) === 0n ? RING : distance(from, to)
        const open = distance(from, key) > 0n && distance(from, key) < length
        const [k, f, t] = [keyOf(key), keyOf(from), keyOf(to)]
        expect(between(k, f, t)).toBe(open)
        expect(betweenRightClosed(k, f, t)).toBe(open || key === to)
        expect(betweenLeftClosed(k, f, t)).toBe(open || key === from)
      }),
      { numRuns: 3000 }
    )
  })
})

describe('arithmetic agrees with whole numbers', () => {
  test('comparison and distances', () => {
    fc.assert(
      fc.property(number, number, (a, b) => {
        const [x, y] = [keyOf(a), keyOf(b)]
        const clockwise = (b - a + RING) % RING
        const back = (a - b + RING) % RING
        expect(Math.sign(compareKeys(x, y))).toBe(a < b ? -1 : a > b ? 1 : 0)
        expect(numberOf(clockwiseDistance(x, y))).toBe(clockwise)
        expect(numberOf(ringDistance(x, y))).toBe(clockwise < back ? clockwise : back)
        expect(numberOf(xorDistance(x, y))).toBe(a ^ b)
      }),
      { numRuns: 1000 }
    )
  })

  test('powers of two', () => {
    fc.assert(
      fc.property(number, fc.nat(255), (a, exponent) => {
        const key = keyOf(a)
        expect(numberOf(addPowerOfTwo(key, exponent))).toBe((a + (1n << BigInt(exponent))) % RING)
        expect(numberOf(key)).toBe(a)
      }),
      { numRuns: 1000 }
    )
    // A Node Buffer too keeps what it held.
    const buffer = Buffer.alloc(KEY_BYTES, 0xff)
    expect(numberOf(addPowerOfTwo(buffer, 0))).toBe(0n)
    expect(buffer.every(byte => byte === 0xff)).toBe(true)
  })

  test('common prefixes, bits and digits', () => {
    fc.assert(
      fc.property(number, number, (a, b) => {
        const [x, y] = [keyOf(a), keyOf(b)]
        const [left, right] = [a, b].map(some => some.toString(2).padStart(256, '0')) as [string, string]
        let common = 0
        while (common < 256 && left[common] === right[common]) common += 1
        expect(commonPrefixBits(x, y)).toBe(common)
        expect(commonPrefixDigits(x, y, 4)).toBe(Math.floor(common / 4))
        expect(Array.from({ length: 256 }, (_, index) => keyBit(x, index)).join('')).toBe(left)
        for (const bits of [1, 2, 4, 8]) {
          const digits = Array.from({ length: 256 / bits }, (_, index) =>
            keyDigit(x, index, bits).toString(2).padStart(bits, '0')
          )
          expect(digits.join('')).toBe(left)
        }
      }),
      { numRuns: 100 }
    )
    expect(commonPrefixBits(keyOf(7n), keyOf(7n))).toBe(KEY_BITS)
  })

  test('digits that cross bytes are none', () => {
    for (const bits of [0, 3, 5, 16]) expect(() => keyDigit(keyOf(1n), 0, bits)).toThrow(RangeError)
  })
})

describe('where things lie', () => {
  test('a peer by the SHA-256 of its multihash, a content by that of its multihash, a word behind its prefix', () => {
    const id = ContentId.fromRoot(sha256(new Uint8Array()), 0)
    expect(hex(keyOfPeer(Uint8Array.of(1, 2)))).toBe(hex(sha256(Uint8Array.of(1, 2))))
    expect(hex(keyOfContent(id))).toBe(hex(sha256(id.multihash)))
    expect(hex(keyOfWord('jazz'))).toBe(hex(sha256(Buffer.from('servent/word/jazz'))))
  })

  test('every form of a CID meets', () => {
    const id = ContentId.fromRoot(sha256(new Uint8Array()), 0)
    expect(keyOfContent(ContentId.parse(id.toString()))).toEqual(keyOfContent(id))
  })

  test('hexadecimal text and back', () => {
    const text = 'ab'.repeat(32)
    expect(keyToHex(keyFromHex(text))).toBe(text)
    expect(keyToHex(keyFromHex(text.toUpperCase()))).toBe(text)
    for (const wrong of ['', 'ab', 'ab'.repeat(31), 'ab'.repeat(33), 'xy'.repeat(32)])
      expect(() => keyFromHex(wrong)).toThrow(SyntaxError)
  })
})

test('of two keys, which comes first clockwise: as their distances say', () => {
  fc.assert(
    fc.property(number, number, number, (from, a, b) => {
      const [x, y, z] = [from, a, b].map(keyOf) as [Key, Key, Key]
      const distances = compareKeys(clockwiseDistance(x, y), clockwiseDistance(x, z))
      expect(Math.sign(compareClockwise(x, y, z))).toBe(Math.sign(distances))
    })
  )
})
