/**
 * The 256-bit key space in which overlays place peers, contents and words, and can be compared.
 *
 * Keys are seen as whole numbers, most significant byte first, on a ring modulo 2^256. Intervals on the ring
 * run clockwise, from smaller to larger numbers, and wrap around. As in Chord's pseudo-code an interval whose
 * ends are equal goes once around: with one peer on the ring, every key lies between it and itself.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { base16 } from 'multiformats/bases/base16'
import type { ContentId } from './content-id.ts'

/** 32 bytes, most significant first. */
export type Key = Uint8Array

export const KEY_BYTES = 32
export const KEY_BITS = 256

const WORD_PREFIX = 'servent/word/'

export function keyOfPeer(peerIdMultihash: Uint8Array): Key {
  return sha256(peerIdMultihash)
}

export function keyOfContent(id: ContentId): Key {
  return sha256(id.multihash)
}

export function keyOfWord(word: string): Key {
  return sha256(new TextEncoder().encode(WORD_PREFIX + word))
}

/** Negative where a < b, 0 where they are equal, positive where a > b. */
export function compareKeys(a: Key, b: Key): number {
  for (let index = 0; index < KEY_BYTES; index += 1) {
    const difference = a[index]! - b[index]!
    if (difference !== 0) return difference
  }
  return 0
}

/** Whether the key lies in (from, to). Where from equals to: every key but that one. */
export function between(key: Key, from: Key, to: Key): boolean {
  const ends = compareKeys(from, to)
  const after = compareKeys(key, from) > 0
  const before = compareKeys(key, to) < 0
  if (ends < 0) return after && before
  if (ends > 0) return after || before
  return compareKeys(key, from) !== 0
}

/** Whether the key lies in (from, to]: what a successor is responsible for. Where from equals to: every key. */
export function betweenRightClosed(key: Key, from: Key, to: Key): boolean {
  return compareKeys(key, to) === 0 || between(key, from, to)
}

/** Whether the key lies in [from, to). Where from equals to: every key. */
export function betweenLeftClosed(key: Key, from: Key, to: Key): boolean {
  return compareKeys(key, from) === 0 || between(key, from, to)
}

/** How far it is clockwise from one key to another: (to - from) modulo 2^256. */
export function clockwiseDistance(from: Key, to: Key): Key {
  const distance = new Uint8Array(KEY_BYTES)
  let borrow = 0
  for (let index = KEY_BYTES - 1; index >= 0; index -= 1) {
    const difference = to[index]! - from[index]! - borrow
    distance[index] = difference
    borrow = difference < 0 ? 1 : 0
  }
  return distance
}

/** Negative where it is clockwise less far from `from` to `a` than to `b`, 0 where a equals b. Nothing is made for it. */
export function compareClockwise(from: Key, a: Key, b: Key): number {
  const wrapsA = compareKeys(a, from) < 0
  const wrapsB = compareKeys(b, from) < 0
  if (wrapsA !== wrapsB) return wrapsA ? 1 : -1
  return compareKeys(a, b)
}

/** How far two keys are apart the shorter way round: Pastry's numerical closeness. */
export function ringDistance(a: Key, b: Key): Key {
  const clockwise = clockwiseDistance(a, b)
  const back = clockwiseDistance(b, a)
  return compareKeys(clockwise, back) <= 0 ? clockwise : back
}

/** Kademlia's distance. */
export function xorDistance(a: Key, b: Key): Key {
  return a.map((byte, index) => byte ^ b[index]!)
}

/** How many bits two keys have in common from the left: 256 where they are equal. */
export function commonPrefixBits(a: Key, b: Key): number {
  for (let index = 0; index < KEY_BYTES; index += 1) {
    const difference = a[index]! ^ b[index]!
    if (difference !== 0) return 8 * index + Math.clz32(difference) - 24
  }
  return KEY_BITS
}

/** How many digits of `bits` bits two keys have in common from the left. */
export function commonPrefixDigits(a: Key, b: Key, bits: number): number {
  return Math.floor(commonPrefixBits(a, b) / bits)
}

/** The bit at an index from the left: 0 is the most significant. */
export function keyBit(key: Key, index: number): 0 | 1 {
  return ((key[index >> 3]! >> (7 - (index & 7))) & 1) as 0 | 1
}

/**
 * The digit at an index from the left, in base 2^bits, as Pastry reads keys.
 *
 * @throws RangeError  a digit of so many bits would cross bytes: 1, 2, 4 and 8 do not
 */
export function keyDigit(key: Key, index: number, bits: number): number {
  if (bits !== 1 && bits !== 2 && bits !== 4 && bits !== 8)
    throw new RangeError(`A digit has 1, 2, 4 or 8 bits, not ${bits}.`)
  const from = index * bits
  return (key[from >> 3]! >> (8 - bits - (from & 7))) & (2 ** bits - 1)
}

/** (key + 2^exponent) modulo 2^256: where a Chord finger starts. */
export function addPowerOfTwo(key: Key, exponent: number): Key {
  // A copy in any case: `slice` of a Node Buffer would be a view.
  const sum = Uint8Array.from(key)
  let carry = 1 << (exponent & 7)
  for (let index = KEY_BYTES - 1 - (exponent >> 3); index >= 0 && carry > 0; index -= 1) {
    carry += sum[index]!
    sum[index] = carry
    carry >>= 8
  }
  return sum
}

export function keyToHex(key: Key): string {
  return base16.baseEncode(key)
}

/** @throws SyntaxError  the text is not 64 hexadecimal digits */
export function keyFromHex(hex: string): Key {
  if (!/^[0-9a-f]{64}$/i.test(hex)) throw new SyntaxError('A key has 64 hexadecimal digits.')
  return base16.baseDecode(hex.toLowerCase())
}
