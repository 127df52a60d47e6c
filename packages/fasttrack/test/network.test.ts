/** Whole networks in virtual time. */
import { describe, expect, it } from 'vitest'
import { FastTrackWorld } from './world.ts'

describe('a network of a few', () => {
  it('begins with two peers, of which one becomes the supernode of both', () => {
    const world = new FastTrackWorld({ seed: 'two', filesOf: node => [{ name: `song ${node}.flac` }] })
    const a = world.add()
    const b = world.add(a)
    world.run(60)
    expect(world.supernodes()).toHaveLength(1)
    const run = world.search(b, 'song')
    const other = world.search(a, 'song')
    world.run(5)
    expect([...run.found]).toEqual(['song 0.flac@0'])
    expect([...other.found]).toEqual(['song 1.flac@1'])
  })
  it('grows', () => {
    const world = new FastTrackWorld({
      seed: 'twenty',
      settings: () => ({ ordinariesPerSupernode: 8 }),
      filesOf: node => [{ name: `song ${node}.flac` }]
    })
    const nodes = [world.add()]
    for (let i = 1; i < 40; i++) {
      world.run(1)
      nodes.push(world.add(nodes[(i * 7) % i]!))
    }
    for (let i = 0; i < 10; i++) {
      world.run(60)
      console.log(
        i,
        world
          .supernodes()
          .map(
            n =>
              `${n}:${world.tables(n).users}/${world.tables(n).neighbours.filter(x => x.bond === 'peering').length}`
          )
          .join(' '),
        world.ordinaries().filter(n => world.tables(n).supernode === null).length,
        world.ordinaries().filter(n => world.tables(n).spare === null).length
      )
    }
    console.log(
      world.tables(world.supernodes()[0]!).counters,
      world.notices.filter(x => x.notice.type === 'role')
    )
    const run = world.search(nodes[9]!, 'song')
    world.run(10)
    console.log(run)
  })
})
