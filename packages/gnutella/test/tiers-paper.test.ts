/** What is published of the two tiers, section by section, with the figures and bytes that the documents print. */
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import { DynamicQuery, horizon, hostsMissing, nextTtl, ttlLimit } from '../src/dynamic-query.ts'
import { guidanceMessage, guidanceOf } from '../src/guidance-wire.ts'
import { contactsOf } from '../src/handshake-rules.ts'
import type { Headers, QueryMessage } from '../src/messages.ts'
import { hashWord, slotOf } from '../src/qrp-hash.ts'
import { patchOf, ToldTable } from '../src/qrp-patch.ts'
import { QueryRoutingTable } from '../src/query-routing-table.ts'
import {
  DYNAMIC_MS_MAX,
  ELECTION_DOWN_BYTES_PER_S,
  ELECTION_UP_BYTES_PER_S,
  ELECTION_UPTIME_MS,
  GUIDANCE_OVER,
  HORIZON_MAX,
  LEAF_ULTRAPEERS,
  LONELY_MS,
  PATCH_DATA_BYTES,
  RARE_WAIT_MS_MIN,
  RESULTS_WANTED,
  RESULTS_WANTED_FOR_LEAF,
  TABLE_BITS_DEFAULT
} from '../src/tier-constants.ts'
import { bytesOf, decodeOne, encode, hexOf } from './bytes-of.ts'
import { LEAF, query, Servent, tableOf, ULTRAPEER } from './servent.ts'

describe('Query Routing for the Gnutella Network, appendix A: the hash', () => {
  it.each([
    ['', 13, 0],
    ['eb', 13, 6791],
    ['ebc', 13, 7082],
    ['ebck', 13, 6698],
    ['ebckl', 13, 3179],
    ['ebcklm', 13, 3235],
    ['ebcklme', 13, 6438],
    ['ebcklmen', 13, 1062],
    ['ebcklmenq', 13, 3527],
    ['', 16, 0],
    ['n', 16, 65003],
    ['nd', 16, 54193],
    ['ndf', 16, 4953],
    ['ndfl', 16, 58201],
    ['ndfla', 16, 34830],
    ['ndflal', 16, 36910],
    ['ndflale', 16, 34586],
    ['ndflalem', 16, 37658],
    ['ndflaleme', 16, 45559],
    ['ol2j34lj', 10, 318],
    ['asdfas23', 10, 503],
    ['9um3o34fd', 10, 758],
    ['a234d', 10, 281],
    ['a3f', 10, 767],
    ['3nja9', 10, 581],
    ['2459345938032343', 10, 146],
    ['7777a88a8a8a8', 10, 342],
    ['asdfjklkj3k', 10, 861],
    ['adfk32l', 10, 1011],
    ['zzzzzzzzzzz', 10, 944],
    ['3NJA9', 10, 581],
    ['3nJa9', 10, 581]
  ])('of %j in %i bits is %i', (word, bits, slot) => {
    expect(slotOf(hashWord(word), bits)).toBe(slot)
  })

  it('scales: k h(x, n) <= h(x, k n) <= k h(x, n) + k - 1', () => {
    for (const word of ['graphics', 'book', 'qrp', '日本']) {
      const [small, large] = [slotOf(hashWord(word), 13), slotOf(hashWord(word), 16)]
      expect(large >>> 3).toBe(small)
    }
  })
})

describe('Query Routing for the Gnutella Network, appendix B: a leaf shares "test", then "qrp", then no "test"', () => {
  const RESET = '<00 08 00 00 00 07>'
  const examples: readonly (readonly [string, readonly string[], readonly string[], readonly string[]])[] = [
    [
      '1: 8 bits',
      ['<01 01 01 00 08 00 00 fa 00 00 00 00 00>'],
      ['<01 01 01 00 08 00 00 00 00 00 00 fa 00>'],
      ['<01 01 01 00 08 00 00 06 00 00 00 00 00>']
    ],
    [
      '2: 4 bits',
      ['<01 01 01 00 04 00 a0 00 00>'],
      ['<01 01 01 00 04 00 00 00 a0>'],
      ['<01 01 01 00 04 00 60 00 00>']
    ],
    [
      '3: 4 bits, split',
      ['<01 01 02 00 04 00 a0>', '<01 02 02 00 04 00 00>'],
      ['<01 01 02 00 04 00 00>', '<01 02 02 00 04 00 a0>'],
      ['<01 01 02 00 04 00 60>', '<01 02 02 00 04 00 00>']
    ],
    [
      '4: 4 bits, compressed',
      ['<01 01 01 01 04 78 9c 63 58 c0 c0 00 00 01 e4 00 a1>'],
      ['<01 01 01 01 04 78 9c 63 60 60 58 00 00 00 a4 00 a1>'],
      ['<01 01 01 01 04 78 9c 63 48 60 60 00 00 01 24 00 61>']
    ],
    [
      '5: 4 bits, split and compressed',
      ['<01 01 02 01 04 78 9c 63 58 c0 c0 00 00 01 e4>', '<01 02 02 01 04 00 a1>'],
      ['<01 01 02 01 04 78 9c 63 60 60 58 00 00 00 a4>', '<01 02 02 01 04 00 a1>'],
      ['<01 01 02 01 04 78 9c 63 48 60 60 00 00 01 24>', '<01 02 02 01 04 00 61>']
    ]
  ]

  it.each(examples)('example %s', (_, test, qrp, noTest) => {
    const reset = decodeOne(0x30, RESET)
    expect(reset).toMatchObject({ type: 'table-reset', bits: 3, infinity: 7 })
    const told = new ToldTable(3)
    const present: number[][] = []
    for (const patch of [test, qrp, noTest]) {
      for (const part of patch) {
        const message = decodeOne(0x30, part)
        if (message.type !== 'table-patch') throw new Error('It is no patch.')
        expect(hexOf(encode(message)).slice(46)).toBe(hexOf(bytesOf(part)))
        told.take(message)
      }
      present.push([...told.table.present()])
    }
    // The words' hashes, as printed, but that the second patch of each example sets the slot before.
    expect(slotOf(hashWord('test'), 3)).toBe(2)
    expect(present).toEqual([[2], [2, 6], [6]])
  })

  it('is told by patches of 4 bits like those of example 2', () => {
    const table = (...slots: number[]) => {
      const made = new QueryRoutingTable(3)
      for (const slot of slots) made.put(slot, true)
      return made
    }
    const data = (from: QueryRoutingTable | undefined, to: QueryRoutingTable) =>
      hexOf(patchOf(from, to, 4)[0]!.data)
    expect(data(undefined, table(2))).toBe('00a00000')
    expect(data(table(2), table(2, 6))).toBe('000000a0')
    expect(data(table(2, 6), table(6))).toBe('00600000')
  })

  it('sends patches with TTL 1 and no hops, 1 KB each, and a RESET before the first', () => {
    expect(PATCH_DATA_BYTES).toBe(1024)
    const ultrapeer = new Servent({ role: 'leaf' })
    ultrapeer.command({ type: 'words', hashes: Uint32Array.of(hashWord('test')) })
    const link = ultrapeer.link(1, false)
    ultrapeer.from(link, { type: 'status', status: 200, reason: 'OK', headers: ULTRAPEER })
    expect(ultrapeer.outline()[link]).toEqual(['connect', 'status', 'table-reset 1/0', 'table-patch 1/0'])
  })
})

describe('Ultrapeers (Singla and Rohrs), 3: the five cases of a handshake', () => {
  const answerTo = (servent: Servent, headers: Headers) => {
    const link = servent.link(50)
    servent.from(link, { type: 'connect', headers })
    return servent.sent(link)[0]
  }

  it('3.1: an ultrapeer takes a leaf, and the leaf sends it its table', () => {
    const answer = answerTo(new Servent({ role: 'ultrapeer' }), LEAF)
    expect(answer).toMatchObject({
      status: 200,
      headers: { 'x-ultrapeer': 'True', 'x-query-routing': '0.2' }
    })
    const leaf = new Servent({ role: 'leaf' })
    const link = leaf.link(1, false)
    expect(leaf.sent(link)[0]).toMatchObject({ type: 'connect', headers: { 'x-ultrapeer': 'False' } })
  })

  it('3.2: a shielded leaf refuses a leaf with 503, and names its ultrapeer', () => {
    const servent = new Servent({ role: 'leaf' })
    servent.neighbour(7, { headers: ULTRAPEER, inbound: false })
    const answer = answerTo(servent, LEAF)
    expect(answer).toMatchObject({
      status: 503,
      reason: 'I am a shielded leaf node',
      headers: { 'x-ultrapeer': 'False' }
    })
    const named = contactsOf((answer as { headers: Headers }).headers['x-servent-try'])
    expect(named.map(({ id }) => hexOf(id))).toEqual([hexOf(testContact(7).id)])
  })

  it('3.4: two ultrapeers link', () => {
    expect(answerTo(new Servent({ role: 'ultrapeer' }), ULTRAPEER)).toMatchObject({
      status: 200,
      headers: { 'x-ultrapeer': 'True', 'x-degree': '32', 'x-max-ttl': '4', 'x-dynamic-querying': '0.1' }
    })
  })

  it('3.5: an ultrapeer without leaves that hears that none is needed answers as a leaf, and is one', () => {
    const guided = new Servent({ role: 'auto' })
    guided.pass(2 * LONELY_MS + 3_000)
    expect(guided.tiers().tier).toBe('ultrapeer')
    const link = guided.link(1, false)
    guided.take()
    const headers = { ...ULTRAPEER, 'x-ultrapeer-needed': 'false' }
    guided.from(link, { type: 'status', status: 200, reason: 'OK', headers })
    expect(guided.sent(link)[0]).toMatchObject({
      type: 'status',
      status: 200,
      headers: { 'x-ultrapeer': 'False' }
    })
    expect(guided.tiers()).toMatchObject({ tier: 'leaf', ultrapeers: 1 })
  })

  it('3.5: and the other side takes it for a leaf', () => {
    const servent = new Servent({ role: 'ultrapeer' })
    const link = servent.link(1)
    servent.from(link, { type: 'connect', headers: ULTRAPEER })
    servent.from(link, { type: 'status', status: 200, reason: 'OK', headers: { 'x-ultrapeer': 'False' } })
    expect(servent.tiers()).toMatchObject({ ultrapeers: 0, leaves: 1 })
  })

  it('3: recommends 15 KB/s down and 10 KB/s up, and several minutes', () => {
    expect([ELECTION_DOWN_BYTES_PER_S, ELECTION_UP_BYTES_PER_S, ELECTION_UPTIME_MS]).toEqual([
      15_360, 10_240, 300_000
    ])
  })
})

describe('Gnutella Ultrapeer Query Routing 0.1 (Fisk)', () => {
  it('2.3: holds 80 % of all ultrapeers that are reached on the last hop of degree 6 and TTL 7, 97 % of 32 and 3', () => {
    const lastHop = (degree: number, ttl: number) => 1 - horizon(degree, ttl - 1) / horizon(degree, ttl)
    expect(lastHop(6, 7)).toBeCloseTo(0.8, 2)
    expect(lastHop(32, 3)).toBeCloseTo(0.97, 2)
  })

  it('2.3: hands a query that has one hop left to ultrapeers whose tables match, and to those without a table', () => {
    const servent = new Servent({ role: 'ultrapeer' })
    const asker = servent.neighbour(1, { headers: ULTRAPEER })
    const [with_, without, untold] = [2, 3, 4].map(peer => servent.neighbour(peer, { headers: ULTRAPEER }))
    servent.from(with_!, ...tableOf('blue'))
    servent.from(without!, ...tableOf('green'))
    servent.from(asker, query({ ttl: 2, hops: 1 }))
    expect(servent.outline()).toEqual({ [with_!]: ['query 1/2'], [untold!]: ['query 1/2'] })
    // With more hops left nobody knows who is behind them.
    servent.from(asker, query({ ttl: 3, hops: 1 }))
    expect(Object.keys(servent.outline()).map(Number)).toEqual([with_, without, untold])
  })

  it('2.4: hands a query to leaves whose tables match, whatever its TTL', () => {
    const servent = new Servent({ role: 'ultrapeer' })
    const asker = servent.neighbour(1, { headers: ULTRAPEER })
    const [has, hasNot] = [2, 3].map(peer => servent.neighbour(peer, { headers: LEAF }))
    servent.from(has!, ...tableOf('blue'))
    servent.from(hasNot!, ...tableOf('green'))
    servent.from(asker, query({ ttl: 1, hops: 3 }))
    expect(servent.outline()).toEqual({ [has!]: ['query 1/4'] })
  })

  it('2.5: uses tables of 64 K slots', () => {
    expect(2 ** TABLE_BITS_DEFAULT).toBe(65_536)
  })
})

describe('Gnutella Dynamic Query Protocol 0.1 (Fisk)', () => {
  it('2.4 and 2.5.2.2: reaches over one link the sum of (degree - 1)^i; the prose of 2.4 rounds it up', () => {
    // "23,436" and "1,024" in the text, which its own formula does not give.
    expect(horizon(6, 7)).toBe(19_531)
    expect(horizon(32, 3)).toBe(993)
    expect([1, 2, 3, 4].map(ttl => horizon(32, ttl))).toEqual([1, 32, 993, 30_784])
  })

  it('2.4: keeps all links together under 200,000 ultrapeers: TTL 3 at degree 32, 4 at degree 15', () => {
    expect([ttlLimit(32, 7), ttlLimit(15, 7), ttlLimit(200, 7), ttlLimit(32, 2)]).toEqual([3, 4, 2, 2])
    expect(HORIZON_MAX).toBe(200_000)
  })

  it('2.5.1: thirty results of a probe make the next TTL low, none make it high', () => {
    const rest = { wanted: 150, reached: 90, linksLeft: 29, degree: 32, ttlMax: 3 }
    expect(nextTtl({ ...rest, results: 30 })).toBe(2)
    expect(nextTtl({ ...rest, results: 30, reached: 6 })).toBe(1)
    expect(nextTtl({ ...rest, results: 0 })).toBe(3)
  })

  it('2.5.2.1: D 150, r 10, H 100 and C 10 ask for 140 hosts of each link: the least TTL that reaches them', () => {
    const rest = { wanted: 150, results: 10, reached: 100, linksLeft: 10 }
    expect(nextTtl({ ...rest, degree: 32, ttlMax: 3 })).toBe(3)
    expect(nextTtl({ ...rest, degree: 141, ttlMax: 3 })).toBe(2)
    // 1,400 hosts in all.
    expect(hostsMissing(rest)).toBe(1_400)
    expect(hostsMissing({ ...rest, results: 0 })).toBe(Number.POSITIVE_INFINITY)
  })

  it('2.5.2.3: waits 2.4 s for each hop, and less each time once 3,000 ultrapeers gave under 10 results', () => {
    const search = new DynamicQuery(150, false, 0)
    expect([search.waitMs(1), search.waitMs(3)]).toEqual([2_400, 7_200])
    search.reached = 3_000
    search.count(1, 9)
    expect([search.waitMs(1), search.waitMs(1)]).toEqual([2_300, 2_200])
    for (let turn = 0; turn < 20; turn += 1) search.waitMs(1)
    expect(search.waitMs(1)).toBe(RARE_WAIT_MS_MIN)
  })

  it('2.5.2.4: ends with its results, with its horizon, and with its time', () => {
    const query = new DynamicQuery(50, false, 0)
    expect(query.isOver(DYNAMIC_MS_MAX - 1)).toBe(false)
    expect(query.isOver(DYNAMIC_MS_MAX)).toBe(true)
    for (const link of [1, 2, 3, 4]) query.count(link, link < 4 ? 13 : 10)
    expect(query.isOver(0)).toBe(false)
    query.count(4, 1)
    expect(query.isOver(0)).toBe(true)
    const wide = new DynamicQuery(50, false, 0)
    wide.reached = HORIZON_MAX
    expect(wide.isOver(0)).toBe(true)
  })

  it('2.5.3.1: wants 150 results for itself, and 50 for a leaf, which asks three ultrapeers', () => {
    expect([RESULTS_WANTED, RESULTS_WANTED_FOR_LEAF, LEAF_ULTRAPEERS]).toEqual([150, 50, 3])
  })
})

describe('Proposal for Leaf Guidance of Dynamic Queries (Solares)', () => {
  const guid = 'ab'.repeat(16)

  it('Query Status Request is BEAR 11 version 1, and Response BEAR 12 version 1 with the count, little-endian', () => {
    expect(hexOf(guidanceMessage(guid, { type: 'request' }).payload)).toBe('424541520b000100')
    const response = guidanceMessage(guid, { type: 'response', results: 0x0102 })
    expect(hexOf(response.payload)).toBe('424541520c0001000201')
    expect(decodeOne(0x31, response.payload)).toMatchObject({ type: 'other', descriptor: 0x31 })
    expect(guidanceOf(response)).toEqual({ type: 'response', results: 0x0102 })
  })

  it('0xFFFF says that the query is over', () => {
    expect(GUIDANCE_OVER).toBe(0xffff)
    const response = guidanceMessage(guid, { type: 'response', results: GUIDANCE_OVER + 1 })
    expect(guidanceOf(response)).toEqual({ type: 'response', results: 0xffff })
  })

  it('bits 15 and 12 of the minimum speed say that a leaf guides its query', () => {
    const leaf = new Servent({ role: 'leaf' })
    const link = leaf.neighbour(1, { headers: ULTRAPEER, inbound: false })
    leaf.search('blue')
    const [asked] = leaf.sent(link) as [QueryMessage]
    expect(asked.flags).toBe((1 << 15) | (1 << 12))
  })
})
