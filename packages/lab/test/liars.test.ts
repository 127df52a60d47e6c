/** Who lies, where liars are, and which of them a lie names. */
import { compareKeys, type Key, keyOfPeer, xorDistance } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import { LiarGroup } from '../src/liars/group.ts'
import { Liars } from '../src/liars/liars.ts'
import { Places } from '../src/places.ts'
import { type PlanInput, resolvePlan } from '../src/plan.ts'

const NODES = 320

/** Peers 0, 1, … stand in places 0, 1, …. */
function drawn(plan: PlanInput, seed = 'a') {
  const places = new Places(plan.nodes ?? NODES)
  for (let node = 0; node < places.count; node += 1) places.take(node)
  const liars = Liars.of(resolvePlan({ nodes: NODES, ...plan }), seed, places)
  const nodes = Array.from({ length: places.count }, (_, node) => node)
  return { places, liars, who: liars === undefined ? [] : nodes.filter(node => liars.isLiar(node)), nodes }
}

describe('liars', () => {
  it('are the part of the plan, to the nearest whole number, and nobody where that is none', () => {
    expect(drawn({ liars: 0.1 }).who).toHaveLength(32)
    expect(drawn({ liars: 0.3 }).who).toHaveLength(96)
    expect(drawn({ liars: 0.26, nodes: 10 }).who).toHaveLength(3)
    for (const liars of [null, 0, 0.001]) expect(drawn({ liars }).liars).toBeUndefined()
  })

  it('are the same for a seed, whatever the overlay, and others for another', () => {
    const of = (overlay: 'chord' | 'kelips', seed: string) =>
      drawn({ liars: 0.2, overlays: [overlay] }, seed).who
    expect(of('chord', 'a')).toEqual(of('kelips', 'a'))
    expect(of('chord', 'a')).not.toEqual(of('chord', 'b'))
  })

  it('stay in their places: whoever comes for one lies as well', () => {
    const { places, liars, who } = drawn({ liars: 0.2 })
    const [liar] = who
    places.leave(liar!)
    places.take(NODES)
    expect(places.placeOf(NODES)).toBe(liar)
    expect(liars!.isLiar(NODES)).toBe(true)
  })

  it('are in a sixteenth of as many networks as others are', () => {
    const { liars, who, nodes } = drawn({ liars: 0.2 })
    const networksOf = (all: readonly number[]) => new Set(all.map(node => liars!.originOf(node).network))
    const honest = networksOf(nodes.filter(node => !liars!.isLiar(node)))
    const theirs = networksOf(who)
    expect([...theirs].filter(network => honest.has(network))).toEqual([])
    // 256 honest peers are spread at random over 64 networks, and 64 liars over 4.
    expect(honest.size).toBeGreaterThan(55)
    expect(honest.size).toBeLessThanOrEqual(64)
    expect(theirs.size).toBe(4)
    for (const node of nodes)
      expect(liars!.originOf(node)).toMatchObject({ reach: 'public', isRelayed: false })
  })
})

describe('a group of liars', () => {
  const LIARS = 24
  const PHANTOMS = 24
  const keyOf = (node: number): Key => keyOfPeer(testContact(node).id)
  const group = new LiarGroup({
    keyOf,
    contactOf: testContact,
    nodeOf: ({ id }) =>
      Array.from({ length: 100 }, (_, node) => node).find(node =>
        testContact(node).id.every((byte, at) => byte === id[at])
      )
  })
  const liars = Array.from({ length: LIARS }, (_, node) => node)
  const phantoms = Array.from({ length: PHANTOMS }, (_, at) => LIARS + at)
  for (const node of liars) group.add(node)
  for (const node of phantoms) group.addPhantom(node)
  const keys = Array.from({ length: 40 }, (_, at) => keyOf(1000 + at))
  const byXor = (key: Key, nodes: readonly number[]) =>
    [...nodes].sort((a, b) => compareKeys(xorDistance(key, keyOf(a)), xorDistance(key, keyOf(b))))

  it('names the nearest by XOR, as many as are asked for', () => {
    for (const key of keys) {
      for (const count of [1, 3, LIARS, LIARS + 5])
        expect(group.nearestByXor(key, count)).toEqual(byXor(key, liars).slice(0, count))
      expect(group.namedByXor(key, 5)).toEqual(byXor(key, [...liars, ...phantoms]).slice(0, 5))
      expect(group.inPlaceOf([testContact(1000)])).toEqual([
        testContact(byXor(keyOf(1000), [...liars, ...phantoms])[0]!)
      ])
    }
  })

  it('names whoever follows a key, all the way round, and itself not', () => {
    const ring = [...liars, ...phantoms].sort((a, b) => compareKeys(keyOf(a), keyOf(b)))
    for (const [at, node] of ring.entries()) {
      const behind = [...ring.slice(at + 1), ...ring.slice(0, at)]
      expect(group.behind(keyOf(node), 4)).toEqual(behind.slice(0, 4))
      expect(group.before(keyOf(node))).toBe(behind.at(-1))
      expect(group.behind(keyOf(node), 1000)).toEqual(behind)
    }
  })

  it('knows its own by contact and by the beginning of a key, phantoms and others not', () => {
    expect(group.isFellow(testContact(3))).toBe(true)
    expect(group.isFellow(testContact(LIARS))).toBe(false)
    expect(group.isFellow(testContact(90))).toBe(false)
    expect(group.hasPrefix(keyOf(3).slice(0, 8))).toBe(true)
    expect(group.hasPrefix(keyOf(90).slice(0, 8))).toBe(false)
  })

  it('forgets whoever died', () => {
    const key = keyOf(5)
    expect(group.successorOf(key)).toBe(5)
    group.remove(5)
    group.remove(5)
    expect(group.successorOf(key)).not.toBe(5)
    expect(group.has(5)).toBe(false)
    expect(group.nearestTo(key)).not.toBe(5)
    group.add(5)
    expect(group.nearestTo(key)).toBe(5)
  })
})
