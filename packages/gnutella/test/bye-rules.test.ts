/** Bye: what makes this servent say it, with which code, and what it does when it hears one. */
import { describe, expect, it } from 'vitest'
import {
  BANISHED_MAX,
  BANISHED_MS,
  BYE_DRAIN_MS,
  BYE_REASON_CHARACTERS_MAX,
  OFFENCES_MS,
  OFFENCES_PER_MINUTE_MAX,
  QUERY_RELAYED_BYTES_MAX
} from '../src/constants.ts'
import type { ByeMessage, GnutellaMessage } from '../src/messages.ts'
import { freshGuid, hit, MODERN, push, query, Servent } from './servent.ts'

const bye = (code: number): ByeMessage => ({
  type: 'bye',
  guid: freshGuid(),
  ttl: 1,
  hops: 0,
  code,
  reason: 'x'
})
const malformed = (): GnutellaMessage => ({
  type: 'malformed',
  guid: freshGuid(),
  ttl: 1,
  hops: 0,
  descriptor: 0x80,
  reason: 'it ends too early',
  payload: new Uint8Array(1)
})

describe('too much of what no good peer does', () => {
  const twice = query()
  it.each([
    [400, 'descriptors that break the rules', malformed],
    [400, 'queries that are too long', () => query({ payload: new Uint8Array(QUERY_RELAYED_BYTES_MAX + 1) })],
    [401, 'queries that it sent before', () => twice],
    [402, 'queries for nothing', () => query({ text: 'a' })],
    [403, 'queries with a bad TTL', () => query({ ttl: 0 })],
    [403, 'queries that came too far', () => query({ ttl: 1, hops: 7 })],
    [
      403,
      'pings with a bad TTL',
      () => ({ type: 'ping' as const, guid: freshGuid(), ttl: 16, hops: 0, ggep: [] })
    ]
  ])('gets Bye %i: %s', (code, _, make) => {
    const servent = new Servent()
    const link = servent.neighbour(1)
    servent.from(link, twice)
    servent.take()
    for (let count = 0; count < OFFENCES_PER_MINUTE_MAX; count += 1) {
      servent.effects.advance(100)
      servent.from(link, make())
    }
    expect(servent.closed()).toEqual([])
    servent.effects.advance(100)
    servent.from(link, make())
    expect(servent.sent(link)).toMatchObject([{ type: 'bye', code, ttl: 1, hops: 0 }])
    expect(servent.closed()).toEqual([link])
    // What was under way when the link was ended costs nothing more.
    servent.from(link, make())
    expect(servent.counter('byesSent')).toBe(1)
  })

  it('counts within a minute (OFFENCES_MS): as many in the next one are forgiven again', () => {
    const servent = new Servent()
    const link = servent.neighbour(1)
    for (let minute = 0; minute < 3; minute += 1) {
      for (let count = 0; count < OFFENCES_PER_MINUTE_MAX; count += 1) servent.from(link, malformed())
      servent.effects.advance(OFFENCES_MS)
    }
    expect(servent.closed()).toEqual([])
    expect(servent.counter('descriptorsMalformed')).toBe(3 * OFFENCES_PER_MINUTE_MAX)
  })

  it('keeps its author out for BANISHED_MS at least', () => {
    const servent = new Servent()
    const link = servent.neighbour(1)
    for (let count = 0; count <= OFFENCES_PER_MINUTE_MAX; count += 1) servent.from(link, malformed())
    servent.down(link, 'local')
    const statusOf = (peer: number) => {
      servent.take()
      const again = servent.link(peer)
      servent.from(again, { type: 'connect', headers: MODERN })
      const [message] = servent.sent(again)
      servent.down(again)
      return message?.type === 'status' ? message.status : undefined
    }
    expect(statusOf(1)).toBe(503)
    expect(statusOf(2)).toBe(200)
    servent.effects.advance(BANISHED_MS - 1)
    expect(statusOf(1)).toBe(503)
    servent.pass(2 * BANISHED_MS)
    expect(statusOf(1)).toBe(200)
    expect(BANISHED_MAX).toBeGreaterThan(0)
  })

  it('of a type that is not known yet is no offence', () => {
    const servent = new Servent()
    const link = servent.neighbour(1)
    for (let count = 0; count <= 2 * OFFENCES_PER_MINUTE_MAX; count += 1) {
      servent.from(link, {
        type: 'other',
        descriptor: 0x31,
        guid: freshGuid(),
        ttl: 1,
        hops: 0,
        payload: new Uint8Array(9)
      })
    }
    expect(servent.closed()).toEqual([])
    expect(servent.counter('descriptorsUnknown')).toBe(2 * OFFENCES_PER_MINUTE_MAX + 1)
  })
})

describe('a peer that says Bye', () => {
  it('is sent nothing more, and its hits and pushes are handed on for BYE_DRAIN_MS', () => {
    const servent = new Servent()
    const [leaver, asker] = [servent.neighbour(1), servent.neighbour(2)]
    const asked = query()
    servent.from(asker, asked)
    servent.from(leaver, bye(200))
    servent.take()
    servent.from(leaver, hit(asked.guid), query(), push({ servent: 'cd'.repeat(16) }), bye(200))
    servent.from(asker, query())
    expect(servent.outline()).toEqual({ [asker]: ['query-hit 6/1'] })
    expect(servent.counter('pushesReceived')).toBe(1)
    expect(servent.machine.snapshot().neighbours).toHaveLength(1)
    servent.pass(BYE_DRAIN_MS - 1)
    expect(servent.closed()).toEqual([])
    servent.pass(1)
    expect(servent.closed()).toEqual([leaver])
    servent.down(leaver, 'local')
    servent.handle({ type: 'timer', timer: `drain-${leaver}` })
    expect(servent.counter('byesReceived')).toBe(1)
  })

  it('frees its place at once', () => {
    const servent = new Servent({ neighbours: 1 })
    const leaver = servent.neighbour(1)
    servent.from(leaver, bye(503))
    const next = servent.link(2)
    servent.from(next, { type: 'connect', headers: {} })
    expect(servent.sent(next)).toMatchObject([{ status: 200 }])
  })
})

describe('this servent', () => {
  it('says Bye 200 to all neighbours when it is stopped, and nothing afterwards', () => {
    const servent = new Servent()
    const [a, b] = [servent.neighbour(1), servent.neighbour(2)]
    servent.search('blue')
    servent.take()
    servent.handle({ type: 'stop' })
    expect(servent.outline()).toEqual({ [a]: ['bye 1/0'], [b]: ['bye 1/0'] })
    servent.from(a, query())
    servent.handle({ type: 'timer', timer: 'upkeep' })
    expect(servent.take()).toEqual([])
    expect(servent.machine.snapshot()).toMatchObject({ neighbours: [], searches: 0 })
  })

  it('says Bye 503 to the neighbours that came last when the user leaves fewer places', () => {
    const servent = new Servent({ neighbours: 4 })
    const links = [1, 2, 3, 4].map(peer => servent.neighbour(peer))
    servent.command({ type: 'resize', neighbours: 2 })
    expect(servent.sent()).toMatchObject([{ code: 503 }, { code: 503 }])
    expect(servent.closed()).toEqual(links.slice(2))
    expect(servent.machine.snapshot()).toMatchObject({ places: 2, neighbours: [{}, {}] })
  })

  it('gives a reason of BYE_REASON_CHARACTERS_MAX characters at most', () => {
    const servent = new Servent()
    const link = servent.neighbour(1)
    servent.handle({ type: 'stop' })
    const [said] = servent.sent(link) as [ByeMessage]
    expect(said.reason.length).toBeLessThanOrEqual(BYE_REASON_CHARACTERS_MAX)
  })
})
