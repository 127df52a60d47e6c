/** Push: along the path of the hit to the servent that made it, and from there a call, within its limits. */
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import {
  CALLS_BURST,
  CALLS_PER_SECOND,
  CALLS_PER_TARGET_BURST,
  PUSH_ROUTE_MS,
  PUSH_ROUTES_MAX,
  PUSHES_BURST,
  PUSHES_SEEN_MAX,
  PUSHES_SEEN_MS,
  TTL_MAX
} from '../src/constants.ts'
import type { QueryMessage } from '../src/messages.ts'
import { freshGuid, hit, push, query, Servent } from './servent.ts'
import { SmallNetwork } from './small-network.ts'

const SERVENT = 'ab'.repeat(16)
const nonce = new Uint8Array(16).fill(3)
const calls = (servent: Servent) =>
  servent.effects.notices().flatMap(notice => (notice.type === 'push-asked' ? [notice] : []))

/** A servent that has handed a hit of `SERVENT` from b back to a. */
function between() {
  const servent = new Servent()
  const [a, b] = [servent.neighbour(1), servent.neighbour(2)]
  const asked = query()
  servent.from(a, asked)
  servent.from(b, hit(asked.guid, { servent: SERVENT }))
  servent.take()
  return { servent, a, b }
}

describe('a push that is handed on', () => {
  it('goes where the hit came from, once', () => {
    const { servent, a, b } = between()
    const one = push({ servent: SERVENT })
    servent.from(a, one, one)
    expect(servent.outline()).toEqual({ [b]: ['push 6/1'] })
    expect(servent.counter('pushesDropped')).toBe(1)
  })

  it('goes nowhere without a route, back to where it came from, without TTL, or too far', () => {
    const { servent, a, b } = between()
    servent.from(a, push({ servent: 'cd'.repeat(16) }))
    servent.from(b, push({ servent: SERVENT }))
    servent.from(a, push({ servent: SERVENT, ttl: 1 }))
    servent.from(a, push({ servent: SERVENT, hops: TTL_MAX }))
    servent.down(b)
    servent.from(a, push({ servent: SERVENT }))
    expect(servent.sent()).toEqual([])
    expect(servent.counter('pushesDropped')).toBe(5)
  })

  it('is one of PUSHES_BURST of its link', () => {
    const { servent, a, b } = between()
    for (let count = 0; count <= PUSHES_BURST; count += 1) servent.from(a, push({ servent: SERVENT }))
    expect(servent.sent(b)).toHaveLength(PUSHES_BURST)
    expect(servent.counter('pushesOverRate')).toBe(1)
  })

  it('finds its way for PUSH_ROUTE_MS, and routes are forgotten in the end', () => {
    const { servent, a, b } = between()
    servent.effects.advance(PUSH_ROUTE_MS - 1)
    servent.from(a, push({ servent: SERVENT }))
    expect(servent.sent(b)).toHaveLength(1)
    servent.pass(3 * PUSH_ROUTE_MS)
    expect(servent.machine.snapshot().routes.pushes).toBe(0)
    expect(PUSHES_SEEN_MS).toBeLessThan(PUSH_ROUTE_MS)
  })

  it('finds its way among PUSH_ROUTES_MAX servents, and PUSHES_SEEN_MAX ids are remembered', () => {
    const servent = new Servent()
    const [a, b] = [servent.neighbour(1), servent.neighbour(2)]
    for (let count = 0; count < 2 * PUSH_ROUTES_MAX; count += 1) {
      if (count % 400 === 0) servent.effects.advance(10_000)
      const asked = query({ hops: 1 })
      servent.from(a, asked)
      servent.from(b, hit(asked.guid, { servent: freshGuid() }))
      if (count % 100 === 0) servent.take()
    }
    expect(servent.machine.snapshot().routes.pushes).toBeGreaterThan(PUSH_ROUTES_MAX / 2)
    expect(servent.machine.snapshot().routes.pushes).toBeLessThanOrEqual(PUSH_ROUTES_MAX)
    expect(PUSHES_SEEN_MAX).toBe(PUSH_ROUTES_MAX)
  })
})

describe('a push for this servent', () => {
  const own = () => {
    const servent = new Servent()
    const link = servent.neighbour(1)
    return { servent, link, mine: servent.machine.snapshot().servent }
  }

  it('has it call the peer that is named, with the nonce', () => {
    const { servent, link, mine } = own()
    servent.from(link, push({ servent: mine, index: 7, contact: testContact(5), nonce }))
    expect(calls(servent)).toMatchObject([{ contact: testContact(5), index: 7, nonce }])
    expect(calls(servent)[0]!.via).toMatch(/^12D3Koo/)
    expect(servent.sent()).toEqual([])
  })

  it('with a bare address, as old servents write it, has nobody called', () => {
    const { servent, link, mine } = own()
    const { contact: _, ...bare } = push({ servent: mine, ipv4: 0x01020304, port: 6346 })
    const { nonce: __, ...silent } = push({ servent: mine })
    servent.from(link, bare, silent)
    expect(calls(servent)).toEqual([])
    expect(servent.counter('pushesDropped')).toBe(2)
  })

  it('one of a thousand for the same victim has it called CALLS_PER_TARGET_BURST times', () => {
    const { servent, mine } = own()
    // From many neighbours, so that no link's own limit helps.
    for (let peer = 10; peer < 14; peer += 1) {
      const link = servent.neighbour(peer)
      for (let count = 0; count < 250; count += 1)
        servent.from(link, push({ servent: mine, contact: testContact(5) }))
    }
    expect(servent.counter('callsAsked')).toBe(CALLS_PER_TARGET_BURST)
    expect(servent.counter('callsRefused')).toBeGreaterThan(100)
  })
})

describe('of the calls in all', () => {
  const victims = (servent: Servent, link: number, from: number, count: number) => {
    const before = servent.counter('callsAsked')
    const { servent: mine } = servent.machine.snapshot()
    for (let peer = from; peer < from + count; peer += 1)
      servent.from(link, push({ servent: mine, contact: testContact(peer) }))
    return servent.counter('callsAsked') - before
  }

  it('a neighbour that asks for all of them leaves each other one its share', () => {
    const servent = new Servent({ neighbours: 4 })
    const [loud, quiet] = [servent.neighbour(1), servent.neighbour(2)]
    const share = CALLS_BURST / (2 * 4)
    expect(victims(servent, loud, 100, CALLS_BURST)).toBe(CALLS_BURST / 2 + share)
    expect(victims(servent, quiet, 200, CALLS_BURST)).toBe(share)
    // And so it stays, while the loud one takes all that comes free.
    let asked = 0
    for (let second = 1; second <= 16; second += 1) {
      servent.effects.advance(1000)
      victims(servent, loud, 1000 + second * 10, CALLS_PER_SECOND)
      asked += victims(servent, quiet, 2000 + second * 10, 1)
    }
    expect(asked).toBeGreaterThanOrEqual((16 * CALLS_PER_SECOND) / (2 * 4) - 1)
  })

  it('a share grows when the user leaves fewer places', () => {
    const servent = new Servent({ neighbours: 4 })
    const [loud, quiet] = [servent.neighbour(1), servent.neighbour(2)]
    servent.command({ type: 'resize', neighbours: 2 })
    victims(servent, loud, 100, CALLS_BURST)
    expect(victims(servent, quiet, 200, CALLS_BURST)).toBe(CALLS_BURST / (2 * 2))
  })
})

describe('asking for a push', () => {
  it('is refused where the way is not known, or its neighbour is gone', () => {
    const servent = new Servent()
    const link = servent.neighbour(1)
    servent.command({ type: 'push', servent: SERVENT, index: 1, nonce })
    servent.search('blue')
    const asked = servent.sent(link)[0] as QueryMessage
    servent.from(link, hit(asked.guid, { servent: SERVENT }))
    servent.take()
    servent.down(link)
    servent.command({ type: 'push', servent: SERVENT, index: 1, nonce })
    expect(servent.effects.notices()).toMatchObject([{ type: 'push-refused' }])
  })

  it('over four links goes the way of the hit back, and no other', () => {
    const network = new SmallNetwork()
    const nodes = network.line(5, { neighbours: 2 })
    nodes[4]!.share('blue')
    const search = nodes[0]!.search('blue')
    network.run(500)
    const found = nodes[0]!.notices.find(notice => notice.type === 'found' && notice.search === search)
    if (found?.type !== 'found') throw new Error('nothing was found')
    network.sent.length = 0
    nodes[0]!.command({ type: 'push', servent: found.servent, index: found.files[0]!.index, nonce })
    network.run(500)
    const path = network.sent
      .filter(({ message }) => message.type === 'push')
      .map(({ from, to }) => [from, to])
    expect(path).toEqual([
      [1, 2],
      [2, 3],
      [3, 4],
      [4, 5]
    ])
    expect(nodes[0]!.notices.at(-1)).toMatchObject({ type: 'push-sent' })
    expect(nodes[4]!.notices).toMatchObject([
      { type: 'push-asked', contact: testContact(1), index: 1, nonce }
    ])
  })
})
