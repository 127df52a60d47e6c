/** Which links a machine looks for, how it keeps them, and what happens to those that fall silent. */
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import {
  ALIVE_PING_MS,
  ALIVE_REPLY_MS,
  FLOW_CONTROL_MS_MAX,
  NEIGHBOURS_MAX,
  OPEN_MS_MAX,
  OPENS_MAX,
  OWN_PLACES_PART,
  PING_MS_MAX,
  RETRY_MS,
  SETTLED_MS,
  UPKEEP_MS
} from '../src/constants.ts'
import { pong, Servent } from './servent.ts'
import { SmallNetwork } from './small-network.ts'

const contact = (servent: Servent, ...numbers: number[]) => {
  for (const number of numbers) {
    servent.handle({ type: 'contact', peer: servent.effects.peers.intern(testContact(number)) })
  }
}
const opened = (servent: Servent) =>
  servent.take().flatMap(effect => (effect.type === 'open' ? [effect.peer] : []))

describe('places', () => {
  it('half of them, rounded up, are looked for; the rest is for those who come', () => {
    for (const [places, sought] of [
      [1, 1],
      [2, 1],
      [3, 2],
      [6, 3]
    ] as const) {
      const servent = new Servent({ neighbours: places })
      contact(servent, 1, 2, 3, 4, 5, 6, 7, 8)
      let count = 0
      for (let peers = opened(servent); peers.length > 0; peers = opened(servent)) {
        for (const peer of peers) {
          count += 1
          const link = servent.link(100 + peer, false)
          servent.handle({ type: 'link-down', link, end: { kind: 'duplicate', message: '' } })
          servent.neighbour(peer, { inbound: false })
        }
        contact(servent, 9)
      }
      expect(count).toBe(sought)
    }
  })

  it('one of OWN_PLACES_PART is for links that are opened here, however many strangers come first', () => {
    const servent = new Servent({ neighbours: OWN_PLACES_PART })
    for (let peer = 1; peer < OWN_PLACES_PART; peer += 1) servent.neighbour(peer)
    contact(servent, 50)
    expect(opened(servent)).toHaveLength(1)
    const answerTo = (peer: number) => {
      const link = servent.link(peer)
      servent.from(link, { type: 'connect', headers: {} })
      return servent.sent(link)[0]
    }
    // Though it could not be reached this time.
    servent.handle({ type: 'unreachable', peer: servent.effects.peers.intern(testContact(50)), reason: 'no' })
    expect(answerTo(60)).toMatchObject({ type: 'status', status: 503 })
    // With one place fewer none is kept; and none where there is nobody to open a link to.
    for (const [neighbours, knows] of [
      [OWN_PLACES_PART - 1, true],
      [OWN_PLACES_PART, false]
    ] as const) {
      const other = new Servent({ neighbours })
      for (let peer = 1; peer <= neighbours; peer += 1) {
        other.neighbour(peer)
        if (knows) contact(other, 50)
      }
      expect(other.machine.snapshot().neighbours).toHaveLength(neighbours)
    }
  })

  it('are 1 at least and NEIGHBOURS_MAX at most, whatever is set', () => {
    const placesOf = (neighbours: number) => new Servent({ neighbours }).machine.snapshot().places
    expect([0, -4, Number.NaN, 2.9].map(placesOf)).toEqual([1, 1, 1, 2])
    expect([NEIGHBOURS_MAX, NEIGHBOURS_MAX + 1].map(placesOf)).toEqual([NEIGHBOURS_MAX, NEIGHBOURS_MAX])
  })

  it('are filled by OPENS_MAX opens at a time', () => {
    const servent = new Servent({ neighbours: 64 })
    contact(servent, 1, 2, 3, 4, 5)
    expect(opened(servent)).toHaveLength(OPENS_MAX)
    servent.handle({ type: 'unreachable', peer: 1, reason: 'nobody' })
    expect(opened(servent)).toHaveLength(1)
    expect(servent.counter('unreachable')).toBe(1)
  })

  it('never this peer itself, nor what is no peer', () => {
    const servent = new Servent()
    servent.handle({ type: 'contact', peer: 0 })
    servent.handle({ type: 'contact', peer: -1 })
    servent.handle({
      type: 'contact',
      peer: servent.effects.peers.intern({ id: Uint8Array.of(9, 9, 9), addresses: [] })
    })
    expect(servent.machine.snapshot().hostCache).toBe(0)
  })
})

describe('who cannot be reached', () => {
  it('is tried again later and later', () => {
    const servent = new Servent()
    contact(servent, 1)
    const waits: number[] = []
    for (let turn = 0; turn < 5; turn += 1) {
      const sinceMs = servent.effects.now
      servent.take()
      servent.handle({ type: 'unreachable', peer: 1, reason: 'nobody' })
      while (opened(servent).length === 0) servent.pass(100)
      waits.push(servent.effects.now - sinceMs)
    }
    for (const [turn, waitMs] of waits.entries()) {
      expect(waitMs).toBeGreaterThanOrEqual(0.75 * RETRY_MS * 2 ** turn)
      expect(waitMs).toBeLessThanOrEqual(1.25 * RETRY_MS * 2 ** turn + 1_100)
    }
  })

  it('and of whom nothing is heard at all holds no place for ever (OPEN_MS_MAX)', () => {
    const servent = new Servent({ neighbours: 1 })
    contact(servent, 1)
    expect(opened(servent)).toEqual([1])
    servent.pass(OPEN_MS_MAX - 1_100)
    expect(opened(servent)).toEqual([])
    servent.pass(2_200)
    expect(opened(servent)).toEqual([1])
  })
})

describe('a neighbour that is lost', () => {
  it('is replaced where this servent had opened the link', () => {
    const servent = new Servent({ neighbours: 2 })
    contact(servent, 1, 2)
    const [own] = opened(servent)
    const link = servent.neighbour(own!, { inbound: false })
    servent.neighbour(5)
    servent.pass(SETTLED_MS)
    servent.take()
    servent.down(link, 'reset')
    expect(opened(servent)).toHaveLength(1)
  })

  it('is not replaced where it had come by itself and enough others are left', () => {
    const servent = new Servent({ neighbours: 2 })
    const [came] = [servent.neighbour(1), servent.neighbour(2)]
    contact(servent, 3)
    servent.take()
    servent.down(came)
    expect(opened(servent)).toEqual([])
  })

  it('is tried again at once where the link had lasted, and later where it had not', () => {
    for (const [lastedMs, again] of [
      [SETTLED_MS, [1]],
      [SETTLED_MS - 1, []]
    ] as const) {
      const servent = new Servent({ neighbours: 1 })
      contact(servent, 1)
      const link = servent.neighbour(1, { inbound: false })
      servent.effects.advance(lastedMs)
      servent.down(link)
      expect(opened(servent)).toEqual(again)
    }
  })

  it('in a line that breaks in the middle, the halves find each other again', () => {
    const network = new SmallNetwork()
    const nodes = network.line(8, { neighbours: 2 })
    network.run(70_000)
    network.kill(nodes[3]!)
    network.run(30_000)
    nodes[7]!.share('blue')
    const search = nodes[4]!.search('blue', 7)
    const far = nodes[0]!.share('green')
    const other = nodes[4]!.search('green', 7)
    network.run(1_000)
    expect(nodes[4]!.found(search)).toHaveLength(1)
    expect(nodes[4]!.found(other)).toHaveLength(1)
    expect(far.neighbours().length).toBeGreaterThan(0)
  })
})

describe('pongs', () => {
  it('keep the host cache young: they tell whom to try next', () => {
    const servent = new Servent({ neighbours: 4 })
    const link = servent.neighbour(1)
    servent.pass(1_100)
    const ping = servent.sent(link).find(message => message.type === 'ping')
    servent.take()
    servent.from(link, pong(ping!.type === 'ping' ? ping!.guid : '', testContact(7)))
    servent.pass(UPKEEP_MS)
    expect(opened(servent).map(peer => servent.effects.peers.contact(peer))).toMatchObject([testContact(7)])
  })

  it('are asked for more and more seldom where a network has no more peers to give', () => {
    const servent = new Servent({ neighbours: 4 })
    const link = servent.neighbour(1)
    const atMs: number[] = []
    for (let second = 0; second < 400; second += 1) {
      servent.pass(1_000)
      const pings = servent.sent(link).filter(message => message.type === 'ping' && message.ttl === 7)
      if (pings.length > 0) atMs.push(second)
      servent.from(link, {
        type: 'other',
        descriptor: 0x31,
        guid: '',
        ttl: 1,
        hops: 0,
        payload: new Uint8Array(0)
      })
      servent.take()
    }
    const gaps = atMs.slice(1).map((second, index) => second - atMs[index]!)
    expect(gaps.slice(0, 5)).toEqual([6, 12, 24, 48, 60])
    expect(Math.max(...gaps) * 1000).toBeLessThanOrEqual(PING_MS_MAX + 1_000)
  })
})

describe('a neighbour that falls silent', () => {
  it('is asked whether it is alive, and sent away with Bye 406 where it does not answer', () => {
    const servent = new Servent({ neighbours: 2 })
    const link = servent.neighbour(1, { inbound: false })
    servent.take()
    servent.pass(ALIVE_PING_MS - 1)
    const before = servent.sent(link).filter(message => message.type === 'ping' && message.ttl === 1)
    expect(before).toEqual([])
    servent.pass(UPKEEP_MS + 1)
    expect(servent.sent(link)).toContainEqual(expect.objectContaining({ type: 'ping', ttl: 1, hops: 0 }))
    servent.take()
    servent.pass(ALIVE_REPLY_MS + UPKEEP_MS)
    expect(servent.sent(link)).toContainEqual(expect.objectContaining({ type: 'bye', code: 406 }))
    expect(servent.closed()).toEqual([link])
  })

  it('and answers stays', () => {
    const servent = new Servent({ neighbours: 2 })
    const link = servent.neighbour(1, { inbound: false })
    for (let turn = 0; turn < 20; turn += 1) {
      servent.pass(10_000)
      for (const message of servent.sent(link)) {
        if (message.type === 'ping') servent.from(link, pong(message.guid, testContact(1)))
      }
      servent.take()
    }
    expect(servent.machine.snapshot().neighbours).toHaveLength(1)
  })

  it('or takes nothing for FLOW_CONTROL_MS_MAX is sent away with Bye 405', () => {
    const servent = new Servent({ neighbours: 2 })
    const link = servent.neighbour(1, { inbound: false })
    servent.handle({ type: 'pressure', link, level: 'high' })
    servent.handle({ type: 'pressure', link, level: 'high' })
    expect(servent.machine.snapshot().neighbours).toMatchObject([{ flowControlled: true }])
    const alive = () => servent.from(link, pong('', testContact(1)))
    for (let second = 0; second < FLOW_CONTROL_MS_MAX / 1000 - 4; second += 1) {
      servent.pass(1_000)
      alive()
    }
    expect(servent.closed()).toEqual([])
    servent.pass(8_000)
    expect(servent.sent(link)).toContainEqual(expect.objectContaining({ type: 'bye', code: 405 }))
    expect(servent.closed()).toEqual([link])
  })
})
