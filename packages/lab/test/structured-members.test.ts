/** Who takes part in a structured network, and is the root of keys, as machines say how they stand. */
import type { Key } from '@servent/overlay/machine'
import { expect, it } from 'vitest'
import { ExpiringMap } from '../src/overlays/expiring-map.ts'
import { StructuredMembers } from '../src/overlays/structured-members.ts'

const keyOf = (first: number): Key => new Uint8Array(32).fill(first, 0, 1)
const membersOf = () => new StructuredMembers(node => [keyOf(10 * node)])

it('a network that forms counts as long as there is no ring', () => {
  const members = membersOf()
  for (const node of [1, 2, 3]) members.onStanding(node, 'out')
  expect([...members.nodes]).toEqual([])
  for (const node of [1, 2, 3]) members.onStanding(node, 'forming')
  expect([...members.nodes]).toEqual([1, 2, 3])
  expect(members.truth.successorOf(keyOf(15))).toBe(2)
  // Beside a ring it is somebody who has not joined yet.
  members.onStanding(3, 'member')
  expect([...members.nodes]).toEqual([3])
  expect(members.truth.successorOf(keyOf(15))).toBe(3)
  members.onStanding(1, 'member')
  members.onStanding(2, 'member')
  expect([...members.nodes]).toEqual([3, 1, 2])
})

it('whose list ran empty is no member, and no root, until it has joined again', () => {
  const members = membersOf()
  members.addAll([1, 2, 3])
  members.onStanding(2, 'member')
  expect(members.truth.successorOf(keyOf(15))).toBe(2)
  members.onStanding(2, 'out')
  expect(members.has(2)).toBe(false)
  expect(members.truth.successorOf(keyOf(15))).toBe(3)
  members.onStanding(2, 'member')
  expect(members.truth.successorOf(keyOf(15))).toBe(2)
  members.onDeath(2)
  members.onDeath(2)
  expect([members.has(2), members.truth.successorOf(keyOf(15))]).toEqual([false, 3])
})

it('what is remembered of lookups goes when its time is over', () => {
  let nowUs = 0
  const map = new ExpiringMap<string, number>(100, () => nowUs)
  map.set('a', 1)
  nowUs = 50
  map.set('b', 2)
  nowUs = 100
  map.set('c', 3)
  expect([map.get('a'), map.size]).toEqual([1, 3])
  nowUs = 101
  map.set('b', 4)
  expect([map.get('a'), map.get('b'), map.get('c'), map.size]).toEqual([undefined, 4, 3, 2])
  map.delete('none')
  // It was set anew, and lives from then on.
  nowUs = 201
  map.set('d', 5)
  expect([map.get('b'), map.get('c'), map.size]).toEqual([4, undefined, 2])
  map.delete('b')
  expect([map.get('b'), map.size]).toEqual([undefined, 1])
})
