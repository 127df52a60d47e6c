/** The wire: what goes out comes in, lengths are what is encoded, bounds are refused, and noise breaks nothing. */
import { PERIOD_MS_MAX } from '@servent/key-routing/machine'
import {
  ADDRESS_BYTES_MAX,
  CONTACT_ADDRESSES_MAX,
  type Contact,
  MalformedError
} from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  CHAIN_LENGTH,
  ESTIMATE_MAX,
  FOUND_CONTACTS_MAX,
  FOUND_TUPLES_MAX,
  GOSSIP_BEATS_MAX,
  GOSSIP_LIVES_MAX,
  GOSSIP_TUPLES_MAX,
  type GroupMessage,
  type KelipsMessage,
  LEVEL_MAX,
  OFFER_TUPLES_MAX,
  REFRESH_MS_MAX,
  SIGNATURE_BYTES_MAX,
  STATE_LIVES_MAX,
  STATE_TUPLES_MAX,
  TTL_MAX,
  TUPLES_MAX,
  TUPLES_PER_KEY_MAX,
  WELCOME_LIVES_MAX
} from '../src/machine.ts'
import type { Beat, PeerLife, PeerTuple } from '../src/messages.ts'
import { kelipsCodec } from '../src/wire.ts'
import { FRAME_BYTES_MAX, FRAME_LENGTH_BYTES_MAX } from '../src/wire-limits.ts'
import { groupMessage } from './wire-arbitraries.ts'

const encode = (message: KelipsMessage) => kelipsCodec.open('initiator').encode(message)
function decode(bytes: Uint8Array, pieces = bytes.length): KelipsMessage[] {
  const codec = kelipsCodec.open('initiator')
  const messages: KelipsMessage[] = []
  for (let at = 0; at < bytes.length; at += pieces)
    codec.decode(bytes.subarray(at, at + pieces), message => messages.push(message))
  return messages
}

const contact: Contact = { id: testContact(1).id, addresses: [] }
const life: PeerLife = {
  contact,
  startS: 1,
  beat: 2,
  value: new Uint8Array(16).fill(3),
  signature: new Uint8Array(0),
  level: 0
}
const beat: Beat = { peer: new Uint8Array(8), beat: 1, value: new Uint8Array(16) }
const tuple: PeerTuple = {
  kind: 'word',
  prefix: new Uint8Array(16).fill(1),
  provider: contact,
  sequence: 5,
  expiresMs: 7000,
  withdrawn: false,
  signature: new Uint8Array(0)
}
const many = <E>(entry: E, count: number): E[] => Array.from({ length: count }, () => entry)
const gossip = (own: Partial<GroupMessage & { type: 'gossip' }>): GroupMessage => ({
  type: 'gossip',
  level: 0,
  estimate: 0,
  lives: [],
  beats: [],
  tuples: [],
  ...own
})
const state = (own: object) =>
  ({ type: 'state', id: 1, lives: [], tuples: [], next: 0, ...own }) as GroupMessage
const providers = (own: object) =>
  ({
    type: 'providers',
    id: 1,
    covers: true,
    hops: 0,
    timeouts: 0,
    total: 0,
    tuples: [],
    nearest: [],
    ...own
  }) as GroupMessage
const find = (own: object) =>
  ({ type: 'find', id: 1, key: new Uint8Array(32), want: 'word', after: 0, ttl: 0, ...own }) as GroupMessage
const offered = (own: object) =>
  ({ type: 'offered', id: 1, outcomes: [], known: 0, refreshS: 0, ...own }) as GroupMessage
const welcome = (own: object) =>
  ({ type: 'welcome', id: 1, level: 0, estimate: 0, heartbeatMs: 1, lives: [], ...own }) as GroupMessage

describe('every message', () => {
  it('comes in as it went out, in whatever pieces, and is as long as is said', () => {
    fc.assert(
      fc.property(groupMessage, fc.integer({ min: 1, max: 700 }), (message, pieces) => {
        const bytes = encode(message)
        expect(bytes.length).toBe(kelipsCodec.byteLength(message))
        expect(decode(bytes, pieces)).toEqual([message])
        expect(kelipsCodec.typeOf(message)).toBe(message.type)
      }),
      { numRuns: 400 }
    )
  })

  it('of key-routing goes in the same frames', () => {
    for (const message of [
      { type: 'ping', id: 3 },
      { type: 'get', id: 4, kind: 'value', key: new Uint8Array(32).fill(2), after: 0, limit: 5 }
    ] as const)
      expect(decode(encode(message))).toEqual([message])
  })

  it('cut short or changed in any byte ends the link with MalformedError, or is another message', () => {
    fc.assert(
      fc.property(groupMessage, fc.nat(), fc.nat(255), (message, at, byte) => {
        const bytes = encode(message)
        bytes[at % bytes.length] = byte
        try {
          decode(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedError)
        }
      }),
      { numRuns: 600 }
    )
  })

  it('noise is refused or passed over', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
        try {
          decode(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedError)
        }
      })
    )
  })
})

describe('bounds, at each and one past it', () => {
  it.each([
    ['GOSSIP_LIVES_MAX', (n: number) => gossip({ lives: many(life, n) }), GOSSIP_LIVES_MAX],
    ['GOSSIP_BEATS_MAX', (n: number) => gossip({ beats: many(beat, n) }), GOSSIP_BEATS_MAX],
    ['GOSSIP_TUPLES_MAX', (n: number) => gossip({ tuples: many(tuple, n) }), GOSSIP_TUPLES_MAX],
    ['ESTIMATE_MAX', (estimate: number) => gossip({ estimate }), ESTIMATE_MAX],
    ['LEVEL_MAX', (level: number) => gossip({ level }), LEVEL_MAX],
    ['CHAIN_LENGTH', (at: number) => gossip({ beats: [{ ...beat, beat: at }] }), CHAIN_LENGTH],
    [
      'SIGNATURE_BYTES_MAX',
      (n: number) => gossip({ lives: [{ ...life, signature: new Uint8Array(n) }] }),
      SIGNATURE_BYTES_MAX
    ],
    ['STATE_LIVES_MAX', (n: number) => state({ lives: many(life, n) }), STATE_LIVES_MAX],
    ['STATE_TUPLES_MAX', (n: number) => state({ tuples: many(tuple, n) }), STATE_TUPLES_MAX],
    ['TUPLES_MAX', (next: number) => state({ next }), TUPLES_MAX],
    ['WELCOME_LIVES_MAX', (n: number) => welcome({ lives: many(life, n) }), WELCOME_LIVES_MAX],
    ['PERIOD_MS_MAX', (heartbeatMs: number) => welcome({ heartbeatMs }), PERIOD_MS_MAX],
    ['TTL_MAX', (ttl: number) => find({ ttl }), TTL_MAX],
    ['TUPLES_PER_KEY_MAX', (after: number) => find({ after }), TUPLES_PER_KEY_MAX],
    ['FOUND_TUPLES_MAX', (n: number) => providers({ tuples: many(tuple, n) }), FOUND_TUPLES_MAX],
    ['FOUND_CONTACTS_MAX', (n: number) => providers({ nearest: many(contact, n) }), FOUND_CONTACTS_MAX],
    [
      'OFFER_TUPLES_MAX',
      (n: number) => ({ type: 'offer', id: 1, life, tuples: many(tuple, n) }) as GroupMessage,
      OFFER_TUPLES_MAX
    ],
    ['OFFER_TUPLES_MAX outcomes', (n: number) => offered({ outcomes: many('kept', n) }), OFFER_TUPLES_MAX],
    ['REFRESH_MS_MAX', (refreshS: number) => offered({ refreshS }), REFRESH_MS_MAX / 1000]
  ] as const)('%s', (_, message, most) => {
    expect(decode(encode(message(most)))).toEqual([message(most)])
    expect(() => decode(encode(message(most + 1)))).toThrow(MalformedError)
  })

  it('the longest of every type fits into a frame, and a longer frame is refused at its length', () => {
    const address = new Uint8Array(ADDRESS_BYTES_MAX).fill(1)
    const far: Contact = { id: contact.id, addresses: many(address, CONTACT_ADDRESSES_MAX) }
    const longLife = { ...life, contact: far, signature: new Uint8Array(SIGNATURE_BYTES_MAX).fill(1) }
    const longTuple = { ...tuple, provider: far, signature: new Uint8Array(SIGNATURE_BYTES_MAX).fill(1) }
    for (const message of [
      gossip({ lives: many(longLife, GOSSIP_LIVES_MAX), tuples: many(longTuple, GOSSIP_TUPLES_MAX) }),
      state({ lives: many(longLife, STATE_LIVES_MAX), tuples: many(longTuple, STATE_TUPLES_MAX) }),
      providers({ tuples: many(longTuple, FOUND_TUPLES_MAX), nearest: many(far, FOUND_CONTACTS_MAX) }),
      { type: 'offer', id: 1, life: longLife, tuples: many(longTuple, OFFER_TUPLES_MAX) } as GroupMessage
    ])
      expect(kelipsCodec.byteLength(message)).toBeLessThanOrEqual(FRAME_BYTES_MAX)
    const length = (bytes: number) =>
      Uint8Array.of((bytes & 127) | 128, ((bytes >> 7) & 127) | 128, bytes >> 14)
    expect(decode(length(FRAME_BYTES_MAX))).toEqual([])
    expect(() => decode(length(FRAME_BYTES_MAX + 1))).toThrow('A frame has at most')
    expect(() => decode(new Uint8Array(FRAME_LENGTH_BYTES_MAX).fill(255))).toThrow('The length of a frame')
  })

  it('what is made here and no peer would accept is not made', () => {
    const long = new Uint8Array(FRAME_BYTES_MAX)
    const page: KelipsMessage = {
      type: 'page',
      id: 1,
      total: 1,
      records: [
        {
          kind: 'value',
          key: new Uint8Array(32),
          publisher: contact,
          sequence: 1,
          expiresMs: 1000,
          subject: new Uint8Array(0),
          body: long
        }
      ]
    }
    for (const make of [encode, (message: KelipsMessage) => kelipsCodec.byteLength(message)])
      expect(() => make(page)).toThrow(`A frame has at most ${FRAME_BYTES_MAX} bytes, and this page has`)
    expect(kelipsCodec.typeOf(page)).toBe('page')
  })

  it('half a frame waits, a frame of two messages is refused, and one that ends too early, too', () => {
    const link = kelipsCodec.open('responder')
    const bytes = encode({ type: 'ping', id: 3 })
    const read: KelipsMessage[] = []
    link.decode(bytes.subarray(0, bytes.length - 1), message => read.push(message))
    expect({ read: read.length, waits: link.bufferedBytes > 0 }).toEqual({ read: 0, waits: true })
    link.decode(bytes.subarray(bytes.length - 1), message => read.push(message))
    expect({ read, waits: link.bufferedBytes }).toEqual({ read: [{ type: 'ping', id: 3 }], waits: 0 })
    const inside = bytes.subarray(1)
    const twice = Uint8Array.of(2 * inside.length, ...inside, ...inside)
    expect(() => decode(twice)).toThrow('A frame holds one message.')
    // A field whose tag goes on for ever.
    expect(() => decode(Uint8Array.of(2, 255, 255))).toThrow(MalformedError)
  })

  it('a message without what it is about is refused', () => {
    const frame = (field: number, ...body: number[]) =>
      Uint8Array.of(body.length + 2, (field << 3) | 2, body.length, ...body)
    // In the order of kelips.proto: join, state-request, find, offer, and entries of gossip that are empty.
    for (const field of [3, 5, 7, 9]) expect(() => decode(frame(field))).toThrow('The message has no')
    for (const entry of [3, 4, 5]) expect(() => decode(frame(2, (entry << 3) | 2, 0))).toThrow(MalformedError)
    const short = frame(2, (4 << 3) | 2, 4, (1 << 3) | 2, 2, 1, 1)
    expect(() => decode(short)).toThrow('A peer has 8 bytes, not 2.')
    expect(() => decode(frame(10, (2 << 3) | 2, 1, 10))).toThrow('No outcome has the number 10.')
    expect(decode(frame(15))).toEqual([])
  })

  it('a field of a heartbeat that nobody knows yet is passed over', () => {
    const field = (number: number, ...body: number[]) => [(number << 3) | 2, body.length, ...body]
    const beat = [...field(1, ...Array(8).fill(7)), ...field(3, ...Array(16).fill(9))]
    const gossip = (...body: number[]) => {
      const inner = field(2, ...field(4, ...body))
      return decode(Uint8Array.of(inner.length, ...inner))
    }
    const [known] = gossip(...beat)
    expect(known).toMatchObject({ type: 'gossip', beats: [{ beat: 0 }] })
    expect(gossip(...beat, ...field(9, 1))).toEqual([known])
  })
})
