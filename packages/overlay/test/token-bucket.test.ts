import { TokenBucket } from '@servent/overlay/machine'
import fc from 'fast-check'
import { expect, test } from 'vitest'

test('a full bucket gives its capacity at once, and one more only in its time', () => {
  const bucket = new TokenBucket(10, 5, 1000)
  expect(bucket.take(11, 1000)).toBe(false)
  expect(bucket.take(10, 1000)).toBe(true)
  expect(bucket.take(1, 1000)).toBe(false)
  expect(bucket.waitMs(1, 1000)).toBe(200)
  expect(bucket.take(1, 1199)).toBe(false)
  expect(bucket.take(1, 1200)).toBe(true)
})

test('a bucket is never over its capacity', () => {
  const bucket = new TokenBucket(10, 5, 0)
  expect(bucket.take(11, 1_000_000)).toBe(false)
  expect(bucket.take(10, 1_000_000)).toBe(true)
  expect(bucket.take(1, 1_000_000)).toBe(false)
})

test('a charge may go into debt, which is paid before anything is given', () => {
  const bucket = new TokenBucket(10, 5, 0)
  bucket.charge(30, 0)
  expect(bucket.waitMs(0, 0)).toBe(4000)
  expect(bucket.waitMs(1, 0)).toBe(4200)
  expect(bucket.take(1, 4199)).toBe(false)
  expect(bucket.take(1, 4200)).toBe(true)
})

test('more than the capacity waits for a full bucket', () => {
  const bucket = new TokenBucket(10, 5, 0)
  bucket.charge(10, 0)
  expect(bucket.waitMs(1000, 0)).toBe(2000)
  expect(bucket.waitMs(1000, 2000)).toBe(0)
})

test('a clock that goes back gives nothing, now or later', () => {
  const bucket = new TokenBucket(10, 5, 10_000)
  bucket.charge(10, 10_000)
  expect(bucket.take(1, 0)).toBe(false)
  expect(bucket.take(1, 10_000)).toBe(false)
  expect(bucket.take(1, 10_200)).toBe(true)
})

test('a bucket without capacity or rate is refused, one without limit gives all', () => {
  for (const [capacity, rate] of [
    [0, 1],
    [1, 0],
    [-1, 1],
    [1, -1],
    [Number.NaN, 1],
    [1, Number.NaN]
  ] as const) {
    expect(() => new TokenBucket(capacity, rate, 0)).toThrow(RangeError)
  }
  const endless = new TokenBucket(Infinity, Infinity, 0)
  expect(endless.take(1e15, 0)).toBe(true)
  expect(endless.take(1e15, 1)).toBe(true)
  expect(endless.waitMs(1e15, 1)).toBe(0)
})

test('what waitMs says is enough, and a millisecond less is not', () => {
  const whole = (max: number) => fc.integer({ min: 1, max })
  fc.assert(
    fc.property(
      whole(1e6),
      whole(1e6),
      fc.array(fc.tuple(whole(1e6), fc.nat(5000)), { maxLength: 20, size: 'max' }),
      (capacity, rate, uses) => {
        const bucket = new TokenBucket(capacity, rate, 0)
        let nowMs = 0
        for (const [amount, passedMs] of uses) {
          nowMs += passedMs
          const tokens = Math.min(amount, capacity)
          const waitMs = bucket.waitMs(tokens, nowMs)
          if (waitMs > 0) {
            expect(bucket.take(tokens, nowMs + waitMs - 1)).toBe(false)
            nowMs += waitMs
          }
          expect(bucket.take(tokens, nowMs)).toBe(true)
        }
      }
    )
  )
})

test('agrees with a plain sum: what was given never exceeds the burst and the rate', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100 }),
      fc.integer({ min: 1, max: 100 }),
      fc.array(fc.tuple(fc.nat(50), fc.nat(300)), { maxLength: 100, size: 'max' }),
      (capacity, rate, uses) => {
        const bucket = new TokenBucket(capacity, rate, 0)
        let nowMs = 0
        let thousandths = capacity * 1000
        for (const [tokens, passedMs] of uses) {
          nowMs += passedMs
          thousandths = Math.min(capacity * 1000, thousandths + passedMs * rate)
          const given = thousandths >= tokens * 1000
          if (given) thousandths -= tokens * 1000
          expect(bucket.take(tokens, nowMs)).toBe(given)
        }
      }
    )
  )
})
