/** The machine's messages as bytes: those of kad-dht, within their bounds. */
import { join } from 'node:path'
import { ID_MAX } from '@servent/key-routing/machine'
import { CONTACT_ADDRESSES_MAX, type Contact } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import { describe, expect, it } from 'vitest'
import { KEYS_PER_SEARCH_MAX } from '../src/constants.ts'
import { kademliaCodec, providersThatFit } from '../src/kad-wire.ts'
import {
  CLOSER_PEERS_MAX,
  KAD_FRAME_BYTES_MAX,
  KAD_FRAME_LENGTH_BYTES_MAX,
  PROVIDERS_TOLD_BYTES_MAX,
  PROVIDERS_TOLD_MAX
} from '../src/kad-wire-limits.ts'
import type { KademliaMessage } from '../src/machine.ts'
import { message } from './kad-wire-arbitraries.ts'

const KEY = new Uint8Array(32).fill(7)
/** Of the specification, field by field: what any reader of kad-dht knows. */
const Published = protobuf
  .parse(`
  syntax = "proto3";
  message Message {
    enum MessageType { PUT_VALUE = 0; GET_VALUE = 1; ADD_PROVIDER = 2; GET_PROVIDERS = 3; FIND_NODE = 4; PING = 5; }
    message Peer { bytes id = 1; repeated bytes addrs = 2; int32 connection = 3; }
    MessageType type = 1;
    bytes key = 2;
    bytes record = 3;
    repeated Peer closerPeers = 8;
    repeated Peer providerPeers = 9;
    int32 clusterLevelRaw = 10;
  }`)
  .root.lookupType('Message')
const Own = protobuf.loadSync(join(import.meta.dirname, '../src/kad.proto')).lookupType('Message')

const encode = (made: KademliaMessage): Uint8Array => kademliaCodec.open('initiator').encode(made)

function read(...chunks: readonly Uint8Array[]): KademliaMessage[] {
  const link = kademliaCodec.open('responder')
  const messages: KademliaMessage[] = []
  for (const chunk of chunks) link.decode(chunk, one => messages.push(one))
  return messages
}

/** What any writer of protobuf would send. */
function framed(fields: Record<string, unknown>): Uint8Array {
  return Uint8Array.from(Own.encodeDelimited(Own.create(fields)).finish())
}
const peer = ({ id, addresses }: Contact) => ({ id, multiaddrs: addresses })
const peers = (count: number) => Array.from({ length: count }, (_, at) => peer(testContact(at + 1)))
const large = (number: number): Contact => ({
  id: testContact(number).id,
  addresses: Array.from({ length: CONTACT_ADDRESSES_MAX }, () => new Uint8Array(256).fill(1))
})

describe('every message', () => {
  it('that is made here is read as it was made, wherever it is cut, and as long as it was priced', () => {
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 3 }), fc.nat(), (made, cut) => {
        const bytes = Uint8Array.from(made.flatMap(one => [...encode(one)]))
        expect(made.reduce((sum, one) => sum + kademliaCodec.byteLength(one), 0)).toBe(bytes.length)
        const at = cut % (bytes.length + 1)
        expect(read(bytes.subarray(0, at), bytes.subarray(at))).toEqual(made)
        expect(made.map(one => kademliaCodec.typeOf(one))).toEqual(made.map(({ type }) => type))
      })
    )
  })

  it('of random bytes is a message or a MalformedError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
        try {
          read(Uint8Array.of(bytes.length & 127, ...bytes))
        } catch (error) {
          expect((error as Error).name).toBe('MalformedError')
        }
      }),
      { numRuns: 1000 }
    )
  })
})

describe('the published wire', () => {
  it('is read by whoever knows kad-dht alone', () => {
    const closer = [testContact(1), testContact(2)]
    const providers = [testContact(3)]
    const decoded = Published.toObject(
      Published.decodeDelimited(encode({ type: 'providers', id: 5, closer, providers })),
      { enums: String }
    )
    expect(decoded.type).toBe('GET_PROVIDERS')
    expect(decoded.closerPeers.map(({ id }: Contact) => Uint8Array.from(id))).toEqual(
      closer.map(({ id }) => id)
    )
    expect(decoded.providerPeers[0].addrs.map((bytes: Uint8Array) => Uint8Array.from(bytes))).toEqual(
      providers[0]!.addresses
    )
  })

  it("has an ADD_PROVIDER that is kad-dht's to the byte", () => {
    const provider = testContact(9)
    const published = Published.encodeDelimited(
      Published.create({ type: 2, key: KEY, providerPeers: [{ id: provider.id, addrs: provider.addresses }] })
    ).finish()
    expect([...encode({ type: 'add-provider', key: KEY, provider })]).toEqual([...published])
  })

  it('passes over kinds and fields that are not known', () => {
    expect(read(framed({ type: 77, request: 1 }))).toEqual([])
    expect(read(framed({ type: 5, request: 1 }), framed({ type: 77, answers: 1 }))).toEqual([
      { type: 'ping', id: 0 }
    ])
    const withUnknown = Published.encodeDelimited(
      Published.create({ type: 2, key: KEY, clusterLevelRaw: 3, providerPeers: [peers(1)[0]!] })
    ).finish()
    expect(read(Uint8Array.from(withUnknown))).toMatchObject([{ type: 'add-provider' }])
  })
})

describe('bounds of the wire', () => {
  it.each([
    [
      'CLOSER_PEERS_MAX',
      CLOSER_PEERS_MAX,
      (count: number) => ({ type: 4, answers: 1, closer: peers(count) })
    ],
    [
      'PROVIDERS_TOLD_MAX',
      PROVIDERS_TOLD_MAX,
      (count: number) => ({ type: 3, answers: 1, providers: peers(count) })
    ],
    [
      'KEYS_PER_SEARCH_MAX',
      KEYS_PER_SEARCH_MAX,
      (count: number) => ({ type: 6, request: 1, words: Array.from({ length: count }, () => KEY) })
    ],
    ['ID_MAX', ID_MAX + 1, (request: number) => ({ type: 5, request })]
  ])('%s is taken, and one past it is not', (_name, max, fields) => {
    expect(read(framed(fields(max)))).toHaveLength(1)
    expect(() => read(framed(fields(max + 1)))).toThrow(expect.objectContaining({ name: 'MalformedError' }))
  })

  it('PROVIDERS_TOLD_BYTES_MAX of providers are told, and more are refused', () => {
    const many = Array.from({ length: 100 }, (_, at) => large(at + 1))
    const fitting = providersThatFit(many)
    const bytesOf = (contacts: readonly Contact[]) =>
      encode({ type: 'providers', id: 0, closer: [], providers: contacts }).length
    expect(fitting.length).toBeLessThan(many.length)
    expect(bytesOf(fitting)).toBeLessThanOrEqual(PROVIDERS_TOLD_BYTES_MAX + 16)
    expect(read(framed({ type: 3, answers: 1, providers: fitting.map(peer) }))).toHaveLength(1)
    const more = many.slice(0, fitting.length + 1)
    expect(() => read(framed({ type: 3, answers: 1, providers: more.map(peer) }))).toThrow(
      `at most ${PROVIDERS_TOLD_BYTES_MAX} bytes of providers`
    )
    expect(providersThatFit(Array.from({ length: 600 }, (_, at) => testContact(at + 1)))).toHaveLength(
      PROVIDERS_TOLD_MAX
    )
  })

  it('KAD_FRAME_BYTES_MAX holds the longest answer, and a longer frame is refused by its length', () => {
    const closer = Array.from({ length: CLOSER_PEERS_MAX }, (_, at) => large(at + 1))
    const providers = providersThatFit(Array.from({ length: 100 }, (_, at) => large(at + 50)))
    const longest = encode({ type: 'providers', id: ID_MAX, closer, providers })
    expect(longest.length).toBeLessThan(KAD_FRAME_BYTES_MAX)
    const length = (bytes: number) =>
      Uint8Array.of((bytes & 127) | 128, ((bytes >> 7) & 127) | 128, bytes >> 14)
    const link = kademliaCodec.open('responder')
    link.decode(length(KAD_FRAME_BYTES_MAX), () => {})
    expect(link.bufferedBytes).toBe(KAD_FRAME_LENGTH_BYTES_MAX)
    expect(() => read(length(KAD_FRAME_BYTES_MAX + 1))).toThrow(`at most ${KAD_FRAME_BYTES_MAX} bytes`)
    // A length of four bytes is refused at the third.
    expect(() => read(Uint8Array.of(128, 128, 128))).toThrow(`at most ${KAD_FRAME_LENGTH_BYTES_MAX} bytes`)
    const tooLong = { type: 'closer-peers', id: 1, closer: [...closer, ...closer] } as const
    expect(() => encode(tooLong)).toThrow(expect.objectContaining({ name: 'LimitError' }))
  })

  it.each([
    ['a request and an answer at once', { type: 5, request: 1, answers: 1 }, 'a request or an answer'],
    ['a request without an id', { type: 4, key: KEY }, 'has an id'],
    ['no key', { type: 4, request: 1 }, 'has no key'],
    ['a key that is too short', { type: 4, request: 1, key: KEY.subarray(1) }, 'has 32 bytes'],
    ['a question without words', { type: 6, request: 1 }, 'has words'],
    ['a PUT_VALUE without a value', { type: 0, request: 1 }, 'has a value'],
    ['two providers to add', { type: 2, key: KEY, providers: peers(2) }, 'has one provider'],
    ['nobody to add', { type: 2, key: KEY }, 'has one provider'],
    ['a peer without an id', { type: 4, answers: 1, closer: [{ id: new Uint8Array(0) }] }, 'PeerId']
  ])('%s is malformed', (_name, fields, why) => {
    expect(() => read(framed(fields))).toThrow(why)
  })
})
