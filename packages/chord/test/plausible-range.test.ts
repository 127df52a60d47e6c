/** Which ranges a peer believes others to be the root of. */
import { RING_SHRINK_MAX, ROOT_ODDS_DOUBTED, ROOT_ODDS_REFUSED } from '@servent/key-routing/machine'
import { addPowerOfTwo, clockwiseDistance, type Key } from '@servent/overlay/machine'
import { describe, expect, it } from 'vitest'
import { keyOfPlace, RANGE_GAPS_MAX, refOf, VIRTUAL_NODES_MAX } from '../src/machine.ts'
import { believeRoot, isPlausibleRange } from '../src/plausible-range.ts'
import { ChordRouting } from '../src/ring-routing.ts'
import { answeredRing, keyOfNumber } from './support/answered-ring.ts'

/** Peer 0 with a list of two, 100 and 200: a mean gap of 100 numbers. */
const { ring } = answeredRing({ successors: 2 }, [100, 200], () => undefined)
const routing = new ChordRouting(ring)

const GAP = 100

/** So far before a key, in numbers. */
function before(to: Key, numbers: number): Key {
  return clockwiseDistance(keyOfNumber(numbers), to)
}

describe('a range', () => {
  it(`is at most ${RANGE_GAPS_MAX} gaps of the own list wide`, () => {
    const to = keyOfNumber(2000)
    const widest = before(to, RANGE_GAPS_MAX * GAP)
    expect(routing.isPlausibleRange(2000, { from: widest, to })).toBe(true)
    expect(routing.isPlausibleRange(2000, { from: before(widest, 1), to })).toBe(false)
    expect(routing.isPlausibleRange(2000, { from: keyOfNumber(1999), to })).toBe(true)
  })

  it('is not the whole ring, nor all but one key of it, where this peer knows others', () => {
    const to = keyOfNumber(2000)
    expect(routing.isPlausibleRange(2000, { from: to, to })).toBe(false)
    expect(routing.isPlausibleRange(2000, { from: addPowerOfTwo(to, 0), to })).toBe(false)
    const alone = answeredRing({ successors: 2 }, [], () => undefined).ring
    expect(isPlausibleRange(alone, 2000, { from: to, to })).toBe(true)
  })

  it('ends at a place of its root, and at nobody else’s', () => {
    const own = (index: number) => {
      const to = keyOfPlace(keyOfNumber(2000), index)
      return routing.isPlausibleRange(2000, { from: before(to, GAP), to })
    }
    expect([own(0), own(1), own(VIRTUAL_NODES_MAX - 1), own(VIRTUAL_NODES_MAX)]).toEqual([
      true,
      true,
      true,
      false
    ])
    const to = keyOfNumber(2000)
    expect(routing.isPlausibleRange(2001, { from: before(to, GAP), to })).toBe(false)
  })
})

describe('the root of a key', () => {
  /** How far a list of two that is 200 numbers long lets a root lie at most: (1 + d / 200)^2 are the odds. */
  const furthest = (odds: number, shrink = 1) => Math.floor(200 * shrink * (Math.sqrt(odds) - 1))
  const belief = (distance: number) => {
    const root = 60_000
    return routing.believeRoot(root, before(keyOfNumber(root), distance), keyOfNumber(root))
  }

  it('is doubted where by chance one in so many lies so far from it, and refused at longer odds', () => {
    const doubted = furthest(ROOT_ODDS_DOUBTED)
    expect([belief(1), belief(doubted), belief(doubted + 1)]).toEqual(['sound', 'sound', 'doubtful'])
    // With a list of two that is more than the numbers of these keys: a list of four, 40 long, is narrower.
    const short = answeredRing({ successors: 4 }, [10, 20, 30, 40], () => undefined).ring
    const most = Math.floor(40 * RING_SHRINK_MAX * (ROOT_ODDS_REFUSED ** 0.25 - 1))
    const far = (distance: number) =>
      believeRoot(short, 60_000, before(keyOfNumber(60_000), distance), keyOfNumber(60_000))
    expect([far(most), far(most + 1)]).toEqual(['doubtful', 'impossible'])
  })

  it('is not told by the list alone: fingers show gaps too, and nobody crowds all of them', () => {
    const { ring: crowded, place } = answeredRing({ successors: 4 }, [1, 2, 3, 4], () => undefined)
    const ask = () => believeRoot(crowded, 40_000, keyOfNumber(39_000), keyOfNumber(40_000))
    expect(ask()).toBe('impossible')
    // The first behind half a turn lies 500 numbers behind it.
    place.fingers.set(255, refOf(32_768 + 500, 0))
    expect(ask()).toBe('sound')
  })

  it('has a place where the range ends', () => {
    const to = keyOfPlace(keyOfNumber(2000), 3)
    expect(routing.believeRoot(2000, before(to, 10), to)).toBe('sound')
    expect(routing.believeRoot(2001, before(to, 10), to)).toBe('impossible')
    expect(routing.believeRoot(2000, before(to, 10), before(to, 10))).toBe('impossible')
  })

  it('is known where the list has it, and where the list goes all the way round', () => {
    const gap = answeredRing({ successors: 4 }, [10, 20, 30, 60_000], () => undefined).ring
    expect(believeRoot(gap, 60_000, keyOfNumber(31), keyOfNumber(60_000))).toBe('sound')
    const { ring: small, place } = answeredRing({ successors: 4 }, [10, 20], () => undefined)
    const ask = () => believeRoot(small, 60_000, keyOfNumber(21), keyOfNumber(60_000))
    expect(ask()).toBe('impossible')
    place.wrapped = true
    expect(ask()).toBe('sound')
    const alone = answeredRing({ successors: 2 }, [], () => undefined).ring
    expect(believeRoot(alone, 60_000, keyOfNumber(1), keyOfNumber(60_000))).toBe('sound')
  })
})
