/** Neighbours that went without a Bye, and how they come back. */
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import {
  ALIVE_PING_MS,
  ALIVE_REPLY_MS,
  LOST_CALL_MS,
  LOST_CALL_MS_MAX,
  LOST_KEPT_MS,
  LOST_MAX,
  SETTLED_MS,
  UPKEEP_MS
} from '../src/constants.ts'
import { Servent, ULTRAPEER } from './servent.ts'

const opened = (servent: Servent): number[] =>
  servent
    .take()
    .flatMap(effect => (effect.type === 'open' ? [effect.peer] : []))
    .map(peer => numberOf(servent, peer))

function numberOf(servent: Servent, peer: number): number {
  const { id } = servent.effects.peers.contact(peer)
  for (let number = 1; number < 100; number += 1) if (`${testContact(number).id}` === `${id}`) return number
  throw new Error('It is nobody of the test.')
}

/** Places for as many, each taken by a peer that stays, but for the last one, which broke off and was replaced. */
function withLost(places = 2) {
  const servent = new Servent({ neighbours: places })
  for (let peer = 1; peer < places; peer += 1) servent.neighbour(peer)
  const link = servent.neighbour(places)
  servent.pass(SETTLED_MS)
  servent.down(link, 'reset')
  servent.pass(1)
  const youngest = servent.neighbour(50)
  servent.take()
  return { servent, lost: places, youngest }
}

/** Lets everybody say something, so that nobody is taken for silent. */
function passHeard(servent: Servent, ms: number): number[] {
  const called: number[] = []
  for (let passed = 0; passed < ms; passed += UPKEEP_MS) {
    for (const { link } of linksOf(servent)) servent.from(link, pingOf())
    servent.take()
    servent.pass(UPKEEP_MS)
    for (const peer of opened(servent)) {
      called.push(peer)
      servent.handle({
        type: 'unreachable',
        peer: servent.effects.peers.intern(testContact(peer)),
        reason: 'nobody is there'
      })
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

  it('is forgotten after a day', () => {
    const { servent } = withLost()
    servent.effects.advance(LOST_KEPT_MS)
    expect(passHeard(servent, 2 * LOST_CALL_MS)).toEqual([])
    expect(servent.machine.sizes().lost).toBe(0)
  })

  it('has its place back from the youngest of those who came after, when it is reached', () => {
    const { servent, lost, youngest } = withLost(3)
    servent.link(lost, false)
    const sent = servent.take()
    expect(sent).toContainEqual(
      expect.objectContaining({
        type: 'send',
        link: youngest,
        message: expect.objectContaining({ type: 'bye', code: 503 })
      })
    )
    expect(sent).toContainEqual(
      expect.objectContaining({ type: 'send', message: expect.objectContaining({ type: 'connect' }) })
    )
    expect(servent.machine.snapshot().neighbours).toHaveLength(2)
  })

  it('and when it comes by itself; a stranger has none', () => {
    const { servent, lost, youngest } = withLost()
    const answerTo = (peer: number) => {
      const link = servent.link(peer)
      servent.from(link, { type: 'connect', headers: {} })
      return servent.sent(link)[0]
    }
    expect(answerTo(60)).toMatchObject({ status: 503 })
    expect(answerTo(lost)).toMatchObject({ status: 200 })
    expect(servent.sent(youngest)).toContainEqual(expect.objectContaining({ type: 'bye', code: 503 }))
    const { neighbours, places } = servent.machine.snapshot()
    expect(neighbours.length).toBeLessThan(places)
  })

  it('takes no place from those who were there before it was lost', () => {
    const servent = new Servent({ neighbours: 3 })
    const links = [1, 2, 3].map(peer => servent.neighbour(peer))
    servent.pass(SETTLED_MS)
    servent.down(links[2]!, 'reset')
    servent.command({ type: 'resize', neighbours: 2 })
    servent.take()
    const link = servent.link(3)
    servent.from(link, { type: 'connect', headers: {} })
    expect(servent.sent(link)[0]).toMatchObject({ status: 503 })
    expect(servent.machine.snapshot().neighbours).toHaveLength(2)
  })

  it('is one that was silent, too', () => {
    const servent = new Servent({ neighbours: 2 })
    servent.neighbour(1)
    servent.pass(ALIVE_PING_MS + ALIVE_REPLY_MS + 2 * UPKEEP_MS)
    expect(servent.machine.snapshot().neighbours).toHaveLength(0)
    expect(servent.machine.sizes().lost).toBe(1)
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

  it(`is one of the last ${LOST_MAX}`, () => {
    const servent = new Servent({ neighbours: LOST_MAX + 1 })
    const links = Array.from({ length: LOST_MAX + 1 }, (_, at) => servent.neighbour(at + 1))
    servent.pass(SETTLED_MS)
    for (const [at, link] of links.entries()) {
      servent.down(link, 'reset')
      expect(servent.machine.sizes().lost).toBe(Math.min(LOST_MAX, at + 1))
    }
    for (let peer = 20; peer < 20 + LOST_MAX + 1; peer += 1) servent.neighbour(peer)
    const answers = [1, 2].map(peer => {
      const link = servent.link(peer)
      servent.from(link, { type: 'connect', headers: {} })
      const [answer] = servent.sent(link)
      return answer?.type === 'status' ? answer.status : 0
    })
    expect(answers).toEqual([503, 200])
  })
})
