/** What is told of how far a run is. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Progress } from '../src/progress.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }))
afterEach(() => void vi.useRealTimers())

it('is the part of the time that all will have taken, by those who came', () => {
  const told: number[] = []
  const progress = new Progress(20_000, done => told.push(done))
  vi.advanceTimersByTime(10_000)
  progress.came(1, 4)
  expect(told).toEqual([10 / 60])
  // Nothing is known of those who are on their way.
  progress.pass()
  expect(told).toHaveLength(1)
  // It was slower than expected, and does not go back.
  vi.advanceTimersByTime(30_000)
  progress.came(2, 4)
  expect(told.at(-1)).toBe(40 / 100)
  vi.advanceTimersByTime(40_000)
  progress.came(3, 4)
  progress.came(4, 4)
  expect(told.at(-1)).toBe(80 / 100)
  vi.advanceTimersByTime(10_000)
  progress.pass()
  expect(told.at(-1)).toBe(90 / 100)
  vi.advanceTimersByTime(60_000)
  progress.pass()
  expect(told.at(-1)).toBe(0.999)
})
