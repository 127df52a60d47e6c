/** What a peer of the two tiers gains that says more of itself, or of what it sends, than is true. */
import { describe, expect, it } from 'vitest'
import { TTL_HARD_MAX, TTL_MAX } from '../src/constants.ts'
import type { Headers } from '../src/messages.ts'
import { hashWord } from '../src/qrp-hash.ts'
import { LEAF, query, Servent, ULTRAPEER } from './servent.ts'

const words = (...some: string[]) => ({ type: 'words' as const, hashes: Uint32Array.from(some, hashWord) })

describe('hops', () => {
  /** What one servent sends of queries goes to others, of either tier, that heard nothing of it before. */
  const isAccepted = (sent: ReturnType<Servent['sent']>) => {
    for (const message of sent) {
      if (message.type !== 'query') continue
      for (const role of ['leaf', 'ultrapeer'] as const) {
        const receiver = new Servent({ role })
        const link = receiver.neighbour(1, { headers: ULTRAPEER, inbound: false })
        receiver.from(link, message)
        if (receiver.counter('descriptorsBadTtl') > 0) return false
      }
    }
    return true
  }
  const kinds: readonly [string, Headers][] = [
    ['leaf', LEAF],
    ['ultrapeer', ULTRAPEER]
  ]

  it.each(kinds)('of what a servent sends for a query of a %s are taken by every servent', (_, headers) => {
    for (const search of ['dynamic', 'flood'] as const) {
      let sent = 0
      for (let hops = 0; hops <= TTL_MAX + 1; hops += 1) {
        for (const ttl of [1, 2, TTL_MAX, TTL_HARD_MAX]) {
          const servent = new Servent({ role: 'ultrapeer', search })
          const from = servent.neighbour(1, { headers })
          servent.neighbour(2, { headers: LEAF })
          servent.neighbour(3, { headers: ULTRAPEER })
          servent.from(from, query({ ttl, hops }))
          const messages = servent.sent()
          sent += messages.length
          expect(isAccepted(messages), `${search} ${ttl}/${hops}`).toBe(true)
        }
      }
      expect(sent).toBeGreaterThan(TTL_MAX)
    }
  })

  it('that a leaf says mean nothing: it is asked for as if it said none', () => {
    const servent = new Servent({ role: 'ultrapeer' })
    const [leaf, other] = [servent.neighbour(1, { headers: LEAF }), servent.neighbour(2, { headers: LEAF })]
    const peer = servent.neighbour(3, { headers: ULTRAPEER })
    servent.from(leaf, query({ ttl: 1, hops: TTL_MAX - 1 }))
    expect(servent.outline()).toEqual({ [other]: ['query 1/1'], [peer]: ['query 2/1'] })
  })

  it('may be TTL_MAX on the way to a leaf, and not one more', () => {
    for (const [hops, offences] of [
      [TTL_MAX, 0],
      [TTL_MAX + 1, 1]
    ] as const) {
      const servent = new Servent({ role: 'leaf' })
      servent.command(words('blue'))
      const link = servent.neighbour(1, { headers: ULTRAPEER, inbound: false })
      servent.from(link, query({ ttl: 1, hops }))
      expect(servent.counter('descriptorsBadTtl')).toBe(offences)
      expect(servent.asked()).toHaveLength(1 - offences)
    }
  })
})
