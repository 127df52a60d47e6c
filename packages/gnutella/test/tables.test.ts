/** The tables of a servent one by one: what they hold, in which order, and what they forget. */
import { type Contact, TokenBucket } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import { CallLimits } from '../src/call-limits.ts'
import {
  CALL_TARGET_MS,
  CALL_TARGETS_MAX,
  CALLS_BURST,
  CALLS_PER_SECOND,
  CALLS_PER_TARGET_BURST,
  CALLS_PER_TARGET_PER_SECOND,
  HIT_PAYLOAD_BYTES,
  HIT_RESULTS_MAX,
  HOSTS_BYTES_MAX,
  HOSTS_MAX,
  HOSTS_PER_TELLER_MAX,
  HOSTS_SAVED_MAX,
  PING_TTL,
  PONG_AGE_MS,
  PONGS_PER_DISTANCE_MAX,
  PONGS_PER_PING,
  RESULTS_PER_QUERY,
  RETRIES_MAX,
  RETRY_MS_MAX
} from '../src/constants.ts'
import { FairQueue } from '../src/fair-queue.ts'
import { newGuid } from '../src/guid.ts'
import { resultBytes } from '../src/hit-making.ts'
import { DISCOVERED, decodeHosts, encodeHosts, HostCache } from '../src/host-cache.ts'
import { PongBudget } from '../src/pong-budget.ts'
import { PongCache, pongsNeeded } from '../src/pong-cache.ts'
import { gnutellaCodec } from '../src/wire.ts'
import { freshGuid, hit, query, result, Servent } from './servent.ts'

describe('a GUID', () => {
  it('is 16 random bytes with the marks of a modern servent', () => {
    expect(newGuid({ random: () => 0x11223344 })).toBe('4433221144332211ff33221144332200')
  })
})

describe('a fair queue', () => {
  it('takes from its sources in turn, each in its order', () => {
    const queue = new FairQueue<string, number>(10, 10)
    for (const work of [1, 2, 3]) queue.push('loud', work)
    queue.push('quiet', 4)
    expect([queue.shift(), queue.shift(), queue.shift(), queue.shift(), queue.shift()]).toEqual([
      1,
      4,
      2,
      3,
      undefined
    ])
  })

  it('holds so much of one source and so much in all', () => {
    const queue = new FairQueue<string, number>(2, 3)
    expect([queue.push('a', 1), queue.push('a', 2), queue.push('a', 3)]).toEqual([true, true, false])
    expect([queue.push('b', 4), queue.push('c', 5)]).toEqual([true, false])
    queue.drop('a')
    queue.drop('z')
    expect(queue.length).toBe(1)
    expect(queue.push('c', 6)).toBe(true)
  })
})

describe('the host cache', () => {
  const nobody = () => false

  it('gives who worked most recently first, then who was heard of last', () => {
    const hosts = new HostCache()
    hosts.heard(1, DISCOVERED, 1)
    hosts.heard(2, DISCOVERED, 2)
    hosts.worked(3, 3, 1000)
    hosts.worked(4, 4, 2000)
    expect(hosts.best(9).map(({ peer }) => peer)).toEqual([4, 3, 2, 1])
    expect(hosts.next(10, nobody)).toBe(4)
    expect(hosts.next(10, peer => peer === 4)).toBe(3)
    hosts.failed(4, 10, 0.5)
    expect(hosts.next(10, nobody)).toBe(3)
    hosts.postpone(3, 100_000)
    hosts.postpone(99, 100_000)
    expect(hosts.next(10, nobody)).toBe(2)
    hosts.heard(1, DISCOVERED, 11)
    expect(hosts.next(11, nobody)).toBe(1)
  })

  it('forgets hearsay that failed RETRIES_MAX times, and never what discovery told or what once worked', () => {
    const hosts = new HostCache()
    hosts.heard(1, 9, 0)
    hosts.heard(2, DISCOVERED, 0)
    hosts.worked(3, 0, 1)
    for (let turn = 1; turn < RETRIES_MAX; turn += 1) for (const peer of [1, 2, 3]) hosts.failed(peer, 0, 0)
    expect(hosts.size).toBe(3)
    for (const peer of [1, 2, 3]) hosts.failed(peer, 0, 0)
    expect([1, 2, 3].map(peer => hosts.get(peer)?.peer)).toEqual([undefined, 2, 3])
    hosts.failed(1, 0, 0)
    for (let turn = 0; turn < 40; turn += 1) hosts.failed(2, 0, 1)
    expect(hosts.get(2)!.retryMs).toBeLessThanOrEqual(1.25 * RETRY_MS_MAX)
  })

  it('holds what the last run left as hearsay where it had never worked, until discovery tells of it', () => {
    const hosts = new HostCache()
    for (const [peer, workedMs] of [
      [1, 0],
      [2, 0],
      [3, 5]
    ] as const)
      hosts.remember(peer, 0, workedMs)
    hosts.heard(2, DISCOVERED, 1)
    for (let turn = 0; turn < RETRIES_MAX; turn += 1) for (const peer of [1, 2, 3]) hosts.failed(peer, 0, 0)
    expect([1, 2, 3].map(peer => hosts.get(peer)?.peer)).toEqual([undefined, 2, 3])
    const many = new HostCache()
    for (let peer = 1; peer <= HOSTS_PER_TELLER_MAX + 1; peer += 1) many.remember(peer, 0, 0)
    expect(many.size).toBe(HOSTS_PER_TELLER_MAX)
    expect(many.get(1)).toBeUndefined()
  })

  it('holds HOSTS_PER_TELLER_MAX of what one neighbour told, and HOSTS_MAX in all, hearsay going first', () => {
    const hosts = new HostCache()
    for (let peer = 1; peer <= HOSTS_PER_TELLER_MAX; peer += 1) hosts.heard(peer, 9001, peer)
    expect(hosts.size).toBe(HOSTS_PER_TELLER_MAX)
    hosts.heard(1000, 9001, 1000)
    expect(hosts.size).toBe(HOSTS_PER_TELLER_MAX)
    expect(hosts.get(1)).toBeUndefined()

    const full = new HostCache()
    full.heard(1, DISCOVERED, 1)
    full.worked(2, 1, 1)
    for (let peer = 3; peer <= HOSTS_MAX; peer += 1) full.heard(peer, 9000 + (peer % 50), peer)
    expect(full.size).toBe(HOSTS_MAX)
    full.heard(HOSTS_MAX + 1, 9999, 2000)
    expect(full.size).toBe(HOSTS_MAX)
    expect([1, 2, 3].map(peer => full.get(peer)?.peer)).toEqual([1, 2, undefined])
    const held = new Set<number>()
    full.peers(peer => held.add(peer))
    expect(held.size).toBe(HOSTS_MAX + 51)
  })

  it('comes back after a restart as it was written down, with the GUID', () => {
    const servent = new Servent()
    servent.neighbour(1, { inbound: false })
    servent.effects.advance(1000)
    servent.neighbour(2, { inbound: false })
    servent.handle({ type: 'contact', peer: servent.effects.peers.intern(testContact(3)) })
    servent.take()
    servent.handle({ type: 'stop' })
    const saved = new Map(
      servent.take().flatMap(effect => (effect.type === 'save' ? [[effect.key, effect.bytes!] as const] : []))
    )
    const again = new Servent({ neighbours: 6 }, saved, 99)
    expect(again.machine.snapshot()).toMatchObject({
      servent: servent.machine.snapshot().servent,
      hostCache: 3
    })
    const opened = again.take().flatMap(effect => (effect.type === 'open' ? [effect.peer] : []))
    expect(opened.map(peer => again.effects.peers.contact(peer))).toMatchObject(
      [2, 1, 3].map(number => testContact(number))
    )
  })

  it('is written down while it changes, once a minute', () => {
    const servent = new Servent()
    const saves = () => servent.take().filter(({ type }) => type === 'save').length
    servent.pass(3_000)
    expect(saves()).toBe(1)
    servent.handle({ type: 'contact', peer: servent.effects.peers.intern(testContact(3)) })
    servent.pass(50_000)
    expect(saves()).toBe(0)
    servent.pass(20_000)
    expect(saves()).toBe(1)
    servent.pass(200_000)
    expect(saves()).toBe(0)
  })

  it('is written and read with HOSTS_SAVED_MAX hosts of the longest contacts, within HOSTS_BYTES_MAX', () => {
    const address = new Uint8Array(256).fill(4)
    const longest: Contact = {
      id: Uint8Array.of(0, 40, ...new Uint8Array(40)),
      addresses: Array(8).fill(address)
    }
    const hosts = Array.from({ length: HOSTS_SAVED_MAX + 1 }, (_, index) => ({
      contact: longest,
      workedMs: index
    }))
    const bytes = encodeHosts({ servent: 'ab'.repeat(16), hosts })
    expect(bytes.length).toBeLessThanOrEqual(17 + HOSTS_BYTES_MAX)
    const read = decodeHosts(bytes)!
    expect(read.hosts).toEqual(hosts.slice(0, HOSTS_SAVED_MAX))
    expect(decodeHosts(new Uint8Array(17 + HOSTS_BYTES_MAX + 1).fill(1))).toBeUndefined()
  })

  it('begins empty where what was written is of another version or broken', () => {
    const bytes = encodeHosts({
      servent: 'ab'.repeat(16),
      hosts: [{ contact: testContact(1), workedMs: 2 ** 41 }]
    })
    expect(decodeHosts(bytes)!.hosts).toEqual([{ contact: testContact(1), workedMs: 2 ** 41 }])
    expect(decodeHosts(Uint8Array.of(2, ...bytes.subarray(1)))).toBeUndefined()
    for (let length = 0; length < bytes.length; length += 1) {
      const read = decodeHosts(bytes.subarray(0, length))
      expect(read?.hosts ?? []).toEqual([])
    }
    const servent = new Servent({}, new Map([['hosts', Uint8Array.of(2)]]))
    expect(servent.machine.snapshot().servent).toMatch(/^[0-9a-f]{16}ff[0-9a-f]{12}00$/)
  })

  it('holds no contact that others would refuse, nor one without addresses', () => {
    const servent = new Servent()
    const link = servent.neighbour(1)
    servent.from(link, { type: 'ping', guid: freshGuid(), ttl: 7, hops: 0, ggep: [] })
    const before = servent.machine.snapshot().hostCache
    servent.pass(2_000)
    const ping = servent.sent(link).find(({ type }) => type === 'ping') as { guid: string }
    const { id, addresses } = testContact(7)
    for (const contact of [
      { id, addresses: [] },
      { id: Uint8Array.of(1, 2, 3), addresses },
      testContact(0)
    ]) {
      servent.from(link, {
        type: 'pong',
        guid: ping.guid,
        ttl: 1,
        hops: 0,
        ipv4: 0,
        port: 0,
        files: 0,
        kibibytes: 0,
        contact,
        ggep: []
      })
    }
    expect(servent.machine.snapshot().hostCache).toBe(before)
  })
})

describe('the pong cache', () => {
  const entry = (number: number, distance: number, link: number, atMs: number) => ({
    link,
    distance,
    contact: testContact(number),
    files: 0,
    kibibytes: 0,
    atMs
  })
  const numbers = (cache: PongCache, distance: number, except: number, nowMs: number) =>
    [...cache.of(distance, except, nowMs)].map(({ contact }) => contact.id[9])

  it('gives fresh pongs of a distance, the newest first, and none to who brought it', () => {
    const cache = new PongCache()
    cache.add(entry(1, 2, 10, 0))
    cache.add(entry(2, 2, 11, 1))
    cache.add(entry(3, 3, 10, 2))
    expect(numbers(cache, 2, 99, PONG_AGE_MS)).toEqual([2, 1])
    expect(numbers(cache, 2, 11, PONG_AGE_MS)).toEqual([1])
    expect(numbers(cache, 2, 99, PONG_AGE_MS + 1)).toEqual([2])
    expect(numbers(cache, 9, 99, 0)).toEqual([])
  })

  it('holds a peer once at each distance, PONGS_PER_DISTANCE_MAX peers, up to PING_TTL', () => {
    const cache = new PongCache()
    for (let number = 1; number <= PONGS_PER_DISTANCE_MAX; number += 1) cache.add(entry(number, 1, 10, 0))
    cache.add(entry(PONGS_PER_DISTANCE_MAX, 1, 11, 1))
    expect(cache.size).toBe(PONGS_PER_DISTANCE_MAX)
    cache.add(entry(100, 1, 10, 1))
    expect(cache.size).toBe(PONGS_PER_DISTANCE_MAX)
    expect(numbers(cache, 1, 99, 1)).not.toContain(1)
    cache.add(entry(1, PING_TTL, 10, 1))
    cache.add(entry(2, PING_TTL + 1, 10, 1))
    expect(cache.size).toBe(PONGS_PER_DISTANCE_MAX + 1)
    cache.age(1 + PONG_AGE_MS)
    expect(cache.size).toBe(3)
    cache.age(2 + PONG_AGE_MS)
    expect(cache.size).toBe(0)
  })

  it('asks for N pongs over the distances that a TTL reaches', () => {
    expect(pongsNeeded(7, 10)).toEqual([1, 2, 2, 2, 1, 1, 1])
    expect(pongsNeeded(99, 10)).toEqual([1, 2, 2, 2, 1, 1, 1])
    expect(pongsNeeded(4, 10)).toEqual([1, 3, 3, 3])
    expect(pongsNeeded(2, 10)).toEqual([1, 9])
    expect(pongsNeeded(1, 10)).toEqual([1])
    expect(pongsNeeded(0, 10)).toEqual([1])
  })

  it('a link has PONGS_PER_PING pongs in any 3 s', () => {
    const budget = new PongBudget()
    for (let count = 0; count < PONGS_PER_PING; count += 1) expect(budget.take(count)).toBe(true)
    expect(budget.take(PONG_AGE_MS - 1)).toBe(false)
    expect(budget.take(PONG_AGE_MS)).toBe(true)
    expect(budget.take(PONG_AGE_MS)).toBe(false)
  })
})

describe('limits on calls', () => {
  const at = (address: number[], number: number): Contact => ({
    id: testContact(number).id,
    addresses: [Uint8Array.from(address)]
  })
  /** Of a neighbour that has nothing of its own left. */
  const share = new TokenBucket(1, 1e-6, 0)
  share.take(1, 0)
  const taken = (limits: CallLimits, nowMs: number, count: number, contact: (index: number) => Contact) =>
    Array.from({ length: count }, (_, index) => limits.take(contact(index), share, nowMs)).filter(Boolean)
      .length

  it('one peer is called CALLS_PER_TARGET_BURST times, then CALLS_PER_TARGET_PER_SECOND', () => {
    const limits = new CallLimits()
    expect(taken(limits, 0, CALLS_PER_TARGET_BURST + 1, () => testContact(1))).toBe(CALLS_PER_TARGET_BURST)
    expect(taken(limits, 1000, 5, () => testContact(1))).toBe(CALLS_PER_TARGET_PER_SECOND)
  })

  it('so is one host, however many peers and ports are said to be there', () => {
    const ip4 = new CallLimits()
    expect(taken(ip4, 0, 1000, index => at([4, 9, 9, 9, 9, 6, index >> 8, index & 255], index))).toBe(
      CALLS_PER_TARGET_BURST
    )
    const ip6 = new CallLimits()
    const host = [41, ...Array(16).fill(7)]
    expect(taken(ip6, 0, 1000, index => at([...host, 6, 0, index & 255], index))).toBe(CALLS_PER_TARGET_BURST)
    const dns = new CallLimits()
    expect(taken(dns, 0, 1000, index => at([53, 1, 97], index))).toBe(CALLS_PER_TARGET_BURST)
    const empty = new CallLimits()
    expect(taken(empty, 0, 1000, index => at([], index))).toBe(CALLS_PER_TARGET_BURST)
  })

  it('all together, beyond the shares, are called half of CALLS_BURST times, then half of CALLS_PER_SECOND', () => {
    const limits = new CallLimits()
    expect(taken(limits, 0, 1000, index => testContact(index + 1))).toBe(CALLS_BURST / 2)
    expect(taken(limits, 2000, 1000, index => testContact(index + 2001))).toBe(CALLS_PER_SECOND)
  })

  it('count CALL_TARGETS_MAX targets and forget the old ones', () => {
    const limits = new CallLimits()
    taken(limits, 0, 2 * CALL_TARGETS_MAX, index => testContact(index + 1))
    limits.age(2 * CALL_TARGET_MS)
    expect(taken(limits, 2 * CALL_TARGET_MS, 20, () => testContact(1))).toBe(CALLS_PER_TARGET_BURST)
    expect(new TokenBucket(1, 1, 0).capacity).toBe(1)
  })
})

describe('own hits', () => {
  const answered = (results: ReturnType<typeof result>[]) => {
    const servent = new Servent()
    const link = servent.neighbour(1)
    servent.from(link, query())
    servent.answer(servent.asked()[0]!.id, { type: 'match', results })
    return servent.sent(link).map(message => {
      if (message.type !== 'query-hit') throw new Error(message.type)
      return message
    })
  }

  it('say who answers, with our vendor code and GUID', () => {
    const [one] = answered([result()])
    expect(one).toMatchObject({
      vendor: 'SVNT',
      contact: testContact(0),
      flags: { push: false },
      ipv4: 0,
      port: 0
    })
  })

  it('are closed at HIT_PAYLOAD_BYTES, and every result is in one of them', () => {
    const results = Array.from({ length: 40 }, (_, index) => result({ index, record: new Uint8Array(500) }))
    const hits = answered(results)
    expect(hits.flatMap(({ results }) => results)).toEqual(results)
    expect(hits.length).toBeGreaterThan(4)
    for (const one of hits) {
      expect(gnutellaCodec.byteLength(one)).toBeLessThanOrEqual(HIT_PAYLOAD_BYTES + 200)
    }
    const large = result({ record: new Uint8Array(HIT_PAYLOAD_BYTES) })
    expect(answered([large, large])).toHaveLength(2)
  })

  it('are of RESULTS_PER_QUERY results at most, each hit of HIT_RESULTS_MAX', () => {
    const hits = answered(Array.from({ length: RESULTS_PER_QUERY + 1 }, (_, index) => result({ index })))
    expect(hits.flatMap(({ results }) => results)).toHaveLength(RESULTS_PER_QUERY)
    for (const { results } of hits) expect(results.length).toBeLessThanOrEqual(HIT_RESULTS_MAX)
  })

  it('are never longer than their results are reckoned', () => {
    const results = [
      result(),
      result({
        name: 'é'.repeat(120),
        urns: ['urn:cid:x', `urn:sha1:${'A'.repeat(32)}`],
        record: new Uint8Array(4000)
      }),
      result({ size: 2 ** 41, record: new Uint8Array(4000).fill(1) })
    ]
    const none = gnutellaCodec.byteLength({
      ...hit(freshGuid(), { results: [] }),
      payload: undefined
    } as never)
    for (const one of results) {
      const { payload: _, ...made } = hit(freshGuid(), { results: [one] })
      expect(gnutellaCodec.byteLength(made) - none + 200).toBeLessThanOrEqual(resultBytes(one) + 200)
    }
  })
})
