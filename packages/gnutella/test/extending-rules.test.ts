/** Queries that are under way, and links and tables that come since. */
import type { Link } from '@servent/overlay/machine'
import { type Effect, testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import { SEARCH_SPREAD_MS, SEARCHES_MAX } from '../src/constants.ts'
import type { GnutellaMessage } from '../src/messages.ts'
import {
  EXTENSIONS_BURST,
  EXTENSIONS_PER_SECOND,
  QUERIES_EXTENDED_MAX,
  SEARCHES_UNROUTED_MAX,
  WAIT_PER_HOP_MS
} from '../src/tier-constants.ts'
import type { GnutellaTypes } from '../src/types.ts'
import { LEAF, query, Servent, tableOf, ULTRAPEER } from './servent.ts'

const GUIDED = 0x8000 | (1 << 12)
const ultrapeer = (search: 'dynamic' | 'flood' = 'dynamic') => new Servent({ role: 'ultrapeer', search })
const sentTo = (servent: Servent, link: number) => servent.outline()[link] ?? []
const queriesTo = (servent: Servent, link: number) =>
  sentTo(servent, link).filter(said => said.startsWith('query'))

describe('an own search of an ultrapeer', () => {
  it.each(['dynamic', 'flood'] as const)(
    'that is spread by %s is handed to a leaf that comes up, once',
    style => {
      const servent = ultrapeer(style)
      servent.search('blue')
      const leaf = servent.link(1)
      servent.from(
        leaf,
        { type: 'connect', headers: LEAF },
        { type: 'status', status: 200, reason: 'OK', headers: {} }
      )
      expect(queriesTo(servent, leaf)).toEqual(['query 1/0'])
      servent.from(leaf, ...tableOf('blue'))
      expect(queriesTo(servent, leaf)).toEqual([])
    }
  )

  it('is handed to a leaf whose table says only now that it has it, and not after SEARCH_SPREAD_MS', () => {
    const servent = ultrapeer()
    const [early, late, other] = [1, 2, 3].map(peer => {
      const leaf = servent.neighbour(peer, { headers: LEAF })
      servent.from(leaf, ...tableOf('green'))
      return leaf
    }) as [number, number, number]
    servent.search('blue')
    servent.take()
    servent.from(early, ...tableOf('blue', 'green'))
    servent.from(other, ...tableOf('red'))
    expect(servent.outline()).toEqual({ [early]: ['query 1/0'] })
    servent.pass(SEARCH_SPREAD_MS)
    servent.take()
    servent.from(late, ...tableOf('blue'))
    expect(queriesTo(servent, late)).toEqual([])
  })

  it('that was begun as a leaf is handed to the leaf that this servent becomes an ultrapeer for', () => {
    const servent = new Servent({ role: 'auto' })
    servent.search('blue')
    const leaf = servent.link(1)
    servent.from(
      leaf,
      { type: 'connect', headers: LEAF },
      { type: 'status', status: 200, reason: 'OK', headers: {} }
    )
    expect(servent.tiers().tier).toBe('ultrapeer')
    expect(queriesTo(servent, leaf)).toEqual(['query 1/0'])
  })
})

describe('a leaf without a table that says something', () => {
  it('is asked with SEARCHES_UNROUTED_MAX own searches as it comes up, and not one more, nor for others', () => {
    for (const searches of [0, SEARCHES_UNROUTED_MAX, SEARCHES_UNROUTED_MAX + 1]) {
      const servent = ultrapeer()
      const asker = servent.neighbour(1, { headers: LEAF })
      servent.from(asker, ...tableOf('green'), query({ flags: GUIDED }))
      for (let count = 0; count < searches; count += 1) servent.search('blue')
      const leaf = servent.link(2)
      servent.take()
      servent.from(
        leaf,
        { type: 'connect', headers: LEAF },
        { type: 'status', status: 200, reason: 'OK', headers: {} }
      )
      const asked = Math.min(searches, SEARCHES_UNROUTED_MAX)
      expect(queriesTo(servent, leaf)).toEqual(Array(asked).fill('query 1/0'))
      // The rest is for what its table says.
      servent.from(leaf, ...tableOf('blue'))
      expect(queriesTo(servent, leaf)).toEqual([...Array(searches - asked).fill('query 1/0'), 'query 1/1'])
    }
  })
})

describe('a leaf that tells one table after the other', () => {
  it('has what is under way looked through EXTENSIONS_BURST times, and then EXTENSIONS_PER_SECOND', () => {
    const servent = ultrapeer()
    // The first time was as it came up.
    const leaf = servent.neighbour(1, { headers: LEAF })
    const tell = () => {
      servent.from(leaf, ...tableOf('green'))
      servent.search('blue')
      servent.take()
      servent.from(leaf, ...tableOf('blue'))
      return queriesTo(servent, leaf).length
    }
    const asked = Array.from({ length: EXTENSIONS_BURST / 2 }, tell)
    expect(asked).toEqual([...Array(EXTENSIONS_BURST / 2 - 1).fill(1), 0])
    expect(servent.counter('extensionsCapped')).toBe(1)
    servent.pass((1000 * 2) / EXTENSIONS_PER_SECOND)
    expect(tell()).toBe(2)
  })
})

describe('what an ultrapeer asks for a leaf', () => {
  it('is handed to a leaf that comes later once its table matches, with the hop that it took', () => {
    const servent = ultrapeer()
    const asker = servent.neighbour(1, { headers: LEAF })
    servent.from(asker, query({ flags: GUIDED }))
    const leaf = servent.link(2)
    servent.take()
    servent.from(
      leaf,
      { type: 'connect', headers: LEAF },
      { type: 'status', status: 200, reason: 'OK', headers: {} }
    )
    expect(queriesTo(servent, leaf)).toEqual([])
    servent.from(leaf, ...tableOf('blue'))
    expect(queriesTo(servent, leaf)).toEqual(['query 1/1'])
    servent.from(asker, ...tableOf('blue'))
    expect(queriesTo(servent, asker)).toEqual([])
  })

  it('begins with the first ultrapeer that comes up, while a leaf that guides has not said that it is over', () => {
    for (const [flags, asked] of [
      [GUIDED, ['query 2/1']],
      [0x8000, []]
    ] as const) {
      const servent = ultrapeer()
      const asker = servent.neighbour(1, { headers: LEAF })
      servent.from(asker, query({ flags }))
      servent.pass(3 * WAIT_PER_HOP_MS)
      const peer = servent.link(2)
      servent.take()
      servent.from(
        peer,
        { type: 'connect', headers: ULTRAPEER },
        { type: 'status', status: 200, reason: 'OK', headers: {} }
      )
      expect(queriesTo(servent, peer)).toEqual(asked)
    }
  })

  it('is as much as QUERIES_EXTENDED_MAX for one link or table, own searches first, and not one more', () => {
    for (const more of [0, 1]) {
      const servent = ultrapeer()
      const leaf = servent.neighbour(1, { headers: LEAF })
      servent.from(leaf, ...tableOf('green'))
      const own = SEARCHES_MAX / 2
      for (let count = 0; count < own; count += 1) servent.search('blue')
      let asked = 0
      for (let peer = 10; asked < QUERIES_EXTENDED_MAX - own + more; peer += 1) {
        const asker = servent.neighbour(peer, { headers: LEAF })
        servent.from(asker, ...tableOf('green'))
        for (let count = 0; count < 8 && asked < QUERIES_EXTENDED_MAX - own + more; count += 1, asked += 1)
          servent.from(asker, query({ flags: GUIDED }))
      }
      expect(servent.tiers().dynamicQueries).toBe(QUERIES_EXTENDED_MAX + more)
      servent.take()
      servent.from(leaf, ...tableOf('blue'))
      expect(queriesTo(servent, leaf)).toEqual([
        ...Array(own).fill('query 1/0'),
        ...Array(QUERIES_EXTENDED_MAX - own).fill('query 1/1')
      ])
      // What is left comes with the next table.
      servent.from(leaf, ...tableOf('blue', 'red'))
      expect(queriesTo(servent, leaf)).toEqual(Array(more).fill('query 1/1'))
    }
  })
})

/** The handshake's word that was sent on a link. */
function wordOn(effects: readonly Effect<GnutellaTypes>[], link: Link): GnutellaMessage {
  const [word] = effects.flatMap(effect =>
    effect.type === 'send' && effect.link === link ? [effect.message] : []
  )
  return word!
}

describe('a servent that changes its tier', () => {
  it('goes on with whoever called and was not answered yet, so that two leaves that come at once are both taken', () => {
    const servent = new Servent({ role: 'auto' })
    const [first, second] = [servent.link(1), servent.link(2)]
    servent.from(first, { type: 'connect', headers: LEAF })
    servent.from(second, { type: 'connect', headers: LEAF })
    expect(servent.tiers().tier).toBe('ultrapeer')
    for (const link of [first, second])
      expect(servent.sent(link)).toMatchObject([{ type: 'status', status: 200 }])
    expect(servent.closed()).toEqual([])
  })

  it('is not the ultrapeer of a leaf that names its own, and calls those instead', () => {
    const [leaf, lonely] = [new Servent({ role: 'leaf' }), new Servent({ role: 'auto' })]
    leaf.neighbour(7, { headers: ULTRAPEER, inbound: false })
    const out = leaf.link(2, false)
    const [connect] = leaf.sent(out)
    expect(connect).toMatchObject({ type: 'connect', headers: { 'x-servent-try': expect.any(String) } })
    const link = lonely.link(1)
    lonely.from(link, connect!)
    expect(lonely.tiers().tier).toBe('leaf')
    expect(lonely.sent(link)).toMatchObject([{ type: 'status', status: 503 }])
    lonely.down(link)
    const ultrapeer = lonely.effects.peers.intern(testContact(7))
    expect(lonely.take()).toContainEqual({ type: 'open', peer: ultrapeer })
  })

  it('finds the other ultrapeer that a leaf called at the same time, by the last word of that leaf', () => {
    const leaf = new Servent({ role: 'leaf' })
    const called = [1, 2].map(peer => {
      const ultrapeer = new Servent({ role: 'ultrapeer' })
      return { ultrapeer, out: leaf.link(peer, false), link: ultrapeer.link(9) }
    })
    // The first words name nobody: neither is an ultrapeer of the leaf yet.
    const connects = leaf.take()
    for (const { ultrapeer, out, link } of called) ultrapeer.from(link, wordOn(connects, out))
    const opened = called.map(({ ultrapeer, out, link }) => {
      leaf.from(out, ultrapeer.sent(link)[0]!)
      ultrapeer.from(link, wordOn(leaf.take(), out))
      return ultrapeer
        .take()
        .flatMap(effect => (effect.type === 'open' ? [ultrapeer.effects.peers.contact(effect.peer).id] : []))
    })
    expect(opened).toEqual([[], [testContact(1).id]])
  })

  it('calls at once whom it had called as what it was before', () => {
    const servent = new Servent({ role: 'auto' })
    const peer = servent.effects.peers.intern(testContact(1))
    servent.handle({ type: 'contact', peer })
    const link = servent.link(1, false)
    servent.take()
    servent.from(servent.link(2), { type: 'connect', headers: LEAF })
    expect(servent.closed()).toEqual([link])
    servent.take()
    servent.down(link, 'local')
    expect(servent.take()).toContainEqual({ type: 'open', peer })
  })
})
