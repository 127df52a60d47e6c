/** The handshake as the machine keeps it: who is taken, who is refused and told of others, what takes too long. */
import { testContact } from '@servent/overlay/testing'
import { base64url } from 'multiformats/bases/base64'
import { describe, expect, it } from 'vitest'
import {
  AGENT_CHARACTERS_MAX,
  HANDSHAKE_LINE_BYTES_MAX,
  HANDSHAKE_MS,
  HANDSHAKES_MAX,
  TRY_CONTACT_BYTES_MAX,
  TRY_CONTACTS_MAX
} from '../src/constants.ts'
import { writeContact } from '../src/extension.ts'
import { contactsOf } from '../src/handshake-rules.ts'
import type { StatusMessage } from '../src/messages.ts'
import { gnutellaCodec } from '../src/wire.ts'
import { freshGuid, MODERN, query, Servent } from './servent.ts'

const OK = { type: 'status', status: 200, reason: 'OK', headers: {} } as const
const FULL = { type: 'status', status: 503, reason: 'Full', headers: {} } as const

describe('a link that was opened here', () => {
  it('says CONNECT with what this servent can, hears 200, and has the last word', () => {
    const servent = new Servent({ agent: 'Servent/1.0' })
    const link = servent.link(1, false)
    expect(servent.sent(link)).toEqual([
      {
        type: 'connect',
        headers: {
          'user-agent': 'Servent/1.0',
          'x-max-ttl': '7',
          ggep: '0.5',
          'pong-caching': '0.1',
          'bye-packet': '0.1',
          'x-servent-walk': '0.1'
        }
      }
    ])
    servent.from(link, { ...OK, headers: { 'user-agent': 'Other/2' } })
    expect(servent.sent(link)[1]).toEqual(OK)
    expect(servent.machine.snapshot().neighbours).toMatchObject([{ inbound: false, agent: 'Other/2' }])
  })

  it('ends where the answer is not 200, and its peer is left alone for a while', () => {
    const servent = new Servent()
    servent.handle({ type: 'contact', peer: servent.effects.peers.intern(testContact(1)) })
    expect(servent.take()).toContainEqual({ type: 'open', peer: 1 })
    const link = servent.link(1, false)
    servent.from(link, FULL)
    expect(servent.closed()).toEqual([link])
    servent.down(link, 'local')
    servent.take()
    servent.pass(3_000)
    expect(servent.take().filter(({ type }) => type === 'open')).toEqual([])
    servent.pass(10_000)
    expect(servent.take()).toContainEqual({ type: 'open', peer: 1 })
  })

  it('remembers whom a refusal names, and tries them', () => {
    const servent = new Servent()
    const link = servent.link(1, false)
    const header = [testContact(7), testContact(8)].map(contact =>
      base64url.baseEncode(writeContact(contact))
    )
    servent.from(link, { ...FULL, headers: { 'x-servent-try': `${header.join(', ')},nonsense,` } })
    servent.take()
    servent.down(link, 'local')
    const opened = servent.take().flatMap(effect => (effect.type === 'open' ? [effect.peer] : []))
    expect(opened.map(peer => servent.effects.peers.contact(peer))).toMatchObject([
      testContact(7),
      testContact(8)
    ])
  })

  it('that comes up when all places are taken ends without a word', () => {
    const servent = new Servent({ neighbours: 1 })
    servent.neighbour(1)
    const late = servent.link(2, false)
    expect(servent.sent(late)).toEqual([])
    expect(servent.closed()).toEqual([late])
  })
})

describe('a link that a stranger opened', () => {
  it('is accepted with 200, and up when the stranger says so too', () => {
    const servent = new Servent()
    const link = servent.link(1)
    expect(servent.sent(link)).toEqual([])
    servent.from(link, { type: 'connect', headers: MODERN })
    expect(servent.sent(link)).toMatchObject([{ type: 'status', status: 200 }])
    expect(servent.machine.snapshot()).toMatchObject({ neighbours: [], pending: 1 })
    servent.from(link, OK)
    expect(servent.machine.snapshot()).toMatchObject({
      neighbours: [{ inbound: true, agent: 'Test' }],
      pending: 0
    })
  })

  it('ends with its last word where the user took the places away that there were for it', () => {
    const servent = new Servent({ neighbours: 2 })
    servent.neighbour(1)
    const late = servent.link(2)
    servent.from(late, { type: 'connect', headers: MODERN })
    servent.command({ type: 'resize', neighbours: 1 })
    servent.from(late, OK)
    expect(servent.closed()).toEqual([late])
    expect(servent.machine.snapshot().neighbours).toHaveLength(1)
  })

  it('ends where the stranger thinks better of it', () => {
    const servent = new Servent()
    const link = servent.link(1)
    servent.from(link, { type: 'connect', headers: {} }, FULL)
    expect(servent.closed()).toEqual([link])
  })

  it('is refused with 503 and others to try when all places are taken', () => {
    const servent = new Servent({ neighbours: 2 })
    servent.neighbour(1, { inbound: false })
    servent.neighbour(2)
    const link = servent.link(3)
    servent.from(link, { type: 'connect', headers: MODERN })
    const [status] = servent.sent(link) as [StatusMessage]
    expect(status).toMatchObject({ type: 'status', status: 503 })
    expect(contactsOf(status.headers['x-servent-try'])).toEqual([testContact(1), testContact(2)])
    expect(servent.closed()).toEqual([link])
    expect(servent.counter('handshakesRefused')).toBe(1)
  })

  it('takes a place from its 200 on, so that there are never more links than places', () => {
    const servent = new Servent({ neighbours: 1 })
    const [first, second] = [servent.link(1), servent.link(2)]
    servent.from(first, { type: 'connect', headers: {} })
    servent.from(second, { type: 'connect', headers: {} })
    expect(servent.sent(first)).toMatchObject([{ status: 200 }])
    expect(servent.sent(second)).toMatchObject([{ status: 503 }])
  })

  it('is ended unheard where HANDSHAKES_MAX others shake hands already', () => {
    const servent = new Servent({ neighbours: 64 })
    for (let peer = 1; peer <= HANDSHAKES_MAX; peer += 1) servent.link(peer)
    expect(servent.closed()).toEqual([])
    const one = servent.link(HANDSHAKES_MAX + 1)
    expect(servent.closed()).toEqual([one])
  })
})

describe('a handshake', () => {
  it('that takes longer than HANDSHAKE_MS ends, on either side', () => {
    const servent = new Servent()
    const [ours, theirs, slow] = [servent.link(1, false), servent.link(2), servent.link(3)]
    servent.from(slow, { type: 'connect', headers: {} })
    servent.pass(HANDSHAKE_MS - 1)
    expect(servent.closed()).toEqual([])
    servent.pass(1)
    expect(servent.closed()).toEqual([ours, theirs, slow])
    expect(servent.counter('handshakesFailed')).toBe(3)
  })

  it('that is over leaves no timer behind', () => {
    const servent = new Servent()
    const link = servent.neighbour(1)
    servent.pass(2 * HANDSHAKE_MS)
    expect(servent.closed()).not.toContain(link)
    servent.handle({ type: 'timer', timer: `handshake-${link}` })
    servent.handle({ type: 'timer', timer: 'handshake-99' })
    servent.handle({ type: 'timer', timer: 7 })
    expect(servent.closed()).toEqual([])
  })

  it('out of its order ends the link; among descriptors it costs Bye 501', () => {
    const servent = new Servent()
    const early = servent.link(1)
    servent.from(early, query())
    const twice = servent.link(2)
    servent.from(twice, { type: 'connect', headers: {} }, { type: 'connect', headers: {} })
    const odd = servent.link(3)
    servent.from(odd, OK)
    expect(servent.closed()).toEqual([early, twice, odd])
    servent.from(odd, OK)
    const up = servent.neighbour(4)
    servent.from(up, { type: 'connect', headers: {} })
    expect(servent.sent(up)).toMatchObject([{ type: 'bye', code: 501 }])
    expect(servent.counter('descriptorsOutOfPlace')).toBe(5)
  })

  it('tells how far fresh queries of ours may go there', () => {
    const servent = new Servent()
    const [low, odd, high] = ['3', 'far', '12'].map((maxTtl, index) =>
      servent.neighbour(index + 1, { headers: { ...MODERN, 'x-max-ttl': maxTtl } })
    )
    servent.search('blue')
    expect(servent.outline()).toEqual({
      [low!]: ['query 3/0'],
      [odd!]: ['query 7/0'],
      [high!]: ['query 7/0']
    })
  })

  it('keeps AGENT_CHARACTERS_MAX characters of who the peer says it is', () => {
    const servent = new Servent()
    servent.neighbour(1, { headers: { 'user-agent': 'x'.repeat(AGENT_CHARACTERS_MAX + 1) } })
    expect(servent.machine.snapshot().neighbours[0]!.agent).toHaveLength(AGENT_CHARACTERS_MAX)
  })

  it('says AGENT_CHARACTERS_MAX characters of itself at most, whatever is set', () => {
    const servent = new Servent({ agent: 'x'.repeat(AGENT_CHARACTERS_MAX + 1) })
    const link = servent.link(1, false)
    expect(servent.sent(link)).toMatchObject([
      { type: 'connect', headers: { 'user-agent': 'x'.repeat(AGENT_CHARACTERS_MAX) } }
    ])
  })

  it('gives no Bye to a peer that does not know it', () => {
    const servent = new Servent()
    const link = servent.neighbour(1, { headers: {} })
    servent.handle({ type: 'stop' })
    expect(servent.sent(link)).toEqual([])
    expect(servent.closed()).toEqual([link])
  })
})

describe('the header of others to try', () => {
  it('holds TRY_CONTACTS_MAX contacts of TRY_CONTACT_BYTES_MAX bytes at most, and fits its line', () => {
    const servent = new Servent({ neighbours: 1 })
    for (let number = 1; number <= TRY_CONTACTS_MAX + 3; number += 1) {
      const { id, addresses } = testContact(number)
      // 39 bytes and 2 for each address: one contact is as long as may be, and one too long.
      const room = TRY_CONTACT_BYTES_MAX - 39 - 2 - 10
      const long = new Uint8Array(room - 2 + (number === 2 ? 1 : 0)).fill(4)
      const peer = servent.effects.peers.intern({
        id,
        addresses: number <= 2 ? [...addresses, long] : addresses
      })
      servent.handle({ type: 'contact', peer })
      servent.effects.advance(1)
    }
    servent.neighbour(50)
    const link = servent.link(60)
    servent.from(link, { type: 'connect', headers: {} })
    const [status] = servent.sent(link) as [StatusMessage]
    const contacts = contactsOf(status.headers['x-servent-try'])
    expect(contacts).toHaveLength(TRY_CONTACTS_MAX)
    expect(contacts.every(contact => writeContact(contact).length <= TRY_CONTACT_BYTES_MAX)).toBe(true)
    expect(gnutellaCodec.byteLength(status)).toBeLessThan(HANDSHAKE_LINE_BYTES_MAX)
  })

  it('leaves out a contact of one byte more than TRY_CONTACT_BYTES_MAX', () => {
    const shown = (extra: number) => {
      const servent = new Servent({ neighbours: 1 })
      const { id, addresses } = testContact(1)
      const long = new Uint8Array(TRY_CONTACT_BYTES_MAX - 39 - 10 - 2 + extra).fill(4)
      servent.handle({
        type: 'contact',
        peer: servent.effects.peers.intern({ id, addresses: [...addresses, long] })
      })
      servent.neighbour(50, { inbound: false })
      const link = servent.link(60)
      servent.from(link, { type: 'connect', headers: {} })
      const [status] = servent.sent(link) as [StatusMessage]
      return contactsOf(status.headers['x-servent-try']).length
    }
    expect(shown(0)).toBe(2)
    expect(shown(1)).toBe(1)
  })

  it('is passed over where it is longer than TRY_HEADER_CHARACTERS_MAX, and past its first contacts', () => {
    const one = base64url.baseEncode(writeContact(testContact(1)))
    const many = Array.from({ length: TRY_CONTACTS_MAX + 1 }, () => one).join(',')
    expect(contactsOf(many)).toHaveLength(TRY_CONTACTS_MAX)
    const most = TRY_CONTACTS_MAX * (Math.ceil((TRY_CONTACT_BYTES_MAX * 4) / 3) + 1)
    expect(contactsOf(one.padEnd(most, ','))).toHaveLength(1)
    expect(contactsOf(one.padEnd(most + 1, ','))).toEqual([])
    expect(contactsOf(undefined)).toEqual([])
  })
})

describe('two links to one peer', () => {
  it('one goes down as the duplicate of the other, and nobody has failed', () => {
    const servent = new Servent({ neighbours: 2 })
    servent.handle({ type: 'contact', peer: servent.effects.peers.intern(testContact(1)) })
    const inbound = servent.link(1)
    servent.from(inbound, { type: 'connect', headers: MODERN })
    servent.take()
    servent.down(inbound, 'duplicate')
    const kept = servent.link(1, false)
    servent.from(kept, { ...OK, headers: MODERN })
    expect(servent.machine.snapshot()).toMatchObject({ neighbours: [{ inbound: false }], pending: 0 })
  })

  it('messages of links that never were are passed over', () => {
    const servent = new Servent()
    servent.from(99, query())
    servent.down(99)
    servent.handle({ type: 'pressure', link: 99, level: 'high' })
    servent.handle({ type: 'unreachable', peer: 5, reason: 'x' })
    servent.handle({ type: 'answer', id: 99, error: 'x' })
    expect(servent.take().filter(({ type }) => type === 'send')).toEqual([])
    expect(freshGuid()).toHaveLength(32)
  })
})
