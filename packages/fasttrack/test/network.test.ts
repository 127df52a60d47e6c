/** Whole networks in virtual time, from their first peer on. */
import { describe, expect, it } from 'vitest'
import { FastTrackWorld } from './world.ts'

const filesOf = (node: number) => [{ name: `song ${node}.flac` }]

describe('a network of a few', () => {
  it('begins with two peers, of which one becomes the supernode of both', () => {
    const world = new FastTrackWorld({ seed: 'two', filesOf })
    const a = world.add()
    const b = world.add(a)
    world.run(60)
    expect(world.supernodes()).toHaveLength(1)
    const [one, other] = [world.search(b, 'song'), world.search(a, 'song')]
    world.run(5)
    expect([...one.found]).toEqual(['song 0.flac@0'])
    expect([...other.found]).toEqual(['song 1.flac@1'])
    expect([...one.hops, ...other.hops]).toEqual([1, 1])
  })

  it('grows with its peers, and finds across supernodes, also what is shared later', () => {
    const world = new FastTrackWorld({
      seed: 'forty',
      settings: () => ({ ordinariesPerSupernode: 8 }),
      filesOf
    })
    const nodes = [world.add()]
    for (let count = 1; count < 40; count += 1) {
      world.run(1)
      nodes.push(world.add(nodes[(count * 7) % count]!))
    }
    world.run(300)
    const supernodes = world.supernodes().length
    expect(40 / supernodes).toBeGreaterThan(5)
    expect(40 / supernodes).toBeLessThan(17)
    const [asker, sharer] = world.ordinaries().toReversed() as [number, number]
    const all = world.search(asker, 'song')
    world.run(5)
    expect(all.found.size).toBe(39)
    world.share(sharer, { name: 'late addition.flac' })
    world.run(2)
    const late = world.search(asker, 'late addition')
    world.run(5)
    expect([...late.found]).toEqual([`late addition.flac@${sharer}`])
    expect(late.rounds.length).toBe(1)
  })

  it('whose only supernode dies goes on with an heir', () => {
    const world = new FastTrackWorld({ seed: 'heirs', filesOf })
    const nodes = [world.add()]
    for (let count = 1; count < 20; count += 1) {
      world.run(2)
      nodes.push(world.add(nodes[0]!))
    }
    world.run(300)
    const [only, ...others] = world.supernodes()
    expect(others).toEqual([])
    world.simulation.crash(only!)
    world.run(10)
    // Heirs themselves turn to heirs, so there may be two at first.
    expect(world.supernodes().length).toBeOneOf([1, 2, 3])
    expect(world.ordinaries().filter(node => world.tables(node).supernode === null)).toEqual([])
    const run = world.search(world.ordinaries()[3]!, 'song')
    world.run(5)
    expect(run.found.size).toBe(18)
  })

  it('gives one seed one run, to the last bit', () => {
    const hash = () => {
      const world = new FastTrackWorld({ seed: 'same', filesOf })
      const first = world.add()
      for (let count = 0; count < 5; count += 1) world.add(first)
      world.run(60)
      return world.simulation.traceHash
    }
    expect(hash()).toBe(hash())
  })
})
