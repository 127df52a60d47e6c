/** Queries: what is handed on and answered, how often, and what a loud neighbour costs the others. */
import { describe, expect, it } from 'vitest'
import {
  ANSWER_BYTES_MAX,
  HIT_RELAYED_BYTES_MAX,
  HITS_BURST,
  HITS_PER_QUERY_MAX,
  MATCHES_MAX,
  MATCHES_WAITING_MAX,
  MATCHES_WAITING_PER_LINK_MAX,
  ORIGINAL_BURST,
  ORIGINAL_PER_SECOND,
  QUERIES_BURST,
  QUERIES_PER_SECOND,
  QUERIES_SHOWN_MAX,
  QUERY_CHARACTERS_MIN,
  QUERY_RELAYED_BYTES_MAX,
  QUERY_ROUTE_MS,
  QUERY_ROUTES_MAX,
  QUEUE_BYTES_HIGH,
  QUEUE_BYTES_MAX,
  RELAYED_BURST,
  RELAYED_PER_SECOND,
  TTL_HARD_MAX,
  TTL_MAX
} from '../src/constants.ts'
import { resultBytes } from '../src/hit-making.ts'
import type { HitResult } from '../src/messages.ts'
import { gnutellaCodec } from '../src/wire.ts'
import { hit, query, result, Servent } from './servent.ts'

const countOf = (servent: Servent, link: number, type: string) =>
  servent.sent(link).filter(message => message.type === type).length

describe('a query', () => {
  it('is taken with a TTL of TTL_HARD_MAX and TTL_MAX - 1 hops, and not with one more of either', () => {
    const servent = new Servent()
    const a = servent.neighbour(1)
    servent.from(a, query({ ttl: TTL_HARD_MAX }), query({ ttl: 1, hops: TTL_MAX - 1 }))
    expect(servent.counter('descriptorsBadTtl')).toBe(0)
    servent.from(a, query({ ttl: TTL_HARD_MAX + 1 }), query({ ttl: 1, hops: TTL_MAX }))
    expect(servent.counter('descriptorsBadTtl')).toBe(2)
  })

  it('is taken with QUERY_RELAYED_BYTES_MAX bytes, and not with one more', () => {
    const servent = new Servent()
    const a = servent.neighbour(1)
    servent.from(a, query({ payload: new Uint8Array(QUERY_RELAYED_BYTES_MAX) }))
    expect(servent.counter('queriesIgnored')).toBe(0)
    servent.from(a, query({ payload: new Uint8Array(QUERY_RELAYED_BYTES_MAX + 1) }))
    expect(servent.counter('queriesIgnored')).toBe(1)
  })

  it('is taken with QUERY_CHARACTERS_MIN letters or digits, or a URN that names something', () => {
    const taken = (text: string, urns: string[] = []) => {
      const servent = new Servent()
      const a = servent.neighbour(1)
      servent.from(a, query({ text, urns }))
      return servent.counter('queriesIgnored') === 0
    }
    expect(QUERY_CHARACTERS_MIN).toBe(2)
    expect(['ab', 'a 1', '日本', 'é!é'].map(text => taken(text))).toEqual([true, true, true, true])
    // Four spaces ask for all that there is.
    expect(['', 'a', '    ', '*.*', '.'].map(text => taken(text))).toEqual([
      false,
      false,
      false,
      false,
      false
    ])
    expect(taken('', ['urn:sha1:PLSTHIPQGSSZTS5FJUPAKUZWUGYQYPFB'])).toBe(true)
    expect(taken('', ['urn:', 'urn:sha1:'])).toBe(false)
  })

  it('with URNs is matched by them', () => {
    const servent = new Servent()
    const a = servent.neighbour(1)
    servent.from(a, query({ text: '', urns: ['urn:cid:x'] }))
    expect(servent.asked()).toMatchObject([{ question: { type: 'match', text: '', urns: ['urn:cid:x'] } }])
  })

  it('that nobody can be asked about brings nothing', () => {
    const servent = new Servent()
    const a = servent.neighbour(1)
    servent.from(a, query())
    const [asked] = servent.asked()
    servent.handle({ type: 'answer', id: asked!.id, error: 'the database is gone' })
    servent.answer(asked!.id, { type: 'match', results: [result()] })
    expect(servent.sent(a)).toEqual([])
  })

  it('whose neighbour is gone when the answer comes brings nothing', () => {
    const servent = new Servent()
    const a = servent.neighbour(1)
    servent.from(a, query())
    const [asked] = servent.asked()
    servent.down(a)
    servent.answer(asked!.id, { type: 'match', results: [result()] })
    expect(servent.sent()).toEqual([])
  })

  it('is remembered for QUERY_ROUTE_MS at least, and forgotten after twice that', () => {
    const isDuplicate = (afterMs: number) => {
      const servent = new Servent()
      const [a, b] = [servent.neighbour(1), servent.neighbour(2)]
      const asked = query()
      servent.from(a, asked)
      servent.effects.advance(afterMs)
      servent.from(b, asked)
      return servent.counter('queriesDuplicate') === 1
    }
    expect(isDuplicate(QUERY_ROUTE_MS - 1)).toBe(true)
    expect(isDuplicate(3 * QUERY_ROUTE_MS)).toBe(true)
    const servent = new Servent()
    const a = servent.neighbour(1)
    servent.from(a, query())
    servent.pass(3 * QUERY_ROUTE_MS)
    expect(servent.machine.snapshot().routes).toEqual({ queries: 0, pushes: 0 })
  })

  it('is shown among the last QUERIES_SHOWN_MAX', () => {
    const servent = new Servent()
    const a = servent.neighbour(1)
    const asked = Array.from({ length: QUERIES_SHOWN_MAX + 1 }, () => query({ hops: 1 }))
    servent.from(a, ...asked)
    const shown = servent.machine.snapshot().queries.map(({ queryId }) => queryId)
    expect(shown).toEqual(asked.slice(1).map(({ guid }) => guid))
  })
})

describe('what one neighbour may ask', () => {
  it('is a burst of ORIGINAL_BURST queries of its own, then ORIGINAL_PER_SECOND', () => {
    const servent = new Servent()
    const a = servent.neighbour(1)
    for (let count = 0; count < ORIGINAL_BURST; count += 1) servent.from(a, query())
    expect(servent.counter('queriesOverRate')).toBe(0)
    servent.from(a, query())
    expect(servent.counter('queriesOverRate')).toBe(1)
    servent.effects.advance(1000)
    for (let count = 0; count <= ORIGINAL_PER_SECOND; count += 1) servent.from(a, query())
    expect(servent.counter('queriesOverRate')).toBe(2)
  })

  it('is a burst of QUERIES_BURST queries of all, then QUERIES_PER_SECOND', () => {
    const servent = new Servent()
    const a = servent.neighbour(1)
    for (let count = 0; count < QUERIES_BURST; count += 1) servent.from(a, query({ hops: 1 }))
    expect(servent.counter('queriesOverRate')).toBe(0)
    servent.from(a, query({ hops: 1 }))
    expect(servent.counter('queriesOverRate')).toBe(1)
    servent.effects.advance(1000)
    for (let count = 0; count <= QUERIES_PER_SECOND; count += 1) servent.from(a, query({ hops: 1 }))
    expect(servent.counter('queriesOverRate')).toBe(2)
  })

  it('of 2,000 queries a second, with whatever hops it writes, few go on, and all of the others do', () => {
    const seconds = 20
    for (const hops of [0, 3]) {
      const servent = new Servent({ neighbours: 6 })
      const [loud, quiet, far] = [servent.neighbour(1), servent.neighbour(2), servent.neighbour(3)]
      for (let half = 0; half < 2 * seconds; half += 1) {
        for (let count = 0; count < 1000; count += 1) servent.from(loud, query({ hops }))
        servent.from(quiet, query({ hops: 1 }))
        servent.effects.advance(500)
      }
      const arrived = (from: number) =>
        servent.sent(far).filter(message => message.type === 'query' && message.hops === from + 1).length
      expect(arrived(1)).toBe(2 * seconds)
      expect(arrived(hops)).toBeLessThanOrEqual(RELAYED_BURST + RELAYED_PER_SECOND * seconds)
      expect(servent.counter('queriesOverRate')).toBeGreaterThan(35_000)
    }
  })

  it('all neighbours together have no more handed on than a next one takes', () => {
    const servent = new Servent({ neighbours: 6 })
    const links = [1, 2, 3, 4, 5].map(peer => servent.neighbour(peer))
    const next = servent.neighbour(6)
    const seconds = 10
    for (let step = 0; step < 10 * seconds; step += 1) {
      for (const link of links)
        for (let count = 0; count < 20; count += 1) servent.from(link, query({ hops: 2 }))
      servent.effects.advance(100)
    }
    const handedOn = countOf(servent, next, 'query')
    expect(handedOn).toBeLessThanOrEqual(RELAYED_BURST + RELAYED_PER_SECOND * seconds)
    expect(handedOn).toBeGreaterThan(RELAYED_PER_SECOND * seconds * 0.9)
    expect(servent.counter('queriesNotRelayed')).toBeGreaterThan(0)
  })

  it('fills no table past QUERY_ROUTES_MAX', () => {
    const servent = new Servent({ neighbours: 64 })
    const links = Array.from({ length: 64 }, (_, peer) => servent.neighbour(peer + 1))
    for (let turn = 0; turn < 10; turn += 1) {
      for (const link of links)
        for (let count = 0; count < 60; count += 1) servent.from(link, query({ hops: 1, text: 'x y' }))
      servent.take()
      servent.effects.advance(1000)
    }
    expect(servent.machine.snapshot().routes.queries).toBeGreaterThan(QUERY_ROUTES_MAX / 2)
    expect(servent.machine.snapshot().routes.queries).toBeLessThanOrEqual(QUERY_ROUTES_MAX)
  })
})

describe('questions to the catalogue', () => {
  it('are MATCHES_MAX at a time, and neighbours take turns', () => {
    const servent = new Servent()
    const [loud, quiet] = [servent.neighbour(1), servent.neighbour(2)]
    for (let count = 0; count < MATCHES_MAX + 10; count += 1)
      servent.from(loud, query({ text: `loud ${count}` }))
    servent.from(quiet, query({ text: 'quiet' }))
    const asked = servent.asked()
    expect(asked).toHaveLength(MATCHES_MAX)
    servent.answer(asked[0]!.id, { type: 'match', results: [] })
    servent.answer(asked[1]!.id, { type: 'match', results: [] })
    const next = servent.asked().map(({ question }) => (question.type === 'match' ? question.text : ''))
    expect(next).toEqual([`loud ${MATCHES_MAX}`, 'quiet'])
  })

  it('wait at most MATCHES_WAITING_PER_LINK_MAX of one neighbour and MATCHES_WAITING_MAX of all', () => {
    const servent = new Servent({ neighbours: 64 })
    const most = MATCHES_MAX + MATCHES_WAITING_PER_LINK_MAX
    const first = servent.neighbour(1)
    for (let count = 0; count < most; count += 1) servent.from(first, query())
    expect(servent.counter('queriesNotMatched')).toBe(0)
    servent.from(first, query())
    expect(servent.counter('queriesNotMatched')).toBe(1)
    let waiting = MATCHES_WAITING_PER_LINK_MAX
    for (let peer = 2; waiting < MATCHES_WAITING_MAX; peer += 1) {
      const link = servent.neighbour(peer)
      for (let count = 0; count < MATCHES_WAITING_PER_LINK_MAX; count += 1) servent.from(link, query())
      waiting += MATCHES_WAITING_PER_LINK_MAX
    }
    expect(servent.counter('queriesNotMatched')).toBe(1)
    servent.from(servent.neighbour(60), query())
    expect(servent.counter('queriesNotMatched')).toBe(2)
  })
})

describe('an answer', () => {
  const answered = (results: HitResult[], full = false) => {
    const servent = new Servent()
    const a = servent.neighbour(1)
    servent.from(a, query())
    const [asked] = servent.asked()
    if (full) servent.handle({ type: 'pressure', link: a, level: 'high' })
    servent.answer(asked!.id, { type: 'match', results })
    return { servent, sent: servent.sent(a) }
  }

  it('has ANSWER_BYTES_MAX bytes of results at most, which a queue below its high mark can take', () => {
    const large = result({ record: new Uint8Array(4300) })
    const left = ANSWER_BYTES_MAX - 5 * resultBytes(large)
    const nameFor = (bytes: number) => result({ name: 'x'.repeat(bytes - resultBytes(result({ name: '' }))) })
    const resultsIn = (results: HitResult[]) =>
      answered(results).sent.flatMap(message => (message.type === 'query-hit' ? message.results : []))
    expect(resultsIn([...Array(5).fill(large), nameFor(left)])).toHaveLength(6)
    expect(resultsIn([...Array(5).fill(large), nameFor(left + 1)])).toHaveLength(5)
    const { sent } = answered(Array(64).fill(large))
    const bytes = sent.reduce((total, message) => total + gnutellaCodec.byteLength(message), 0)
    expect(bytes).toBeLessThan(QUEUE_BYTES_MAX - QUEUE_BYTES_HIGH)
    expect(bytes).toBeGreaterThan(20_000)
  })

  it('to a neighbour in flow control is dropped', () => {
    const { servent, sent } = answered([result()], true)
    expect(sent).toEqual([])
    expect(servent.counter('hitsDroppedInFlowControl')).toBe(1)
  })
})

describe('hits', () => {
  it('are dropped while their asker is in flow control, and the newest ones alone', () => {
    const servent = new Servent()
    const [a, b] = [servent.neighbour(1), servent.neighbour(2)]
    const asked = query()
    servent.from(a, asked)
    servent.from(b, hit(asked.guid))
    servent.handle({ type: 'pressure', link: a, level: 'high' })
    servent.from(b, hit(asked.guid), hit(asked.guid))
    expect(countOf(servent, a, 'query-hit')).toBe(1)
    expect(servent.counter('hitsDroppedInFlowControl')).toBe(2)
    servent.handle({ type: 'pressure', link: a, level: 'low' })
    servent.from(b, hit(asked.guid))
    expect(countOf(servent, a, 'query-hit')).toBe(2)
  })

  it('of a neighbour that keeps its rates never make the queue of their asker overflow', () => {
    const servent = new Servent()
    const [a, b] = [servent.neighbour(1), servent.neighbour(2)]
    const asked = query()
    servent.from(a, asked)
    let queuedBytes = 0
    for (let count = 0; count < HITS_BURST; count += 1) {
      servent.take()
      servent.from(b, hit(asked.guid, { payload: new Uint8Array(1 + ((count * 7919) % 65_536)) }))
      for (const message of servent.sent(a)) queuedBytes += gnutellaCodec.byteLength(message)
      expect(queuedBytes).toBeLessThanOrEqual(QUEUE_BYTES_MAX)
      if (queuedBytes >= QUEUE_BYTES_HIGH) servent.handle({ type: 'pressure', link: a, level: 'high' })
    }
    expect(queuedBytes).toBeGreaterThanOrEqual(QUEUE_BYTES_HIGH)
  })

  it('go back with HIT_RELAYED_BYTES_MAX bytes of payload, and not with one more', () => {
    expect(HIT_RELAYED_BYTES_MAX).toBeLessThan(QUEUE_BYTES_MAX - QUEUE_BYTES_HIGH)
    const servent = new Servent()
    const [a, b] = [servent.neighbour(1), servent.neighbour(2)]
    const asked = query()
    servent.from(a, asked)
    servent.from(b, hit(asked.guid, { payload: new Uint8Array(HIT_RELAYED_BYTES_MAX) }))
    expect(countOf(servent, a, 'query-hit')).toBe(1)
    servent.from(b, hit(asked.guid, { payload: new Uint8Array(HIT_RELAYED_BYTES_MAX + 1) }))
    expect(countOf(servent, a, 'query-hit')).toBe(1)
    expect(servent.counter('hitsTooLarge')).toBe(1)
  })

  it('go back HITS_PER_QUERY_MAX for one query, and not one more', () => {
    const servent = new Servent()
    const [a, b] = [servent.neighbour(1), servent.neighbour(2)]
    const asked = query()
    servent.from(a, asked)
    for (let count = 0; count < HITS_PER_QUERY_MAX + 1; count += 1) servent.from(b, hit(asked.guid))
    expect(countOf(servent, a, 'query-hit')).toBe(HITS_PER_QUERY_MAX)
    expect(servent.counter('hitsOverRate')).toBe(1)
  })

  it('of one neighbour are a burst of HITS_BURST', () => {
    const servent = new Servent()
    const [a, b] = [servent.neighbour(1), servent.neighbour(2)]
    const asked = [query(), query()]
    servent.from(a, ...asked)
    for (let count = 0; count < HITS_BURST + 1; count += 1) servent.from(b, hit(asked[count % 2]!.guid))
    expect(countOf(servent, a, 'query-hit')).toBe(HITS_BURST)
  })

  it('go nowhere when their TTL is used up, their asker is gone, or they come from the asker itself', () => {
    const servent = new Servent()
    const [a, b] = [servent.neighbour(1), servent.neighbour(2)]
    const asked = query()
    servent.from(a, asked)
    servent.take()
    servent.from(b, hit(asked.guid, { ttl: 1 }))
    servent.from(a, hit(asked.guid))
    servent.down(a)
    servent.from(b, hit(asked.guid))
    expect(servent.sent()).toEqual([])
    expect(servent.counter('hitsExpired')).toBe(1)
    expect(servent.counter('hitsWithoutQuery')).toBe(2)
  })

  it('never count past 255 hops', () => {
    const servent = new Servent()
    const [a, b] = [servent.neighbour(1), servent.neighbour(2)]
    const asked = query()
    servent.from(a, asked)
    servent.take()
    servent.from(b, hit(asked.guid, { hops: 255 }))
    expect(servent.sent(a)).toMatchObject([{ hops: 255 }])
  })
})
