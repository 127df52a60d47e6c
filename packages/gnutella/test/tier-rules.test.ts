/** Leaves and ultrapeers: who takes whom, who becomes what, and what whoever wants more than others gets. */
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import {
  NEIGHBOURS_MAX,
  PONG_AGE_MS,
  PONGS_PER_PING,
  RESULTS_PER_QUERY,
  SEARCH_SPREAD_MS,
  SEARCHES_MAX,
  TTL_HARD_MAX,
  UPKEEP_MS
} from '../src/constants.ts'
import { DynamicQuery, horizon, hostsMissing } from '../src/dynamic-query.ts'

import { hasFew, isFit, type LeafView, mayRise, mayStepDown, type UltrapeerView } from '../src/election.ts'
import { contactsOf } from '../src/handshake-rules.ts'
import type { Headers, QueryMessage } from '../src/messages.ts'
import { hashWord } from '../src/qrp-hash.ts'
import {
  COUNTED_LINKS_MAX,
  DEGREE_MAX,
  DEMOTION_MS,
  DYNAMIC_LEAVES_MAX,
  DYNAMIC_MAX,
  DYNAMIC_MS_MAX,
  DYNAMIC_PER_LEAF_MAX,
  ELECTION_DOWN_BYTES_PER_S,
  ELECTION_UP_BYTES_PER_S,
  ELECTION_UPTIME_MS,
  LEAF_QUERIES_BURST,
  LEAF_TABLE_UPDATE_MS,
  LEAF_ULTRAPEERS,
  LEAVES_DEFAULT,
  LEAVES_MAX,
  LINK_RESULTS_PART,
  LONELY_MS,
  PROBES,
  PUSH_PROXIES_MAX,
  RESULTS_WANTED_FOR_LEAF,
  TABLE_BITS_DEFAULT,
  TABLE_BITS_OWN,
  TABLE_FILL_CLAIMED,
  TABLE_MESSAGES_PER_LINK,
  TABLE_MESSAGES_PER_ROUND,
  TABLE_SETTLE_MS,
  TABLE_SLOTS_BURST,
  TABLE_UPDATE_MS,
  TABLE_UPDATES_BURST,
  ULTRAPEER_TTL_MAX,
  UNROUTED_BURST,
  UNROUTED_PER_SECOND,
  WAIT_PER_HOP_MS,
  WORDS_MAX
} from '../src/tier-constants.ts'
import type { GnutellaSettings } from '../src/types.ts'
import { hexOf } from './bytes-of.ts'
import {
  freshGuid,
  hit,
  LEAF,
  MODERN,
  pong,
  push,
  query,
  result,
  Servent,
  tableOf,
  ULTRAPEER
} from './servent.ts'

const ultrapeer = (settings: Partial<GnutellaSettings> = {}) =>
  new Servent({ role: 'ultrapeer', ...settings })
const answerTo = (servent: Servent, headers: Headers, peer = 900) => {
  const link = servent.link(peer)
  servent.from(link, { type: 'connect', headers })
  return servent.sent(link)[0]
}
const words = (...some: string[]) => ({ type: 'words' as const, hashes: Uint32Array.from(some, hashWord) })
/** Lets time pass while neighbours live. */
const passAlive = (servent: Servent, links: readonly number[], ms: number) => {
  for (let passed = 0; passed < ms; passed += 1_000) {
    if (passed % 20_000 === 0)
      for (const link of links)
        servent.from(link, { type: 'ping', guid: freshGuid(), ttl: 1, hops: 0, ggep: [] })
    servent.pass(Math.min(1_000, ms - passed))
  }
}
const countOf = (servent: Servent, to?: number) =>
  Object.entries(servent.outline())
    .filter(([link]) => to === undefined || Number(link) === to)
    .flatMap(([, sent]) => sent).length
const tablesOf = (servent: Servent, link: number) =>
  servent
    .take()
    .flatMap(effect =>
      effect.type === 'send' && effect.link === link && effect.message.type.startsWith('table')
        ? [effect.message]
        : []
    )
const sharing = { type: 'sharing' as const, files: 1, kibibytes: 1, firewalled: false }

describe('places', () => {
  it('for other ultrapeers are as many as the user leaves while it runs; leaves keep theirs', () => {
    const servent = ultrapeer({ degree: 4 })
    const leaf = servent.neighbour(9, { headers: LEAF })
    const links = [1, 2, 3].map(peer => servent.neighbour(peer, { headers: ULTRAPEER }))
    servent.command({ type: 'resize', neighbours: 2 })
    expect(servent.outline()).toEqual({ [links[2]!]: ['bye 1/0'] })
    servent.down(links[2]!)
    expect(answerTo(servent, ULTRAPEER)).toMatchObject({ status: 503, headers: { 'x-degree': '2' } })
    servent.command({ type: 'resize', neighbours: 3 })
    expect(answerTo(servent, ULTRAPEER, 901)).toMatchObject({ status: 200, headers: { 'x-degree': '3' } })
    expect(servent.closed()).not.toContain(leaf)
    // A leaf has its three.
    const below = new Servent({ role: 'leaf' })
    const up = [1, 2, 3].map(peer => below.neighbour(peer, { headers: ULTRAPEER, inbound: false }))
    below.command({ type: 'resize', neighbours: 1 })
    expect(below.tiers().ultrapeers).toBe(up.length)
  })

  it('of an ultrapeer are for LEAVES_DEFAULT leaves, or as many as are set up to LEAVES_MAX', () => {
    for (const [leaves, places] of [
      [undefined, LEAVES_DEFAULT],
      [2, 2],
      [LEAVES_MAX, LEAVES_MAX],
      [LEAVES_MAX + 1, LEAVES_MAX]
    ] as const) {
      const servent = ultrapeer(leaves === undefined ? {} : { leaves })
      for (let peer = 1; peer <= places; peer += 1) servent.neighbour(peer, { headers: LEAF })
      expect(servent.tiers()).toMatchObject({ leaves: places, leafPlaces: places })
      expect(answerTo(servent, LEAF)).toMatchObject({
        status: 503,
        headers: { 'x-ultrapeer-needed': 'True' }
      })
      // Those for other ultrapeers are apart.
      expect(answerTo(servent, ULTRAPEER)).toMatchObject({ status: 200 })
    }
  })

  it('of a leaf are for LEAF_ULTRAPEERS, all of which it opens itself', () => {
    const servent = new Servent({ role: 'leaf' })
    for (let peer = 1; peer <= 9; peer += 1)
      servent.handle({ type: 'contact', peer: servent.effects.peers.intern(testContact(peer)) })
    for (let peer = 9; peer > 9 - LEAF_ULTRAPEERS; peer -= 1)
      servent.neighbour(peer, { headers: ULTRAPEER, inbound: false })
    expect(servent.tiers()).toMatchObject({ tier: 'leaf', ultrapeers: LEAF_ULTRAPEERS })
    expect(answerTo(servent, ULTRAPEER)).toMatchObject({ status: 503 })
  })

  it('an ultrapeer that comes to a leaf that looks for some is taken', () => {
    expect(answerTo(new Servent({ role: 'leaf' }), ULTRAPEER)).toMatchObject({
      status: 200,
      headers: { 'x-ultrapeer': 'False' }
    })
  })

  it('an old servent gets none from a leaf, and one without a table from an ultrapeer', () => {
    expect(answerTo(new Servent({ role: 'leaf' }), MODERN)).toMatchObject({ status: 503 })
    const servent = ultrapeer()
    const [asker, old] = [servent.neighbour(1, { headers: ULTRAPEER }), servent.neighbour(2)]
    servent.from(asker, query({ ttl: 2, hops: 1 }))
    expect(servent.outline()).toEqual({ [old]: ['query 1/2'] })
    const leaf = new Servent({ role: 'leaf' })
    const link = leaf.link(1, false)
    leaf.from(link, { type: 'status', status: 200, reason: 'OK', headers: MODERN })
    expect(leaf.closed()).toContain(link)
  })

  it('an ultrapeer that called a leaf takes it for one, while there is room', () => {
    const servent = ultrapeer({ leaves: 1 })
    const called = (peer: number) => {
      const link = servent.link(peer, false)
      servent.from(link, { type: 'status', status: 200, reason: 'OK', headers: LEAF })
      return link
    }
    called(1)
    expect(servent.tiers().leaves).toBe(1)
    const second = called(2)
    expect(servent.closed()).toContain(second)
  })

  it('two that shook hands at once for the last place are not both taken', () => {
    const servent = ultrapeer({ leaves: 1 })
    const links = [1, 2].map(peer => servent.link(peer))
    const [first, second] = links as [number, number]
    servent.from(first, { type: 'connect', headers: ULTRAPEER })
    servent.from(second, { type: 'connect', headers: ULTRAPEER })
    for (const link of links)
      servent.from(link, { type: 'status', status: 200, reason: 'OK', headers: { 'x-ultrapeer': 'False' } })
    expect(servent.tiers().leaves).toBe(1)
    expect(servent.closed()).toEqual([second])
  })

  it('a refusal names ultrapeers first', () => {
    const servent = ultrapeer({ leaves: 1 })
    servent.neighbour(1, { headers: LEAF })
    servent.neighbour(2, { headers: ULTRAPEER })
    const { headers } = answerTo(servent, LEAF) as { headers: Headers }
    expect(contactsOf(headers['x-servent-try'])[0]!.id).toEqual(testContact(2).id)
  })
})

describe('what headers say is believed within reason', () => {
  it('a degree up to DEGREE_MAX', () => {
    // One that says more would be given up for the horizon of the whole network.
    for (const degree of [DEGREE_MAX, DEGREE_MAX + 1, 1e9]) {
      const servent = ultrapeer()
      const link = servent.neighbour(1, { headers: { ...ULTRAPEER, 'x-degree': `${degree}` } })
      servent.from(link, ...tableOf('green'))
      servent.search('blue')
      // 200 links of 200: TTL 2 reaches 200 * 200 of 200,000, and TTL 3 would be too many.
      expect(servent.outline()).toEqual({ 1: ['query 2/0'] })
    }
  })

  it('nonsense is passed over', () => {
    const servent = ultrapeer()
    servent.neighbour(1, {
      headers: { ...ULTRAPEER, 'x-degree': 'many', 'x-ultrapeer-needed': 'maybe', guid: 'none' }
    })
    expect(servent.tiers().ultrapeers).toBe(1)
  })
})

describe('election', () => {
  const leaf: LeafView = {
    firewalled: false,
    downBytesPerS: undefined,
    upBytesPerS: undefined,
    restedMs: ELECTION_UPTIME_MS,
    lonelyMs: 0,
    lonelyMsMax: LONELY_MS,
    ultrapeers: LEAF_ULTRAPEERS,
    placesFull: true
  }
  const top: UltrapeerView = {
    firewalled: false,
    downBytesPerS: undefined,
    upBytesPerS: undefined,
    leaves: 1,
    leafPlaces: 30,
    idleMs: DEMOTION_MS,
    ultrapeers: LEAF_ULTRAPEERS,
    placesElsewhere: 2
  }

  it('is for those that can be reached and have the bandwidth', () => {
    expect(isFit(leaf)).toBe(true)
    expect(isFit({ ...leaf, firewalled: true })).toBe(false)
    expect(
      isFit({ ...leaf, downBytesPerS: ELECTION_DOWN_BYTES_PER_S, upBytesPerS: ELECTION_UP_BYTES_PER_S })
    ).toBe(true)
    expect(isFit({ ...leaf, downBytesPerS: ELECTION_DOWN_BYTES_PER_S - 1 })).toBe(false)
    expect(isFit({ ...leaf, upBytesPerS: ELECTION_UP_BYTES_PER_S - 1 })).toBe(false)
  })

  it.each<[string, Partial<LeafView>, ReturnType<typeof mayRise>]>([
    ['whose ultrapeers are full', {}, 'needed'],
    ['whose ultrapeers have places', { placesFull: false }, 'no'],
    ['that finds too few ultrapeers', { placesFull: false, ultrapeers: LEAF_ULTRAPEERS - 1 }, 'needed'],
    ['that is young', { restedMs: ELECTION_UPTIME_MS - 1 }, 'no'],
    ['that is firewalled', { firewalled: true }, 'no'],
    ['without any ultrapeer for long', { ultrapeers: 0, lonelyMs: LONELY_MS, restedMs: 0 }, 'now'],
    ['without any for a moment', { ultrapeers: 0, lonelyMs: LONELY_MS - 1 }, 'no']
  ])('a leaf %s: %o', (_, fields, verdict) => {
    expect(mayRise({ ...leaf, ...fields })).toBe(verdict)
  })

  it.each<[string, Partial<UltrapeerView>, ReturnType<typeof mayStepDown>]>([
    ['with few leaves for long', {}, 'spare'],
    ['with few leaves for a while', { idleMs: DEMOTION_MS - 1 }, 'no'],
    ['that would leave fewer than three', { ultrapeers: LEAF_ULTRAPEERS - 1 }, 'no'],
    ['whose leaves would find no place', { placesElsewhere: 1 }, 'no'],
    ['that nobody can reach any more', { firewalled: true, idleMs: 0 }, 'now'],
    ['that is alone', { firewalled: true, ultrapeers: 0 }, 'no']
  ])('an ultrapeer %s: %o', (_, fields, verdict) => {
    expect(mayStepDown({ ...top, ...fields })).toBe(verdict)
  })

  it('counts fewer than a tenth of the places for leaves as few', () => {
    expect([hasFew(2, 30), hasFew(3, 30), hasFew(0, 1), hasFew(1, 1)]).toEqual([true, false, true, false])
  })

  it('a leaf that is reached before it found anybody becomes an ultrapeer for who came', () => {
    const servent = new Servent({ role: 'auto' })
    servent.command(sharing)
    expect(answerTo(servent, LEAF)).toMatchObject({ status: 200, headers: { 'x-ultrapeer': 'True' } })
    expect(servent.tiers().tier).toBe('ultrapeer')
    const firewalled = new Servent({ role: 'auto' })
    firewalled.command({ ...sharing, firewalled: true })
    expect(answerTo(firewalled, LEAF)).toMatchObject({ status: 503 })
  })

  it('a leaf that is needed rises, with Bye 203 to its ultrapeers', () => {
    const servent = new Servent({ role: 'auto' })
    const links = [1, 2, 3].map(peer =>
      servent.neighbour(peer, { headers: { ...ULTRAPEER, 'x-ultrapeer-needed': 'True' }, inbound: false })
    )
    servent.pass(20_000)
    expect(servent.tiers().tier).toBe('leaf')
    for (let minute = 0; minute < 10 && servent.tiers().tier === 'leaf'; minute += 1) {
      passAlive(servent, links, 60_000)
    }
    expect(servent.tiers().tier).toBe('ultrapeer')
    expect(servent.counter('promotions')).toBe(1)
    const byes = servent
      .take()
      .flatMap(effect =>
        effect.type === 'send' && effect.message.type === 'bye' ? [effect.message.code] : []
      )
    expect(byes).toEqual([203, 203, 203])
  })

  it('an ultrapeer that falls behind a firewall steps down, and its leaves and dynamic queries with it', () => {
    const servent = new Servent({ role: 'auto' })
    servent.pass(2 * LONELY_MS + 3_000)
    const peer = servent.neighbour(1, { headers: ULTRAPEER })
    const leaf = servent.neighbour(2, { headers: LEAF })
    servent.from(leaf, query())
    expect(servent.tiers()).toMatchObject({ tier: 'ultrapeer', leaves: 1, dynamicQueries: 1 })
    servent.command({ ...sharing, firewalled: true })
    servent.pass(3_000)
    expect(servent.tiers()).toMatchObject({ tier: 'leaf', leaves: 0, dynamicQueries: 0 })
    expect(servent.closed()).toEqual([peer, leaf])
    expect(servent.counter('demotions')).toBe(1)
  })

  it('learns from pongs how many places ultrapeers have left', () => {
    const servent = ultrapeer({ leaves: 5, degree: 20 })
    const link = servent.neighbour(1, { headers: LEAF })
    servent.from(link, { type: 'ping', guid: freshGuid(), ttl: 1, hops: 0, ggep: [] })
    const [answer] = servent.sent(link)
    expect(answer).toMatchObject({ type: 'pong', ggep: [{ id: 'UP', data: Uint8Array.of(1, 4, 20) }] })
  })
})

describe('route tables', () => {
  it('are told to an ultrapeer at once by a leaf, and only when they changed', () => {
    const servent = new Servent({ role: 'leaf' })
    servent.command(words('blue'))
    const link = servent.neighbour(1, { headers: ULTRAPEER, inbound: false })
    expect(servent.counter('tableMessagesSent')).toBe(2)
    servent.command(words('blue', 'green'))
    expect(tablesOf(servent, link)).toMatchObject([{ type: 'table-patch', entryBits: 1 }])
    servent.command(words('green', 'blue'))
    passAlive(servent, [link], 2 * TABLE_UPDATE_MS)
    expect(tablesOf(servent, link)).toEqual([])
  })

  it('have words that came since at once, for neighbours and for what is asked here', () => {
    const servent = new Servent({ role: 'leaf' })
    const added = (...texts: string[]) => ({ ...words(...texts), type: 'words-added' as const })
    servent.command(added('early'))
    servent.command(words('blue'))
    const link = servent.neighbour(1, { headers: ULTRAPEER, inbound: false })
    servent.command(added('green'))
    expect(tablesOf(servent, link)).toMatchObject([{ type: 'table-patch' }])
    expect(servent.tiers().table).toMatchObject({ fill: 2 / 65_536 })
    const above = ultrapeer()
    above.command(words('blue'))
    above.command(added('green'))
    const leaf = above.neighbour(1, { headers: LEAF })
    above.from(leaf, query({ text: 'green' }))
    expect(above.asked()).toMatchObject([{ question: { type: 'match', text: 'green' } }])
  })

  it('of a leaf are told TABLE_UPDATES_BURST times at once, and then once in LEAF_TABLE_UPDATE_MS', () => {
    const servent = new Servent({ role: 'leaf' })
    servent.command(words('0'))
    const link = servent.neighbour(1, { headers: ULTRAPEER, inbound: false })
    for (let change = 1; change < TABLE_UPDATES_BURST; change += 1) {
      servent.command(words(`${change}`))
      expect(tablesOf(servent, link)).toHaveLength(1)
    }
    servent.command(words('one more'))
    servent.pass(LEAF_TABLE_UPDATE_MS - 1)
    expect(tablesOf(servent, link)).toEqual([])
    // With the next round of upkeep.
    servent.pass(UPKEEP_MS)
    expect(tablesOf(servent, link)).toMatchObject([{ type: 'table-patch' }])
  })

  it('of a leaf have all that it shares within seconds, however many files come one by one', () => {
    const [above, leaf] = [ultrapeer(), new Servent({ role: 'leaf' })]
    const [down, up] = [
      above.neighbour(1, { headers: LEAF }),
      leaf.neighbour(1, { headers: ULTRAPEER, inbound: false })
    ]
    const tell = () => above.from(down, ...tablesOf(leaf, up))
    const files = Array.from({ length: 3 * TABLE_UPDATES_BURST }, (_, number) => `file${number}`)
    leaf.command(words())
    for (const file of files) {
      leaf.command({ ...words(file), type: 'words-added' })
      tell()
      leaf.pass(20)
    }
    leaf.pass(LEAF_TABLE_UPDATE_MS + UPKEEP_MS)
    tell()
    const asker = above.neighbour(2, { headers: ULTRAPEER })
    for (const file of files) {
      above.from(asker, query({ text: file, hops: 1 }))
      expect(above.outline()[down]).toEqual(['query 1/2'])
    }
  })

  it('of a leaf wait as much longer as they are larger, so that no ultrapeer ends the link for it', () => {
    const [above, leaf] = [ultrapeer(), new Servent({ role: 'leaf' })]
    const [down, up] = [
      above.neighbour(1, { headers: LEAF }),
      leaf.neighbour(1, { headers: ULTRAPEER, inbound: false })
    ]
    const many = Uint32Array.from(
      { length: 2 ** TABLE_BITS_OWN / 9 },
      (_, number) => (number * 2_654_435_761) % 2 ** 32
    )
    leaf.command({ type: 'words', hashes: many })
    passAlive(leaf, [up], 60_000)
    const times = 2 ** (TABLE_BITS_OWN - TABLE_BITS_DEFAULT)
    let updates = 0
    for (let passed = 0; passed < 12 * times * LEAF_TABLE_UPDATE_MS; passed += 2_000) {
      leaf.command({ ...words(`word${passed}`), type: 'words-added' })
      const told = tablesOf(leaf, up)
      updates += told.some(
        ({ type, ...said }) => type === 'table-patch' && (said as { number: number }).number === 1
      )
        ? 1
        : 0
      above.from(down, ...told)
      passAlive(leaf, [up], 2_000)
      passAlive(above, [down], 2_000)
    }
    expect(updates).toBeGreaterThanOrEqual(10)
    expect(updates).toBeLessThanOrEqual(14)
    expect(above.counter('tablesRefused')).toBe(0)
    expect(above.tiers().leaves).toBe(1)
  })

  it('have entries of four bits for those that do not say that they read one', () => {
    const servent = new Servent({ role: 'leaf' })
    servent.command(words('blue'))
    const link = servent.link(1, false)
    servent.take()
    servent.from(link, {
      type: 'status',
      status: 200,
      reason: 'OK',
      headers: { ...ULTRAPEER, 'x-query-routing': '0.1' }
    })
    expect(servent.sent(link)).toMatchObject([
      { type: 'status' },
      { type: 'table-reset' },
      { type: 'table-patch', entryBits: 4 }
    ])
  })

  it('of an ultrapeer hold its words and those of its leaves, once a new link has stood for TABLE_SETTLE_MS', () => {
    const servent = ultrapeer()
    servent.command(words('own'))
    const leaf = servent.neighbour(1, { headers: LEAF })
    servent.from(leaf, ...tableOf('blue'))
    const peer = servent.neighbour(2, { headers: ULTRAPEER })
    servent.pass(TABLE_SETTLE_MS - 3_000)
    expect(tablesOf(servent, peer)).toEqual([])
    passAlive(servent, [leaf, peer], TABLE_UPDATE_MS + 6_000)
    expect(tablesOf(servent, peer)).toMatchObject([{ type: 'table-reset' }, { type: 'table-patch' }])
    expect(servent.tiers().table).toMatchObject({ slots: 65_536, fill: 2 / 65_536 })
    // Without the leaf it has one word less.
    servent.down(leaf)
    passAlive(servent, [peer], TABLE_UPDATE_MS + 3_000)
    expect(servent.tiers().table).toMatchObject({ fill: 1 / 65_536 })
  })

  it('are not told by whoever is not to route by them', () => {
    const servent = new Servent({ role: 'leaf', queryRouting: false })
    servent.command(words('blue'))
    const link = servent.link(1, false)
    const [connect] = servent.sent(link)
    expect((connect as { headers: Headers }).headers).not.toHaveProperty('x-query-routing')
    servent.from(link, { type: 'status', status: 200, reason: 'OK', headers: ULTRAPEER })
    servent.pass(5_000)
    expect(servent.counter('tableMessagesSent')).toBe(0)
    // And a table that comes to a leaf, or from an old servent, means nothing.
    servent.from(link, ...tableOf('blue'))
    expect(servent.counter('descriptorsUnknown')).toBe(2)
  })

  it('grow with the words, so that they are not full, and claim everything from WORDS_MAX on', () => {
    const servent = new Servent({ role: 'leaf' })
    const hashes = (count: number) =>
      Uint32Array.from({ length: count }, (_, index) => Math.imul(index, 2654435761) >>> 0)
    servent.command({ type: 'words', hashes: hashes(6_500) })
    expect(servent.tiers().table!.slots).toBe(2 ** 16)
    servent.command({ type: 'words', hashes: hashes(20_000) })
    expect(servent.tiers().table!.slots).toBe(2 ** 18)
    servent.command({ type: 'words', hashes: hashes(WORDS_MAX) })
    expect(servent.tiers().table).toMatchObject({ slots: 2 ** 21 })
    expect(servent.tiers().table!.fill).toBeLessThan(1)
    servent.command({ type: 'words', hashes: hashes(WORDS_MAX + 1) })
    expect(servent.tiers().table).toMatchObject({ fill: 1 })
  })

  it('leave in at most TABLE_MESSAGES_PER_LINK at a time by a link, and TABLE_MESSAGES_PER_ROUND in all', () => {
    const servent = ultrapeer({ degree: 40 })
    const hashes = Uint32Array.from({ length: 90_000 }, (_, index) => Math.imul(index, 2654435761) >>> 0)
    servent.command({ type: 'words', hashes })
    const links = Array.from({ length: 20 }, (_, index) =>
      servent.neighbour(index + 1, { headers: ULTRAPEER })
    )
    let rounds = 0
    const told = new Map<number, number>()
    for (; rounds < 200; rounds += 1) {
      passAlive(servent, links, 3_000)
      const counts = Object.entries(servent.outline()).map(([link, sent]) => {
        const count = sent.filter(one => one.startsWith('table')).length
        told.set(Number(link), (told.get(Number(link)) ?? 0) + count)
        return count
      })
      for (const count of counts) expect(count).toBeLessThanOrEqual(3 * TABLE_MESSAGES_PER_LINK)
      const all = counts.reduce((sum, count) => sum + count, 0)
      expect(all).toBeLessThanOrEqual(3 * TABLE_MESSAGES_PER_ROUND)
      if (all === 0 && told.size === links.length) break
    }
    // All were told the same, in turns.
    expect(new Set(told.values()).size).toBe(1)
    expect(told.size).toBe(links.length)
  })

  it.each([
    ['a patch before its table', () => tableOf('blue').slice(1)],
    ['a part that is missing', () => [tableOf()[0]!, { ...tableOf()[1]!, number: 2, count: 2 }]],
    ['an update that goes further than one link', () => [{ ...tableOf()[0]!, ttl: 2 }]]
  ])('with %s end the link with Bye 400', (_, messages) => {
    const servent = ultrapeer()
    const link = servent.neighbour(1, { headers: LEAF })
    servent.from(link, ...(messages() as ReturnType<typeof tableOf>))
    expect(servent.sent(link)).toMatchObject([{ type: 'bye', code: 400 }])
    expect(servent.counter('tablesRefused')).toBe(1)
  })

  it('may change by TABLE_SLOTS_BURST slots at once, and not by one table more', () => {
    const servent = ultrapeer()
    const link = servent.neighbour(1, { headers: LEAF })
    const reset = { type: 'table-reset' as const, guid: freshGuid(), ttl: 1, hops: 0, bits: 21, infinity: 7 }
    for (let count = 0; count < TABLE_SLOTS_BURST / 2 ** 21; count += 1) servent.from(link, reset)
    expect(servent.closed()).toEqual([])
    servent.from(link, reset)
    expect(servent.closed()).toEqual([link])
  })
})

describe('a table full of ones gains nothing', () => {
  const ones = Array.from({ length: 65_536 }, (_, slot) => slot)
  /** One leaf that tells the truth, one that claims everything, and queries for what only others have. */
  const setup = () => {
    const servent = ultrapeer()
    servent.command(words('own'))
    const peer = servent.neighbour(1, { headers: ULTRAPEER })
    const [honest, greedy] = [
      servent.neighbour(2, { headers: LEAF }),
      servent.neighbour(3, { headers: LEAF })
    ]
    servent.from(honest, ...tableOf('blue'))
    servent.from(greedy, ...tableOf(...ones))
    servent.take()
    return { servent, peer, honest, greedy }
  }

  it('it is not told to other ultrapeers, so that no query comes for its sake', () => {
    const { servent, peer, honest, greedy } = setup()
    passAlive(servent, [peer, honest, greedy], TABLE_UPDATE_MS + 3_000)
    expect(servent.tiers().table!.fill).toBe(2 / 65_536)
    expect(servent.tiers().leavesUnrouted).toBe(1)
  })

  it('its leaf is asked UNROUTED_BURST times and then UNROUTED_PER_SECOND, whatever is asked; the honest one each time it may have it', () => {
    const { servent, peer, honest, greedy } = setup()
    let [asked, told] = [0, 0]
    for (let second = 0; second < 60; second += 1) {
      for (let count = 0; count < 10; count += 1) {
        servent.from(peer, query({ text: count < 5 ? 'blue' : 'green', hops: 1, ttl: 1 }))
        const outline = servent.outline()
        asked += outline[greedy]?.length ?? 0
        told += outline[honest]?.length ?? 0
      }
      servent.effects.advance(1_000)
    }
    expect(told).toBe(300)
    expect(asked).toBeLessThanOrEqual(UNROUTED_BURST + 60 * UNROUTED_PER_SECOND)
    expect(asked).toBeGreaterThan(UNROUTED_BURST)
  })

  it('a table at TABLE_FILL_CLAIMED still counts, one slot more claims everything', () => {
    const most = Math.floor(65_536 * TABLE_FILL_CLAIMED)
    for (const [count, unrouted] of [
      [most, 0],
      [most + 1, 1]
    ] as const) {
      const servent = ultrapeer()
      servent.from(servent.neighbour(1, { headers: LEAF }), ...tableOf(...ones.slice(0, count)))
      expect(servent.tiers().leavesUnrouted).toBe(unrouted)
    }
  })

  it('and an ultrapeer that claims everything is not probed', () => {
    const servent = ultrapeer()
    const links = [1, 2].map(peer => servent.neighbour(peer, { headers: ULTRAPEER }))
    servent.from(links[0]!, ...tableOf('blue'))
    servent.from(links[1]!, ...tableOf(...ones))
    servent.search('blue')
    expect(servent.outline()).toEqual({ [links[0]!]: ['query 1/0'] })
  })
})

describe('a leaf', () => {
  const leafOf = (count = 2) => {
    const servent = new Servent({ role: 'leaf' })
    servent.command(words('blue'))
    const links = Array.from({ length: count }, (_, index) =>
      servent.neighbour(index + 1, { headers: ULTRAPEER, inbound: false })
    )
    servent.take()
    return { servent, links }
  }

  it('hands nothing on, and asks its catalogue only for what it may have', () => {
    const { servent, links } = leafOf()
    servent.from(links[0]!, query({ text: 'green' }), query({ text: 'blue' }), push())
    const effects = servent.take()
    expect(effects.filter(({ type }) => type === 'send')).toEqual([])
    expect(effects.flatMap(effect => (effect.type === 'ask' ? [effect.question] : []))).toMatchObject([
      { type: 'match', text: 'blue' }
    ])
  })

  it('has its ultrapeers ask for it, each of them', () => {
    const { servent, links } = leafOf(3)
    servent.search('green')
    expect(servent.outline()).toEqual(Object.fromEntries(links.map(link => [link, ['query 4/0']])))
    expect(ULTRAPEER_TTL_MAX).toBe(4)
  })

  it('that cannot be dialled names its ultrapeers as push proxies in its hits', () => {
    for (const firewalled of [true, false]) {
      const { servent, links } = leafOf(3)
      servent.command({ ...sharing, firewalled })
      servent.from(links[0]!, query())
      servent.answer(servent.asked()[0]!.id, { type: 'match', results: [result()] })
      const [answer] = servent.sent(links[0])
      const proxies = [1, 2, 3].map(peer => ({ id: testContact(peer).id }))
      expect(PUSH_PROXIES_MAX).toBeGreaterThanOrEqual(LEAF_ULTRAPEERS)
      if (firewalled) expect(answer).toMatchObject({ flags: { push: true }, proxies })
      else expect(answer).not.toHaveProperty('proxies')
    }
  })

  it('speaks of itself only to who asks whether it lives', () => {
    const { servent, links } = leafOf()
    servent.from(links[0]!, { type: 'ping', guid: freshGuid(), ttl: 7, hops: 0, ggep: [] })
    expect(servent.take()).toEqual([])
    servent.from(links[0]!, { type: 'ping', guid: freshGuid(), ttl: 1, hops: 0, ggep: [] })
    expect(servent.sent(links[0])).toMatchObject([{ type: 'pong' }])
  })
})

describe('pushes', () => {
  it('reach a leaf by the GUID that it said, though no hit has shown the way', () => {
    const servent = ultrapeer()
    const peer = servent.neighbour(1, { headers: ULTRAPEER })
    const leaf = servent.neighbour(2, { headers: { ...LEAF, guid: 'AB'.repeat(16) } })
    servent.from(peer, push({ servent: 'ab'.repeat(16) }))
    expect(servent.outline()).toEqual({ [leaf]: ['push 6/1'] })
  })

  it('stay with the leaf that said its GUID first, while its link lives, whatever others say or answer with', () => {
    const servent = ultrapeer()
    const guid = 'ab'.repeat(16)
    const peer = servent.neighbour(1, { headers: ULTRAPEER })
    const first = servent.neighbour(2, { headers: { ...LEAF, guid } })
    const thief = servent.neighbour(3, { headers: { ...LEAF, guid } })
    expect(servent.counter('guidsRefused')).toBe(1)
    const late = servent.link(4)
    servent.from(late, { type: 'connect', headers: { ...LEAF, guid: 'cd'.repeat(16) } })
    servent.from(late, { type: 'status', status: 200, reason: 'OK', headers: { guid } })
    expect(servent.counter('guidsRefused')).toBe(2)
    servent.search('blue')
    const { guid: asked } = servent.sent(first).find(({ type }) => type === 'query') as QueryMessage
    const pushed = () => {
      servent.take()
      servent.from(peer, push({ servent: guid }))
      return Object.keys(servent.outline()).map(Number)
    }
    for (const link of [thief, late, peer]) {
      servent.from(link, hit(asked, { servent: guid }))
      expect(pushed()).toEqual([first])
    }
    // Nor does a leaf answer under the GUID of somebody whom nobody has seen yet.
    servent.from(late, hit(asked, { servent: 'ef'.repeat(16) }))
    servent.take()
    servent.from(peer, push({ servent: 'ef'.repeat(16) }))
    expect(servent.outline()).toEqual({})
    // The same peer may come again before its old link is gone; another one, after it is.
    const again = servent.neighbour(2, { headers: { ...LEAF, guid } })
    servent.down(first)
    expect(pushed()).toEqual([again])
    servent.down(again)
    const next = servent.neighbour(5, { headers: { ...LEAF, guid } })
    expect(pushed()).toEqual([next])
  })

  it("are never the way to a leaf that says this servent's own GUID", () => {
    const servent = ultrapeer()
    const { servent: own } = servent.machine.snapshot()
    servent.neighbour(1, { headers: { ...LEAF, guid: own } })
    expect(servent.counter('guidsRefused')).toBe(1)
  })

  it('go to a proxy that hits named, where the way that they came is gone', () => {
    const servent = ultrapeer()
    const [brought, proxy] = [
      servent.neighbour(1, { headers: ULTRAPEER }),
      servent.neighbour(2, { headers: ULTRAPEER })
    ]
    servent.search('blue')
    const sent = servent.sent(brought)[0] as QueryMessage
    servent.from(brought, hit(sent.guid, { proxies: [testContact(2)] }))
    servent.down(brought)
    servent.take()
    servent.command({ type: 'push', servent: 'ab'.repeat(16), index: 1, nonce: new Uint8Array(16) })
    expect(servent.outline()).toEqual({ [proxy]: ['push 7/0'] })
  })
})

describe('a dynamic query', () => {
  /** An ultrapeer with a leaf that asks, and other ultrapeers, of which some told a table with the word. */
  const setup = (matching: number, others: number) => {
    const servent = ultrapeer({ degree: NEIGHBOURS_MAX })
    servent.command(words('own'))
    const leaf = servent.neighbour(500, { headers: LEAF })
    servent.from(leaf, ...tableOf('green'))
    const links = Array.from({ length: matching + others }, (_, index) =>
      servent.neighbour(index + 1, { headers: ULTRAPEER })
    )
    for (const [index, link] of links.entries())
      servent.from(link, ...tableOf(index < matching ? 'blue' : 'green'))
    servent.take()
    return { servent, leaf, links }
  }
  const ttls = (servent: Servent) =>
    Object.values(servent.outline())
      .flat()
      .filter(one => one.startsWith('query'))
      .sort()

  it('probes at most PROBES ultrapeers that may have it, and waits a hop before the next step', () => {
    const { servent, leaf } = setup(12, 12)
    servent.from(leaf, query())
    expect(ttls(servent)).toEqual(Array(PROBES).fill('query 1/1'))
    servent.pass(WAIT_PER_HOP_MS - 1)
    expect(ttls(servent)).toEqual([])
    servent.pass(1)
    // Nothing was found: as far as it goes, over one link.
    expect(ttls(servent)).toEqual(['query 3/1'])
    servent.pass(3 * WAIT_PER_HOP_MS - 1)
    expect(ttls(servent)).toEqual([])
    servent.pass(1)
    expect(ttls(servent)).toEqual(['query 3/1'])
  })

  it('asks as many links at once as have what is missing, and no more', () => {
    const { servent, leaf, links } = setup(2, 20)
    const asked = query()
    servent.from(leaf, asked)
    expect(ttls(servent)).toHaveLength(2)
    for (const link of links.slice(0, 2))
      servent.from(link, hit(asked.guid, { results: Array(5).fill(result()) }))
    servent.take()
    servent.pass(WAIT_PER_HOP_MS)
    // 10 results of 23 ultrapeers: 92 further ones have the other 40, and a link has 32 in two hops.
    expect(hostsMissing({ wanted: RESULTS_WANTED_FOR_LEAF, results: 10, reached: 23 })).toBe(92)
    expect(horizon(32, 2)).toBe(32)
    expect(ttls(servent)).toEqual(Array(3).fill('query 2/1'))
    servent.pass(2 * WAIT_PER_HOP_MS - 1)
    expect(ttls(servent)).toEqual([])
  })

  it('goes far at once where no table near says that it is there', () => {
    const { servent, leaf } = setup(0, 12)
    servent.from(leaf, query())
    expect(ttls(servent)).toEqual(['query 3/1'])
  })

  it('ends with RESULTS_WANTED_FOR_LEAF results, of which one link counts for one in LINK_RESULTS_PART', () => {
    const most = Math.ceil(RESULTS_WANTED_FOR_LEAF / LINK_RESULTS_PART)
    for (const [links, each, last, isOver] of [
      [LINK_RESULTS_PART, most, RESULTS_WANTED_FOR_LEAF - (LINK_RESULTS_PART - 1) * most, true],
      [LINK_RESULTS_PART, most, RESULTS_WANTED_FOR_LEAF - (LINK_RESULTS_PART - 1) * most - 1, false],
      [LINK_RESULTS_PART - 1, RESULTS_PER_QUERY, RESULTS_PER_QUERY, false]
    ] as const) {
      const { servent, leaf, links: all } = setup(4, 8)
      const asked = query()
      servent.from(leaf, asked)
      for (let index = 0; index < links; index += 1)
        servent.from(
          all[index]!,
          hit(asked.guid, { results: Array(index === links - 1 ? last : each).fill(result()) })
        )
      servent.take()
      servent.pass(WAIT_PER_HOP_MS)
      expect(servent.tiers().dynamicQueries).toBe(isOver ? 0 : 1)
      expect(ttls(servent).length > 0).toBe(!isOver)
    }
  })

  it('counts what comes by COUNTED_LINKS_MAX links', () => {
    for (const links of [COUNTED_LINKS_MAX, COUNTED_LINKS_MAX + 1]) {
      const counted = new DynamicQuery(1_000, false, 0)
      for (let link = 1; link <= links; link += 1) counted.count(link, 1)
      expect(counted.results).toBe(COUNTED_LINKS_MAX)
    }
  })

  it('counts of one hit no more than one servent may answer with', () => {
    const { servent, leaf, links } = setup(1, 8)
    const asked = query()
    servent.from(leaf, asked)
    servent.from(links[0]!, hit(asked.guid, { results: Array(255).fill(result()) }))
    expect(RESULTS_PER_QUERY).toBeLessThan(255)
    expect(servent.sent(leaf)).toHaveLength(1)
  })

  it('ends when its leaf is gone, when all links were asked, and after DYNAMIC_MS_MAX', () => {
    const gone = setup(0, 8)
    gone.servent.from(gone.leaf, query())
    gone.servent.down(gone.leaf)
    gone.servent.pass(3 * WAIT_PER_HOP_MS)
    expect(gone.servent.tiers().dynamicQueries).toBe(0)
    const few = setup(0, 2)
    few.servent.from(few.leaf, query())
    few.servent.pass(6 * WAIT_PER_HOP_MS)
    expect(few.servent.tiers().dynamicQueries).toBe(0)
    const many = setup(0, 60)
    many.servent.from(many.leaf, query())
    for (let passed = 0; passed < DYNAMIC_MS_MAX; passed += 20_000) {
      for (const link of [many.leaf, ...many.links])
        many.servent.from(link, { type: 'ping', guid: freshGuid(), ttl: 1, hops: 0, ggep: [] })
      expect(many.servent.tiers().dynamicQueries).toBe(1)
      many.servent.pass(20_000)
    }
    many.servent.pass(3 * WAIT_PER_HOP_MS)
    expect(many.servent.tiers().dynamicQueries).toBe(0)
  })

  it('of an own search ends with it, and takes the links that come up', () => {
    const { servent } = setup(0, 1)
    const search = servent.search('blue')
    expect(ttls(servent)).toEqual(['query 3/0'])
    servent.neighbour(80, { headers: ULTRAPEER })
    servent.pass(3 * WAIT_PER_HOP_MS)
    expect(ttls(servent)).toEqual(['query 3/0'])
    servent.command({ type: 'end-search', search })
    expect(servent.tiers().dynamicQueries).toBe(0)
  })

  it('is not lost where its search was begun before there were links, or as a leaf', () => {
    const alone = ultrapeer()
    alone.search('blue')
    alone.pass(3 * WAIT_PER_HOP_MS)
    const late = [1, 2].map(peer => alone.link(peer))
    for (const link of late) {
      alone.from(link, { type: 'connect', headers: ULTRAPEER })
      alone.from(link, { type: 'status', status: 200, reason: 'OK', headers: {} })
    }
    // The first is asked as soon as it is up, and the second in its turn.
    expect(ttls(alone)).toEqual(['query 2/0'])
    alone.pass(2 * WAIT_PER_HOP_MS - 1)
    expect(ttls(alone)).toEqual([])
    alone.pass(1)
    expect(ttls(alone)).toEqual(['query 3/0'])
    const lonely = new Servent({ role: 'auto' })
    lonely.search('blue')
    lonely.pass(2 * LONELY_MS + 3_000)
    expect(lonely.tiers().tier).toBe('ultrapeer')
    const link = lonely.link(1)
    lonely.from(link, { type: 'connect', headers: ULTRAPEER })
    lonely.from(link, { type: 'status', status: 200, reason: 'OK', headers: {} })
    // No table is known: a probe for two hops.
    expect(ttls(lonely)).toEqual(['query 2/0'])
    expect(SEARCH_SPREAD_MS).toBeGreaterThan(2 * LONELY_MS + 3_000)
  })

  it('is taken up again by who was probed, once, and only with a higher TTL, by whichever link (X-Ext-Probes)', () => {
    const servent = ultrapeer()
    const [from, other, third] = [1, 2, 3].map(peer => servent.neighbour(peer, { headers: ULTRAPEER })) as [
      number,
      number,
      number
    ]
    const probe = query({ ttl: 1, hops: 1 })
    servent.from(from, probe)
    expect(servent.asked()).toHaveLength(1)
    servent.from(other, probe)
    servent.from(from, probe)
    expect(servent.take()).toEqual([])
    servent.from(from, { ...probe, ttl: 3 })
    expect(servent.outline()).toEqual({ [other]: ['query 2/2'], [third]: ['query 2/2'] })
    servent.from(from, { ...probe, ttl: 4 })
    servent.from(other, { ...probe, ttl: 4 })
    expect(servent.outline()).toEqual({})
    expect(servent.counter('queriesDuplicate')).toBe(4)
    // By another link: to neither of the two, and hits go the way of the probe.
    const next = query({ ttl: 1, hops: 1 })
    servent.from(from, next)
    servent.from(other, { ...next, ttl: 3, hops: 2 })
    servent.take()
    servent.from(other, { ...next, ttl: 4 })
    servent.from(third, hit(next.guid))
    expect(servent.outline()).toEqual({ [from]: ['query-hit 6/1'] })
    const again = query({ ttl: 1, hops: 1 })
    servent.from(from, again)
    servent.take()
    servent.from(other, { ...again, ttl: 3, hops: 2 })
    expect(servent.outline()).toEqual({ [third]: ['query 2/3'] })
  })

  it('of a leaf is asked once, even where the leaf gave it a TTL of 1 and somebody sends it back', () => {
    const servent = ultrapeer()
    const leaf = servent.neighbour(1, { headers: LEAF })
    const [first] = [2, 3].map(peer => servent.neighbour(peer, { headers: ULTRAPEER })) as [number, number]
    // Of one that guides, the TTL is its cap.
    for (const [index, flags] of [0x8000, 0x8000 | (1 << 12)].entries()) {
      const asked = query({ ttl: 1, flags })
      servent.from(leaf, asked)
      servent.take()
      for (const link of [leaf, first]) servent.from(link, { ...asked, ttl: 4 })
      expect(servent.outline()).toEqual({})
      expect(servent.tiers().dynamicQueries).toBe(index + 1)
    }
  })

  it('goes no further than its asker wants: an own search, and that of a leaf that guides', () => {
    const guided = 0x8000 | (1 << 12)
    for (const [ttl, most] of [
      [1, 1],
      [2, 2],
      [ULTRAPEER_TTL_MAX, 3],
      [ULTRAPEER_TTL_MAX + 1, 3]
    ] as const) {
      for (const own of [true, false]) {
        const servent = ultrapeer()
        // Tables say that nobody near has it, so that links are asked as far as may be.
        const links = [1, 2, 3].map(peer => servent.neighbour(peer, { headers: ULTRAPEER }))
        for (const link of links) servent.from(link, ...tableOf(ttl === 1 ? 'blue' : 'green'))
        const leaf = servent.neighbour(9, { headers: LEAF })
        servent.from(leaf, ...tableOf('green'))
        if (own) servent.search('blue', ttl)
        else servent.from(leaf, query({ ttl, flags: guided }))
        const hops = own ? 0 : 1
        expect(Object.values(servent.outline()).flat()).toContain(`query ${most}/${hops}`)
      }
    }
  })

  it('goes no further than ULTRAPEER_TTL_MAX, whatever it came with', () => {
    const servent = ultrapeer()
    const [from, other] = [1, 2].map(peer => servent.neighbour(peer, { headers: ULTRAPEER })) as [
      number,
      number
    ]
    servent.from(from, query({ ttl: TTL_HARD_MAX, hops: 0 }))
    expect(servent.outline()).toEqual({ [other]: [`query ${ULTRAPEER_TTL_MAX - 1}/1`] })
  })

  it('is not made where the user chose to flood', () => {
    const servent = ultrapeer({ search: 'flood' })
    const leaf = servent.neighbour(1, { headers: LEAF })
    const links = [2, 3].map(peer => servent.neighbour(peer, { headers: ULTRAPEER }))
    servent.from(leaf, query())
    expect(servent.outline()).toEqual(Object.fromEntries(links.map(link => [link, ['query 3/1']])))
    servent.search('blue')
    expect(servent.outline()).toEqual({
      [leaf]: ['query 1/0'],
      ...Object.fromEntries(links.map(link => [link, ['query 4/0']]))
    })
  })
})

describe('the query cache of an ultrapeer', () => {
  it('stands in for ultrapeers, and never for a leaf, which is asked each time', () => {
    const servent = ultrapeer()
    const [asker, other] = [1, 2].map(peer => servent.neighbour(peer, { headers: ULTRAPEER })) as [
      number,
      number
    ]
    const third = servent.neighbour(4, { headers: ULTRAPEER })
    const leaf = servent.neighbour(3, { headers: LEAF })
    servent.from(third, ...tableOf('green'))
    servent.from(leaf, ...tableOf('blue'))
    const first = query({ ttl: 4, hops: 1 })
    servent.from(asker, first)
    servent.from(other, hit(first.guid))
    servent.from(leaf, hit(first.guid))
    servent.effects.advance(5_000)
    servent.take()
    servent.from(asker, query({ ttl: 4, hops: 1 }))
    servent.from(third, query({ ttl: 4, hops: 1 }))
    const effects = servent.take()
    const asked = effects.flatMap(effect =>
      effect.type === 'send' && effect.message.type === 'query' ? [effect.link] : []
    )
    expect(asked).toEqual([leaf, third, leaf, asker])
    const vouch = effects.find(
      effect => effect.type === 'ask' && (effect.question as { type: string }).type === 'vouch'
    )
    expect((vouch as unknown as { question: { claims: unknown[] } }).question.claims).toHaveLength(1)
  })
})

describe('ten thousand well-formed distinct queries a second', () => {
  it('of one leaf get LEAF_QUERIES_BURST and one a second, and cost the others nothing', () => {
    const servent = ultrapeer({ degree: 10 })
    servent.command(words('own'))
    const [loud, quiet] = [servent.neighbour(1, { headers: LEAF }), servent.neighbour(2, { headers: LEAF })]
    const peer = servent.neighbour(3, { headers: ULTRAPEER })
    servent.from(peer, ...tableOf('green'))
    servent.from(quiet, ...tableOf('green'))
    servent.take()
    let sent = 0
    let answered = 0
    for (let second = 0; second < 5; second += 1) {
      for (let count = 0; count < 10_000; count += 1)
        servent.from(loud, query({ text: `loud ${second} ${count}` }))
      sent += countOf(servent)
      servent.from(quiet, query({ text: `quiet ${second}` }))
      answered += countOf(servent)
      servent.effects.advance(1_000)
    }
    // Of the loud one each that was taken cost one message: there is one neighbour to ask.
    expect(sent).toBeLessThanOrEqual(LEAF_QUERIES_BURST + 5)
    expect(answered).toBe(5)
    expect(servent.counter('queriesOverRate') + servent.counter('dynamicQueriesRefused')).toBeGreaterThan(
      49_000
    )
  })

  it('of one ultrapeer are handed on within its share, and those of another as ever', () => {
    const servent = ultrapeer({ degree: 4 })
    const [loud, quiet, out] = [1, 2, 3].map(peer => servent.neighbour(peer, { headers: ULTRAPEER })) as [
      number,
      number,
      number
    ]
    let quietSent = 0
    let loudSent = 0
    for (let second = 0; second < 5; second += 1) {
      for (let count = 0; count < 10_000; count += 1)
        servent.from(loud, query({ text: `loud ${second} ${count}`, hops: 1, ttl: 3 }))
      loudSent += countOf(servent, out)
      servent.from(quiet, query({ text: `quiet ${second}`, hops: 1, ttl: 3 }))
      quietSent += countOf(servent, out)
      servent.effects.advance(1_000)
    }
    expect(quietSent).toBe(5)
    expect(loudSent).toBeLessThan(400)
  })

  it('run at most DYNAMIC_PER_LEAF_MAX of a leaf at a time, DYNAMIC_LEAVES_MAX of all leaves, and DYNAMIC_MAX with own searches', () => {
    const leaves = Math.ceil(DYNAMIC_LEAVES_MAX / DYNAMIC_PER_LEAF_MAX) + 1
    const servent = ultrapeer({ leaves: LEAVES_MAX })
    const peer = servent.neighbour(900, { headers: ULTRAPEER })
    servent.from(peer, ...tableOf('green'))
    for (let count = 1; count <= leaves; count += 1) {
      const leaf = servent.neighbour(count, { headers: LEAF })
      for (let asked = 0; asked <= DYNAMIC_PER_LEAF_MAX; asked += 1) servent.from(leaf, query())
      const most = Math.min(DYNAMIC_LEAVES_MAX, count * DYNAMIC_PER_LEAF_MAX)
      expect(servent.tiers().dynamicQueries).toBe(most)
    }
    // However much leaves ask, no search of this servent is lost, or it is told.
    servent.take()
    for (let own = 1; own <= SEARCHES_MAX; own += 1) {
      servent.search('blue')
      expect(servent.tiers().dynamicQueries).toBe(DYNAMIC_LEAVES_MAX + own)
    }
    expect(servent.tiers().dynamicQueries).toBe(DYNAMIC_MAX)
    servent.take()
    servent.search('blue')
    expect(servent.tiers().dynamicQueries).toBe(DYNAMIC_MAX)
    expect(servent.take()).toMatchObject([{ type: 'notify', notice: { type: 'search-refused' } }])
  })
})

describe('pings in two tiers', () => {
  it('bring at most PONGS_PER_PING pongs a link in PONG_AGE_MS, to leaves and to ultrapeers', () => {
    const servent = ultrapeer()
    const links = [servent.neighbour(1, { headers: LEAF }), servent.neighbour(2, { headers: ULTRAPEER })]
    const source = servent.neighbour(3, { headers: ULTRAPEER })
    const sentMs: number[][] = [[], []]
    for (let step = 0; step < 400; step += 1) {
      for (const link of links)
        servent.from(link, {
          type: 'ping',
          guid: freshGuid(),
          ttl: step % 3 === 0 ? 1 : 7,
          hops: 0,
          ggep: []
        })
      for (const message of servent.sent(source)) {
        if (message.type !== 'ping') continue
        for (let count = 0; count < PONGS_PER_PING; count += 1)
          servent.from(source, pong(message.guid, testContact(100 + step + count), { hops: count % 6 }))
      }
      for (const effect of servent.take()) {
        const at = effect.type === 'send' && effect.message.type === 'pong' ? links.indexOf(effect.link) : -1
        if (at >= 0) sentMs[at]!.push(servent.effects.now)
      }
      servent.pass(50)
    }
    for (const times of sentMs) {
      expect(times.length).toBeGreaterThan(PONGS_PER_PING)
      for (let index = PONGS_PER_PING; index < times.length; index += 1)
        expect(times[index]! - times[index - PONGS_PER_PING]!).toBeGreaterThanOrEqual(PONG_AGE_MS)
    }
  })

  it('of a leaf are answered with ultrapeers that there are links to, and wake nobody', () => {
    const servent = ultrapeer()
    const leaf = servent.neighbour(1, { headers: LEAF })
    for (let peer = 2; peer <= 4; peer += 1) servent.neighbour(peer, { headers: ULTRAPEER })
    servent.neighbour(5, { headers: LEAF })
    servent.from(leaf, { type: 'ping', guid: freshGuid(), ttl: 7, hops: 0, ggep: [] })
    const told = servent
      .sent()
      .map(message => (message.type === 'pong' ? hexOf(message.contact!.id) : message.type))
    expect(told.sort()).toEqual([0, 2, 3, 4].map(peer => hexOf(testContact(peer).id)).sort())
  })

  it('are not handed to leaves, and leaves are not told of', () => {
    const servent = ultrapeer()
    const [leaf, peer, asker] = [
      servent.neighbour(1, { headers: LEAF }),
      servent.neighbour(2, { headers: ULTRAPEER }),
      servent.neighbour(3, { headers: ULTRAPEER })
    ]
    servent.from(asker, { type: 'ping', guid: freshGuid(), ttl: 7, hops: 0, ggep: [] })
    expect(servent.outline()).toEqual({ [peer]: ['ping 6/0'], [asker]: ['pong 1/0', 'ping 6/0'] })
    servent.effects.advance(PONG_AGE_MS)
    servent.from(asker, { type: 'ping', guid: freshGuid(), ttl: 2, hops: 0, ggep: [] })
    const told = servent
      .sent(asker)
      .flatMap(message => (message.type === 'pong' ? [message.contact!.id] : []))
    expect(told).toEqual([testContact(0).id, testContact(2).id])
    expect(leaf).toBe(1)
  })
})
