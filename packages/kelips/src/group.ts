/**
 * Affinity groups (IPTPS section 2): every peer and every key belongs to one of k. Here k is 2^level and a group is
 * what keys begin with, so that a group splits into two, or two merge into one, by one bit more or less, and nobody
 * else has to move. The paper's k is fixed for ever; here it follows the number of peers.
 *
 * Entries at a peer are n/k members, c(k - 1) contacts and F/k tuples, fewest about where k is the root of n; below
 * some hundred peers groups stay larger than that, lest one of them be empty.
 */
import type { Key } from '@servent/overlay/machine'
import { GROUP_MEMBERS_LOG2_MIN, LEVEL_MAX, LEVEL_SLACK } from './constants.ts'

/** 0 to 2^level - 1. */
export function groupOf(key: Key, level: number): number {
  const bits = ((key[0]! << 16) | (key[1]! << 8) | key[2]!) >>> 0
  return bits >>> (24 - level)
}

/** Whether both belong to one group. */
export function isSameGroup(a: Key, b: Key, level: number): boolean {
  return groupOf(a, level) === groupOf(b, level)
}

/** log2 of the number of peers, from the members of one group, the one who counts among them. */
export function estimateOf(members: number, level: number): number {
  return Math.log2(members) + level
}

/** Where a level is left for the next: k is the root of n halfway between two powers of two, or halves have enough members. */
function middle(level: number): number {
  return Math.max(2 * level + 1, level + 1 + GROUP_MEMBERS_LOG2_MIN)
}

/** What the level of a network of 2^estimate peers comes to be. */
export function levelFor(estimate: number): number {
  let level = 0
  while (level < LEVEL_MAX && estimate >= middle(level)) level += 1
  return level
}

/** One bit more or less where the estimate lies well beyond the middle, so that no chance moves it to and fro. */
export function nextLevel(level: number, estimate: number): number {
  if (level < LEVEL_MAX && estimate >= middle(level) + LEVEL_SLACK) return level + 1
  if (level > 0 && estimate < middle(level - 1) - LEVEL_SLACK) return level - 1
  return level
}
