/** Neighbours that went without a Bye, and how they come back. */
import { type LinkOrigin, peerIdText, type Reach } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import {
  ALIVE_PING_MS,
  ALIVE_REPLY_MS,
  LOST_CALL_MS,
  LOST_CALL_MS_MAX,
  LOST_KEPT_MS,
  LOST_MAX,
  LOST_PER_NETWORK_MAX,
  OPENS_MAX,
  RETRIES_MAX,
  SETTLED_MS,
  UPKEEP_MS,
  UPKEEP_WANTING_MS
} from '../src/constants.ts'
import { LONELY_MS } from '../src/tier-constants.ts'
import { LEAF, MODERN, Servent, ULTRAPEER } from './servent.ts'

const OK = { type: 'status', status: 200, reason: 'OK', headers: MODERN } as const
const CONNECT = { type: 'connect', headers: MODERN } as const

const opened = (servent: Servent): number[] =>
  servent
    .take()
    .flatMap(effect => (effect.type === 'open' ? [effect.peer] : []))
    .map(peer => NUMBERS.get(peerIdText(servent.effects.peers.contact(peer).id))!)

/** Who the neighbours are, the oldest first. */
const numbersOf = (servent: Servent): number[] =>
  servent.machine.snapshot().neighbours.map(({ peerId }) => NUMBERS.get(peerId)!)
const NUMBERS = new Map(
  Array.from({ length: 100 }, (_, number) => [peerIdText(testContact(number).id), number])
)

function originOf(reach: Reach, network: number): LinkOrigin {
  return { host: `host ${network}`, network: `network ${network}`, isRelayed: false, reach }
}

/** The status that a peer hears that comes by itself; then it goes. */
function answerTo(servent: Servent, peer: number, origin?: LinkOrigin, headers = MODERN): number {
  const link = servent.link(peer, true, origin)
  servent.from(link, { type: 'connect', headers })
  const [answer] = servent.sent(link)
  servent.down(link)
  return answer?.type === 'status' ? answer.status : 0
}

/** Places for as many, each taken by a peer that stays, but for the last one, which broke off and was replaced. */
function withLost(places = 2, ofOneNetwork = 0) {
  const servent = new Servent({ neighbours: places })
  for (let peer = 1; peer < places; peer += 1) {
    const origin = peer <= ofOneNetwork ? { origin: originOf('public', 7) } : {}
    servent.neighbour(peer, { inbound: peer > 1, ...origin })
  }
  const link = servent.neighbour(places)
  servent.pass(SETTLED_MS)
  servent.down(link, 'reset')
  servent.pass(1)
  const youngest = servent.neighbour(50)
  servent.take()
  return { servent, lost: places, youngest }
}

/** Of three neighbours two are lost, and places for two are left; another one has taken the second. */
function withTwoLost() {
  const servent = new Servent({ neighbours: 3 })
  const links = [1, 2, 3].map(peer => servent.neighbour(peer))
  servent.pass(SETTLED_MS)
  for (const link of links.slice(1)) servent.down(link, 'reset')
  servent.command({ type: 'resize', neighbours: 2 })
  servent.pass(1)
  servent.neighbour(50)
  servent.take()
  return { servent }
}

/** All neighbours, LOST_MAX of them from 1 on, are lost, and replaced by those from 51 on. */
function withAllLost(): Servent {
  const servent = new Servent({ neighbours: LOST_MAX })
  const numbers = Array.from({ length: LOST_MAX }, (_, at) => at + 1)
  const links = numbers.map(peer => servent.neighbour(peer, { inbound: false }))
  servent.pass(SETTLED_MS)
  for (const link of links) servent.down(link, 'reset')
  servent.pass(1)
  for (const peer of numbers) servent.neighbour(50 + peer, { inbound: false })
  // They were looked for at once, as other hosts are.
  for (const peer of numbers) unreachable(servent, peer)
  return servent
}

function unreachable(servent: Servent, number: number): void {
  const peer = servent.effects.peers.intern(testContact(number))
  servent.handle({ type: 'unreachable', peer, reason: 'nobody is there' })
}

/** Lets everybody say something, so that nobody is taken for silent, and gives who is called: nobody is there. */
function passHeard(
  servent: Servent,
  ms: number,
  what: 'unreachable' | 'no answer' = 'unreachable'
): number[] {
  const called: number[] = []
  for (let passed = 0; passed < ms; passed += UPKEEP_MS) {
    for (const { link } of linksOf(servent)) servent.from(link, pingOf())
    servent.take()
    servent.pass(UPKEEP_MS)
    for (const peer of opened(servent)) {
      called.push(peer)
      if (what === 'unreachable') unreachable(servent, peer)
    }
  }
  return called
}

let guids = 0
function pingOf() {
  guids += 1
  const guid = guids.toString(16).padStart(32, '0')
  return { type: 'ping', guid, ttl: 1, hops: 0, ggep: [] } as const
}

const linksOf = (servent: Servent) =>
  Array.from({ length: 30 }, (_, at) => ({ link: at + 1 })).filter(
    ({ link }) => !servent.closed().includes(link)
  )

describe('a neighbour that went without a Bye', () => {
  it('is called again although no place is free, each time twice as late, up to a most', () => {
    const { servent, lost } = withLost()
    const early = passHeard(servent, 0.75 * LOST_CALL_MS - UPKEEP_MS)
    expect(early).toEqual([])
    expect(passHeard(servent, 0.5 * LOST_CALL_MS + UPKEEP_MS)).toEqual([lost])
    // 60, 120, 240 and 480 seconds later, and then every ten minutes: a quarter sooner or later.
    const hour = passHeard(servent, 3_600_000)
    expect(hour.length).toBeGreaterThanOrEqual(
      4 + Math.floor((3_600_000 - 1.25 * 900_000) / (1.25 * LOST_CALL_MS_MAX))
    )
    expect(hour.length).toBeLessThanOrEqual(
      4 + Math.ceil((3_600_000 - 0.75 * 900_000) / (0.75 * LOST_CALL_MS_MAX))
    )
  })

  it('is forgotten after a day, by upkeep and by whoever comes before that', () => {
    for (const [ms, status, kept] of [
      [LOST_KEPT_MS - 1, 200, 1],
      [LOST_KEPT_MS, 503, 0]
    ] as const) {
      const { servent, lost } = withLost()
      const { now } = servent.effects
      // Since the loss a millisecond went by already.
      servent.effects.advance(ms - 1)
      expect(answerTo(servent, lost)).toBe(status)
      servent.handle({ type: 'timer', timer: 'upkeep' })
      expect([servent.effects.now - now, servent.machine.sizes().lost]).toEqual([ms - 1, kept])
    }
    const { servent } = withLost()
    servent.effects.advance(LOST_KEPT_MS)
    expect(passHeard(servent, 2 * LOST_CALL_MS)).toEqual([])
  })

  it('is forgotten by an ultrapeer that becomes a leaf, whose neighbours are others', () => {
    const servent = new Servent({ role: 'auto' })
    servent.pass(2 * LONELY_MS + UPKEEP_WANTING_MS)
    expect(servent.tiers().tier).toBe('ultrapeer')
    const link = servent.neighbour(1, { headers: ULTRAPEER, inbound: false })
    servent.pass(SETTLED_MS)
    servent.down(link, 'reset')
    expect(servent.machine.sizes().lost).toBe(1)
    // It has no leaves, and is told that it need be no ultrapeer.
    servent.neighbour(2, { headers: { ...ULTRAPEER, 'x-ultrapeer-needed': 'False' }, inbound: false })
    expect(servent.tiers().tier).toBe('leaf')
    expect(servent.machine.sizes().lost).toBe(0)
  })

  it('keeps its handle of the host while it is lost, though every other table forgot it', () => {
    const { servent, lost } = withLost()
    const held = () => {
      const peers = new Set<number>()
      servent.machine.heldPeers(peer => peers.add(peer))
      return peers
    }
    const peer = servent.effects.peers.intern(testContact(lost))
    const calls = passHeard(servent, 3 * 3_600_000)
    expect(calls.length).toBeGreaterThan(RETRIES_MAX)
    expect(held()).toContain(peer)
    servent.effects.advance(LOST_KEPT_MS)
    servent.handle({ type: 'timer', timer: 'upkeep' })
    expect(held()).not.toContain(peer)
  })

  it('is one of OPENS_MAX that are called at a time', () => {
    const servent = withAllLost()
    const called = passHeard(servent, 1.25 * LOST_CALL_MS + LOST_MAX * UPKEEP_MS, 'no answer')
    expect(called).toHaveLength(OPENS_MAX)
    for (const peer of called.slice(1)) unreachable(servent, peer)
    expect(passHeard(servent, OPENS_MAX * UPKEEP_MS, 'no answer')).toHaveLength(OPENS_MAX - 1)
  })

  it('has its place back from the youngest of those who came after, when it is reached', () => {
    const { servent, lost, youngest } = withLost(3)
    const link = servent.link(lost, false)
    expect(servent.sent()).toMatchObject([{ type: 'connect' }])
    servent.from(link, OK)
    expect(servent.sent(youngest)).toMatchObject([{ type: 'bye', code: 503 }])
    expect(servent.closed()).toEqual([youngest])
    expect(servent.sent(link)[1]).toMatchObject({ type: 'status', status: 200 })
    expect(numbersOf(servent)).toEqual([1, 2, lost])
  })

  it('and when it comes by itself; a stranger has none', () => {
    const { servent, lost, youngest } = withLost()
    expect(answerTo(servent, 60)).toBe(503)
    const link = servent.link(lost)
    servent.from(link, CONNECT)
    expect(servent.sent(link)).toMatchObject([{ type: 'status', status: 200 }])
    expect([servent.sent(youngest), numbersOf(servent)]).toEqual([[], [1, 50]])
    servent.from(link, OK)
    expect(servent.sent(youngest)).toMatchObject([{ type: 'bye', code: 503 }])
    expect(numbersOf(servent)).toEqual([1, lost])
  })

  it('costs nobody a place where it refuses, and is not called again', () => {
    const { servent, lost } = withLost()
    const link = servent.link(lost, false)
    servent.from(link, { ...OK, status: 503 })
    servent.down(link, 'local')
    expect([numbersOf(servent), servent.machine.sizes().lost]).toEqual([[1, 50], 0])
    expect(answerTo(servent, lost)).toBe(503)
    expect(passHeard(servent, 2 * LOST_CALL_MS)).toEqual([])
  })

  it('nor where it comes and goes before its last word, however often', () => {
    const { servent, lost } = withLost()
    for (let turn = 0; turn < 20; turn += 1) {
      const link = servent.link(lost)
      servent.from(link, CONNECT)
      servent.down(link, 'reset')
      servent.pass(100)
    }
    expect([numbersOf(servent), servent.counter('byesSent')]).toEqual([[1, 50], 0])
    // It may still come back in earnest, once.
    servent.neighbour(lost)
    expect([numbersOf(servent), servent.machine.sizes().lost]).toEqual([[1, lost], 0])
  })

  it('has one place where both sides call at once', () => {
    const { servent, lost } = withLost(3)
    servent.down(1, 'closed')
    servent.pass(1)
    servent.neighbour(51)
    const out = servent.link(lost, false)
    servent.down(out, 'duplicate')
    servent.neighbour(lost)
    expect([numbersOf(servent), servent.counter('byesSent')]).toEqual([[2, 50, lost], 1])
  })

  it('has one place where a host tells of both links, whichever is up first', () => {
    for (const inbound of [true, false]) {
      const { servent, lost } = withLost(3)
      servent.down(1, 'closed')
      servent.pass(1)
      servent.neighbour(51)
      const links = [servent.link(lost, false), servent.link(lost, true)]
      servent.from(links[1]!, CONNECT)
      if (inbound) links.reverse()
      for (const link of links) servent.from(link, OK)
      expect([numbersOf(servent), servent.counter('byesSent')]).toEqual([[2, 50, lost], 1])
      expect(servent.closed()).toContain(links[1])
    }
  })

  it('is promised no place that another one is promised, until that one is gone', () => {
    for (const goes of ['at once', 'after it was closed'] as const) {
      const { servent } = withTwoLost()
      const link = servent.link(2)
      servent.from(link, CONNECT)
      expect(servent.sent(link)).toMatchObject([{ status: 200 }])
      expect(answerTo(servent, 3)).toBe(503)
      if (goes === 'at once') servent.down(link, 'reset')
      else servent.from(link, { ...OK, status: 503 })
      expect(answerTo(servent, 3)).toBe(200)
    }
  })

  it('has none where those who came after went before its last word', () => {
    const { servent, lost, youngest } = withLost()
    const link = servent.link(lost)
    servent.from(link, CONNECT)
    servent.down(youngest, 'closed')
    // It is out of an older one's reach: that one was here before.
    servent.command({ type: 'resize', neighbours: 1 })
    servent.from(link, OK)
    expect(servent.closed()).toEqual([link])
    expect([numbersOf(servent), servent.counter('byesSent')]).toEqual([[1], 0])
  })

  it('that comes by itself takes no reserved place, free or filled, and another one if all of those are', () => {
    // A quarter of eight is reserved.
    for (const [own, afterwards] of [
      [[], [60, 61, 62, 63, 64, 1]],
      [
        [80, 81],
        [60, 61, 62, 63, 64, 80, 81, 1]
      ],
      [
        [80, 81, 82],
        [60, 61, 62, 63, 64, 80, 81, 1]
      ]
    ] as const) {
      const servent = new Servent({ neighbours: 8 })
      const link = servent.neighbour(1)
      servent.pass(SETTLED_MS)
      servent.down(link, 'reset')
      for (let peer = 80; peer < 84; peer += 1)
        servent.handle({ type: 'contact', peer: servent.effects.peers.intern(testContact(peer)) })
      servent.pass(1)
      for (let peer = 60; peer < 68 - Math.max(2, own.length); peer += 1) servent.neighbour(peer)
      for (const peer of own) servent.neighbour(peer, { inbound: false })
      expect(answerTo(servent, 70)).toBe(503)
      servent.neighbour(1)
      expect(numbersOf(servent)).toEqual(afterwards)
    }
  })

  it('that comes by itself has none where only reserved links came after; one that is called has', () => {
    const servent = new Servent({ neighbours: 8 })
    for (let peer = 1; peer < 8; peer += 1) servent.neighbour(peer)
    const link = servent.neighbour(8, { inbound: false })
    servent.pass(SETTLED_MS)
    servent.down(link, 'reset')
    servent.pass(1)
    servent.neighbour(80, { inbound: false })
    expect(answerTo(servent, 8)).toBe(503)
    servent.neighbour(8, { inbound: false })
    expect(numbersOf(servent)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })

  it('has its place back beside others that are back, as many as there were', () => {
    const servent = withAllLost()
    const numbers = Array.from({ length: LOST_MAX }, (_, at) => at + 1)
    const byes: number[] = []
    for (const peer of numbers) {
      servent.pass(1)
      servent.neighbour(peer, { inbound: peer % 2 === 0 })
      byes.push(servent.counter('byesSent'))
    }
    expect(numbersOf(servent)).toEqual(numbers)
    expect(byes).toEqual(numbers)
  })

  it('is one of LOST_PER_NETWORK_MAX of a public network, the last ones, and one of any number of a private one', () => {
    for (const [reach, networks, lost] of [
      ['public', 1, [5, 6]],
      ['public', 2, [3, 4, 5, 6]],
      ['private', 1, [1, 2, 3, 4, 5, 6]]
    ] as const) {
      const servent = new Servent({ neighbours: 6 })
      const from = (peer: number) => originOf(reach, peer % networks)
      const links = [1, 2, 3, 4, 5, 6].map(peer =>
        servent.neighbour(peer, { origin: from(peer), inbound: false })
      )
      servent.pass(SETTLED_MS)
      for (const link of links) servent.down(link, 'reset')
      servent.pass(1)
      for (let peer = 50; peer < 56; peer += 1) servent.neighbour(peer, { inbound: false })
      expect(servent.machine.sizes().lost).toBe(lost.length)
      for (let peer = 1; peer <= 6; peer += 1) servent.neighbour(peer, { origin: from(peer), inbound: false })
      expect(
        numbersOf(servent)
          .filter(peer => peer < 50)
          .sort((a, b) => a - b)
      ).toEqual(lost)
    }
  })

  it('claims no place where LOST_PER_NETWORK_MAX neighbours are of the network that it comes back from', () => {
    for (const [others, expected] of [
      [LOST_PER_NETWORK_MAX - 1, 200],
      [LOST_PER_NETWORK_MAX, 503]
    ] as const) {
      const { servent } = withLost(6, others)
      // Who says nothing, and who is leaving, is no neighbour.
      servent.link(90, true, originOf('public', 7))
      servent.from(servent.link(91, true, originOf('public', 7)), OK)
      // The network is that of the call, whatever it was before.
      expect(answerTo(servent, 6, originOf('public', 7))).toBe(expected)
      expect(answerTo(servent, 6, originOf('public', 8))).toBe(200)
      expect(answerTo(servent, 6, originOf('private', 7))).toBe(200)
    }
  })

  it('claims its place at an ultrapeer, however many leaves are of its network', () => {
    const servent = new Servent({ role: 'ultrapeer', degree: 2 })
    const [, link] = [1, 2].map(peer => servent.neighbour(peer, { headers: ULTRAPEER }))
    servent.pass(SETTLED_MS)
    servent.down(link!, 'reset')
    servent.pass(1)
    servent.neighbour(50, { headers: ULTRAPEER })
    for (const peer of [60, 61, 62])
      servent.neighbour(peer, { headers: LEAF, inbound: true, origin: originOf('public', 7) })
    expect(servent.tiers()).toMatchObject({ ultrapeers: 2, leaves: 3 })
    expect(answerTo(servent, 70, originOf('public', 7), ULTRAPEER)).toBe(503)
    expect(answerTo(servent, 2, originOf('public', 7), ULTRAPEER)).toBe(200)
  })

  it('takes no place from those who were there before it was lost', () => {
    const servent = new Servent({ neighbours: 3 })
    const links = [1, 2, 3].map(peer => servent.neighbour(peer))
    servent.pass(SETTLED_MS)
    servent.down(links[2]!, 'reset')
    servent.command({ type: 'resize', neighbours: 2 })
    servent.take()
    expect(answerTo(servent, 3)).toBe(503)
    expect(numbersOf(servent)).toEqual([1, 2])
  })

  it('is one that was silent, too', () => {
    const servent = new Servent({ neighbours: 2 })
    servent.neighbour(1)
    servent.pass(ALIVE_PING_MS + ALIVE_REPLY_MS + 2 * UPKEEP_MS)
    expect(servent.machine.snapshot().neighbours).toHaveLength(0)
    expect(servent.machine.sizes().lost).toBe(1)
  })

  it('is one that had been there for SETTLED_MS', () => {
    for (const [ms, lost] of [
      [SETTLED_MS - 1, 0],
      [SETTLED_MS, 1]
    ] as const) {
      const servent = new Servent()
      const link = servent.neighbour(1)
      servent.pass(ms)
      servent.down(link, 'reset')
      expect(servent.machine.sizes().lost).toBe(lost)
    }
  })

  it('is none that said Bye, closed its link in good order, was there for a moment, or is linked twice', () => {
    const servent = new Servent({ neighbours: 8 })
    const [bye, closed, twice] = [1, 2, 3].map(peer => servent.neighbour(peer)) as [number, number, number]
    servent.pass(SETTLED_MS)
    const young = servent.neighbour(4)
    servent.from(bye, { ...pingOf(), type: 'bye', code: 200, reason: 'Good night' })
    servent.down(bye, 'reset')
    servent.down(closed, 'closed')
    servent.down(twice, 'duplicate')
    servent.down(young, 'reset')
    expect(servent.machine.sizes().lost).toBe(0)
  })

  it('is an ultrapeer of an ultrapeer, and no leaf; a leaf has plenty to choose from', () => {
    const leaf = new Servent({ role: 'leaf' })
    const ultrapeer = new Servent({ role: 'ultrapeer' })
    for (const servent of [leaf, ultrapeer]) {
      const link = servent.neighbour(1, { headers: ULTRAPEER, inbound: false })
      servent.pass(SETTLED_MS)
      servent.down(link, 'reset')
    }
    expect([leaf, ultrapeer].map(({ machine }) => machine.sizes().lost)).toEqual([0, 1])
  })

  it('has a place for leaves where it has become one, and no other', () => {
    const servent = new Servent({ role: 'ultrapeer', degree: 2, leaves: 1 })
    const [, link] = [1, 2].map(peer => servent.neighbour(peer, { headers: ULTRAPEER, inbound: false }))
    servent.pass(SETTLED_MS)
    servent.down(link!, 'reset')
    servent.pass(1)
    servent.neighbour(50, { headers: ULTRAPEER, inbound: false })
    const leaf = servent.neighbour(60, { headers: LEAF })
    expect(answerTo(servent, 2, undefined, LEAF)).toBe(503)
    servent.down(leaf)
    servent.neighbour(2, { headers: LEAF, inbound: false })
    expect(numbersOf(servent)).toEqual([1, 50, 2])
    expect([servent.tiers().leaves, servent.counter('byesSent')]).toEqual([1, 0])
  })

  it(`is one of the last ${LOST_MAX}`, () => {
    const servent = new Servent({ neighbours: LOST_MAX + 1 })
    const links = Array.from({ length: LOST_MAX + 1 }, (_, at) => servent.neighbour(at + 1))
    servent.pass(SETTLED_MS)
    for (const [at, link] of links.entries()) {
      servent.down(link, 'reset')
      expect(servent.machine.sizes().lost).toBe(Math.min(LOST_MAX, at + 1))
    }
    servent.pass(1)
    for (let peer = 20; peer < 20 + LOST_MAX + 1; peer += 1) servent.neighbour(peer)
    expect([1, 2].map(peer => answerTo(servent, peer))).toEqual([503, 200])
  })
})
