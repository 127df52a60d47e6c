/**
 * NodeIds and keys as Pastry reads them (Rowstron section 2): numbers on a circle, and strings of digits in base
 * 2^b. Here they have the house's 256 bits in place of 128. A key belongs to the node whose id is numerically
 * closest. Of two that are equally close one lies before the key and one behind it: the one before has it, at
 * every peer.
 */
import {
  addPowerOfTwo,
  clockwiseDistance,
  commonPrefixDigits,
  compareClockwise,
  compareKeys,
  KEY_BYTES,
  type Key,
  keyDigit,
  ringDistance
} from '@servent/overlay/machine'

const ONE: Key = new Uint8Array(KEY_BYTES).fill(1, KEY_BYTES - 1)

/** Negative where `a` is numerically closer to the key than `b`; 0 only where they are the same. */
export function compareCloseness(key: Key, a: Key, b: Key): number {
  if (compareKeys(a, b) === 0) return 0
  const byDistance = compareKeys(ringDistance(key, a), ringDistance(key, b))
  if (byDistance !== 0) return byDistance
  // Equally far, so one on each side: from the key clockwise, who lies before it comes last.
  return compareClockwise(key, b, a)
}

/** The last key that is no closer to the node that comes behind than to the one before. */
export function midpoint(before: Key, behind: Key): Key {
  const half = clockwiseDistance(before, behind)
  let carry = 0
  for (let index = 0; index < KEY_BYTES; index += 1) {
    const byte = half[index]! + 256 * carry
    half[index] = byte >> 1
    carry = byte & 1
  }
  return addKeys(before, half)
}

function addKeys(a: Key, b: Key): Key {
  const sum = new Uint8Array(KEY_BYTES)
  let carry = 0
  for (let index = KEY_BYTES - 1; index >= 0; index -= 1) {
    carry += a[index]! + b[index]!
    sum[index] = carry
    carry >>= 8
  }
  return sum
}

export function keyBefore(key: Key): Key {
  return clockwiseDistance(ONE, key)
}

export function keyBehind(key: Key): Key {
  return addPowerOfTwo(key, 0)
}

/** Where in a routing table a node belongs: row times columns, and its digit. -1 for the table's own id. */
export function slotOf(own: Key, id: Key, digitBits: number): number {
  const row = commonPrefixDigits(own, id, digitBits)
  if (row * digitBits >= 8 * KEY_BYTES) return -1
  return (row << digitBits) + keyDigit(id, row, digitBits)
}

/** The first and the last id that belong into a slot of a node's routing table. */
export function rangeOfSlot(own: Key, slot: number, digitBits: number): [first: Key, last: Key] {
  const row = slot >> digitBits
  const first = new Uint8Array(KEY_BYTES)
  const last = new Uint8Array(KEY_BYTES).fill(0xff)
  const bits = row * digitBits
  const digit = slot & ((1 << digitBits) - 1)
  for (let bit = 0; bit < bits + digitBits; bit += 1) {
    const isSet = bit < bits ? isBitSet(own, bit) : (digit >> (bits + digitBits - 1 - bit)) & 1
    if (isSet === 1) first[bit >> 3]! |= 0x80 >> (bit & 7)
    else last[bit >> 3]! &= ~(0x80 >> (bit & 7))
  }
  return [first, last]
}

function isBitSet(key: Key, bit: number): number {
  return (key[bit >> 3]! >> (7 - (bit & 7))) & 1
}
