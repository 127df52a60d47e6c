/** Recall and precision, by a world small enough to count by hand. */
import { sha256 } from '@noble/hashes/sha2.js'
import { ContentId } from '@servent/overlay/machine'
import { describe, expect, it } from 'vitest'
import type { Deployment, SearchOutcome } from '../src/deployment.ts'
import { FoundFiles } from '../src/overlays/found-files.ts'
import { Places } from '../src/places.ts'
import { Work } from '../src/work.ts'
import type { SearchAsk, World, WorldFile } from '../src/world.ts'

function file(index: number, name: string, holders: readonly number[]): WorldFile {
  const id = ContentId.fromRoot(sha256(Uint8Array.of(index)), 100)
  return { index, id, name: `${name}.txt`, words: name.split(' '), size: 100, holders }
}

/** Peer 0 asks; peers 1 to 5 share. */
const files = [
  file(0, 'kind of blue', [1, 2, 3]),
  file(1, 'blue train', [4]),
  file(2, 'blue moon', [0]),
  file(3, 'giant steps', [5])
]
const matching = (words: readonly string[]) =>
  files.filter(one => words.every(word => one.words.includes(word)))
const world = { files, matching } as unknown as World
const idOf = (index: number) => `${files[index]!.id}`

function places(): Places {
  const made = new Places(6)
  for (let node = 0; node < 6; node += 1) made.take(node)
  return made
}

const blue = { words: ['blue'], file: files[1]! }

describe('a search for blue', () => {
  it('wants the files that others have: two, in four results', () => {
    const found = new FoundFiles(world, places(), 0, blue, 0)
    expect(found).toMatchObject({ wanted: 2, results: { wanted: 4 }, asked: false, found: 0, right: 0 })
    const there = places()
    for (const node of [1, 2, 4]) there.leave(node)
    const left = new FoundFiles(world, there, 0, blue, 0)
    expect(left).toMatchObject({ wanted: 1, results: { wanted: 1 }, sought: { wanted: false, right: false } })
  })

  it('wants nothing of those who are out of reach', () => {
    const found = new FoundFiles(world, places(), 0, blue, 0, node => node !== 1 && node !== 2 && node !== 4)
    expect(found).toMatchObject({
      wanted: 1,
      results: { wanted: 1 },
      sought: { wanted: false, right: false }
    })
  })

  it('has found what came of it when it ended: a file once, a result for each who has it', () => {
    const found = new FoundFiles(world, places(), 0, blue, 1000)
    found.add([], 2000)
    expect(found.firstHitUs).toBeUndefined()
    found.add([{ id: idOf(0), holder: 1 }], 3000)
    found.add(
      [
        { id: idOf(0), holder: 1 },
        { id: idOf(0), holder: 2 },
        // Nobody shares that there, and this is not what was asked for.
        { id: idOf(0), holder: 5 },
        { id: idOf(3), holder: 5 }
      ],
      4000
    )
    expect(found.firstHitUs).toBe(2000)
    expect(found.right).toBe(0)
    found.end(true)
    expect(found).toMatchObject({
      asked: true,
      wanted: 2,
      found: 2,
      right: 1,
      results: { wanted: 4, right: 2 }
    })
    expect(found.sought).toEqual({ wanted: true, right: false })
  })

  it('has found nothing where it was never asked', () => {
    const found = new FoundFiles(world, places(), 0, blue, 0)
    found.add([{ id: idOf(1), holder: 4 }], 10)
    found.end(false)
    expect(found).toMatchObject({ asked: false, found: 0, right: 0, results: { wanted: 4, right: 0 } })
    expect(found.sought).toEqual({ wanted: true, right: false })
  })
})

describe('over all searches', () => {
  const outcome = (fields: Partial<SearchOutcome>): SearchOutcome => ({
    asked: true,
    found: 0,
    right: 0,
    wanted: 0,
    results: { wanted: 0, right: 0 },
    sought: { wanted: false, right: false },
    cost: { messages: 0, bytes: 0 },
    firstHitUs: undefined,
    ...fields
  })
  const ask = (fields: Partial<SearchAsk>): SearchAsk => ({
    type: 'search',
    atUs: 0,
    chooser: 0,
    single: false,
    ...blue,
    ...fields
  })

  function samplesOf(searches: readonly [SearchAsk, SearchOutcome][]) {
    let next = 0
    const deployment = {
      simulation: { nowUs: 0, alive: () => true },
      isMember: () => true,
      search: (_: number, __: SearchAsk, done: () => void) => {
        const [, told] = searches[next]!
        next += 1
        queueMicrotask(done)
        return told
      }
    } as unknown as Deployment
    const shared = places()
    const work = new Work(deployment, ({ chooser }) => shared.choose(chooser, () => true), {
      roundTripUs: () => 1
    } as never)
    for (const [one] of searches) work.search(one)
    return work.searchSamples()
  }

  it('as many results as are enough count, of what there is and of what was found', () => {
    const { wanted, right, capped } = samplesOf([
      [ask({ enough: 3 }), outcome({ wanted: 2, right: 2, results: { wanted: 10, right: 5 } })],
      [ask({ enough: 3 }), outcome({ wanted: 4, right: 1, results: { wanted: 4, right: 1 } })],
      [ask({ enough: 3 }), outcome({ wanted: 1, right: 0, results: { wanted: 1, right: 0 } })]
    ])
    expect({ wanted, right }).toEqual({ wanted: 7, right: 3 })
    // 3 and 3, 1 of 3, none of 1.
    expect(capped).toEqual({ wanted: 7, right: 4 })
  })

  it('searches for what there is once are looked at apart, while somebody has it', () => {
    const single = { single: true }
    const samples = samplesOf([
      [ask(single), outcome({ sought: { wanted: true, right: true } })],
      [ask(single), outcome({ sought: { wanted: true, right: false } })],
      [ask(single), outcome({ sought: { wanted: false, right: false } })],
      [ask({}), outcome({ sought: { wanted: true, right: true } })]
    ])
    expect(samples.single).toEqual({ wanted: 2, right: 1 })
    expect(samples).not.toHaveProperty('capped')
    expect(samplesOf([[ask({}), outcome({})]])).not.toHaveProperty('single')
  })
})
