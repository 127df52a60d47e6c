/** Published figures of large networks. */
import { expect, it } from 'vitest'
import { reachOfFlood } from './small-network.ts'

it('Ritter 2001: with four links each, a TTL of 7 reaches 4372 servents', { timeout: 120_000 }, () => {
  expect(reachOfFlood(4, 7)).toEqual({ queries: 4372, servents: 4372, wrongs: [] })
})
