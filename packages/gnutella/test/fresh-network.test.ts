/**
 * The first search in a network that has just begun: nobody has been elected, no table has been told. Whoever asks
 * right after the start must find what another of two or three servents shares, before a search of 5 s is over.
 */
import { describe, expect, it } from 'vitest'
import { SmallNetwork, type TestNode } from './small-network.ts'

const SEARCH_MS = 5_000

interface Fresh {
  /** Of each servent, those that it knows from the start, by number. */
  readonly knows: readonly (readonly number[])[]
  /** When each of them starts, and when its files are read. */
  readonly startsMs: readonly number[]
  readonly readMs: number
  /** Whether its words are told after an empty catalogue was, as by somebody who begins to share. */
  readonly sharesLater: boolean
  readonly sharer: number
  readonly asker: number
  /** From the moment at which both are there, and what is shared is. */
  readonly asksMs: number
  readonly seed: number
}

function firstHitMs({
  knows,
  startsMs,
  readMs,
  sharesLater,
  sharer,
  asker,
  asksMs,
  seed
}: Fresh): number | undefined {
  const network = new SmallNetwork()
  const nodes: (TestNode | undefined)[] = knows.map(() => undefined)
  const numberOf = (index: number) => 1 + seed * 10 + index
  for (const index of knows.keys())
    network.later(() => {
      const node = network.add(numberOf(index), { role: 'auto' })
      nodes[index] = node
      if (sharesLater || index !== sharer) node.tellWords()
      if (index === sharer) network.later(() => node.share('blue note.txt').tellWords(), readMs)
    }, startsMs[index])
  // Whoever is not there yet is heard of once it is.
  for (const [index, known] of knows.entries())
    for (const one of known)
      network.later(
        () => nodes[index]!.contact(numberOf(one)),
        Math.max(startsMs[index]!, startsMs[one]!) + 1
      )
  network.run(Math.max(startsMs[asker]!, startsMs[sharer]! + readMs) + asksMs + 1)
  const search = nodes[asker]!.search('note')
  for (let ms = 0; ms <= SEARCH_MS; ms += 50) {
    if (nodes[asker]!.found(search).length > 0) return ms
    network.run(50)
  }
  return undefined
}

const pick = (seed: number, from: number) => ((seed * 2_654_435_761) >>> 7) % from

/** How each of the servents hears of the others. */
const NETWORKS = {
  'of two, the second knows the first': [[], [0]],
  'of two that know each other': [[1], [0]],
  'of three, each knows the one before': [[], [0], [1]],
  'of three in a row that know each other': [[1], [0, 2], [1]],
  'of three that all know the first': [[], [0], [0]],
  'of three that all know the last': [[2], [2], []],
  'of three, the first knows the others': [[1, 2], [], []],
  'of three, the first knows the others, and they know it': [[1, 2], [0], [0]],
  'of three that all know each other': [
    [1, 2],
    [0, 2],
    [0, 1]
  ]
} as const

describe.each(Object.entries(NETWORKS))('in a fresh network %s', (_name, knows) => {
  it.each(
    knows.flatMap((_, sharer) => knows.flatMap((_, asker) => (asker === sharer ? [] : [{ sharer, asker }])))
  )('servent $sharer shares, and servent $asker finds it with its first search', ({ sharer, asker }) => {
    const missed: Fresh[] = []
    for (let seed = 1; seed <= 15; seed += 1) {
      const fresh: Fresh = {
        knows,
        startsMs: knows.map((_, index) => 1 + pick(seed * 31 + index, 3) * pick(seed * 17 + index, 700)),
        readMs: pick(seed * 7, 2) * pick(seed * 13, 1_500),
        sharesLater: pick(seed * 5, 2) === 0,
        sharer,
        asker,
        asksMs: pick(seed * 3, 3) * pick(seed * 11, 800),
        seed
      }
      if (firstHitMs(fresh) === undefined) missed.push(fresh)
    }
    expect(missed).toEqual([])
  })
})
