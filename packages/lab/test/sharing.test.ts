/** Who shares what, and what is asked for: freeloaders, few who have most, a demand by Zipf, files that there are once. */
import { randomOf } from '@servent/simulator'
import { describe, expect, it } from 'vitest'
import { type Plan, type PlanInput, resolvePlan } from '../src/plan.ts'
import { Sharers } from '../src/sharing.ts'
import { World } from '../src/world.ts'
import { Zipf } from '../src/zipf.ts'

/** The network that Adar and Huberman found (First Monday, 2000). */
const FOUND_IN_2000 = { freeloaders: 0.7, sharing: 'heavy', demand: 'zipf', rare: 0.2 } as const

const planOf = (input: PlanInput): Plan =>
  resolvePlan({ overlays: ['gnutella'], lookups: 0, searches: 2000, duration: 200, ...input })
const worldOf = (input: PlanInput) => new World('servent-lab/1', planOf(input))
const sharersOf = ({ filesAt }: World) => filesAt.filter(files => files.length > 0).length

describe('freeloaders', () => {
  it.each([
    [0, 'heavy', 1000],
    [0.7, 'heavy', 300],
    [0.99, 'heavy', 10]
  ] as const)(
    '%f of them leave the others, and under %s all of those have something',
    (freeloaders, sharing, left) => {
      expect(sharersOf(worldOf({ nodes: 1000, freeloaders, sharing }))).toBe(left)
    }
  )

  it('leave no more than the others where all of those share alike, each in a place by chance', () => {
    const world = worldOf({ nodes: 1000, freeloaders: 0.7 })
    expect(sharersOf(world)).toBeLessThanOrEqual(300)
    expect(sharersOf(world)).toBeGreaterThan(280)
    const holders = world.files.flatMap(file => file.holders)
    expect(Math.max(...holders)).toBeGreaterThan(900)
    expect(Math.min(...holders)).toBeLessThan(100)
  })

  it('a file has no more copies than there are peers that share', () => {
    const sharers = new Sharers(randomOf('few'), { nodes: 100, freeloaders: 0.95, sharing: 'even' })
    expect(sharers.count).toBe(5)
    expect(new Set(sharers.draw(randomOf('draw'), 50)).size).toBe(5)
  })
})

describe('few who have most', () => {
  const world = worldOf({ nodes: 10_000, ...FOUND_IN_2000 })
  const byFiles = world.filesAt
    .map((files, place) => ({ place, files: files.length }))
    .filter(({ files }) => files > 0)
    .sort((a, b) => b.files - a.files)
  const top = new Set(byFiles.slice(0, byFiles.length / 100).map(({ place }) => place))

  it('70 % share nothing, and half of all results come of 1 % of the others (Adar and Huberman, 2000)', () => {
    expect(byFiles).toHaveLength(3000)
    expect(top.size).toBe(30)
    const results = world.searches.flatMap(({ words }) =>
      world.matching(words).flatMap(({ holders }) => holders)
    )
    const part = results.filter(place => top.has(place)).length / results.length
    expect(part).toBeGreaterThan(0.45)
    expect(part).toBeLessThan(0.55)
  })

  it('the most popular file is at 1 % of the peers, and nearly every file is there once', () => {
    expect(world.files[0]!.holders).toHaveLength(100)
    const singles = world.files.filter(({ holders }) => holders.length === 1)
    expect(singles.length / world.files.length).toBeGreaterThan(0.99)
  })
})

describe('what is asked for', () => {
  it('follows the copies: by Zipf the first file is asked for twice as often as the second', () => {
    const { searches, files } = worldOf({ nodes: 1000, searches: 20_000, demand: 'zipf' })
    const asked = (rank: number) => searches.filter(({ file }) => file === files[rank]).length
    // 1 / (1 + 1/2 + … + 1/1000) of all.
    expect(asked(0) / searches.length).toBeCloseTo(1 / 7.485, 2)
    expect(asked(0) / asked(1)).toBeGreaterThan(1.8)
    expect(asked(0) / asked(1)).toBeLessThan(2.2)
    expect(asked(0) / asked(9)).toBeGreaterThan(8)
    const even = worldOf({ nodes: 1000, searches: 20_000 })
    const evenly = even.searches.filter(({ file }) => file === even.files[0]).length
    expect(evenly).toBeLessThan(60)
  })

  it('a part of the searches is for a file that there is once, by all of its words', () => {
    const { searches } = worldOf({ nodes: 1000, rare: 0.2 })
    const singles = searches.filter(({ single }) => single)
    expect(singles.length / searches.length).toBeCloseTo(0.2, 1)
    for (const { file, words } of singles) {
      expect(file.holders).toHaveLength(1)
      expect(words).toEqual(file.words)
    }
    for (const { single, words } of searches) expect(words).toHaveLength(single ? 3 : 2)
    expect(worldOf({ nodes: 1000 }).searches.some(({ single }) => single)).toBe(false)
    expect(worldOf({ nodes: 1000, rare: 1 }).searches.every(({ single }) => single)).toBe(true)
  })

  it('says how many results are enough, where the plan does', () => {
    expect(worldOf({ nodes: 100, enough: 50 }).searches[0]!.enough).toBe(50)
    expect(worldOf({ nodes: 100 }).searches[0]).not.toHaveProperty('enough')
  })
})

it('Zipf’s law gives each rank its part, and takes another weight', () => {
  const random = randomOf('zipf')
  const count = (zipf: Zipf) => {
    const counts = new Array<number>(4).fill(0)
    for (let draw = 0; draw < 25_000; draw += 1) counts[zipf.draw(random)]! += 1
    return counts.map(times => Math.round((times / 25_000) * 100) / 100)
  }
  // 1, 1/2, 1/3 and 1/4 of 25/12.
  for (const [rank, part] of count(new Zipf(4)).entries()) expect(part).toBeCloseTo(0.48 / (rank + 1), 1)
  for (const part of count(new Zipf(4, () => 1))) expect(part).toBeCloseTo(0.25, 1)
})
