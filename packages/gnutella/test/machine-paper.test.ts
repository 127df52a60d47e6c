/**
 * The published rules and figures that the machine keeps, by their sections. `paper.test.ts` has those of
 * the wire.
 */
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import { PING_TTL, PONG_AGE_MS, PONGS_PER_PING } from '../src/constants.ts'
import { GnutellaMachine } from '../src/machine.ts'
import type { GnutellaMessage, PingMessage, PongMessage } from '../src/messages.ts'
import { priorityOf } from '../src/priorities.ts'
import { gnutellaCodec } from '../src/wire.ts'
import { freshGuid, hit, pong, push, query, Servent } from './servent.ts'
import { reachOfFlood, SmallNetwork } from './small-network.ts'

describe('Lecture notes, "Avoiding Excessive Traffic"', () => {
  it('a query is forwarded to all neighbours but the one that it came from', () => {
    const servent = new Servent()
    const [a, b, c] = [servent.neighbour(1), servent.neighbour(2), servent.neighbour(3)]
    servent.from(a, query())
    expect(servent.outline()).toEqual({ [b]: ['query 6/1'], [c]: ['query 6/1'] })
  })

  it('each query, named by its id, is forwarded only once', () => {
    const servent = new Servent()
    const [a, b] = [servent.neighbour(1), servent.neighbour(2)]
    const once = query()
    servent.from(a, once)
    servent.take()
    servent.from(a, once)
    servent.from(b, { ...once, ttl: 3, hops: 4 })
    expect(servent.outline()).toEqual({})
    expect(servent.counter('queriesDuplicate')).toBe(2)
  })

  it('a hit is routed back only to the peer that its query was received from', () => {
    const servent = new Servent()
    const [a, b, c] = [servent.neighbour(1), servent.neighbour(2), servent.neighbour(3)]
    const asked = query()
    servent.from(b, asked)
    servent.take()
    servent.from(c, hit(asked.guid, { ttl: 5, hops: 2 }))
    expect(servent.outline()).toEqual({ [b]: ['query-hit 4/3'] })
    expect(a).toBe(1)
  })

  it('duplicates are told by id and kind of descriptor: a push may have the id of a query', () => {
    const servent = new Servent()
    const [a, b] = [servent.neighbour(1), servent.neighbour(2)]
    const asked = query()
    servent.from(a, asked)
    servent.from(b, hit(asked.guid))
    servent.take()
    servent.from(a, push({ guid: asked.guid }))
    expect(servent.outline()).toEqual({ [b]: ['push 6/1'] })
  })

  it('a hit whose query was not seen is dropped', () => {
    const servent = new Servent()
    const [a] = [servent.neighbour(1), servent.neighbour(2)]
    servent.from(a, hit(freshGuid()))
    expect(servent.outline()).toEqual({})
    expect(servent.counter('hitsWithoutQuery')).toBe(1)
  })
})

describe('Gnutella 0.6, 2.2.1: TTL and hops', () => {
  it('on the way TTL goes down and hops go up, and their sum stays', () => {
    const servent = new Servent()
    const [a, b] = [servent.neighbour(1), servent.neighbour(2)]
    servent.from(a, query({ ttl: 4, hops: 3 }))
    expect(servent.sent(b)).toMatchObject([{ ttl: 3, hops: 4 }])
  })

  it('a query with TTL 1 is answered and goes no further', () => {
    const servent = new Servent()
    const [a] = [servent.neighbour(1), servent.neighbour(2)]
    servent.from(a, query({ ttl: 1, hops: 6 }))
    expect(servent.sent()).toEqual([])
    expect(servent.asked()).toMatchObject([{ question: { type: 'match', text: 'blue' } }])
  })

  it('TTL and hops together are brought down to 7', () => {
    const servent = new Servent()
    const [a, b] = [servent.neighbour(1), servent.neighbour(2)]
    servent.from(a, query({ ttl: 15, hops: 2 }))
    expect(servent.sent(b)).toMatchObject([{ ttl: 4, hops: 3 }])
  })

  it('a broadcast with a TTL over 15 is dropped', () => {
    const servent = new Servent()
    const [a] = [servent.neighbour(1), servent.neighbour(2)]
    servent.from(a, query({ ttl: 16 }))
    expect(servent.outline()).toEqual({})
    expect(servent.counter('descriptorsBadTtl')).toBe(1)
  })

  it('own queries have a TTL of 7 at most, and no hops', () => {
    const servent = new Servent()
    const a = servent.neighbour(1)
    servent.search('blue', 10)
    servent.search('blue')
    servent.search('blue', 2)
    expect(servent.outline()).toEqual({ [a]: ['query 7/0', 'query 7/0', 'query 2/0'] })
  })
})

describe('Gnutella 0.6, 2.2.6: the hit', () => {
  it('has the id of its query, no hops, and enough TTL for the way back', () => {
    const servent = new Servent()
    const a = servent.neighbour(1)
    const asked = query({ ttl: 3, hops: 4 })
    servent.from(a, asked)
    servent.answer(servent.asked()[0]!.id, {
      type: 'match',
      results: [{ index: 7, size: 1, name: 'blue', urns: [], ggep: [] }]
    })
    expect(servent.sent(a)).toMatchObject([{ type: 'query-hit', guid: asked.guid, ttl: 6, hops: 0 }])
  })
})

describe('Ritter 2001: how far a flood goes', () => {
  it('with four links each, a TTL of 5 reaches 484 servents: 4 + 4*3 + ... + 4*3^4', () => {
    expect(reachOfFlood(4, 5)).toEqual({ queries: 484, servents: 484, wrongs: [] })
  })
})

describe('Rohrs and Falco, "Ping/Pong scheme"', () => {
  /** A servent that has ten pongs of each distance from one neighbour, and another neighbour that asks. */
  function full() {
    const servent = new Servent({ neighbours: 4 })
    const [teller, asker] = [servent.neighbour(1), servent.neighbour(2)]
    const guids: string[] = []
    const refresh = () => {
      servent.from(asker, { type: 'ping', guid: freshGuid(), ttl: 7, hops: 0, ggep: [] })
      const ping = servent.sent(teller).find(message => message.type === 'ping')
      guids.push(ping === undefined ? '' : ping.guid)
      return ping?.type === 'ping' ? ping.guid : undefined
    }
    const guid = refresh()!
    for (let number = 0; number < 10; number += 1) {
      servent.from(teller, pong(guid, testContact(100 + number), { hops: number % 6 }))
    }
    servent.take()
    return { servent, teller, asker }
  }

  it('N: one ping gets at most ten pongs, spread over the distances that its TTL reaches', () => {
    const { servent, asker } = full()
    servent.effects.advance(PONG_AGE_MS)
    servent.from(asker, { type: 'ping', guid: 'f'.repeat(32), ttl: 7, hops: 0, ggep: [] })
    const pongs = servent.sent(asker).filter(message => message.type === 'pong')
    expect(pongs.map(({ hops }) => hops)).toEqual([0, 1, 1, 2, 2, 3, 3, 4, 5, 6])
    expect(pongs.length).toBeLessThanOrEqual(PONGS_PER_PING)
    for (const { guid } of pongs) expect(guid).toBe('f'.repeat(32))
  })

  it('T: a link is listened to once in 3 s, however often it pings', () => {
    const { servent, asker } = full()
    servent.effects.advance(PONG_AGE_MS - 1)
    servent.from(asker, { type: 'ping', guid: freshGuid(), ttl: 7, hops: 0, ggep: [] })
    expect(servent.sent(asker)).toEqual([])
    expect(servent.counter('pingsThrottled')).toBe(1)
    servent.effects.advance(1)
    servent.from(asker, { type: 'ping', guid: freshGuid(), ttl: 7, hops: 0, ggep: [] })
    expect(servent.sent(asker).length).toBeGreaterThan(0)
  })

  it('a pong that comes later goes to the links that still want one of its distance, and never back', () => {
    const servent = new Servent({ neighbours: 4 })
    const [teller, asker, silent] = [servent.neighbour(1), servent.neighbour(2), servent.neighbour(3)]
    servent.from(asker, { type: 'ping', guid: 'e'.repeat(32), ttl: 3, hops: 0, ggep: [] })
    const ping = servent.sent(teller).find(message => message.type === 'ping')!
    servent.take()
    servent.from(teller, pong((ping as { guid: string }).guid, testContact(50), { hops: 0 }))
    servent.from(teller, pong((ping as { guid: string }).guid, testContact(51), { hops: 2 }))
    // A ping of TTL 3 reaches this servent and two links further; what is three links away is too far.
    expect(servent.outline()).toEqual({ [asker]: ['pong 1/1'] })
    expect(silent).toBe(3)
  })

  it('a pong that comes later is handed on while its distance is wanted: TTL 3 wants 5 and 4 beyond one', () => {
    const servent = new Servent({ neighbours: 4 })
    const [teller, asker] = [servent.neighbour(1), servent.neighbour(2)]
    servent.from(asker, { type: 'ping', guid: freshGuid(), ttl: 3, hops: 0, ggep: [] })
    const ping = servent.sent(teller).find(message => message.type === 'ping') as PingMessage
    servent.take()
    for (let number = 0; number < 7; number += 1)
      servent.from(teller, pong(ping.guid, testContact(50 + number)))
    expect(servent.sent(asker)).toHaveLength(5)
  })

  it('N: whoever asks ten times whether one is alive has had the pongs of 3 s', () => {
    const servent = new Servent()
    const link = servent.neighbour(1)
    for (let count = 0; count <= PONGS_PER_PING; count += 1) {
      servent.from(link, { type: 'ping', guid: freshGuid(), ttl: 1, hops: 0, ggep: [] })
    }
    expect(servent.sent(link)).toHaveLength(PONGS_PER_PING)
  })

  it('N: ten pongs are taken for one ping, and none that nobody asked for', () => {
    const servent = new Servent({ neighbours: 4 })
    const [teller, asker] = [servent.neighbour(1), servent.neighbour(2)]
    servent.from(asker, { type: 'ping', guid: freshGuid(), ttl: 7, hops: 0, ggep: [] })
    const ping = servent.sent(teller).find(message => message.type === 'ping') as PingMessage
    servent.from(teller, pong(freshGuid(), testContact(50)))
    expect(servent.counter('pongsUnasked')).toBe(1)
    expect(servent.machine.snapshot().pongs).toBe(0)
    for (let number = 0; number <= PONGS_PER_PING; number += 1) {
      servent.from(teller, pong(ping.guid, testContact(60 + number)))
    }
    expect(servent.counter('pongsUnasked')).toBe(2)
    expect(servent.machine.snapshot().pongs).toBe(PONGS_PER_PING)
  })

  it('M: what is shown of a peer is at most M times T old', () => {
    const { servent, asker } = full()
    servent.effects.advance(PONG_AGE_MS + 1)
    servent.from(asker, { type: 'ping', guid: freshGuid(), ttl: 7, hops: 0, ggep: [] })
    // Each servent on the way keeps a pong for T and no longer.
    const pongs = servent.sent(asker).filter(({ type }) => type === 'pong')
    expect(pongs.map(message => (message as PongMessage).hops)).toEqual([0])
    expect(PING_TTL * PONG_AGE_MS).toBe(21_000)
  })

  it('a ping of TTL 1 asks whether one is alive, and is always answered by oneself', () => {
    const servent = new Servent()
    const a = servent.neighbour(1)
    servent.command({ type: 'sharing', files: 5, kibibytes: 6, firewalled: true })
    servent.from(a, { type: 'ping', guid: freshGuid(), ttl: 1, hops: 0, ggep: [] })
    servent.from(a, { type: 'ping', guid: freshGuid(), ttl: 1, hops: 1, ggep: [] })
    expect(servent.sent(a)).toMatchObject([
      { type: 'pong', hops: 0, files: 5, kibibytes: 6, contact: testContact(0) },
      { type: 'pong', hops: 0 }
    ])
  })

  it('a ping of TTL 2 without hops is a crawler, and gets this servent and its neighbours', () => {
    const servent = new Servent()
    const [crawler] = [servent.neighbour(1), servent.neighbour(2), servent.neighbour(3)]
    servent.from(crawler, { type: 'ping', guid: freshGuid(), ttl: 2, hops: 0, ggep: [] })
    expect(servent.sent(crawler)).toMatchObject([
      { hops: 0, contact: testContact(0) },
      { hops: 1, contact: testContact(2) },
      { hops: 1, contact: testContact(3) }
    ])
  })

  it('who cannot be dialled does not show itself', () => {
    const servent = new Servent()
    const a = servent.neighbour(1)
    servent.command({ type: 'sharing', files: 0, kibibytes: 0, firewalled: true })
    servent.from(a, { type: 'ping', guid: freshGuid(), ttl: 7, hops: 0, ggep: [] })
    expect(servent.sent(a).filter(({ type }) => type === 'pong')).toEqual([])
  })

  it('131 bytes a second and link at most, as published; and so many with our contact in each pong', () => {
    const bare: GnutellaMessage = { ...pong(freshGuid(), testContact(1)), contact: undefined } as never
    const ping: GnutellaMessage = { type: 'ping', guid: freshGuid(), ttl: 7, hops: 0, ggep: [] }
    const { contact: _, ...published } = bare as PongMessage
    const perSecond = (onePong: GnutellaMessage) =>
      (gnutellaCodec.byteLength(ping) + PONGS_PER_PING * gnutellaCodec.byteLength(onePong)) /
      (PONG_AGE_MS / 1000)
    expect(perSecond(published)).toBe(131)
    // One address of IPv4 and TCP: 58 bytes of GGEP more in each pong.
    expect(gnutellaCodec.byteLength(pong(freshGuid(), testContact(1)))).toBe(37 + 58)
    expect(perSecond(pong(freshGuid(), testContact(1)))).toBeCloseTo(324.3, 1)
  })

  it('no link of a busy network carries more than ten pongs in any 3 s', () => {
    const network = new SmallNetwork()
    for (let number = 1; number <= 16; number += 1) {
      const node = network.add(number, { neighbours: 6 })
      for (let known = Math.max(1, number - 3); known < number; known += 1) node.contact(known)
      network.run(200)
    }
    const pongs = new Map<string, number[]>()
    network.observers.push(({ atMs, from, to, message }) => {
      if (message.type === 'pong') pongs.set(`${from} ${to}`, [...(pongs.get(`${from} ${to}`) ?? []), atMs])
    })
    // Everybody asks everybody all the time, far more often than it is listened to.
    for (let turn = 0; turn < 120; turn += 1) {
      for (const node of network.nodes.values()) {
        for (const { other } of node.halves.values()) {
          // A handshake has no room for pings.
          const { neighbours } = other.node.machine.snapshot()
          if (!neighbours.some(({ peerId }) => peerId === node.peerId)) continue
          network.send(
            other.node,
            other.link,
            { type: 'ping', guid: freshGuid(), ttl: 7, hops: 0, ggep: [] },
            0
          )
        }
      }
      network.run(250)
    }
    const windows = [...pongs.values()].flatMap(times =>
      times.map(startMs => times.filter(ms => ms >= startMs && ms < startMs + PONG_AGE_MS).length)
    )
    expect(Math.max(...windows)).toBe(PONGS_PER_PING)
  })
})

describe('Rohrs, SACHRIFC flow control', () => {
  it('the order is Push, QueryHit, Pong, Query, Ping', () => {
    const messages = [
      push(),
      hit(freshGuid()),
      pong(freshGuid(), testContact(1)),
      query(),
      { type: 'ping', guid: freshGuid(), ttl: 1, hops: 0, ggep: [] } as const
    ]
    const priorities = messages.map(priorityOf)
    expect(priorities).toEqual([...priorities].sort((a, b) => a - b))
    expect(new Set(priorities).size).toBe(5)
  })

  it('queries with fewer hops go first, hits with more', () => {
    const hops = [0, 1, 2, 3, 4, 5, 6, 7]
    const queries = hops.map(hops => priorityOf(query({ hops })))
    const hits = hops.map(hops => priorityOf(hit(freshGuid(), { hops })))
    expect(queries).toEqual([...queries].sort((a, b) => a - b))
    expect(hits).toEqual([...hits].sort((a, b) => b - a))
    expect(Math.max(...hits)).toBeLessThan(priorityOf(pong(freshGuid(), testContact(1))))
  })

  it('queries of a link whose queue is too full are dropped until it has drained', () => {
    const servent = new Servent()
    const [a, b] = [servent.neighbour(1), servent.neighbour(2)]
    servent.handle({ type: 'pressure', link: a, level: 'high' })
    servent.from(a, query())
    expect(servent.sent(b)).toEqual([])
    expect(servent.counter('queriesFlowControlled')).toBe(1)
    servent.handle({ type: 'pressure', link: a, level: 'low' })
    servent.from(a, query())
    expect(servent.sent(b)).toHaveLength(1)
  })

  it('a queue that overflows in spite of it ends the link with Bye 502', () => {
    const servent = new Servent()
    const a = servent.neighbour(1)
    servent.handle({ type: 'pressure', link: a, level: 'overflow' })
    expect(servent.sent(a)).toMatchObject([{ type: 'bye', code: 502, ttl: 1, hops: 0 }])
    expect(servent.closed()).toEqual([a])
  })
})

describe('Lecture notes, "Gnutella Summary": the list of neighbours', () => {
  it('has the size that the user chose', () => {
    for (const places of [1, 3]) {
      const network = new SmallNetwork()
      const hub = network.add(1, { neighbours: places })
      for (let number = 2; number <= 8; number += 1) network.add(number, { neighbours: 4 }).contact(1)
      network.run(60_000)
      expect(hub.neighbours()).toHaveLength(places)
      for (const node of network.nodes.values()) expect(node.neighbours().length).toBeLessThanOrEqual(4)
    }
  })

  it('a machine of its own keeps nothing of the others', () => {
    expect(new GnutellaMachine().snapshot()).toMatchObject({ places: 6, neighbours: [], hostCache: 0 })
  })
})
