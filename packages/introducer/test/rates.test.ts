/** How often a network may ask, when something is tried again, and how introducers are named. */
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, test } from 'vitest'
import { placeOf } from '../src/addresses.ts'
import { RATES_REMEMBERED_MAX, SERVER_LIMITS, type ServerLimits } from '../src/limits.ts'
import { Rates } from '../src/rates.ts'
import { parseIntroducerUrl } from '../src/url.ts'
import { Waits } from '../src/waits.ts'

const PEER = '12D3KooWGcSLLqDXgCW8iqcLyHBpSUMAAWwsk6cYJR2kXPYFWW7R'
const rates = (limits: Partial<ServerLimits> = {}) => new Rates({ ...SERVER_LIMITS, ...limits }, 0)
const at = (host: string) => placeOf(multiaddr(host.includes(':') ? `/ip6/${host}` : `/ip4/${host}`))
const times = (count: number, take: () => number) =>
  Array.from({ length: count }, take).filter(waitMs => waitMs === 0).length

describe('rates', () => {
  test('a network has its burst, then its rate; hosts of one /24 or /48 share them, and others have their own', () => {
    const limits = rates({ requestsBurst: 4, requestsPerMinute: 6 })
    expect(times(3, () => limits.take(at('8.8.8.1'), 'question', 0))).toBe(3)
    expect(times(3, () => limits.take(at('8.8.8.2'), 'question', 0))).toBe(1)
    expect(limits.take(at('8.8.8.3'), 'question', 0)).toBe(10_000)
    expect(limits.take(at('8.8.8.3'), 'question', 9_999)).toBe(1)
    expect(limits.take(at('8.8.8.3'), 'question', 10_000)).toBe(0)
    expect(limits.take(at('8.8.9.3'), 'question', 10_000)).toBe(0)
    expect(times(9, () => limits.take(at('2600:1:2:3::1'), 'question', 0))).toBe(4)
    expect(times(9, () => limits.take(at('2600:1:2:4::1'), 'question', 0))).toBe(0)
  })

  test('a private host has privateFactor times as much, for itself', () => {
    const limits = rates({ requestsBurst: 2, privateFactor: 3 })
    expect(times(9, () => limits.take(at('192.168.1.1'), 'question', 0))).toBe(6)
    expect(times(9, () => limits.take(at('192.168.1.2'), 'question', 0))).toBe(6)
  })

  test('all together have totalBurst, then totalPerSecond; who is refused uses up nothing', () => {
    const limits = rates({ totalBurst: 3, totalPerSecond: 1, requestsBurst: 1 })
    expect(times(9, () => limits.take(at('8.8.8.1'), 'question', 0))).toBe(1)
    expect(limits.take(at('9.8.8.1'), 'question', 0)).toBe(0)
    expect(limits.take(at('10.8.8.1'), 'announcement', 0)).toBe(0)
    expect(limits.take(at('11.8.8.1'), 'question', 0)).toBe(1_000)
    expect(limits.take(at('11.8.8.1'), 'question', 1_000)).toBe(0)
  })

  test('a network is in debt after refusalsBurst refusals, and until one more is due; by its own fault alone', () => {
    const limits = rates({
      requestsBurst: 1,
      refusalsBurst: 2,
      refusalsPerMinute: 6,
      totalBurst: 2,
      totalPerSecond: 1
    })
    const one = at('8.8.8.1')
    const asked = (nowMs: number) => [limits.take(one, 'question', nowMs) === 0, limits.isInDebt(one, nowMs)]
    expect([asked(0), asked(0), asked(0)]).toEqual([
      [true, false],
      [false, false],
      [false, true]
    ])
    expect(limits.isInDebt(at('8.8.8.2'), 0)).toBe(true)
    expect([limits.isInDebt(one, 9_999), limits.isInDebt(one, 10_000)]).toEqual([true, false])
    expect(limits.take(at('9.8.8.1'), 'question', 0)).toBe(0)
    // All together have asked too much.
    for (let time = 0; time < 9; time += 1)
      expect(limits.take(at('11.8.8.1'), 'question', 0)).toBeGreaterThan(0)
    expect(limits.isInDebt(at('11.8.8.1'), 0)).toBe(false)
  })

  test('RATES_REMEMBERED_MAX networks are remembered, the latest: a forgotten one is new', () => {
    const limits = rates({ requestsBurst: 1, totalBurst: 1e9 })
    const network = (number: number) => at(`${64 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}.1`)
    for (let number = 0; number < RATES_REMEMBERED_MAX; number += 1)
      limits.take(network(number), 'question', 0)
    expect(limits.take(network(0), 'question', 0)).toBeGreaterThan(0)
    expect(limits.take(network(RATES_REMEMBERED_MAX), 'question', 0)).toBe(0)
    expect(limits.take(network(1), 'question', 0)).toBe(0)
  })
})

test('after a failure a longer wait each time, up to ten minutes; as long as it is told, up to an hour', () => {
  const waits = new Waits()
  const none = { random: () => 0 }
  const failed = (retryMs?: number) => {
    waits.failed(0, none, retryMs)
    return waits.atMs
  }
  expect([failed(), failed(), failed(), failed(60_000)]).toEqual([5_000, 10_000, 20_000, 60_000])
  for (let time = 0; time < 9; time += 1) failed()
  expect([failed(), failed(1e12)]).toEqual([600_000, 3_600_000])
  waits.succeeded(7, 3)
  expect([waits.atMs, failed()]).toEqual([10, 5_000])
  waits.failed(0, { random: () => 2 ** 32 - 1 })
  expect(waits.atMs).toBe(12_000)
})

describe('the name of an introducer', () => {
  test.each([
    ['http://introducer.example:6348', { base: 'http://introducer.example:6348/' }],
    ['https://introducer.example/servent', { base: 'https://introducer.example/servent/' }],
    [`http://[::1]:6348/#${PEER}`, { base: 'http://[::1]:6348/', pinned: PEER }]
  ])('%s', (text, expected) => {
    expect(parseIntroducerUrl(text)).toEqual(expected)
  })

  test.each([
    ['introducer.example', 'is no URL'],
    ['ftp://introducer.example', 'neither http:// nor https://'],
    ['http://me:secret@introducer.example', 'user name or password'],
    ['http://introducer.example/?a=1', 'holds a ?'],
    ['http://introducer.example/#12D3KooW', 'no PeerId after its #']
  ])('%s is none', (text, why) => {
    expect(() => parseIntroducerUrl(text)).toThrow(expect.objectContaining({ name: 'IntroducerUrlError' }))
    expect(() => parseIntroducerUrl(text)).toThrow(why)
  })
})
