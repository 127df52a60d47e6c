/**
 * Places on the ring as whole numbers, their keys, and intervals of keys (ToN section IV-B). Comparisons end at
 * the first byte that differs: of random keys, nearly always the first.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { compareClockwise, compareKeys, KEY_BYTES, type Key, type Peer } from '@servent/overlay/machine'
import { VIRTUAL_NODES_MAX } from './constants.ts'
import type { RingRef } from './types.ts'

/** Of half a turn: the furthest that an interval of a finger begins. */
export const TOP_EXPONENT = 255

/** In place of a ref: nobody. */
export const NOBODY: RingRef = -1

export function refOf(peer: Peer, index: number): RingRef {
  return peer * VIRTUAL_NODES_MAX + index
}

export function peerOfRef(ref: RingRef): Peer {
  return Math.floor(ref / VIRTUAL_NODES_MAX)
}

export function indexOfRef(ref: RingRef): number {
  return ref % VIRTUAL_NODES_MAX
}

/** The key of a peer's place: the peer's own for the first, so that a network without virtual nodes has none. */
export function keyOfPlace(peerKey: Key, index: number): Key {
  if (index === 0) return peerKey
  const bytes = new Uint8Array(KEY_BYTES + 1)
  bytes.set(peerKey)
  bytes[KEY_BYTES] = index
  return sha256(bytes)
}

/** Whether x lies in (from, to); where from equals to, anywhere but there. */
export function inOpen(x: Key, from: Key, to: Key): boolean {
  if (compareKeys(x, from) === 0) return false
  return compareKeys(from, to) === 0 || compareClockwise(from, x, to) < 0
}

/** Whether x lies in (from, to]; where from equals to, anywhere. */
export function inHalfOpen(x: Key, from: Key, to: Key): boolean {
  return compareKeys(from, to) === 0 || (compareKeys(x, from) !== 0 && compareClockwise(from, x, to) <= 0)
}

/** floor(log2) of how far it is clockwise from one key to another: 0 to 255; -1 where they are equal. */
export function distanceExponent(from: Key, to: Key): number {
  for (let index = 0; index < KEY_BYTES; index += 1) {
    const byte = (to[index]! - from[index]! - borrowAt(from, to, index)) & 255
    if (byte !== 0) return 8 * (KEY_BYTES - 1 - index) + 31 - Math.clz32(byte)
  }
  return -1
}

/** What the bytes behind `index` take from it where one key is subtracted from another: 0 or 1. */
function borrowAt(from: Key, to: Key, index: number): number {
  for (let behind = index + 1; behind < KEY_BYTES; behind += 1)
    if (to[behind] !== from[behind]) return to[behind]! < from[behind]! ? 1 : 0
  return 0
}

/** The key just before another one. */
export function keyBefore(key: Key): Key {
  const before = Uint8Array.from(key)
  for (let index = KEY_BYTES - 1; index >= 0; index -= 1) {
    before[index] = before[index]! - 1
    if (key[index] !== 0) break
  }
  return before
}
