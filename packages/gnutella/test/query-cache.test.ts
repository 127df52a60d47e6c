/** Repeated queries answered from the cache, without a search finding more, less or other than before. */
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import {
  CACHE_AGE_MS,
  CACHE_BYTES_MAX,
  CACHE_ENTRY_BYTES_MAX,
  CACHE_HITS_MAX,
  CACHE_QUERIES_MAX,
  CACHE_RESULTS_MAX,
  CACHE_SETTLE_MS,
  CACHE_WAITING_MAX,
  HITS_BURST,
  HITS_PER_QUERY_MAX,
  QUEUE_BYTES_HIGH,
  QUEUE_BYTES_MAX,
  VOUCHES_MAX,
  VOUCHES_PER_SECOND
} from '../src/constants.ts'
import { cacheKey, QueryCache } from '../src/query-cache.ts'
import type { GnutellaSettings } from '../src/types.ts'
import { freshGuid, hit, query, result, Servent } from './servent.ts'
import { SmallNetwork, watchFloods } from './small-network.ts'

const LATER_MS = 1_900_000_000_000

/** A servent that handed `blue` of a on to b and c with TTL 7, and got hits of b, each from so far. */
function repeated(
  hitsOfB: Parameters<typeof hit>[1][] = [{ hops: 1 }],
  settings: Partial<GnutellaSettings> = {}
) {
  const servent = new Servent({ neighbours: 8, ...settings })
  const [a, b, c, d] = [1, 2, 3, 4].map(peer => servent.neighbour(peer)) as [number, number, number, number]
  const first = query()
  servent.from(a, first)
  for (const fields of hitsOfB) servent.from(b, hit(first.guid, fields))
  servent.effects.advance(CACHE_SETTLE_MS)
  servent.take()
  return { servent, a, b, c, d, first }
}
const vouches = (servent: Servent) => servent.asked().filter(({ question }) => question.type === 'vouch')

describe('a query that comes again', () => {
  it('is answered for the neighbour that answered before, once its hits are vouched for, and goes to the others', () => {
    const { servent, a, b, c, d } = repeated()
    const again = query()
    servent.from(d, again)
    expect(servent.sent(b)).toEqual([])
    expect(servent.sent(a)).toMatchObject([{ type: 'query', guid: again.guid, ttl: 6 }])
    expect(servent.sent(c)).toMatchObject([{ type: 'query', guid: again.guid, ttl: 6 }])
    const [vouch] = vouches(servent)
    expect(vouch!.question).toMatchObject({
      text: 'blue',
      urns: [],
      claims: [{ contact: testContact(900), results: [{}] }]
    })
    servent.answer(vouch!.id, { type: 'vouch', expiresMs: [LATER_MS] })
    expect(servent.sent()).toMatchObject([
      { type: 'query-hit', guid: again.guid, hops: 2, ttl: 2, payload: new Uint8Array(200) }
    ])
    expect(servent.counter('queriesAnsweredFromCache')).toBe(1)
    servent.take()
    // From then on at once.
    servent.from(c, query({ text: ' BLUE ' }))
    expect(servent.outline()).toMatchObject({
      [a]: ['query 6/1'],
      [c]: ['query-hit 2/2'],
      [d]: ['query 6/1']
    })
  })

  it('goes to all where the user wants no cache, and nothing is kept', () => {
    const { servent, a, b, c, d } = repeated([{ hops: 1 }], { queryCache: false })
    expect(servent.machine.snapshot().queryCache).toEqual({ queries: 0, hits: 0, bytes: 0 })
    servent.from(d, query())
    expect(servent.outline()).toEqual({ [a]: ['query 6/1'], [b]: ['query 6/1'], [c]: ['query 6/1'] })
    expect(servent.counter('queriesAnsweredFromCache')).toBe(0)
  })

  it('and whose hits are not sound, or nobody can tell, goes to their neighbour after all', () => {
    for (const answer of [
      { type: 'vouch', expiresMs: [0] },
      { type: 'vouch', expiresMs: [] },
      undefined
    ] as const) {
      const { servent, b, d } = repeated()
      servent.from(d, query())
      const [vouch] = vouches(servent)
      if (answer === undefined) servent.handle({ type: 'answer', id: vouch!.id, error: 'no' })
      else servent.answer(vouch!.id, answer)
      expect(servent.outline()).toEqual({ [b]: ['query 6/1'] })
    }
  })

  it('whose asker is gone when the verdict comes gets nothing', () => {
    const { servent, d } = repeated()
    servent.from(d, query())
    const [vouch] = vouches(servent)
    servent.down(d)
    servent.answer(vouch!.id, { type: 'vouch', expiresMs: [LATER_MS] })
    expect(servent.sent()).toEqual([])
  })

  it('is never answered with what has expired meanwhile', () => {
    const { servent, b, d, c } = repeated()
    servent.from(d, query())
    const expiresMs = servent.effects.wall + 10_000
    servent.answer(vouches(servent)[0]!.id, { type: 'vouch', expiresMs: [expiresMs] })
    servent.take()
    servent.effects.advance(9_999)
    servent.from(c, query())
    expect(servent.sent(b)).toEqual([])
    servent.effects.advance(1)
    servent.take()
    servent.from(c, query())
    expect(servent.sent(b)).toHaveLength(1)
    expect(servent.sent(c)).toEqual([])
  })

  it('is handed on as ever while answers still come in, and when they are CACHE_AGE_MS old', () => {
    for (const [afterMs, isCached] of [
      [CACHE_SETTLE_MS - 1, false],
      [CACHE_SETTLE_MS, true],
      [CACHE_AGE_MS, true],
      [CACHE_AGE_MS + 1, false]
    ] as const) {
      const { servent, b, d } = repeated()
      servent.effects.advance(afterMs - CACHE_SETTLE_MS)
      servent.from(d, query())
      expect(servent.sent(b)).toHaveLength(isCached ? 0 : 1)
    }
  })

  it('gets only what it would have reached: a hit from 3 links away needs a TTL of 4', () => {
    for (const [ttl, isCached] of [
      [3, false],
      [4, true],
      [7, true]
    ] as const) {
      const { servent, b, d } = repeated([{ hops: 2 }])
      servent.from(d, query({ ttl }))
      expect(servent.sent(b)).toHaveLength(isCached ? 0 : 1)
    }
  })

  it('with more TTL than the one before goes to everybody', () => {
    const servent = new Servent()
    const [a, b, c] = [servent.neighbour(1), servent.neighbour(2), servent.neighbour(3)]
    const first = query({ ttl: 5 })
    servent.from(a, first)
    servent.from(b, hit(first.guid))
    servent.effects.advance(CACHE_SETTLE_MS)
    servent.take()
    servent.from(c, query({ ttl: 6 }))
    expect(servent.sent(b)).toHaveLength(1)
  })

  it('by the neighbour that had answered is not answered with its own hits', () => {
    const { servent, a, b, c } = repeated()
    servent.from(b, query())
    expect(servent.effects.log.filter(({ type }) => type === 'ask')).toHaveLength(1)
    expect(servent.outline()).toMatchObject({ [a]: ['query 6/1'], [c]: ['query 6/1'] })
    expect(servent.counter('queriesAnsweredFromCache')).toBe(0)
  })

  it('is not answered for a neighbour that is gone', () => {
    const { servent, b, d } = repeated()
    servent.down(b)
    servent.take()
    servent.from(d, query())
    expect(vouches(servent)).toEqual([])
  })

  it('goes to a neighbour that brought more than fits, or hits that nobody signed', () => {
    const { contact: _, ...foreign } = hit('')
    const many = Array.from({ length: CACHE_HITS_MAX + 1 }, () => ({ hops: 1 }))
    const unsigned = [{ hops: 1 }, { results: [{ index: 1, size: 1, name: 'blue', urns: [], ggep: [] }] }]
    for (const hits of [many, unsigned, [{ contact: undefined as never }], [...unsigned, { hops: 1 }]]) {
      const { servent, b, d } = repeated(hits)
      servent.from(d, query())
      expect(servent.sent(b)).toHaveLength(1)
      expect(servent.machine.snapshot().queryCache.hits).toBe(0)
    }
    expect(foreign.type).toBe('query-hit')
  })

  it('by CACHE_WAITING_MAX others waits for one verdict; one more goes to everybody', () => {
    const { servent, b, d } = repeated()
    for (let count = 0; count < CACHE_WAITING_MAX; count += 1) servent.from(d, query())
    expect(servent.sent(b)).toEqual([])
    servent.from(d, query())
    expect(servent.sent(b)).toHaveLength(1)
    const asked = vouches(servent)
    expect(asked).toHaveLength(1)
    servent.answer(asked[0]!.id, { type: 'vouch', expiresMs: [LATER_MS] })
    expect(servent.sent(d)).toHaveLength(CACHE_WAITING_MAX)
  })

  it('is vouched for VOUCHES_MAX at a time and VOUCHES_PER_SECOND a second; others are handed on', () => {
    const texts = Array.from({ length: VOUCHES_MAX + 1 }, (_, index) => `blue ${index}`)
    const servent = new Servent()
    const [a, b, c] = [servent.neighbour(1), servent.neighbour(2), servent.neighbour(3)]
    for (const text of texts) {
      const first = query({ text })
      servent.from(a, first)
      servent.from(b, hit(first.guid))
    }
    servent.effects.advance(CACHE_SETTLE_MS)
    servent.take()
    for (const text of texts) servent.from(c, query({ text }))
    expect(servent.sent(b)).toHaveLength(1)
    expect(vouches(servent)).toHaveLength(VOUCHES_MAX)
    // Four wait, so that nothing is asked however much time goes by.
    servent.effects.advance(10_000)
    servent.from(c, query({ text: texts.at(-1)! }))
    expect(vouches(servent)).toEqual([])
    expect(VOUCHES_PER_SECOND).toBe(VOUCHES_MAX)
  })

  it('is answered with CACHE_ENTRY_BYTES_MAX bytes of hits; a branch with one byte more is asked again', () => {
    expect(CACHE_ENTRY_BYTES_MAX).toBeLessThan(QUEUE_BYTES_MAX - QUEUE_BYTES_HIGH)
    for (const [extra, isCached] of [
      [0, true],
      [1, false]
    ] as const) {
      const half = CACHE_ENTRY_BYTES_MAX / 2
      const { servent, b, d } = repeated([
        { hops: 1, payload: new Uint8Array(half) },
        { hops: 1, payload: new Uint8Array(half + extra) }
      ])
      servent.from(d, query())
      expect(servent.sent(b)).toHaveLength(isCached ? 0 : 1)
    }
  })

  it('by one link many times gets CACHE_ENTRY_BYTES_MAX bytes by one verdict; the rest is asked of the branch', () => {
    const { servent, b, d } = repeated([{ hops: 1, payload: new Uint8Array(CACHE_ENTRY_BYTES_MAX / 2) }])
    for (let count = 0; count < CACHE_WAITING_MAX; count += 1) servent.from(d, query())
    servent.answer(vouches(servent)[0]!.id, { type: 'vouch', expiresMs: [LATER_MS] })
    expect(servent.sent(d)).toHaveLength(2)
    expect(servent.sent(b)).toHaveLength(CACHE_WAITING_MAX - 2)
  })

  it('whose asker came under flow control before the verdict gets nothing', () => {
    const { servent, d } = repeated()
    servent.from(d, query())
    const [vouch] = vouches(servent)
    servent.handle({ type: 'pressure', link: d, level: 'high' })
    servent.answer(vouch!.id, { type: 'vouch', expiresMs: [LATER_MS] })
    expect(servent.sent()).toEqual([])
    expect(servent.counter('hitsDroppedInFlowControl')).toBe(1)
  })

  it('goes to a neighbour of which hits were dropped: over its rate, over HITS_PER_QUERY_MAX, or expired', () => {
    const asked = (prepare: (servent: Servent, b: number, c: number, guid: string) => void) => {
      const servent = new Servent({ neighbours: 8 })
      const [a, b, c, d] = [1, 2, 3, 4].map(peer => servent.neighbour(peer)) as [
        number,
        number,
        number,
        number
      ]
      const first = query()
      servent.from(a, first)
      servent.from(b, hit(first.guid, { hops: 1 }))
      prepare(servent, b, c, first.guid)
      servent.effects.advance(CACHE_SETTLE_MS)
      servent.take()
      servent.from(d, query())
      return servent.sent(b).length === 1
    }
    expect(asked(() => {})).toBe(false)
    expect(asked((servent, b, _, guid) => servent.from(b, hit(guid, { ttl: 1 })))).toBe(true)
    expect(
      asked((servent, b, _, guid) => {
        for (let count = 1; count < HITS_BURST; count += 1) servent.from(b, hit(freshGuid()))
        servent.from(b, hit(guid))
        expect(servent.counter('hitsOverRate')).toBe(1)
      })
    ).toBe(true)
    expect(
      asked((servent, b, c, guid) => {
        for (let count = 1; count < HITS_PER_QUERY_MAX; count += 1) servent.from(c, hit(guid))
        servent.from(b, hit(guid))
        expect(servent.counter('hitsOverRate')).toBe(1)
      })
    ).toBe(true)
  })

  it('and comes from here is never answered from here: whoever searches asks', () => {
    const { servent, a, b, c, d } = repeated()
    servent.search('blue')
    expect(Object.keys(servent.outline()).map(Number)).toEqual([a, b, c, d])
  })
})

describe('the cache', () => {
  it('knows a query by its words and URNs in any order and case', () => {
    expect(cacheKey({ text: ' Kind  of BLUE', urns: ['b', 'a'] })).toBe(
      cacheKey({ text: 'blue of kind', urns: ['a', 'b'] })
    )
    const quoted = ['artist="a b" title="c d"', 'artist="a d" title="c b"'].map(text => ({ text, urns: [] }))
    expect(cacheKey(quoted[0]!)).not.toBe(cacheKey(quoted[1]!))
    expect(cacheKey({ text: 'blue', urns: [] })).not.toBe(cacheKey({ text: '', urns: ['blue'] }))
  })

  it('holds CACHE_QUERIES_MAX queries and CACHE_BYTES_MAX bytes, and forgets the oldest', () => {
    const cache = new QueryCache()
    const wanted = { text: 'x', urns: [] }
    for (let index = 0; index <= CACHE_QUERIES_MAX; index += 1)
      cache.begin(`${index}`, wanted, freshGuid(), 7, index)
    expect(cache.size.queries).toBe(CACHE_QUERIES_MAX)
    expect(cache.find('0', 7, CACHE_SETTLE_MS)).toBeUndefined()
    expect(cache.find('1', 7, 1 + CACHE_SETTLE_MS)).toBeDefined()

    const full = new QueryCache()
    const payload = new Uint8Array(CACHE_ENTRY_BYTES_MAX)
    for (let index = 0; index < 100; index += 1) {
      const guid = freshGuid()
      full.begin(`${index}`, wanted, guid, 7, 0)
      full.add(`${index}`, 1, hit(guid, { payload }))
      expect(full.size.bytes).toBeLessThanOrEqual(CACHE_BYTES_MAX)
    }
    expect(full.size.bytes).toBeGreaterThan(CACHE_BYTES_MAX - CACHE_ENTRY_BYTES_MAX)
    full.age(CACHE_AGE_MS)
    expect(full.size.bytes).toBeGreaterThan(0)
    full.age(CACHE_AGE_MS + 1)
    expect(full.size).toEqual({ queries: 0, hits: 0, bytes: 0 })
  })

  it('keeps CACHE_RESULTS_MAX results of one query, and drops the branch that brings more', () => {
    const cache = new QueryCache()
    const guid = freshGuid()
    cache.begin('k', { text: 'x', urns: [] }, guid, 7, 0)
    const half = Array.from({ length: CACHE_RESULTS_MAX / 2 }, () => result())
    cache.add('k', 1, hit(guid, { results: half }))
    cache.add('k', 2, hit(guid, { results: half }))
    expect(cache.size).toEqual({ queries: 1, hits: 2, bytes: 400 })
    cache.add('k', 2, hit(guid))
    expect(cache.size).toEqual({ queries: 1, hits: 1, bytes: 200 })
    cache.add('k', 3, hit(guid, { payload: undefined as never }))
    expect(cache.size.hits).toBe(2)
    cache.add('k', 1, hit(freshGuid()))
    cache.add('z', 1, hit(guid))
    expect(cache.size.hits).toBe(2)
  })

  it('does not begin anew what is young and went as far', () => {
    const cache = new QueryCache()
    const wanted = { text: 'x', urns: [] }
    expect(cache.begin('k', wanted, freshGuid(), 5, 0)).toBe(true)
    expect(cache.begin('k', wanted, freshGuid(), 5, 1)).toBe(false)
    expect(cache.begin('k', wanted, freshGuid(), 6, 2)).toBe(true)
    expect(cache.begin('k', wanted, freshGuid(), 5, 2 + CACHE_AGE_MS)).toBe(false)
    expect(cache.begin('k', wanted, freshGuid(), 5, 3 + CACHE_AGE_MS)).toBe(true)
    const entry = cache.find('k', 5, 3 + CACHE_AGE_MS + CACHE_SETTLE_MS)!
    cache.delete(entry)
    cache.delete(entry)
    expect(cache.size.queries).toBe(0)
  })
})

describe('in a line of eight', () => {
  it('a repeated search finds the same over the same number of links, and the far end is left in peace', () => {
    const network = new SmallNetwork()
    const wrongs = watchFloods(network)
    const nodes = network.line(8, { neighbours: 2 })
    nodes[5]!.share('blue')
    const first = nodes[0]!.search('blue')
    network.run(CACHE_SETTLE_MS + 1_000)
    const asked = nodes[5]!.matchesAsked
    const second = nodes[0]!.search('blue')
    const near = nodes[0]!.search('blue', 4)
    network.run(1_000)
    expect(nodes[0]!.found(first)).toEqual(['blue over 5'])
    expect(nodes[0]!.found(second)).toEqual(['blue over 5'])
    expect(nodes[0]!.found(near)).toEqual([])
    expect(nodes[5]!.matchesAsked).toBe(asked)
    expect(nodes[1]!.counter('queriesAnsweredFromCache')).toBe(1)
    expect(wrongs).toEqual([])
  })

  it('who begins to share is found by the next search, unless it stands behind the one that answered', () => {
    const network = new SmallNetwork()
    const hub = network.add(1, { neighbours: 4 })
    const [asker, old, fresh] = [2, 3, 4].map(number => {
      const node = network.add(number, { neighbours: 1 })
      node.contact(1)
      return node
    })
    network.run(1_000)
    old!.share('blue one')
    asker!.search('blue')
    network.run(CACHE_SETTLE_MS)
    fresh!.share('blue two')
    const search = asker!.search('blue')
    network.run(1_000)
    expect(asker!.found(search).sort()).toEqual(['blue one over 2', 'blue two over 2'])
    expect(hub.counter('queriesAnsweredFromCache')).toBe(1)
  })
})
