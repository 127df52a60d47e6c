import { type Key, keyToHex, xorDistance } from '@servent/overlay/machine'
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

it('the nearest by XOR agrees with a key in more first bits than all others', () => {
  const random = randomOf('xor')
  const distance = (a: Key, b: Key) => Buffer.from(xorDistance(a, b)).toString('hex')
  for (let round = 0; round < 300; round += 1) {
    const members = Array.from({ length: random.below(20) }, (_, node) => {
      // Few first bits, so that whole branches are empty, and some keys begin alike for long.
      const own = key(random.below(256) & (round % 2 === 0 ? 0xff : 0xc1))
      own[31] = node
      return [node, [own]] as const
    })
    const truth = new RingTruth()
    truth.addAll(members)
    const sought = key(random.below(256))
    sought[31] = random.below(32)
    const sorted = members.toSorted(([, [a]], [, [b]]) =>
      distance(a!, sought) < distance(b!, sought) ? -1 : 1
    )
    expect(truth.nearestByXor(sought)).toBe(sorted[0]?.[0])
  }
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

it('the root of a key in Pastry is the closest place on either side; of two as close, the one before', () => {
  const truth = new RingTruth()
  expect(truth.nearestTo(key(1))).toBeUndefined()
  expect(truth.around(key(1), 3)).toEqual([])
  truth.addAll([
    [7, [key(10)]],
    [8, [key(100)]],
    [9, [key(200)]]
  ])
  // 55 lies in the middle of 10 and 100, 150 in that of 100 and 200, 233 in that of 200 and 10, across zero.
  expect(
    [5, 10, 54, 55, 56, 100, 149, 150, 151, 232, 233, 234].map(byte => truth.nearestTo(key(byte)))
  ).toEqual([7, 7, 7, 7, 8, 8, 8, 8, 9, 9, 9, 7])
  const others = (byte: number, count: number) => truth.around(key(byte), count).map(({ node }) => node)
  expect(others(100, 1)).toEqual([9, 7])
  expect(others(100, 2)).toEqual([9, 7])
  expect(others(120, 1)).toEqual([9, 8])
  expect(others(120, 8).toSorted()).toEqual([7, 8, 9])
})

it('the closest place is that of plain arithmetic, whatever the keys', () => {
  const random = randomOf('closest')
  const RING = 2n ** 256n
  const draw = () => Uint8Array.from({ length: 32 }, (_, at) => (at < 2 ? random.below(256) : 0))
  const number = (bytes: Uint8Array) => BigInt(`0x${keyToHex(bytes)}`)
  const keys = [...new Map(Array.from({ length: 60 }, draw).map(one => [keyToHex(one), one])).values()]
  const truth = new RingTruth()
  truth.addAll(keys.map((one, node) => [node, [one]]))
  for (let asked = 0; asked < 500; asked += 1) {
    const wanted = draw()
    const behind = (node: number) => (number(keys[node]!) - number(wanted) + RING) % RING
    const nodes = keys.map((_, node) => node)
    // Twice the distance, and one more for whoever lies behind, so that ties go to whoever lies before.
    const cost = (node: number) => {
      const clockwise = behind(node)
      return clockwise < RING - clockwise ? 2n * clockwise + 1n : 2n * ((RING - clockwise) % RING)
    }
    const closest = nodes.reduce((best, node) => (cost(node) < cost(best) ? node : best))
    expect(truth.nearestTo(wanted)).toBe(closest)
  }
})
