/** The line of a peer that its connections share, on a clock that the test moves. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ON_THE_WAY_BYTES_MAX, WAITING_BYTES_MIN, waitingMax } from '../src/laid-connection.ts'
import { Line, PIECE_BYTES_MAX } from '../src/line.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => void vi.useRealTimers())

describe('a line', () => {
  it('carries so many bytes a second, those of all its lanes together', () => {
    const line = new Line(10_000)
    const carried: string[] = []
    const [one, other] = [line.lane(), line.lane()]
    for (const name of ['a', 'b', 'c']) one.add(1_000, () => carried.push(name))
    other.add(1_000, () => carried.push('x'))
    expect([one.bytes, other.bytes, carried.length]).toEqual([3_000, 1_000, 0])
    vi.advanceTimersByTime(98)
    expect(carried).toEqual([])
    vi.advanceTimersByTime(3)
    expect(carried).toEqual(['a'])
    // A piece of each in turn: who has more waits longer.
    vi.advanceTimersByTime(300)
    expect(carried).toEqual(['a', 'x', 'b', 'c'])
    expect(one.bytes + other.bytes).toBe(0)
  })

  it('does not carry what it had no work for, and makes up for timers that are late', () => {
    const line = new Line(10_000)
    const lane = line.lane()
    let carried = 0
    const carry = (count: number) => {
      for (let piece = 0; piece < count; piece += 1) lane.add(1_000, () => (carried += 1))
    }
    vi.advanceTimersByTime(10_000)
    carry(50)
    vi.advanceTimersByTime(1_000)
    expect(carried).toBeGreaterThan(8)
    expect(carried).toBeLessThan(11)
    // The process stood still for two seconds.
    vi.setSystemTime(Date.now())
    vi.advanceTimersByTime(2_000)
    expect(carried).toBeGreaterThan(28)
    expect(carried).toBeLessThan(31)
  })

  it('goes on with others where one has no room, and with that one when it has', () => {
    const line = new Line(10_000)
    const carried: string[] = []
    const [one, other] = [line.lane(), line.lane()]
    one.add(1_000, () => carried.push('a'))
    one.stop()
    other.add(1_000, () => carried.push('x'))
    vi.advanceTimersByTime(500)
    expect(carried).toEqual(['x'])
    one.go()
    vi.advanceTimersByTime(101)
    expect(carried).toEqual(['x', 'a'])
  })

  it('loses what was dropped, also what was on it', () => {
    const line = new Line(10_000)
    const carried: string[] = []
    const [one, other] = [line.lane(), line.lane()]
    one.add(1_000, () => carried.push('a'))
    one.add(1_000, () => carried.push('b'))
    other.add(1_000, () => carried.push('x'))
    one.drop()
    expect(one.bytes).toBe(0)
    vi.advanceTimersByTime(500)
    expect(carried).toEqual(['x'])
  })

  it('without a bound carries at once', () => {
    const lane = new Line().lane()
    let carried = 0
    lane.add(1_000_000, () => (carried += 1))
    expect(carried).toBe(1)
  })

  it('gives pieces of 10 ms, of a packet at least and PIECE_BYTES_MAX at most', () => {
    expect([1_000, 500_000, 6_553_600, 6_553_700, undefined].map(rate => new Line(rate).pieceBytes)).toEqual([
      1_460,
      5_000,
      PIECE_BYTES_MAX,
      PIECE_BYTES_MAX,
      PIECE_BYTES_MAX
    ])
  })

  it('has half a second of one connection waiting at most, a small buffer at least, and never more than fits', () => {
    expect([1_000, 100_000, 2_097_152, 2_097_154, undefined].map(rate => waitingMax(new Line(rate)))).toEqual(
      [WAITING_BYTES_MIN, 50_000, ON_THE_WAY_BYTES_MAX, ON_THE_WAY_BYTES_MAX, ON_THE_WAY_BYTES_MAX]
    )
  })
})
