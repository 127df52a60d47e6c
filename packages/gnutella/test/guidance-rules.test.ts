/** A leaf guides its ultrapeers (Solares): what it tells, and what is made of it. */
import type { Link } from '@servent/overlay/machine'
import { describe, expect, it } from 'vitest'
import { QUERIES_BURST, QUERY_GUIDED, QUERY_MARKED, RESULTS_ENOUGH } from '../src/constants.ts'
import { type Guidance, guidanceMessage, guidanceOf } from '../src/guidance-wire.ts'
import type { Headers, QueryMessage } from '../src/messages.ts'
import {
  GUIDANCE_OVER,
  GUIDANCE_RESULTS,
  RESULTS_WANTED,
  RESULTS_WANTED_FOR_LEAF,
  WAIT_PER_HOP_MS
} from '../src/tier-constants.ts'
import { type VendorMessage, vendorMessage } from '../src/vendor-wire.ts'
import { find, freshGuid, hit, LEAF, query, result, Servent, ULTRAPEER } from './servent.ts'

const DYNAMIC: Headers = { ...ULTRAPEER, 'x-dynamic-querying': '0.1' }
const OVER: Guidance = { type: 'response', results: GUIDANCE_OVER }

const told = (results: number): Guidance => ({ type: 'response', results })

const guidances = (servent: Servent, link: Link): Guidance[] =>
  servent.sent(link).flatMap(message => (message.type === 'other' ? (guidanceOf(message) ?? []) : []))

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index)

describe('a leaf', () => {
  const setup = (enough?: number) => {
    const servent = new Servent({ role: 'leaf' })
    const dynamic = servent.neighbour(1, { headers: DYNAMIC, inbound: false })
    const other = servent.neighbour(2, { headers: ULTRAPEER, inbound: false })
    const search = servent.command({
      type: 'search',
      text: 'blue',
      urns: [],
      ...(enough === undefined ? {} : { enough })
    })
    const [{ guid }] = servent.sent(dynamic) as [QueryMessage]
    return { servent, dynamic, other, search, guid }
  }

  it('tells ultrapeers that query dynamically, and no others, what it has kept: its first result, then twice as many', () => {
    const { servent, dynamic, other, guid } = setup()
    const words: unknown[] = []
    for (const found of range(1, 9)) {
      find(servent, other, guid, [found])
      expect(guidances(servent, other)).toEqual([])
      words.push(...guidances(servent, dynamic))
      servent.take()
    }
    expect(words).toEqual([1, 2, 4, 8].map(told))
    // What was found before counts once.
    find(servent, other, guid, range(1, 9))
    expect(guidances(servent, dynamic)).toEqual([])
  })

  it('and after GUIDANCE_RESULTS more at the latest', () => {
    const { servent, dynamic, other, guid } = setup()
    find(servent, other, guid, range(1, 21))
    servent.take()
    find(servent, other, guid, range(21, 20 + GUIDANCE_RESULTS))
    expect(guidances(servent, dynamic)).toEqual([])
    find(servent, other, guid, [20 + GUIDANCE_RESULTS])
    expect(guidances(servent, dynamic)).toEqual([told(20 + GUIDANCE_RESULTS)])
  })

  it('says once that it has enough, be it by the search or RESULTS_ENOUGH, and asks nobody who comes then', () => {
    for (const [enough, wanted] of [
      [3, 3],
      [undefined, RESULTS_ENOUGH]
    ] as const) {
      const { servent, dynamic, search, guid } = setup(enough)
      find(servent, dynamic, guid, range(0, wanted - 1))
      expect(guidances(servent, dynamic)).not.toContainEqual(OVER)
      find(servent, dynamic, guid, [wanted])
      expect(guidances(servent, dynamic)).toEqual([OVER])
      find(servent, dynamic, guid, range(100, 200))
      expect(guidances(servent, dynamic)).toEqual([])
      const late = servent.link(3, false)
      servent.from(late, { type: 'status', status: 200, reason: 'OK', headers: DYNAMIC })
      expect(servent.sent(late).filter(({ type }) => type === 'query')).toEqual([])
      servent.take()
      servent.command({ type: 'end-search', search })
      expect(guidances(servent, dynamic)).toEqual([])
    }
  })

  it('says when its search is over', () => {
    const { servent, dynamic, search } = setup()
    servent.command({ type: 'end-search', search })
    expect(guidances(servent, dynamic)).toEqual([OVER])
  })

  it('answers who asks for the number, of its own searches only', () => {
    const { servent, dynamic, search, guid } = setup()
    find(servent, dynamic, guid, [1, 2])
    servent.take()
    servent.from(dynamic, guidanceMessage(guid, { type: 'request' }))
    expect(guidances(servent, dynamic)).toEqual([told(2)])
    servent.take()
    const stranger = servent.neighbour(3, { headers: DYNAMIC })
    servent.from(dynamic, guidanceMessage(freshGuid(), { type: 'request' }))
    expect(servent.sent(dynamic)).toEqual([])
    expect(servent.counter('guidanceDropped')).toBe(1)
    servent.command({ type: 'end-search', search })
    servent.take()
    servent.from(dynamic, guidanceMessage(guid, { type: 'request' }))
    expect(guidances(servent, dynamic)).toEqual([OVER])
    expect(guidances(servent, stranger)).toEqual([])
  })
})

describe('an ultrapeer', () => {
  const setup = (flags = QUERY_MARKED | QUERY_GUIDED) => {
    const servent = new Servent({ role: 'ultrapeer' })
    const leaf = servent.neighbour(500, { headers: LEAF })
    const others = range(1, 9).map(peer => servent.neighbour(peer, { headers: ULTRAPEER }))
    const asked = query({ flags })
    servent.from(leaf, asked)
    servent.take()
    const guide = (results: number, by = leaf, guid = asked.guid) =>
      servent.from(by, guidanceMessage(guid, told(results)))
    return { servent, leaf, others, guid: asked.guid, guide }
  }
  const asksOn = (servent: Servent) => {
    servent.take()
    servent.pass(2 * WAIT_PER_HOP_MS)
    return servent.sent().some(({ type }) => type === 'query')
  }

  it('asks no further once its leaf has RESULTS_WANTED_FOR_LEAF from wherever, or says that it is over', () => {
    for (const [results, goesOn] of [
      [0, true],
      [RESULTS_WANTED_FOR_LEAF - 1, true],
      [RESULTS_WANTED_FOR_LEAF, false],
      [GUIDANCE_OVER, false]
    ] as const) {
      const { servent, guide } = setup()
      guide(results)
      expect(asksOn(servent)).toBe(goesOn)
      expect(servent.tiers().dynamicQueries).toBe(goesOn ? 1 : 0)
    }
  })

  it('believes its leaf rather than what came by, of which the leaf may have refused all', () => {
    const { servent, others, guid, guide } = setup()
    for (const link of others.slice(0, 2))
      servent.from(link, hit(guid, { results: Array(RESULTS_WANTED_FOR_LEAF).fill(result()) }))
    guide(3)
    expect(asksOn(servent)).toBe(true)
  })

  it('is not led by what came by where somebody guides it, be it a leaf or its own search', () => {
    const { servent, others, guid } = setup()
    const junk = (asked: string) => hit(asked, { results: Array(255).fill(result()) })
    for (const link of others) servent.from(link, junk(guid))
    // Nothing was kept, so that it goes as far as it can.
    expect(asksOn(servent)).toBe(true)
    const alone = new Servent({ role: 'ultrapeer' })
    const links = range(1, 9).map(peer => alone.neighbour(peer, { headers: ULTRAPEER }))
    alone.search('blue')
    const [first] = alone.sent() as [QueryMessage]
    for (const link of links) alone.from(link, junk(first.guid))
    alone.take()
    alone.pass(2 * WAIT_PER_HOP_MS)
    expect(alone.sent().filter(({ type }) => type === 'query')).toMatchObject([{ ttl: 3 }])
    expect(alone.tiers().dynamicQueries).toBe(1)
  })

  it('follows nobody else, no other query, and no leaf that did not say that it guides', () => {
    const { servent, others, guide } = setup()
    guide(GUIDANCE_OVER, others[0])
    guide(GUIDANCE_OVER, undefined, freshGuid())
    const second = servent.neighbour(501, { headers: LEAF })
    guide(GUIDANCE_OVER, second)
    expect(servent.counter('guidanceDropped')).toBe(3)
    expect(asksOn(servent)).toBe(true)
    for (const flags of [QUERY_MARKED, QUERY_GUIDED]) {
      const unguided = setup(flags)
      unguided.guide(GUIDANCE_OVER)
      expect(asksOn(unguided.servent)).toBe(true)
    }
  })

  it('hears of one link no more than queries may come by it', () => {
    const { servent, guide } = setup()
    for (let count = 0; count < QUERIES_BURST; count += 1) guide(1)
    expect(servent.counter('guidanceDropped')).toBeGreaterThan(0)
    expect(servent.closed()).toEqual([])
  })

  it('of an own search stops when that has enough: as many as it says, or RESULTS_WANTED', () => {
    for (const [enough, wanted] of [
      [3, 3],
      [undefined, RESULTS_WANTED]
    ] as const) {
      const servent = new Servent({ role: 'ultrapeer' })
      const links = range(1, 9).map(peer => servent.neighbour(peer, { headers: ULTRAPEER }))
      servent.command({ type: 'search', text: 'blue', urns: [], ...(enough === undefined ? {} : { enough }) })
      const [first] = servent.sent() as [QueryMessage]
      find(servent, links[0]!, first.guid, range(1, wanted))
      expect(servent.tiers().dynamicQueries).toBe(1)
      find(servent, links[0]!, first.guid, [wanted])
      expect(servent.tiers().dynamicQueries).toBe(0)
      expect(asksOn(servent)).toBe(false)
    }
  })
})

it('reads what Solares wrote, and nothing else, as guidance', () => {
  const guid = freshGuid()
  const said = { vendor: 'BEAR', selector: 12, version: 1, data: Uint8Array.of(0x02, 0x01) }
  const read = (changed: Partial<VendorMessage>) =>
    guidanceOf(vendorMessage({ guid, ttl: 1 }, { ...said, ...changed }))
  expect(read({})).toEqual({ type: 'response', results: 0x0102 })
  expect(read({ selector: 11, data: new Uint8Array() })).toEqual({ type: 'request' })
  for (const other of [
    { vendor: 'LIME' },
    { selector: 10 },
    { selector: 11 },
    { version: 2 },
    { data: new Uint8Array(1) },
    { data: new Uint8Array(3) }
  ])
    expect(read(other)).toBeUndefined()
  expect(
    guidanceOf({ type: 'other', descriptor: 0x31, guid, ttl: 1, hops: 0, payload: new Uint8Array(7) })
  ).toBeUndefined()
})
