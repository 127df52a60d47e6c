/** What a peer of the two tiers gains that says more of itself, or of what it sends, than is true. */
import type { Contact, LinkOrigin } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { base64url } from 'multiformats/bases/base64'
import { describe, expect, it } from 'vitest'
import { OFFENCES_PER_MINUTE_MAX, TTL_HARD_MAX, TTL_MAX } from '../src/constants.ts'
import { writeContact } from '../src/extension.ts'
import type { Headers } from '../src/messages.ts'
import type { Neighbour } from '../src/neighbours.ts'
import { hashesOfQuery, hashWord } from '../src/qrp-hash.ts'
import { patchOf, ToldTable } from '../src/qrp-patch.ts'
import { QueryRoutingTable } from '../src/query-routing-table.ts'
import {
  LEAF_QUERIES_BURST,
  LEAF_STRANGERS_MAX,
  LEAF_ULTRAPEERS,
  TABLE_BITS_MAX,
  TABLE_FILL_CLAIMED_LARGEST,
  WORDS_MAX
} from '../src/tier-constants.ts'
import { TierLink } from '../src/tier-link.ts'
import { Tiers } from '../src/tiers.ts'
import type { GnutellaSettings } from '../src/types.ts'
import { walkExtension } from '../src/walk-wire.ts'
import { freshGuid, hit, LEAF, MODERN, push, query, Servent, ULTRAPEER } from './servent.ts'

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

describe('a query on its last hop', () => {
  const blue = { type: 'query', text: 'blue' }
  const setUp = () => {
    const servent = new Servent({ role: 'ultrapeer' })
    const [from, other] = [1, 2].map(peer => servent.neighbour(peer, { headers: ULTRAPEER })) as [
      number,
      number
    ]
    const leaf = servent.neighbour(9, { headers: LEAF })
    const last = query({ ttl: 1, hops: 2 })
    servent.from(from, last)
    servent.take()
    return { servent, from, other, leaf, last }
  }

  it('is taken up by no leaf, whether it keeps the text or asks for something else', () => {
    for (const text of ['blue', 'mp3 music']) {
      const { servent, leaf, last } = setUp()
      servent.from(leaf, { ...last, ttl: 4, hops: 0, text })
      expect(servent.outline()).toEqual({})
      expect(servent.tiers().dynamicQueries).toBe(0)
      expect(servent.counter('queriesDuplicate')).toBe(1)
    }
  })

  it('goes no further with another text or other URNs, and still does as it was first', () => {
    const { servent, from, other, last } = setUp()
    const urns = ['urn:sha1:PLSTHIPQGSSZTS5FJUPAKUZWUGYQYPFB']
    for (const changed of [{ text: 'mp3 music' }, { urns }]) {
      servent.from(from, { ...last, ttl: 4, ...changed })
      expect(servent.outline()).toEqual({})
    }
    servent.from(from, { ...last, ttl: 4 })
    expect(servent.sent(other)).toMatchObject([blue])
  })
})

describe('others to try that a stranger names', () => {
  /** Hosts that are known once a leaf that is reached from `reach` named these, on a servent that has so many ultrapeers. */
  const noted = (
    contacts: readonly Contact[],
    {
      headers = LEAF,
      reach,
      settings = { role: 'ultrapeer' },
      before = () => undefined,
      word = 'first'
    }: {
      headers?: Headers
      word?: 'first' | 'last'
      reach?: LinkOrigin['reach']
      settings?: Partial<GnutellaSettings>
      before?: (servent: Servent) => unknown
    } = {}
  ) => {
    const servent = new Servent(settings)
    before(servent)
    const known = servent.machine.snapshot().hostCache
    const peer = servent.effects.peers.intern(testContact(9))
    const origin = reach === undefined ? {} : { origin: { host: 'h', network: 'n', isRelayed: false, reach } }
    servent.handle({ type: 'link-up', link: 99, peer, inbound: true, ...origin })
    const named = contacts.map(contact => base64url.baseEncode(writeContact(contact))).join(',')
    const naming = { 'x-servent-try': named }
    servent.from(99, { type: 'connect', headers: { ...headers, ...(word === 'first' ? naming : {}) } })
    if (word === 'last') servent.from(99, { type: 'status', status: 200, reason: 'OK', headers: naming })
    return servent.machine.snapshot().hostCache - known
  }
  const others = [testContact(71), testContact(72)]

  it('are noted where a leaf does it, and this servent has no ultrapeer', () => {
    for (const role of ['auto', 'leaf', 'ultrapeer'] as const)
      expect(noted(others, { settings: { role } })).toBe(2)
    const before = (servent: Servent) => servent.neighbour(1, { headers: ULTRAPEER })
    for (const role of ['leaf', 'ultrapeer'] as const)
      expect(noted(others, { settings: { role }, before })).toBe(0)
  })

  it('are noted in the last word of a leaf as in its first, and not in that of others', () => {
    const more = (headers: Headers, before?: (servent: Servent) => unknown) => {
      const options = { headers, word: 'last', ...(before === undefined ? {} : { before }) } as const
      return noted(others, options) - noted([], options)
    }
    expect(more(LEAF)).toBe(2)
    for (const headers of [ULTRAPEER, MODERN]) expect(more(headers)).toBe(0)
    expect(more(LEAF, servent => servent.neighbour(1, { headers: ULTRAPEER }))).toBe(0)
  })

  it('are not, where it is an ultrapeer or an old servent, or this one is old', () => {
    for (const headers of [ULTRAPEER, MODERN]) expect(noted(others, { headers })).toBe(0)
    expect(noted(others, { headers: MODERN, settings: {} })).toBe(0)
    expect(noted(others, { settings: {} })).toBe(0)
  })

  it('are not, where it is banished', () => {
    const before = (servent: Servent) => {
      const link = servent.neighbour(9, { headers: LEAF })
      for (let count = 0; count <= OFFENCES_PER_MINUTE_MAX; count += 1) servent.from(link, query({ ttl: 0 }))
      servent.down(link)
    }
    expect(noted(others, { before })).toBe(0)
  })

  it('are believed as far as it may know where they are, and never by a name', () => {
    const { id } = testContact(71)
    const at = (...address: number[]) => [{ id, addresses: [Uint8Array.from([...address, 6, 0, 22])] }]
    const [loopback, inside, outside] = [at(4, 127, 0, 0, 1), at(4, 10, 0, 0, 1), at(4, 8, 8, 8, 8)]
    const name = at(54, 1, 0x61)
    const count = (reach?: LinkOrigin['reach']) =>
      [loopback, inside, outside, name].map(contacts => noted(contacts, reach === undefined ? {} : { reach }))
    expect(count('public')).toEqual([0, 0, 1, 0])
    expect(count('private')).toEqual([0, 1, 1, 0])
    expect(count('loopback')).toEqual([1, 1, 1, 0])
    expect(count()).toEqual([1, 1, 1, 0])
  })

  it('stop no leaf from beginning a network where none of them can be believed', () => {
    const servent = new Servent({ role: 'auto' })
    const link = servent.link(9)
    const { id } = testContact(71)
    const named = base64url.baseEncode(
      writeContact({ id, addresses: [Uint8Array.of(54, 1, 0x61, 6, 0, 22)] })
    )
    servent.from(link, { type: 'connect', headers: { ...LEAF, 'x-servent-try': named } })
    expect(servent.tiers().tier).toBe('ultrapeer')
  })
})

describe('the GUID of somebody else', () => {
  const guid = 'ab'.repeat(16)
  const pushed = (servent: Servent, from: number) => {
    servent.take()
    servent.from(from, push({ servent: guid }))
    return servent.outline()
  }
  const squats: readonly [string, (servent: Servent) => void][] = [
    ['an ultrapeer', servent => servent.neighbour(1, { headers: { ...ULTRAPEER, guid } })],
    ['a leaf whose handshake is not over', servent => pending(servent, 1)]
  ]
  const pending = (servent: Servent, peer: number) => {
    const link = servent.link(peer)
    servent.from(link, { type: 'connect', headers: { ...LEAF, guid } })
    return link
  }

  it.each(squats)('that %s says keeps no pushes from whom hits show the way to', (_, squat) => {
    const servent = new Servent({ role: 'ultrapeer' })
    squat(servent)
    const honest = servent.neighbour(2, { headers: ULTRAPEER })
    const asker = servent.neighbour(3, { headers: ULTRAPEER })
    const asked = query({ hops: 1, ttl: 3 })
    servent.from(asker, asked)
    servent.from(honest, hit(asked.guid, { servent: guid }))
    expect(pushed(servent, asker)).toEqual({ [honest]: ['push 6/1'] })
  })

  it.each(squats)('that %s says is taken from no leaf that comes up with it', (_, squat) => {
    const servent = new Servent({ role: 'ultrapeer' })
    squat(servent)
    const asker = servent.neighbour(3, { headers: ULTRAPEER })
    const leaf = servent.neighbour(2, { headers: { ...LEAF, guid } })
    expect(servent.counter('guidsRefused')).toBe(0)
    expect(pushed(servent, asker)).toEqual({ [leaf]: ['push 6/1'] })
  })

  it('is lost to whoever waits with the last word until its leaf is up', () => {
    const servent = new Servent({ role: 'ultrapeer' })
    const asker = servent.neighbour(3, { headers: ULTRAPEER })
    const squatter = pending(servent, 1)
    const leaf = servent.neighbour(2, { headers: { ...LEAF, guid } })
    servent.from(squatter, { type: 'status', status: 200, reason: 'OK', headers: {} })
    expect(servent.tiers().leaves).toBe(2)
    expect(servent.counter('guidsRefused')).toBe(1)
    expect(pushed(servent, asker)).toEqual({ [leaf]: ['push 6/1'] })
    servent.down(leaf)
    expect(pushed(servent, asker)).toEqual({})
  })
})

describe('the GUID of a dynamic query', () => {
  it('is for nobody else while it runs', () => {
    const tiers = new Tiers({ role: 'ultrapeer' })
    const begin = (guid: string) => {
      const message = query({ guid })
      const asker = { leaf: undefined, search: undefined, ttlMax: 4, askedLeaves: new Set<Neighbour>() }
      const init = { message, hashes: hashesOfQuery(message), ...asker }
      return tiers.begin(init, { wanted: 1, guided: false }, 0)
    }
    const [guid, another] = [freshGuid(), freshGuid()]
    const first = begin(guid)!
    expect(begin(guid)).toBeUndefined()
    expect(tiers.byGuid(guid)).toBe(first)
    expect(begin(another)).toBeDefined()
    tiers.end(first)
    expect(begin(guid)).toBeDefined()
  })
})

describe('the rate of a leaf', () => {
  it.each([
    ['queries', () => ({})],
    ['walkers', () => ({ ggep: [walkExtension({ walker: 0, steps: 8 })] })]
  ])('holds for %s that are said to have come from further away', (_, fields) => {
    const servent = new Servent({ role: 'ultrapeer' })
    const leaf = servent.neighbour(1, { headers: LEAF })
    for (let count = 0; count <= LEAF_QUERIES_BURST; count += 1)
      servent.from(leaf, query({ hops: 1, ttl: 1, ...fields() }))
    expect(servent.counter('queriesOverRate')).toBe(1)
  })
})

describe('the last word of a handshake', () => {
  /** As many strangers as are accepted as the one, who then say that they are the other. */
  const change = (first: Headers, last: Headers, count: number) => {
    const servent = new Servent({ role: 'ultrapeer', degree: 2, leaves: 3 })
    for (let peer = 1; peer <= count; peer += 1) {
      const link = servent.link(peer)
      servent.from(link, { type: 'connect', headers: first })
      servent.from(link, { type: 'status', status: 200, reason: 'OK', headers: last })
    }
    const { leaves, ultrapeers } = servent.tiers()
    return { leaves, ultrapeers, closed: servent.closed().length }
  }

  it('makes no neighbour of who came to a place for leaves', () => {
    expect(change(LEAF, { 'x-ultrapeer': 'True' }, 3)).toEqual({ leaves: 0, ultrapeers: 0, closed: 3 })
    expect(change(LEAF, {}, 4)).toEqual({ leaves: 3, ultrapeers: 0, closed: 1 })
  })

  it('makes an ultrapeer a leaf while there is a place, and an old servent neither', () => {
    expect(change(ULTRAPEER, { 'x-ultrapeer': 'False' }, 4)).toEqual({ leaves: 3, ultrapeers: 0, closed: 1 })
    for (const flag of ['True', 'False'])
      expect(change(MODERN, { 'x-ultrapeer': flag }, 1)).toEqual({ leaves: 0, ultrapeers: 0, closed: 1 })
  })
})

describe('strangers that say that they are ultrapeers', () => {
  it('take at most LEAF_STRANGERS_MAX places of a leaf that knows enough hosts to call, and any of one that does not', () => {
    for (const [hosts, taken] of [
      [9, LEAF_STRANGERS_MAX],
      [0, LEAF_ULTRAPEERS]
    ] as const) {
      const servent = new Servent({ role: 'leaf' })
      for (let host = 0; host < hosts; host += 1)
        servent.handle({ type: 'contact', peer: servent.effects.peers.intern(testContact(100 + host)) })
      for (let peer = 1; peer <= LEAF_ULTRAPEERS + 1; peer += 1)
        servent.neighbour(peer, { headers: ULTRAPEER })
      expect(servent.tiers().ultrapeers).toBe(taken)
      expect(servent.counter('handshakesRefused')).toBe(LEAF_ULTRAPEERS + 1 - taken)
      if (hosts === 0) continue
      for (const host of [100, 101]) servent.neighbour(host, { headers: ULTRAPEER, inbound: false })
      expect(servent.tiers().ultrapeers).toBe(LEAF_ULTRAPEERS)
    }
  })
})

describe('a leaf that shares very much', () => {
  /** The table that a leaf with these words tells, told to an ultrapeer by another. */
  const told = (hashes: Uint32Array) => {
    const leaf = new Servent({ role: 'leaf' })
    leaf.command({ type: 'words', hashes })
    const link = leaf.link(1, false)
    leaf.from(link, { type: 'status', status: 200, reason: 'OK', headers: ULTRAPEER })
    const servent = new Servent({ role: 'ultrapeer' })
    const from = servent.neighbour(1, { headers: LEAF })
    const asker = servent.neighbour(2, { headers: ULTRAPEER })
    for (let round = 0; round < 30; round += 1) {
      for (const message of leaf.sent(link)) if (message.type.startsWith('table')) servent.from(from, message)
      leaf.take()
      leaf.pass(3_000)
      leaf.from(link, { type: 'ping', guid: freshGuid(), ttl: 1, hops: 0, ggep: [] })
    }
    servent.take()
    servent.from(asker, query({ text: 'no such words here', ttl: 1, hops: 1 }))
    servent.from(asker, query({ text: 'seldom heard', ttl: 1, hops: 1 }))
    return { asked: servent.outline()[from]?.length ?? 0, unrouted: servent.tiers().leavesUnrouted }
  }

  it('is found by its table as any other, with 100,000 files', () => {
    // Words and URNs that no two files share, four of each: hashes that lie as by chance.
    const hashes = new Set([hashWord('seldom'), hashWord('heard')])
    for (let count = 0, hash = 1; count < 4 * 100_000; count += 1) {
      hash = (Math.imul(hash, 1_664_525) + 1_013_904_223) >>> 0
      hashes.add(hash)
    }
    expect(hashes.size).toBeGreaterThan(390_000)
    expect(told(Uint32Array.from(hashes))).toEqual({ asked: 1, unrouted: 0 })
  })

  it('says something by a table of the largest size up to TABLE_FILL_CLAIMED_LARGEST', () => {
    const most = Math.floor(2 ** TABLE_BITS_MAX * TABLE_FILL_CLAIMED_LARGEST)
    for (const [count, says] of [
      [most, true],
      [most + 1, false]
    ] as const) {
      const link = new TierLink(0)
      link.told = new ToldTable(TABLE_BITS_MAX)
      const table = new QueryRoutingTable(TABLE_BITS_MAX)
      for (let slot = 0; slot < count; slot += 1) table.put(slot, true)
      for (const part of patchOf(undefined, table, 1)) link.told.take(part)
      expect(link.table?.fill).toBe(table.fill)
      expect(link.soundTable !== undefined).toBe(says)
    }
    expect(1 - Math.exp(-WORDS_MAX / 2 ** TABLE_BITS_MAX)).toBeLessThan(TABLE_FILL_CLAIMED_LARGEST)
  })
})
