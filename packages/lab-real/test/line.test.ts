/** The line of a peer that its connections share, on a clock that the test moves. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ON_THE_WAY_BYTES_MAX, WAITING_BYTES_MIN, waitingMax } from '../src/laid-connection.ts'
import { Line, PIECE_BYTES_MAX } from '../src/line.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

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
    // The process stood still for two seconds, in which no timer ended.
    const now = performance.now.bind(performance)
    vi.spyOn(performance, 'now').mockImplementation(() => now() + 2_000)
    const before = carried
    vi.advanceTimersToNextTimer()
    expect(carried - before).toBeGreaterThan(19)
    expect(carried - before).toBeLessThan(23)
  })

  it('goes on with others where one has no room, and with that one when it has', () => {
    const line = new Line(10_000)
    const carried: string[] = []
    const [one, other] = [line.lane(), line.lane()]
    one.add(1_000, () => carried.push('a'))
    one.add(1_000, () => carried.push('b'))
    one.stop()
    other.add(1_000, () => carried.push('x'))
    vi.advanceTimersByTime(500)
    // What was on the line is let in.
    expect(carried).toEqual(['a', 'x'])
    one.go()
    vi.advanceTimersByTime(101)
    expect(carried).toEqual(['a', 'x', 'b'])
  })

  it('takes no time for one that was stopped before its turn came, and its time once when it goes on', () => {
    const line = new Line(20_000)
    const carried: string[] = []
    const [first, stopped, other] = [line.lane(), line.lane(), line.lane()]
    first.add(1_460, () => carried.push('a'))
    stopped.add(1_460, () => carried.push('b'))
    other.add(100, () => carried.push('x'))
    stopped.stop()
    // 73 ms of the first, and 5 of its own.
    vi.advanceTimersByTime(79)
    expect(carried).toEqual(['a', 'x'])
    stopped.go()
    vi.advanceTimersByTime(72)
    expect(carried).toEqual(['a', 'x'])
    vi.advanceTimersByTime(2)
    expect(carried).toEqual(['a', 'x', 'b'])
  })

  it('lets in what is on it when its lane is stopped, and charges for it once', () => {
    const line = new Line(20_000)
    const carried: string[] = []
    const [one, other] = [line.lane(), line.lane()]
    one.add(1_460, () => carried.push('a'))
    other.add(100, () => carried.push('x'))
    one.stop()
    vi.advanceTimersByTime(74)
    expect(carried).toEqual(['a'])
    one.go()
    vi.advanceTimersByTime(5)
    expect(carried).toEqual(['a', 'x'])
    expect(one.bytes).toBe(0)
  })

  it.each([50, 700, 800, 1_000])(
    'gives a fair half to one with pieces of %i bytes beside large ones',
    size => {
      const line = new Line(10_000)
      const [small, large] = [line.lane(), line.lane()]
      let [ofSmall, ofLarge] = [0, 0]
      for (let piece = 0; piece < 20; piece += 1)
        large.add(1_460, () => {
          ofLarge += 1_460
        })
      for (let piece = 0; piece < 10_000 / size; piece += 1)
        small.add(size, () => {
          ofSmall += size
        })
      while (small.bytes > 0) vi.advanceTimersByTime(10)
      // No more than two turns apart.
      expect(Math.abs(ofLarge - ofSmall)).toBeLessThan(2 * line.pieceBytes)
    }
  )

  it('has nothing saved up for one that had nothing to carry', () => {
    const line = new Line(10_000)
    const carried: string[] = []
    const [one, other] = [line.lane(), line.lane()]
    for (let turn = 0; turn < 5; turn += 1) {
      one.add(10, () => {})
      vi.advanceTimersByTime(10)
    }
    other.add(1_000, () => carried.push('x'))
    for (let piece = 0; piece < 5; piece += 1) one.add(1_000, () => carried.push('a'))
    other.add(1_000, () => carried.push('x'))
    vi.advanceTimersByTime(1_000)
    expect(carried.join('')).toBe('xaxaaaa')
  })

  it('has nothing saved up for one that had no room', () => {
    const line = new Line(10_000)
    const carried: string[] = []
    const [one, other] = [line.lane(), line.lane()]
    for (let piece = 0; piece < 15; piece += 1) other.add(1_460, () => carried.push('x'))
    for (let piece = 0; piece < 5; piece += 1) one.add(1_460, () => carried.push('a'))
    for (let turn = 0; turn < 5; turn += 1) {
      one.stop()
      vi.advanceTimersByTime(292)
      one.go()
    }
    expect(carried.join('')).toBe('xxxxxxxxxx')
    vi.advanceTimersByTime(3_000)
    expect(carried.join('')).toBe('xxxxxxxxxxxaxaxaxaxa')
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
