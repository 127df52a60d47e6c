import { tokens } from '@servent/overlay/machine'
import { describe, expect, it } from 'vitest'
import { Places } from '../src/places.ts'
import { resolvePlan } from '../src/plan.ts'
import { lowerBound } from '../src/search-sorted.ts'
import { World, wordOf } from '../src/world.ts'

const plan = resolvePlan({ nodes: 300, lookups: 200, searches: 100, duration: 600, workload: 'mixed' })
const world = new World('servent-lab/1', plan)

describe('the world', () => {
  it('is the same for one seed and another one for another', () => {
    expect(new World('servent-lab/1', plan)).toEqual(world)
    expect(new World('servent-lab/2', plan).lookups[0]).not.toEqual(world.lookups[0])
  })

  it('asks the same of networks whose plans differ in other things', () => {
    const other = new World('servent-lab/1', { ...plan, start: 'joined', searches: 3, set: { a: 1 } })
    expect(other.lookups).toEqual(world.lookups)
  })

  it('copies files by Zipf’s law, one at least, each at different places', () => {
    const copies = world.files.map(({ holders }) => holders.length)
    expect(copies.slice(0, 4)).toEqual([30, 15, 10, 7])
    expect(copies.at(-1)).toBe(1)
    for (const { holders } of world.files) expect(new Set(holders).size).toBe(holders.length)
    for (const [place, files] of world.filesAt.entries())
      for (const file of files) expect(file.holders).toContain(place)
  })

  it('has names of three words that are tokens, and searches for two of one name’s', () => {
    for (const { name, words } of world.files.slice(0, 50))
      expect([...tokens(name)]).toEqual(expect.arrayContaining([...words]))
    for (const { words } of world.searches) {
      expect(new Set(words).size).toBe(2)
      expect(world.matching(words).length).toBeGreaterThan(0)
      for (const file of world.matching(words)) expect(file.words).toEqual(expect.arrayContaining([...words]))
    }
    const everywhere = world.files.filter(file => world.searches[0]!.words.every(w => file.words.includes(w)))
    expect([...world.matching(world.searches[0]!.words)].sort()).toEqual([...everywhere].sort())
  })

  it('spreads asks over the measured time, in their order', () => {
    const times = world.lookups.map(({ atUs }) => atUs)
    expect(times).toEqual([...times].sort((a, b) => a - b))
    expect(times[0]).toBeLessThan(60_000_000)
    expect(times.at(-1)).toBeGreaterThan(540_000_000)
    expect(times.at(-1)).toBeLessThan(600_000_000)
  })

  it('has a word for each number', () => {
    const words = Array.from({ length: 6000 }, (_, number) => wordOf(number))
    expect(new Set(words).size).toBe(6000)
    for (const word of words) expect(word).toMatch(/^[a-z]{4,}$/)
  })
})

it('places are taken, left and taken again; who finds none gets another', () => {
  const places = new Places(2)
  for (const node of [0, 1, 2]) places.take(node)
  expect([0, 1, 2].map(place => places.nodeAt(place))).toEqual([0, 1, 2])
  places.leave(1)
  expect(places.taken).toEqual([0, 2])
  expect(places.choose(0.5, () => true)).toBe(2)
  expect(places.choose(0.5, node => node !== 2)).toBe(0)
  expect(places.choose(0, () => false)).toBeUndefined()
  places.take(3)
  expect(places.placeOf(3)).toBe(1)
})

it('finds where a value stands', () => {
  expect([0, 1, 2, 5, 9, 10].map(wanted => lowerBound([1, 2, 5, 9], wanted))).toEqual([0, 0, 1, 2, 3, 4])
  expect(lowerBound([], 1)).toBe(0)
})
