import { expect, test } from 'vitest'
import { RequestPace } from '../src/request-pace.ts'

const limits = { requestsBurst: 3, requestsPerSecond: 2, requestPeersMax: 2 }

test('requestsBurst at once, then requestsPerSecond, and nobody waits for others', () => {
  const pace = new RequestPace(limits)
  const waits = (peer: string, count: number, nowMs: number) =>
    Array.from({ length: count }, () => pace.ask(peer, nowMs))
  expect(waits('a', 5, 0)).toEqual([0, 0, 0, 500, 1000])
  expect(waits('b', 3, 0)).toEqual([0, 0, 0])
  expect(waits('a', 1, 1500)).toEqual([0])
  expect(waits('a', 1, 1500)).toEqual([500])
})

test('requestPeersMax are remembered, the latest', () => {
  const pace = new RequestPace(limits)
  for (const peer of ['a', 'a', 'a', 'b', 'c']) pace.ask(peer, 0)
  expect(pace.ask('b', 0)).toBe(0)
  for (let n = 0; n < 3; n += 1) pace.ask('c', 0)
  expect(pace.ask('c', 0)).toBeGreaterThan(0)
  expect(pace.ask('a', 0)).toBe(0)
})
