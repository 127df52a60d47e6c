/** Rates: measured over seconds, capped for all who share the cap, watched so that nobody dribbles. */
import { describe, expect, test } from 'vitest'
import { RateCap, RateMeter } from '../src/rate.ts'

const never = new AbortController().signal

describe('a meter', () => {
  test('shows the last seconds', () => {
    const meter = new RateMeter(0)
    for (let second = 0; second < 20; second += 1) meter.add(1000, second * 1000)
    expect(meter.rate(19_999)).toBeGreaterThan(900)
    expect(meter.rate(19_999)).toBeLessThan(1100)
    expect(meter.rate(40_000)).toBe(0)
  })

  test('does not make a new transfer look slow or endlessly fast', () => {
    const meter = new RateMeter(0)
    meter.add(1000, 500)
    expect(meter.rate(500)).toBe(2000)
    expect(new RateMeter(0).rate(0)).toBe(0)
  })
})

describe('a cap', () => {
  test('lets so many bytes go in a second', async () => {
    const cap = new RateCap(500_000)
    const startMs = performance.now()
    for (let sent = 0; sent < 250_000; sent += cap.chunkBytes) await cap.take(cap.chunkBytes, never)
    const seconds = (performance.now() - startMs) / 1000
    expect(seconds).toBeGreaterThan(0.25)
    expect(seconds).toBeLessThan(2)
  })

  test('shares them in turns', async () => {
    const cap = new RateCap(200_000)
    const counts = [0, 0, 0]
    const stop = new AbortController()
    const all = counts.map(async (_zero, index) => {
      while (!stop.signal.aborted) {
        await cap.take(cap.chunkBytes, never)
        counts[index]! += 1
        if (counts[index] === 8) stop.abort()
      }
    })
    await Promise.all(all)
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
  })

  test('lets go whoever gives up, and the next one takes the place', async () => {
    const cap = new RateCap(20_000)
    await cap.take(40_000, never)
    const stop = new AbortController()
    const first = cap.take(cap.chunkBytes, stop.signal)
    const second = cap.take(1, never)
    stop.abort(new Error('enough'))
    await expect(first).rejects.toThrow('enough')
    await second
    await expect(cap.take(1, stop.signal)).rejects.toThrow('enough')
  })

  test('pays for more than a chunk afterwards', async () => {
    const cap = new RateCap(1_000_000)
    await cap.take(300_000, never)
    const startMs = performance.now()
    await cap.take(1, never)
    expect(performance.now() - startMs).toBeGreaterThan(100)
  })
})
