/** Which ranges a peer believes others to be the root of. */
import { addPowerOfTwo, clockwiseDistance, type Key } from '@servent/overlay/machine'
import { describe, expect, it } from 'vitest'
import { keyOfPlace, RANGE_GAPS_MAX, VIRTUAL_NODES_MAX } from '../src/machine.ts'
import { isPlausibleRange } from '../src/plausible-range.ts'
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
