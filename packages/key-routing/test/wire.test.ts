/** Messages of lookups as bytes: what is written is read, as long as was said, and within the bounds. */
import { join } from 'node:path'
import {
  ADDRESS_BYTES_MAX,
  CONTACT_ADDRESSES_MAX,
  type Contact,
  KEY_BYTES,
  PEER_ID_BYTES_MAX
} from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import { reader as readerOf, writer as writerOf } from 'protons-runtime'
import { describe, expect, it } from 'vitest'
import {
  type Found,
  HOPS_MAX,
  type Lookup,
  NEXT_HOPS_MAX,
  type NextHopsAnswer,
  REPLICAS_MAX,
  type RoutingMessage,
  readRouting,
  routingByteLength,
  routingTypeOf,
  SILENT_MAX,
  TIMEOUTS_MAX,
  writeRouting
} from '../src/machine.ts'
import { withoutField, withUnknownFields } from './proto-surgery.ts'
import { lookupMessage } from './routing-arbitraries.ts'
import { foundBy, keyAt, lookupFrom } from './solo.ts'

const proto = protobuf.loadSync(join(import.meta.dirname, '../src/routing.proto'))
const Message = proto.lookupType('servent.routing.RoutingMessage')

function encode(message: RoutingMessage): Uint8Array {
  const writer = writerOf()
  writeRouting(message, writer)
  return writer.finish()
}

/** What protobufjs calls a message, its fields and its words. */
function asProto(message: RoutingMessage): Record<string, unknown> {
  const { type, ...fields } = message
  const named = Object.entries(fields).map(([name, value]) =>
    name === 'purpose' || name === 'replyBy' || name === 'reason'
      ? [name, (value as string).toUpperCase().replace('-', '_')]
      : [name, value]
  )
  return {
    [type.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase())]: Object.fromEntries(named)
  }
}

/** Leaves out what a field is when it is not there; protobufjs writes it where it is set. */
function withoutDefaults(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDefaults)
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  const kept = Object.entries(value).filter(
    ([, field]) => ![0, false, 'USER', 'DIRECT', 'NO_ROUTE'].includes(field as never)
  )
  return Object.fromEntries(kept.map(([name, field]) => [name, withoutDefaults(field)]))
}

const toBytes = (fields: unknown): Uint8Array =>
  Message.encode(Message.fromObject(fields as Record<string, unknown>)).finish()

describe('a message', () => {
  it('is read as it was written, and is as long as was said', () => {
    fc.assert(
      fc.property(lookupMessage, message => {
        const bytes = encode(message)
        expect(bytes).toHaveLength(routingByteLength(message))
        expect(readRouting(bytes)).toEqual(message)
        expect(routingTypeOf(message)).toBe(message.type)
      })
    )
  })

  it('is the bytes that protobufjs writes by the .proto file, of every kind', () => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(lookupMessage, message => {
        seen.add(message.type)
        const theirs = toBytes(withoutDefaults(asProto(message)))
        expect(Buffer.from(encode(message)).equals(theirs)).toBe(true)
      })
    )
    expect(seen.size).toBe(8)
  })

  it('is read where its writer left nothing out', () => {
    fc.assert(
      fc.property(lookupMessage, message => {
        expect(readRouting(toBytes(asProto(message)))).toEqual(message)
      })
    )
  })

  it('about records is embedded whole', () => {
    const get: RoutingMessage = { type: 'get', id: 7, kind: 'word', key: keyAt(3), after: 64, limit: 10 }
    const bytes = encode(get)
    expect(bytes).toHaveLength(routingByteLength(get))
    expect(readRouting(bytes)).toEqual(get)
    expect(Message.decode(bytes)).toMatchObject({ store: { get: { after: expect.anything(), limit: 10 } } })
  })

  it('is read from the midst of others, up to its end', () => {
    const ping = encode({ type: 'ping', id: 5 })
    const reader = readerOf(Uint8Array.of(1, 2, ...ping, 9))
    reader.pos = 2
    expect(readRouting(reader, 2 + ping.length)).toEqual({ type: 'ping', id: 5 })
    expect(reader.pos).toBe(2 + ping.length)
  })

  it('does not keep the bytes that it came in', () => {
    const bytes = encode(lookupFrom(testContact(1), { silent: [testContact(2).id] }))
    const lookup = readRouting(bytes) as Lookup
    for (const part of [lookup.key, lookup.origin.id, lookup.origin.addresses[0]!, lookup.silent[0]!])
      expect(part.buffer).not.toBe(bytes.buffer)
  })
})

describe('what is not known', () => {
  it('is skipped where it is a field', () => {
    const bytes = encode({ type: 'ping', id: 5 })
    const longer = Uint8Array.of(bytes[0]!, bytes[1]! + 6, ...bytes.subarray(2), 0xf8, 0x07, 1, 0xfa, 0x07, 0)
    expect(readRouting(longer)).toEqual({ type: 'ping', id: 5 })
  })

  it('is skipped wherever a later version may add a field', () => {
    fc.assert(
      fc.property(lookupMessage, message => {
        expect(readRouting(withUnknownFields(Message, encode(message)))).toEqual(message)
      }),
      { numRuns: 400 }
    )
  })

  it('is passed over where it is a kind of message', () => {
    expect(readRouting(Uint8Array.of((30 << 3) | 2, 0x01, 1, 0))).toBeUndefined()
    expect(readRouting(new Uint8Array(0))).toBeUndefined()
  })

  it.each([
    ['purpose', { key: keyAt(1), purpose: 2 }],
    ['reason', { origin: testContact(1).id, reason: 4 }]
  ])('is refused where it is a %s', (_, fields) => {
    const kind = 'key' in fields ? 'nextHopsRequest' : 'lookupFailed'
    const bytes = Message.encode(Message.create({ [kind]: fields })).finish()
    expect(() => readRouting(bytes)).toThrow(expect.objectContaining({ name: 'MalformedError' }))
  })
})

const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index))
const origin = testContact(1)
const found = (fields: Partial<Found>): Found => foundBy(testContact(2), { origin, id: 1 }, fields)
const hops = (count: number): NextHopsAnswer => ({
  type: 'next-hops-answer',
  id: 1,
  replicas: [],
  hops: times(count, index => ({ contact: testContact(index), root: false }))
})
const addressed = (count: number, bytes: number): Contact => ({
  id: origin.id,
  addresses: times(count, () => new Uint8Array(bytes))
})
const withId = (length: number): Contact => ({
  id: Uint8Array.of(0, length - 2, ...new Uint8Array(length - 2)),
  addresses: []
})

describe('bounds', () => {
  it.each<[string, number, (count: number) => RoutingMessage]>([
    ['SILENT_MAX', SILENT_MAX, count => lookupFrom(origin, { silent: times(count, i => testContact(i).id) })],
    [
      'SILENT_MAX in a step',
      SILENT_MAX,
      count => ({
        type: 'next-hops-request',
        id: 1,
        key: keyAt(1),
        purpose: 'user',
        root: false,
        silent: times(count, i => testContact(i).id)
      })
    ],
    ['REPLICAS_MAX', REPLICAS_MAX, count => found({ replicas: times(count, testContact) })],
    ['REPLICAS_MAX in a step', REPLICAS_MAX, count => ({ ...hops(0), replicas: times(count, testContact) })],
    ['NEXT_HOPS_MAX', NEXT_HOPS_MAX, hops],
    ['HOPS_MAX', HOPS_MAX, count => lookupFrom(origin, { hops: count })],
    ['HOPS_MAX of an answer', HOPS_MAX, count => found({ hops: count })],
    ['TIMEOUTS_MAX', TIMEOUTS_MAX, count => found({ timeouts: count })],
    ['a budget of 32 bits', 2 ** 32 - 1, budgetMs => lookupFrom(origin, { budgetMs })],
    ['CONTACT_ADDRESSES_MAX', CONTACT_ADDRESSES_MAX, count => lookupFrom(addressed(count, 8))],
    ['ADDRESS_BYTES_MAX', ADDRESS_BYTES_MAX, bytes => lookupFrom(addressed(1, bytes))],
    ['PEER_ID_BYTES_MAX', PEER_ID_BYTES_MAX, bytes => lookupFrom(withId(bytes))],
    ['KEY_BYTES', KEY_BYTES, bytes => lookupFrom(origin, { key: new Uint8Array(bytes) })]
  ])('%s holds, and one past it is refused', (_, limit, make) => {
    const last = make(limit)
    expect(readRouting(encode(last))).toEqual(last)
    expect(() => readRouting(encode(make(limit + 1)))).toThrow(
      expect.objectContaining({ name: 'MalformedError' })
    )
  })

  it.each<[string, RoutingMessage]>([
    ['a key that is short', lookupFrom(origin, { key: new Uint8Array(KEY_BYTES - 1) })],
    ['no key', lookupFrom(origin, { key: new Uint8Array(0) })],
    ['an address without bytes', lookupFrom({ id: origin.id, addresses: [new Uint8Array(1)] })],
    ['an id that is no PeerId', lookupFrom({ id: Uint8Array.of(1, 2, 3), addresses: [] })],
    ['no origin', { type: 'hop-ack', origin: new Uint8Array(0), id: 1 }],
    ['a silent peer that is none', lookupFrom(origin, { silent: [Uint8Array.of(9)] })],
    ['half a range', { ...hops(0), range: { from: keyAt(1), to: new Uint8Array(0) } }]
  ])('%s is refused', (what, message) => {
    let bytes = encode(message)
    if (what === 'an address without bytes') {
      // The writer leaves nothing out of what is there: the one byte is taken out by hand.
      const at = bytes.findLastIndex((byte, index) => byte === 0x12 && bytes[index + 1] === 1)
      bytes = Uint8Array.from([...bytes.subarray(0, at + 1), 0, ...bytes.subarray(at + 3)])
      bytes[1]! -= 1
      bytes[bytes.indexOf(0x12) + 1]! -= 1
    }
    expect(() => readRouting(bytes)).toThrow(expect.objectContaining({ name: 'MalformedError' }))
  })

  const hop = { ...hops(1), range: { from: keyAt(1), to: keyAt(2) } }
  it.each<[string, string, RoutingMessage]>([
    ['Lookup', 'origin', lookupFrom(origin)],
    ['Lookup', 'key', lookupFrom(origin)],
    ['HopAck', 'origin', { type: 'hop-ack', origin: origin.id, id: 1 }],
    ...['origin', 'root', 'from', 'to'].map(field => ['Found', field, found({})] as [string, string, Found]),
    [
      'LookupFailed',
      'origin',
      { type: 'lookup-failed', origin: origin.id, id: 1, reason: 'busy', hops: 1, timeouts: 0 }
    ],
    [
      'NextHopsRequest',
      'key',
      { type: 'next-hops-request', id: 1, key: keyAt(1), purpose: 'user', root: false, silent: [] }
    ],
    ['NextHop', 'contact', hop],
    ['KeyRange', 'from', hop],
    ['KeyRange', 'to', hop]
  ])('a %s without its %s is refused', (kind, field, message) => {
    const bytes = encode(message)
    const less = withoutField(Message, bytes, kind, field)
    expect(less.length).toBeLessThan(bytes.length)
    expect(() => readRouting(less)).toThrow(expect.objectContaining({ name: 'MalformedError' }))
  })

  it('two messages in one are refused', () => {
    const two = Uint8Array.of(...encode({ type: 'ping', id: 5 }), ...encode({ type: 'pong', id: 5 }))
    expect(() => readRouting(two)).toThrow(/more than one/)
  })

  it('what ends too early, anywhere, is refused', () => {
    const bytes = encode(found({ replicas: [testContact(3)], hops: 3 }))
    for (let end = 1; end < bytes.length; end += 1) {
      expect(() => readRouting(bytes.subarray(0, end))).toThrow(
        expect.objectContaining({ name: 'MalformedError' })
      )
    }
  })
})
