/** Lines of theory: what papers print, and the independent models that the overlays' own tests hold them against. */
import { describe, expect, it } from 'vitest'
import { PATH_MODEL } from '../../chord/test/support/paper-figures.ts'
import { HOPS_MODEL } from '../../pastry/test/support/paper-figures.ts'
import { theoryOf } from '../src/theory.ts'

const hops = (overlay: 'chord' | 'pastry' | 'kelips', peers: number, settings = {}) =>
  theoryOf(overlay)!.hops(peers, settings)

describe('Chord, ToN section IV-E and figure 10', () => {
  it('half of log2 N until the predecessor is reached, and the step to the root', () => {
    expect(hops('chord', 4096, { successors: 1 })).toBe(6 + 1)
    for (const [peers, model] of PATH_MODEL)
      expect(Math.abs((hops('chord', peers, { successors: 1 }) - 1) / model - 1)).toBeLessThan(0.06)
  })

  it('half of log2 r less where r successors answer early, and never less than the step to the root', () => {
    expect(hops('chord', 4096, { successors: 16 })).toBe(6 + 1 - 2)
    expect(hops('chord', 4, { successors: 32 })).toBe(1)
  })

  it('a peer with several places makes the ring longer', () => {
    expect(hops('chord', 1024, { successors: 1, 'virtual-nodes': 4 })).toBe(6 + 1)
  })
})

describe('Pastry, Rowstron and Druschel section 3.2, figure 4', () => {
  it('log N in base 2^b', () => {
    expect(hops('pastry', 4096, { 'digit-bits': 4 })).toBe(3)
    expect(hops('pastry', 4096, { 'digit-bits': 2 })).toBe(6)
    for (const [peers, model] of HOPS_MODEL)
      expect(Math.abs(hops('pastry', peers, { 'digit-bits': 4 }) / model - 1)).toBeLessThan(0.06)
  })
})

it('Kelips, section 2: one step; of the others no paper gives a number', () => {
  expect(hops('kelips', 100_000)).toBe(1)
  for (const overlay of ['gnutella', 'fasttrack', 'kademlia'] as const)
    expect(theoryOf(overlay)).toBeUndefined()
})
