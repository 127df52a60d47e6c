import { randomOf } from '@servent/simulator'
import { expect, it } from 'vitest'
import { RingTruth } from '../src/overlays/ring-truth.ts'

/** A key with this first byte. */
const key = (byte: number) => Uint8Array.from({ length: 32 }, (_, index) => (index === 0 ? byte : 0))

it('the root of a key is the first place at or after it, around the ring', () => {
  const truth = new RingTruth()
  truth.addAll([
    [7, [key(10), key(200)]],
    [8, [key(100)]]
  ])
  expect([5, 10, 11, 100, 101, 200, 201].map(byte => truth.successorOf(key(byte)))).toEqual([
    7, 7, 8, 8, 7, 7, 7
  ])
  expect(truth.predecessorOf(key(10))).toMatchObject({ node: 7, index: 1 })
  expect(truth.predecessorOf(key(101))).toMatchObject({ node: 8, index: 0 })
})

it('follows who comes and goes, around the ring and by XOR', () => {
  const random = randomOf('ring')
  const truth = new RingTruth()
  const alive = new Map<number, number>()
  for (let step = 0; step < 500; step += 1) {
    const node = random.below(40)
    if (alive.delete(node)) truth.remove(node, [key(3 * node)])
    else {
      alive.set(node, 3 * node)
      truth.add(node, [key(3 * node)])
    }
    const byte = random.below(130)
    const sorted = [...alive].sort((a, b) => a[1] - b[1])
    const root = sorted.find(([, at]) => at >= byte) ?? sorted[0]
    expect(truth.successorOf(key(byte))).toBe(root?.[0])
    const nearest = sorted.toSorted((a, b) => (a[1] ^ byte) - (b[1] ^ byte))[0]
    expect(truth.nearestByXor(key(byte))).toBe(nearest?.[0])
  }
  expect(new RingTruth().successorOf(key(1))).toBeUndefined()
  expect(new RingTruth().nearestByXor(key(1))).toBeUndefined()
  expect(new RingTruth().predecessorOf(key(1))).toBeUndefined()
})
