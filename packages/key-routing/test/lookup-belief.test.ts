/** Answers that the tables do not believe: the lookup starts anew at once, by another way. */
import type { Key, Peer } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import type { Found, NextHopsAnswer, RootBelief, RouterSettings } from '../src/machine.ts'
import { foundBy, keyAt, Solo } from './solo.ts'

const KEY = keyAt(5)

/** Peers 1 to 3 are the hops; the ends of ranges say how far their roots are believed. */
function asking(settings: Partial<RouterSettings> = {}) {
  const solo = new Solo(settings)
  const links = [0, ...[1, 2, 3].map(number => solo.link(number))]
  solo.routing.hops = [1, 2, 3].map(number => ({ peer: solo.peer(number), root: false }))
  const asked: [Peer, Key, Key][] = []
  solo.routing.believeRoot = (root, key, to) => {
    asked.push([root, key, to])
    const far = to[0]! - key[0]!
    const belief: RootBelief = far < 10 ? 'sound' : far < 100 ? 'doubtful' : 'impossible'
    return belief
  }
  solo.effects.take()
  return { solo, links, asked }
}

const range = (to: number) => ({ from: keyAt(4), to: keyAt(to) })

describe('an answer to a lookup that hops forward', () => {
  const found = (solo: Solo, number: number, to: number): Found =>
    foundBy(testContact(number), solo.last('lookup'), range(to))
  const counters = (solo: Solo) => {
    const { answersRefused, answersDoubted } = solo.router.snapshot().counters
    return [answersRefused, answersDoubted]
  }

  it('that is sound ends it', () => {
    const { solo, links, asked } = asking()
    solo.lookup(KEY)
    solo.message(links[1]!, found(solo, 9, 6))
    expect(solo.results).toMatchObject([{ root: testContact(9), to: keyAt(6) }])
    expect(asked).toEqual([[solo.peer(9), KEY, keyAt(6)]])
    expect(counters(solo)).toEqual([0, 0])
  })

  it('that nobody can give counts as an attempt: the next one goes by none of those before, at once', () => {
    const { solo, links } = asking()
    solo.lookup(KEY)
    expect(solo.message(links[1]!, found(solo, 1, 200))).toEqual([`${links[2]}: lookup`])
    expect(solo.message(links[2]!, found(solo, 1, 200))).toEqual([`${links[3]}: lookup`])
    expect(solo.results).toEqual([])
    solo.message(links[3]!, found(solo, 9, 6))
    expect(solo.results).toMatchObject([{ root: testContact(9), timeouts: 0 }])
    expect(counters(solo)).toEqual([2, 0])
  })

  it('that nobody can give is not taken in the end either', () => {
    const { solo, links } = asking({ lookupAttempts: 2 })
    solo.lookup(KEY)
    solo.message(links[1]!, found(solo, 1, 200))
    solo.message(links[2]!, found(solo, 2, 200))
    expect(solo.results).toMatchObject([{ failed: 'no-route' }])
    expect(counters(solo)).toEqual([2, 0])
    expect(solo.router.snapshot()).toMatchObject({ lookups: 0, calls: 0 })
  })

  it('that is doubted is taken where no other comes: the nearest of them', () => {
    const { solo, links } = asking()
    solo.lookup(KEY)
    solo.message(links[1]!, found(solo, 1, 60))
    solo.message(links[2]!, found(solo, 9, 50))
    expect(solo.results).toEqual([])
    solo.message(links[3]!, found(solo, 3, 70))
    expect(solo.results).toMatchObject([{ root: testContact(9), to: keyAt(50) }])
    expect(counters(solo)).toEqual([0, 3])
  })

  it('that is doubted is taken at the end of the budget', () => {
    const { solo, links } = asking({ lookupAttempts: 2 })
    solo.lookup(KEY, { budgetMs: 3000 })
    solo.message(links[1]!, found(solo, 9, 50))
    const { id, origin } = solo.last('lookup')
    solo.message(links[2]!, { type: 'hop-ack', id, origin: origin.id })
    solo.advance(3000)
    expect(solo.results).toMatchObject([{ root: testContact(9), elapsedMs: 3000 }])
  })

  it('whose root the host has no room for is no better', () => {
    const { solo, links } = asking({ lookupAttempts: 1 })
    solo.lookup(KEY)
    solo.message(links[1]!, foundBy({ id: new Uint8Array(50), addresses: [] }, solo.last('lookup'), range(6)))
    expect(solo.results).toMatchObject([{ failed: 'no-route' }])
  })

  it('holds those who are avoided', () => {
    const { solo, links } = asking()
    solo.lookup(KEY)
    solo.message(links[1]!, found(solo, 9, 200))
    const held = new Set<Peer>()
    solo.router.heldPeers(peer => held.add(peer))
    expect(held.has(solo.peer(9))).toBe(true)
  })
})

describe('an answer to an iterative lookup', () => {
  const answer = (solo: Solo, link: number, fields: Partial<NextHopsAnswer>) => {
    const { id } = solo.last('next-hops-request')
    return solo.message(link, { type: 'next-hops-answer', id, replicas: [], hops: [], ...fields })
  }

  it('that nobody can give is passed over, with the hops that it names', () => {
    const { solo, links } = asking({ style: 'iterative' })
    solo.routing.hops = [1, 2].map(number => ({ peer: solo.peer(number), root: true }))
    solo.lookup(KEY)
    const hops = [{ contact: testContact(3), root: true }]
    expect(answer(solo, links[1]!, { range: range(200), hops })).toEqual([`${links[2]}: next-hops-request`])
    // Somebody who was taken for the root is not silent: nobody behind it is, by that.
    expect(solo.last('next-hops-request').root).toBe(false)
    answer(solo, links[2]!, { range: range(6) })
    expect(solo.results).toMatchObject([{ root: testContact(2) }])
    expect(solo.router.snapshot().counters).toMatchObject({ answersRefused: 1, answersDoubted: 0 })
  })

  it('that is doubted makes it start anew by another hop', () => {
    const { solo, links } = asking({ style: 'iterative' })
    solo.lookup(KEY)
    expect(answer(solo, links[1]!, { range: range(50) })).toEqual([`${links[2]}: next-hops-request`])
    expect(answer(solo, links[2]!, { range: range(60) })).toEqual([`${links[3]}: next-hops-request`])
    answer(solo, links[3]!, { range: range(70) })
    expect(solo.results).toMatchObject([{ root: testContact(1), to: keyAt(50) }])
    expect(solo.router.snapshot().counters).toMatchObject({ answersRefused: 0, answersDoubted: 3 })
  })
})
