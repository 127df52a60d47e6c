/**
 * What is fixed for a node or a pair of nodes (its place, its deviation, whether it can be dialled) is computed
 * from a hash each time, not stored: no table of pairs, and no draw whose order would matter.
 *
 * The hash is MurmurHash3's for 32 bits (Austin Appleby, public domain) over two words, integers only.
 */
import type { NodeIndex } from '../types.ts'

const HASH_RANGE = 2 ** 32

function rotateLeft(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by))
}

function absorb(hash: number, word: number): number {
  const scrambled = Math.imul(rotateLeft(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593)
  return (Math.imul(rotateLeft(hash ^ scrambled, 13), 5) + 0xe6546b64) | 0
}

/** 32 bits of a salt and two whole numbers, uniform over either of them. */
export function hashOf(salt: number, one: number, other: number): number {
  let hash = absorb(absorb(salt | 0, one), other) ^ 8
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** The same for a pair whichever way it is named. */
export function hashOfPair(salt: number, a: NodeIndex, b: NodeIndex): number {
  return a < b ? hashOf(salt, a, b) : hashOf(salt, b, a)
}

/** Whether a hash falls into a share of all hashes. */
export function isInShare(hash: number, share: number): boolean {
  return hash < share * HASH_RANGE
}

/** Within (0, 1), never either end, so that its logarithm is finite. */
export function unitOf(hash: number): number {
  return (hash + 0.5) / HASH_RANGE
}
