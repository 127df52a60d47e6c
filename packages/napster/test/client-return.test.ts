/** A user who was moved goes back to the server that they named: when, how surely, and how often. */
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import {
  LOGIN_ANSWER_MS,
  NICK_TRIES_MAX,
  RETURN_AFTER_MS,
  RETURN_PINGS,
  RETURN_PROVEN_MS,
  RETURN_RETRY_MS_MAX,
  RETURN_STEADY_MS
} from '../src/constants.ts'
import { Desk, helloOf } from './desk.ts'
import { peerIdOf, wantedOf } from './peer.ts'

const NAMED = 50
const OTHER = 60
const PING = { type: 'ping-server' } as const
const ACK = { type: 'login-ack', email: 'x' } as const
const STEP_MS = RETURN_STEADY_MS / RETURN_PINGS

/** A user whose named server told of another one and is gone: they are at that one now. */
function moved(desk = new Desk({ nick: 'me' })): { desk: Desk; other: number } {
  desk.command({ type: 'servers', contacts: [testContact(NAMED)] })
  const home = desk.link(NAMED, false)
  desk.from(home, ACK, { ...helloOf(NAMED, true), servers: [testContact(OTHER)] })
  desk.down(home, 'reset')
  return { desk, other: moveOn(desk) }
}

function moveOn(desk: Desk): number {
  const other = desk.link(OTHER, false)
  desk.from(other, ACK, helloOf(OTHER, true))
  desk.settle().sent()
  return other
}

/** Lets time pass while the server that the user is at says that it is there. */
function stay(desk: Desk, link: number, ms: number): void {
  for (let left = ms; left > 0; left -= 10_000) {
    desk.pass(Math.min(left, 10_000))
    desk.from(link, PING)
  }
}

const opens = (desk: Desk) =>
  desk.log.filter(
    effect => effect.type === 'open' && effect.peer === desk.effects.peers.intern(testContact(NAMED))
  ).length

/** The named server answers over a new link, through all pings. */
function answering(desk: Desk, other: number): number {
  const link = desk.link(NAMED, false)
  desk.from(link, helloOf(NAMED, true))
  for (let count = 0; count < RETURN_PINGS; count += 1) {
    expect(desk.sent(link).at(-1)).toEqual(PING)
    desk.from(link, PING)
    stay(desk, other, STEP_MS)
  }
  return link
}

describe('a user who was moved', () => {
  it('goes back once the server that they named has answered for a while, and took them in', () => {
    const { desk, other } = moved()
    const before = opens(desk)
    stay(desk, other, RETURN_AFTER_MS - 1)
    expect(opens(desk)).toBe(before)
    stay(desk, other, 1)
    expect(opens(desk)).toBe(before + 1)
    const link = answering(desk, other)
    expect(desk.sent(link)).toMatchObject([{ type: 'login', nick: 'me' }])
    // Until it takes them in they are where they were.
    expect(desk.tables.server).toBe(peerIdOf(OTHER))
    expect(desk.closed()).toEqual([])
    desk.command({ type: 'search', wanted: wantedOf('other') })
    desk.from(link, ACK)
    expect(desk.tables.server).toBe(peerIdOf(NAMED))
    expect(desk.closed()).toEqual([other])
    expect(desk.counter('serversReturned')).toBe(1)
    // What is being searched is asked again here.
    const asked = desk.sent(link).flatMap(message => (message.type === 'find' ? [message.wanted.words] : []))
    expect(asked).toContainEqual(['other'])
    desk.down(other, 'local')
    expect(desk.tables.server).toBe(peerIdOf(NAMED))
  })

  it('stays where the server does not answer, refuses them, or goes again', () => {
    for (const fail of [
      (desk: Desk) =>
        desk.handle({
          type: 'unreachable',
          peer: desk.effects.peers.intern(testContact(NAMED)),
          reason: 'x'
        }),
      (desk: Desk, other: number) => {
        const link = desk.link(NAMED, false)
        stay(desk, other, STEP_MS)
        expect(desk.closed()).toEqual([link])
        desk.down(link, 'local')
      },
      (desk: Desk) => desk.down(desk.link(NAMED, false), 'reset'),
      (desk: Desk, other: number) => {
        const link = answering(desk, other)
        desk.from(link, { type: 'login-error', text: 'This server is full.' })
        expect(desk.closed()).toEqual([link])
        desk.down(link, 'local')
      },
      (desk: Desk, other: number) => {
        const link = answering(desk, other)
        stay(desk, other, LOGIN_ANSWER_MS)
        expect(desk.closed()).toEqual([link])
        desk.down(link, 'local')
      }
    ]) {
      const { desk, other } = moved()
      stay(desk, other, RETURN_AFTER_MS)
      const before = opens(desk)
      fail(desk, other)
      expect(desk.tables.server).toBe(peerIdOf(OTHER))
      // It is tried again, later and later, and never gives up.
      stay(desk, other, RETURN_AFTER_MS - 10_000)
      expect(opens(desk)).toBe(before)
      stay(desk, other, RETURN_RETRY_MS_MAX)
      expect(opens(desk)).toBe(before + 1)
    }
  })

  it('is not dragged to and fro by a server that comes and goes', () => {
    const { desk, other: first } = moved()
    let other = first
    const waits: number[] = []
    for (let round = 0; round < 6; round += 1) {
      const before = opens(desk)
      let waited = 0
      for (; opens(desk) === before; waited += 10_000) stay(desk, other, 10_000)
      waits.push(waited)
      const link = answering(desk, other)
      desk.sent()
      desk.from(link, ACK)
      desk.down(other, 'local')
      stay(desk, link, 60_000)
      desk.down(link, 'reset')
      other = moveOn(desk)
    }
    expect(waits[0]).toBe(RETURN_AFTER_MS)
    expect(waits[5]).toBeGreaterThan(10 * RETURN_AFTER_MS)
    expect(Math.max(...waits)).toBeLessThanOrEqual(RETURN_RETRY_MS_MAX + 10_000)
    // One at which they stayed is trusted again.
    const before = opens(desk)
    while (opens(desk) === before) stay(desk, other, 10_000)
    const link = answering(desk, other)
    desk.from(link, ACK)
    stay(desk, link, RETURN_PROVEN_MS + 10_000)
    desk.down(link, 'reset')
    other = moveOn(desk)
    const after = opens(desk)
    stay(desk, other, RETURN_AFTER_MS)
    expect(opens(desk)).toBe(after + 1)
  })

  it('takes a nick of the PeerId there where their own is taken, NICK_TRIES_MAX times', () => {
    const { desk, other } = moved()
    stay(desk, other, RETURN_AFTER_MS)
    const link = answering(desk, other)
    for (let tries = 0; tries < NICK_TRIES_MAX; tries += 1) desk.from(link, { type: 'nick-taken' })
    expect(desk.sent(link)).toHaveLength(NICK_TRIES_MAX + 1)
    expect(desk.closed()).toEqual([])
    desk.from(link, { type: 'nick-taken' })
    expect(desk.closed()).toEqual([link])
  })

  it('goes at once where the one that they are at is lost while the other answers', () => {
    const { desk, other } = moved()
    stay(desk, other, RETURN_AFTER_MS)
    const link = desk.link(NAMED, false)
    desk.sent()
    desk.down(other, 'reset')
    expect(desk.sent(link)).toMatchObject([{ type: 'hello' }, { type: 'login' }])
    desk.from(link, ACK)
    expect(desk.tables.server).toBe(peerIdOf(NAMED))
  })
})

it('who is at a server that they named goes nowhere, and who names one goes there', () => {
  const desk = new Desk({ nick: 'me' })
  desk.handle({ type: 'contact', peer: desk.effects.peers.intern(testContact(OTHER)) })
  const other = moveOn(desk)
  stay(desk, other, 10 * RETURN_AFTER_MS)
  expect(desk.opened()).toBe(1)
  desk.command({ type: 'servers', contacts: [testContact(NAMED)] })
  stay(desk, other, RETURN_AFTER_MS)
  const link = answering(desk, other)
  desk.from(link, ACK)
  desk.down(other, 'local')
  const before = desk.opened()
  stay(desk, link, 10 * RETURN_AFTER_MS)
  expect(desk.opened()).toBe(before)
})
