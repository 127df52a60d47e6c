/** The graph of two tiers that is put down: who is what, and who is linked with whom. */
import { randomOf } from '@servent/simulator'
import { describe, expect, it } from 'vitest'
import { PongCount } from '../src/overlays/pong-count.ts'
import { twoTierGraph } from '../src/overlays/two-tier-graph.ts'

const SIZES = { degree: 32, leaves: 30, ultrapeersOfLeaf: 3 }

function linksOf(count: number, sizes = SIZES) {
  const { roles, pairs } = twoTierGraph(count, sizes, randomOf(`${count}`))
  const links = Array.from({ length: count }, (): number[] => [])
  for (const [a, b] of pairs) {
    links[a]!.push(b)
    links[b]!.push(a)
  }
  const of = (role: 'leaf' | 'ultrapeer') => [...roles.keys()].filter(place => roles[place] === role)
  return { roles, links, leaves: of('leaf'), ultrapeers: of('ultrapeer') }
}

describe('two tiers', () => {
  it('a tenth of 3,000 peers are ultrapeers, and each leaf has three of them, different ones', () => {
    const { roles, links, leaves, ultrapeers } = linksOf(3000)
    expect(ultrapeers).toHaveLength(300)
    for (const leaf of leaves) {
      expect(new Set(links[leaf]).size).toBe(3)
      for (const other of links[leaf]!) expect(roles[other]).toBe('ultrapeer')
    }
  })

  it('no ultrapeer has more leaves than places, nor others, and none is alone', () => {
    const { roles, links, ultrapeers } = linksOf(3000)
    let taken = 0
    for (const place of ultrapeers) {
      const leaves = links[place]!.filter(other => roles[other] === 'leaf')
      taken += leaves.length
      expect(leaves.length).toBeLessThanOrEqual(SIZES.leaves)
      const others = links[place]!.length - leaves.length
      expect(others).toBeGreaterThanOrEqual(SIZES.degree / 2)
      expect(others).toBeLessThanOrEqual(SIZES.degree)
      expect(new Set(links[place]).size).toBe(links[place]!.length)
    }
    expect(taken / (ultrapeers.length * SIZES.leaves)).toBeCloseTo(0.9, 2)
  })

  it.each([2, 3, 10, 50])('of %i peers two at least are ultrapeers, and every leaf has one', count => {
    const { links, leaves, ultrapeers } = linksOf(count)
    expect(ultrapeers.length).toBeGreaterThanOrEqual(2)
    for (const leaf of leaves) expect(links[leaf]!.length).toBe(Math.min(3, ultrapeers.length))
  })

  it('where leaves want more places than there are some go without', () => {
    const { links, leaves } = linksOf(100, { degree: 4, leaves: 1, ultrapeersOfLeaf: 50 })
    expect(leaves.length).toBeGreaterThan(0)
    expect(links.flat().length).toBeGreaterThan(0)
  })

  it('is the same for the same chance', () => {
    expect(twoTierGraph(200, SIZES, randomOf('a'))).toEqual(twoTierGraph(200, SIZES, randomOf('a')))
    expect(twoTierGraph(200, SIZES, randomOf('b'))).not.toEqual(twoTierGraph(200, SIZES, randomOf('a')))
  })
})

it('pongs are counted by machine and link, within any 3 s', () => {
  let nowMs = 0
  const pongs = new PongCount(() => nowMs * 1000)
  const send = (atMs: number, machine: number, link: number) => {
    nowMs = atMs
    pongs.sent(machine, link, atMs)
    return pongs.most
  }
  expect(send(0, 1, 1)).toBe(1)
  expect(send(1000, 1, 1)).toBe(2)
  expect(send(2999, 1, 1)).toBe(3)
  expect(send(3000, 1, 1)).toBe(3)
  expect(send(3500, 2, 1)).toBe(3)
  expect(send(3600, 1, 2)).toBe(3)
  expect(send(3999, 1, 1)).toBe(4)
  expect(send(60_000, 1, 1)).toBe(4)
})
