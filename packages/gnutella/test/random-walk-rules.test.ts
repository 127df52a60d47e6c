/** Random walks: one neighbour at a time, as far as their origin lets them. */
import { describe, expect, it } from 'vitest'
import {
  VENDOR_MESSAGE,
  WALK_CHECK_STEPS,
  WALK_ROUTES_MAX,
  WALK_STEPS_MAX,
  WALK_WAIT_MS,
  WALKERS_DEFAULT,
  WALKERS_MAX,
  WALKS_WAITING_MAX
} from '../src/constants.ts'
import type { GnutellaMessage, OtherMessage, QueryMessage } from '../src/messages.ts'
import { asksAfter } from '../src/random-walk-rules.ts'
import { walkExtension, walkOf, walkWord, walkWordOf } from '../src/walk-wire.ts'
import { decodeAll, encode, openLink } from './bytes-of.ts'
import { freshGuid, hit, MODERN, query, Servent } from './servent.ts'
import { SmallNetwork } from './small-network.ts'

const WALKING = { ...MODERN, 'x-servent-walk': '0.1' }
const walking = (servent: Servent, peer: number) => servent.neighbour(peer, { headers: WALKING })

function walker(
  fields: Partial<QueryMessage> = {},
  { walker = 0, steps = WALK_STEPS_MAX } = {}
): QueryMessage {
  return query({ ttl: 1, ggep: [walkExtension({ walker, steps })], ...fields })
}

const queriesOf = (messages: readonly GnutellaMessage[]) =>
  messages.filter((message): message is QueryMessage => message.type === 'query')
const wordsOf = (messages: readonly GnutellaMessage[]) =>
  messages
    .filter((message): message is OtherMessage => message.type === 'other')
    .map(message => walkWordOf(message))

describe('on the wire', () => {
  it('a walker is a query with TTL 1 and two bytes of ours, and reads as it was written', () => {
    const made = query({ ttl: 1, ggep: [walkExtension({ walker: 15, steps: 128 })] })
    const { payload: _, ...fields } = made
    const [read] = decodeAll(openLink('responder'), encode(fields as QueryMessage))
    expect(read).toMatchObject({
      type: 'query',
      ttl: 1,
      ggep: [{ id: 'SVNT.W', data: Uint8Array.of(15, 128) }]
    })
    expect(walkOf(read as QueryMessage)).toEqual({ walker: 15, steps: 128 })
  })

  it('what is no walker is none, and more steps than WALK_STEPS_MAX are as many', () => {
    const of = (data: Uint8Array, more = {}) => walkOf(query({ ggep: [{ id: 'SVNT.W', data, ...more }] }))
    expect(of(Uint8Array.of(1, WALK_STEPS_MAX))).toEqual({ walker: 1, steps: WALK_STEPS_MAX })
    expect(of(Uint8Array.of(1, WALK_STEPS_MAX + 1))).toEqual({ walker: 1, steps: WALK_STEPS_MAX })
    for (const data of [Uint8Array.of(), Uint8Array.of(1), Uint8Array.of(1, 2, 3), Uint8Array.of(1, 0)])
      expect(of(data)).toBeUndefined()
    expect(of(Uint8Array.of(1, 2), { deflated: true })).toBeUndefined()
    expect(walkOf(query())).toBeUndefined()
  })

  it('a word is a vendor message: SVNT, selector, version, walker', () => {
    const word = walkWord('ab'.repeat(16), 9, { type: 'go', walker: 7 })
    expect(word).toMatchObject({ descriptor: VENDOR_MESSAGE, guid: 'ab'.repeat(16), ttl: 9, hops: 0 })
    expect(Buffer.from(word.payload).toString('hex')).toBe('53564e54' + '0200' + '0100' + '07')
    expect(walkWordOf(word)).toEqual({ type: 'go', walker: 7 })
    const [read] = decodeAll(openLink('responder'), encode(word))
    expect(walkWordOf(read as OtherMessage)).toEqual({ type: 'go', walker: 7 })
    for (const hex of ['53564e5402000200' + '07', '53564e5403000100' + '07', '4245415202000100' + '07', '53'])
      expect(walkWordOf({ ...word, payload: Buffer.from(hex, 'hex') })).toBeUndefined()
    expect(walkWordOf({ ...word, descriptor: 0x32 })).toBeUndefined()
  })
})

describe('an origin', () => {
  it('sends WALKERS_DEFAULT walkers, shared out among the neighbours that know of them, under one id', () => {
    const servent = new Servent({ search: 'random-walk' })
    const ways = [walking(servent, 1), walking(servent, 2)]
    const plain = servent.neighbour(3)
    servent.search('blue')
    expect(servent.sent(plain)).toEqual([])
    const sent = ways.map(link => queriesOf(servent.sent(link)))
    expect(sent.map(queries => queries.length)).toEqual([WALKERS_DEFAULT / 2, WALKERS_DEFAULT / 2])
    const all = sent.flat()
    expect(new Set(all.map(({ guid }) => guid)).size).toBe(1)
    expect(all.every(({ ttl, hops }) => ttl === 1 && hops === 0)).toBe(true)
    expect(all.map(one => walkOf(one)!.walker).sort((a, b) => a - b)).toEqual(
      Array.from({ length: WALKERS_DEFAULT }, (_, number) => number)
    )
  })

  it.each([
    [1, 1],
    [WALKERS_MAX, WALKERS_MAX],
    [WALKERS_MAX + 1, WALKERS_MAX],
    [0, 1]
  ])('takes %i walkers for %i', (walkers, sent) => {
    const servent = new Servent({ search: 'random-walk', walkers })
    walking(servent, 1)
    servent.search('blue')
    expect(queriesOf(servent.sent())).toHaveLength(sent)
  })

  it('floods where no neighbour knows of walkers, and waits for one where there is none', () => {
    const servent = new Servent({ search: 'random-walk' })
    servent.neighbour(1)
    servent.search('blue')
    expect(queriesOf(servent.sent())).toMatchObject([{ ttl: 7, ggep: [] }])
    const alone = new Servent({ search: 'random-walk' })
    alone.search('blue')
    expect(alone.sent()).toEqual([])
    const link = alone.link(1)
    alone.from(
      link,
      { type: 'connect', headers: WALKING },
      { type: 'status', status: 200, reason: '', headers: {} }
    )
    expect(queriesOf(alone.sent(link))).toHaveLength(WALKERS_DEFAULT)
    alone.take()
    walking(alone, 2)
    expect(queriesOf(alone.sent())).toEqual([])
  })

  it('lets a walker go on while it searches and has not enough, and says nothing else', () => {
    const servent = new Servent({ search: 'random-walk' })
    const link = walking(servent, 1)
    servent.command({ type: 'search', text: 'blue', urns: [], enough: 1 })
    const [{ guid }] = queriesOf(servent.sent(link)) as [QueryMessage]
    const ask = () => {
      servent.take()
      servent.from(link, { ...walkWord(guid, 9, { type: 'ask', walker: 3 }), hops: 3 })
      return servent.sent()
    }
    const [go] = ask() as [OtherMessage]
    expect(walkWordOf(go)).toEqual({ type: 'go', walker: 3 })
    expect(go).toMatchObject({ guid, ttl: 5, hops: 0 })
    servent.from(link, hit(guid))
    servent.answer(servent.asked()[0]!.id, {
      type: 'verify',
      files: [{ index: 1, record: { id: 'x', provider: 'y' } as never }]
    })
    expect(ask()).toEqual([])
    const more = new Servent({ search: 'random-walk' })
    const other = walking(more, 1)
    const ended = more.search('blue')
    const [first] = queriesOf(more.sent(other))
    more.command({ type: 'end-search', search: ended })
    more.take()
    more.from(other, walkWord(first!.guid, 9, { type: 'ask', walker: 0 }))
    expect(more.sent()).toEqual([])
  })
})

describe('a walker', () => {
  it('goes to one other neighbour that knows of walkers, one hop further, its payload as it was', () => {
    const servent = new Servent()
    const from = walking(servent, 1)
    const plain = servent.neighbour(2)
    const ways = [walking(servent, 3), walking(servent, 4), walking(servent, 5)]
    const taken = new Map<number, number>()
    for (let count = 0; count < 60; count += 1) {
      // Each of another search, at a time when its link may bring one.
      servent.effects.advance(1_000)
      const one = walker()
      servent.from(from, one)
      const [sent, ...rest] = ways.flatMap(link =>
        queriesOf(servent.sent(link)).map(onward => ({ link, onward }))
      )
      expect(rest).toEqual([])
      expect(sent!.onward).toEqual({ ...one, hops: 1 })
      taken.set(sent!.link, (taken.get(sent!.link) ?? 0) + 1)
      servent.take()
    }
    expect(servent.sent(from)).toEqual([])
    expect(servent.sent(plain)).toEqual([])
    // Sixty draws of three: about twenty each.
    for (const link of ways) expect(taken.get(link)).toBeGreaterThan(8)
    expect(servent.counter('walkersHandedOn')).toBe(60)
  })

  it('is answered once by whom it meets, and may pass again', () => {
    const servent = new Servent()
    const [from, other] = [walking(servent, 1), walking(servent, 2)]
    const guid = freshGuid()
    servent.from(from, walker({ guid }))
    expect(servent.asked().map(({ question }) => question.type)).toEqual(['match'])
    servent.from(other, walker({ guid, hops: 4 }, { walker: 1 }))
    expect(servent.asked()).toEqual([])
    expect(servent.counter('walkersHandedOn')).toBe(2)
    expect(servent.counter('queriesDuplicate')).toBe(0)
  })

  it('ends after its steps, where it could only go back, and where its hops are wrong', () => {
    const servent = new Servent()
    const from = walking(servent, 1)
    servent.from(from, walker())
    expect(servent.sent()).toEqual([])
    expect(servent.counter('walkersWithoutWay')).toBe(1)
    walking(servent, 2)
    servent.from(from, walker({ hops: 4 }, { steps: 5 }))
    expect(servent.sent()).toEqual([])
    servent.from(from, walker({ hops: 4 }, { steps: 6 }))
    expect(queriesOf(servent.sent())).toHaveLength(1)
    servent.take()
    servent.from(from, walker({ hops: WALK_STEPS_MAX - 1 }, { steps: 255 }))
    expect(servent.asked()).toHaveLength(1)
    servent.from(from, walker({ hops: WALK_STEPS_MAX }, { steps: 255 }), walker({ hops: 5 }, { steps: 5 }))
    expect(servent.take()).toEqual([])
    expect(servent.counter('descriptorsBadTtl')).toBe(2)
  })

  it('takes the share of its link, as any query, and is held to what a query is held to', () => {
    const servent = new Servent()
    const from = walking(servent, 1)
    walking(servent, 2)
    servent.from(from, walker({ text: '' }), walker({ payload: new Uint8Array(1025) }))
    expect(servent.take()).toEqual([])
    expect(servent.counter('queriesIgnored')).toBe(2)
    for (let count = 0; count < 400; count += 1) servent.from(from, walker({ hops: 1 }))
    expect(servent.counter('queriesOverRate')).toBeGreaterThan(0)
    expect(servent.counter('queriesNotRelayed')).toBeGreaterThan(0)
    servent.handle({ type: 'pressure', link: from, level: 'high' })
    servent.take()
    servent.from(from, walker())
    expect(servent.take()).toEqual([])
    expect(servent.counter('queriesFlowControlled')).toBe(1)
  })

  it('a hit of it has enough TTL for the way back, however far it came', () => {
    const servent = new Servent()
    const from = walking(servent, 1)
    for (const [hops, ttl] of [
      [1, 3],
      [5, 7],
      [6, 7],
      [20, 21],
      [WALK_STEPS_MAX - 1, WALK_STEPS_MAX]
    ] as const) {
      servent.take()
      servent.from(from, walker({ hops }))
      servent.answer(servent.asked().at(-1)!.id, {
        type: 'match',
        results: [{ index: 1, size: 1, name: 'blue', urns: [], ggep: [], record: Uint8Array.of(1) }]
      })
      expect(servent.sent(from)).toMatchObject([{ type: 'query-hit', ttl }])
    }
  })
})

describe('asking the origin', () => {
  it('comes after 4 steps, and each time it has come twice as far (Lv et al., 5.2: after every fourth)', () => {
    const asked = Array.from({ length: WALK_STEPS_MAX + 1 }, (_, steps) => steps).filter(asksAfter)
    expect(asked).toEqual([WALK_CHECK_STEPS, 8, 16, 32, 64, 128])
    // Questions and words of a whole walk, each over the links so far.
    expect(asked.slice(0, -1).reduce((sum, steps) => sum + 2 * steps, 0)).toBeLessThan(4 * WALK_STEPS_MAX)
  })

  function waiting() {
    const servent = new Servent()
    const [from, way] = [walking(servent, 1), walking(servent, 2)]
    const one = walker({ hops: WALK_CHECK_STEPS - 1 }, { walker: 9 })
    servent.from(from, one)
    return { servent, from, way, one, go: walkWord(one.guid, 9, { type: 'go', walker: 9 }) }
  }

  it('holds the walker until the word comes, from where it was asked', () => {
    const { servent, from, way, one, go } = waiting()
    expect(wordsOf(servent.sent(from))).toEqual([{ type: 'ask', walker: 9 }])
    expect(queriesOf(servent.sent())).toEqual([])
    servent.take()
    servent.from(way, go)
    servent.from(from, walkWord(one.guid, 9, { type: 'go', walker: 8 }))
    expect(servent.sent()).toEqual([])
    expect(servent.counter('walkWordsDropped')).toBe(2)
    servent.from(from, go)
    expect(queriesOf(servent.sent(way))).toEqual([{ ...one, hops: WALK_CHECK_STEPS }])
    servent.take()
    servent.from(from, go)
    expect(servent.sent()).toEqual([])
  })

  it('without a word for two generations of WALK_WAIT_MS the walker is forgotten', () => {
    const { servent, from, go } = waiting()
    servent.effects.advance(2 * WALK_WAIT_MS)
    servent.handle({ type: 'timer', timer: 'upkeep' })
    servent.take()
    servent.from(from, go)
    expect(queriesOf(servent.sent())).toEqual([])
  })

  it('a question and its word pass others by along the path, and by nobody else', () => {
    const servent = new Servent()
    const [towards, away] = [walking(servent, 1), walking(servent, 2)]
    const one = walker({ hops: 1 })
    servent.from(towards, one)
    servent.take()
    const ask = { ...walkWord(one.guid, 6, { type: 'ask', walker: 0 }), hops: 1 }
    servent.from(away, ask)
    expect(servent.sent(towards)).toEqual([{ ...ask, ttl: 5, hops: 2 }])
    servent.take()
    const go = walkWord(one.guid, 4, { type: 'go', walker: 0 })
    servent.from(towards, go)
    expect(servent.sent(away)).toEqual([{ ...go, ttl: 3, hops: 1 }])
    servent.take()
    // Out of TTL, of nobody's query, and from the wrong side.
    servent.from(away, { ...ask, ttl: 1 }, walkWord(freshGuid(), 6, { type: 'ask', walker: 0 }))
    servent.from(towards, ask)
    servent.from(away, go)
    expect(servent.sent()).toEqual([])
    expect(servent.counter('walkWordsDropped')).toBe(4)
    servent.from(away, { ...ask, payload: new Uint8Array(9) })
    expect(servent.counter('descriptorsUnknown')).toBe(1)
  })

  it('tables hold WALKS_WAITING_MAX and WALK_ROUTES_MAX, and not one more', () => {
    const servent = new Servent({ neighbours: 64 })
    const links = Array.from({ length: 64 }, (_, peer) => walking(servent, peer + 1))
    const fill = (times: number, send: (link: number) => GnutellaMessage) => {
      for (let count = 0; count < times; count += 1) {
        servent.effects.advance(1)
        const link = links[count % links.length]!
        servent.from(link, send(link))
        servent.take()
      }
    }
    fill(WALKS_WAITING_MAX + 1, () => walker({ hops: WALK_CHECK_STEPS - 1 }))
    expect(servent.machine.sizes().walksWaiting).toBeLessThanOrEqual(WALKS_WAITING_MAX)
    expect(servent.machine.sizes().walksWaiting).toBeGreaterThan(WALKS_WAITING_MAX / 4)
    const known = walker({ hops: 1 })
    servent.from(links[0]!, known)
    let asked = 0
    fill(WALK_ROUTES_MAX + 64, () => {
      asked += 1
      return { ...walkWord(known.guid, 9, { type: 'ask', walker: asked % 256 }) }
    })
    expect(servent.machine.sizes().walkRoutes).toBeLessThanOrEqual(WALK_ROUTES_MAX)
    expect(servent.machine.sizes().walkRoutes).toBeGreaterThan(0)
  })
})

describe('in a network', () => {
  it('a walk along a line finds what lies further than any flood goes, asking its origin on the way', () => {
    const network = new SmallNetwork()
    const nodes = network.line(14, { neighbours: 2, search: 'random-walk', walkers: 1 })
    nodes[12]!.share('giant steps')
    const search = nodes[0]!.command({ type: 'search', text: 'giant', urns: [], enough: 1 })
    network.run(5_000)
    expect(nodes[0]!.found(search)).toEqual(['giant steps over 12'])
    const queries = network.sent.filter(({ message }) => message.type === 'query')
    expect(queries.map(({ to }) => to)).toEqual(Array.from({ length: 13 }, (_, at) => at + 2))
    const asked = network.sent.flatMap(({ from, message }) =>
      message.type === 'other' && message.hops === 0 ? [`${walkWordOf(message)!.type} by ${from}`] : []
    )
    expect(asked).toEqual(['ask by 5', 'go by 1', 'ask by 9', 'go by 1'])
  })

  it('ends at the question that follows the find', () => {
    const network = new SmallNetwork()
    const nodes = network.line(14, { neighbours: 2, search: 'random-walk', walkers: 1 })
    nodes[2]!.share('kind of blue')
    nodes[0]!.command({ type: 'search', text: 'blue', urns: [], enough: 1 })
    network.run(5_000)
    const queries = network.sent.filter(({ message }) => message.type === 'query')
    expect(queries).toHaveLength(WALK_CHECK_STEPS)
  })
})
