/** One lookup: whom it asks, on which path, and when it ends. */
import type { Peer } from '@servent/overlay/machine'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DisjointLookup, RIGHT_LOOKUP } from '../src/lookup.ts'
import { LOOKUP_PEERS_MAX, LOOKUP_REQUESTS_MAX } from '../src/machine.ts'
import { compareXor } from '../src/xor.ts'
import { randomKeys, type World, walk, wrongs } from './support/lookup-world.ts'

const SETTINGS = { k: 4, alpha: 2, disjointPaths: 3 }
const KEYS = randomKeys('lookup', 5000)
const target = KEYS[0]!
const keyOf = (peer: Peer) => KEYS[peer]!
const byDistance = (peers: readonly Peer[]) =>
  [...peers].sort((a, b) => compareXor(target, keyOf(a), keyOf(b)))
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => from + at)
/** Peers 1 to 200, the nearest first. */
const ORDER = byDistance(range(1, 201))

function world(answer: World['answer'], seeds: readonly Peer[]): World {
  return { key: target, keyOf, answer, seeds }
}
/** Everybody names the k nearest of some that it knows. */
const knowing = (peer: Peer) =>
  byDistance(range(1, 201).filter(other => other !== peer && (other * 7 + peer * 13) % 5 < 2)).slice(0, 4)

describe('a lookup', () => {
  it('deals its first peers to the paths in turn, and asks alpha on each at a time', () => {
    const lookup = new DisjointLookup(
      target,
      ORDER.slice(0, 9).map(peer => ({ peer, key: keyOf(peer) })),
      { k: 20, alpha: 2, disjointPaths: 3 }
    )
    const asked = range(0, 9).map(() => lookup.next())
    expect(asked.filter(ask => ask !== undefined)).toHaveLength(6)
    expect(asked.slice(0, 6).map(ask => ask!.path)).toEqual([0, 1, 2, 0, 1, 2])
    expect(asked.slice(0, 3).map(ask => ask!.peer)).toEqual(ORDER.slice(0, 3))
  })

  it('finds the k nearest, the nearest first, and how many requests lead to each', () => {
    const { lookup, asked } = walk(world(knowing, ORDER.slice(150, 154)), SETTINGS)
    expect(lookup.isComplete).toBe(true)
    expect(lookup.closest().map(({ peer }) => peer)).toEqual(ORDER.slice(0, 4))
    expect(asked.length).toBeLessThan(60)
    expect(lookup.closest()[0]!.steps).toBeGreaterThan(1)
  })

  it('of a path goes downhill: nobody is asked who is further away than who named it', () => {
    const [far, near, further] = [ORDER[50]!, ORDER[10]!, ORDER[90]!]
    const answers = new Map([[far, [near, further]]])
    const { asked } = walk(
      world(peer => answers.get(peer) ?? [], [far]),
      { k: 2, alpha: 2, disjointPaths: 1 }
    )
    expect(asked.map(({ peer }) => peer)).toEqual([far, near])
  })

  it('asks in the end whoever belongs to the k nearest and was named from below only', () => {
    const [far, near, between] = [ORDER[50]!, ORDER[0]!, ORDER[1]!]
    const answers = new Map([
      [far, [near]],
      [near, [between]]
    ])
    const { lookup, asked } = walk(
      world(peer => answers.get(peer) ?? [], [far]),
      { k: 2, alpha: 2, disjointPaths: 1 }
    )
    expect(asked.map(({ peer }) => peer)).toEqual([far, near, between])
    expect(lookup.closest().map(({ peer }) => peer)).toEqual([near, between])
  })

  it('leaves out who is silent, and counts it', () => {
    const { lookup } = walk(
      world(peer => (peer === ORDER[0] ? undefined : knowing(peer)), ORDER.slice(150, 154)),
      SETTINGS
    )
    expect(lookup.closest().map(({ peer }) => peer)).toEqual(ORDER.slice(1, 5))
    expect(lookup.timeouts).toBe(1)
  })

  it('is not led astray on all its paths by one that names made-up peers', () => {
    // The liar is on one path, and names peers that are nearer than all and silent.
    const fakes = byDistance(range(1000, 5000)).slice(0, 4)
    const liar = ORDER[150]!
    const { lookup } = walk(
      world(
        peer => (peer >= 1000 ? undefined : peer === liar ? fakes : knowing(peer)),
        ORDER.slice(150, 154)
      ),
      SETTINGS
    )
    expect(lookup.closest().map(({ peer }) => peer)).toEqual(ORDER.slice(0, 4))
  })

  it('hears no more than k peers of one answer', () => {
    const { lookup } = walk(
      world(peer => (peer === ORDER[150] ? ORDER.slice(0, 50) : []), [ORDER[150]!]),
      SETTINGS
    )
    expect(lookup.known).toBe(1 + SETTINGS.k)
  })

  it('takes one answer of a peer, and none of one that was not asked', () => {
    const [first, other] = ORDER as [Peer, Peer]
    const lookup = new DisjointLookup(target, [{ peer: first, key: keyOf(first) }], SETTINGS)
    lookup.onAnswer(other, [])
    expect(lookup.next()!.peer).toBe(first)
    lookup.onAnswer(first, [])
    lookup.onAnswer(first, [{ peer: other, key: keyOf(other) }])
    lookup.onSilent(first)
    expect([lookup.next(), lookup.known, lookup.timeouts]).toEqual([undefined, 1, 0])
    expect(lookup.isComplete).toBe(true)
  })
})

describe('bounds of a lookup', () => {
  /** Peers that answer with ever more peers that are ever nearer. */
  const endless = byDistance(range(1, 5000)).toReversed()
  const placeOf = new Map(endless.map((peer, at) => [peer, at]))
  const leading = (step: number) => (peer: Peer) =>
    endless.slice(placeOf.get(peer)! + 1, placeOf.get(peer)! + 1 + step)

  it('LOOKUP_REQUESTS_MAX requests are made, and not one more', () => {
    const { lookup, asked } = walk(world(leading(1), [endless[0]!]), { ...SETTINGS, k: 1 })
    expect(asked).toHaveLength(LOOKUP_REQUESTS_MAX)
    expect([lookup.requests, lookup.isComplete]).toEqual([LOOKUP_REQUESTS_MAX, false])
  })

  it('LOOKUP_PEERS_MAX peers are remembered, and not one more', () => {
    const { lookup } = walk(world(leading(20), endless.slice(0, 1)), {
      k: 20,
      alpha: 1,
      disjointPaths: 1
    })
    expect(lookup.known).toBeLessThanOrEqual(LOOKUP_PEERS_MAX)
    const many = endless.slice(0, LOOKUP_PEERS_MAX + 1).map(peer => ({ peer, key: keyOf(peer) }))
    expect(new DisjointLookup(target, many.slice(0, -1), SETTINGS).known).toBe(LOOKUP_PEERS_MAX)
    expect(new DisjointLookup(target, many, SETTINGS).known).toBe(LOOKUP_PEERS_MAX)
  })
})

describe('D4, D5, D6: whatever peers answer', () => {
  const runs = (rules?: Parameters<typeof walk>[3]) => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 30 }), {
          minLength: 60,
          maxLength: 60
        }),
        fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 12 }),
        fc.record({
          k: fc.integer({ min: 1, max: 8 }),
          alpha: fc.integer({ min: 1, max: 4 }),
          disjointPaths: fc.integer({ min: 1, max: 5 })
        }),
        fc.string(),
        (names, seeds, settings, seed) => {
          // One of four says nothing.
          const answer = (peer: Peer) => {
            const named = names[peer - 1]!
            return named.length % 4 === 3 ? undefined : named
          }
          const made = world(answer, seeds)
          const run = walk(made, settings, seed, rules)
          for (const wrong of wrongs(made, run)) seen.add(wrong)
          if (rules !== undefined) return
          // D6: no peer is asked for ever, and what is over stays over.
          expect(run.asked.length).toBeLessThanOrEqual(LOOKUP_REQUESTS_MAX)
          expect([run.lookup.underWay, run.lookup.next()]).toEqual([0, undefined])
          const most = settings.alpha * (settings.disjointPaths + 1)
          expect(run.underWayMost).toBeLessThanOrEqual(most)
          expect(run.lookup.isComplete).toBe(true)
        }
      ),
      { numRuns: 300, seed: 5 }
    )
    return seen
  }

  it('a result is sorted and made of responders, and no peer is on two paths', () => {
    expect([...runs()]).toEqual([])
  })

  it('a lookup that counts the silent among the nearest is found out (D4)', () => {
    expect([...runs({ ...RIGHT_LOOKUP, countsSilent: true })]).toEqual(['D4: no responder'])
  })

  it('a lookup that waits for the silent is found out (D6)', () => {
    expect([...runs({ ...RIGHT_LOOKUP, waitsForSilent: true })]).toContain('D6: does not end')
  })

  it('a lookup whose paths share peers is found out (D5)', () => {
    expect([...runs({ ...RIGHT_LOOKUP, takesAgain: true })]).toContain('D5: asked twice')
  })
})
