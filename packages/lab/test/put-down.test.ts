/** What a start puts down: Gnutella's graph, and FastTrack's tiers. */
import { randomOf } from '@servent/simulator'
import { describe, expect, it } from 'vitest'
import { settledTiers } from '../src/overlays/fasttrack-tiers.ts'
import { settledGraph } from '../src/overlays/gnutella-graph.ts'

/** Gnutella's neighbours by default. */
const PLACES = 6

describe('the graph that is put down', () => {
  it.each([1, 2, 6, 20])('links nobody twice, to itself, or to more than %i', places => {
    const pairs = settledGraph(200, places, randomOf(`${places}`))
    const names = pairs.map(pair => pair.toSorted((a, b) => a - b).join())
    expect(new Set(names).size).toBe(names.length)
    expect(pairs.every(([a, b]) => a !== b)).toBe(true)
    const counts = new Array<number>(200).fill(0)
    for (const pair of pairs) for (const place of pair) counts[place]! += 1
    expect(Math.max(...counts)).toBeLessThanOrEqual(places)
  })

  it('is within seven steps of nearly everybody for fifteen hundred', () => {
    const others = Array.from({ length: 1500 }, (): number[] => [])
    for (const [a, b] of settledGraph(1500, PLACES, randomOf('reach'))) {
      others[a]!.push(b)
      others[b]!.push(a)
    }
    const reached = new Set([0])
    for (let step = 0; step < 7; step += 1)
      for (const place of [...reached]) for (const other of others[place]!) reached.add(other)
    expect(reached.size).toBeGreaterThan(1480)
  })
})

describe('the tiers that are put down', () => {
  const tiers = (count: number, target: number) =>
    settledTiers({
      count,
      target,
      roundTripMs: (from, to) => Math.abs(from - to),
      random: randomOf(`${count}`)
    })

  it.each([
    [2, 100, 1],
    [101, 100, 1],
    [1000, 100, 10],
    [1000, 10, 88]
  ])(
    'of %i peers at a target of %i have %i supernodes, and all others a place',
    (count, target, supernodes) => {
      const made = tiers(count, target)
      expect(made.supernodes).toHaveLength(supernodes)
      expect(made.ordinaries).toHaveLength(count - supernodes)
      const users = new Array<number>(supernodes).fill(0)
      for (const { place, home, spare } of made.ordinaries) {
        expect(made.supernodes).not.toContain(place)
        expect(spare).not.toBe(home)
        users[home]! += 1
      }
      expect(Math.max(...users)).toBeLessThanOrEqual(1.5 * target)
    }
  )

  it('links supernodes with 40 to 60 others, or with all', () => {
    expect(tiers(1000, 100).peerings).toHaveLength((10 * 9) / 2)
    const { supernodes, peerings } = tiers(2000, 10)
    const links = new Array<number>(supernodes.length).fill(0)
    for (const pair of peerings) for (const one of pair) links[one]! += 1
    expect(Math.min(...links)).toBeGreaterThanOrEqual(40)
    expect(Math.max(...links)).toBeLessThanOrEqual(60)
    expect(new Set(peerings.map(pair => pair.toSorted((a, b) => a - b).join())).size).toBe(peerings.length)
  })
})
