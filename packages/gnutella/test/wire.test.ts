/** The codec of a link: its steps, its lengths, and what a broken payload costs. */
import { faultOf } from '@servent/overlay/machine'
import { describe, expect, it } from 'vitest'
import {
  CONTROL_BYTES_MAX,
  HIT_RESULTS_MAX,
  OTHER_BYTES_MAX,
  QUERY_BYTES_MAX,
  QUERY_HIT_BYTES_MAX,
  URN_BYTES_MAX,
  URNS_MAX,
  XML_BYTES_MAX
} from '../src/constants.ts'
import type { Descriptor, QueryHitMessage, QueryMessage } from '../src/messages.ts'
import { ROUTE_TABLE_BYTES_MAX } from '../src/tier-constants.ts'
import { gnutellaCodec } from '../src/wire.ts'
import { bytesOf, decodeAll, decodeOne, encode, frameOf, GUID, openLink, roundTrip } from './bytes-of.ts'

const header = { guid: GUID, ttl: 7, hops: 0 }
const query: QueryMessage = {
  type: 'query',
  ...header,
  flags: 0x8000,
  text: 'thus spoke',
  urns: [],
  ggep: []
}
const hit: QueryHitMessage = {
  type: 'query-hit',
  ...header,
  ipv4: 0,
  port: 0,
  speed: 0,
  results: [{ index: 1, size: 2, name: 'a', urns: [], ggep: [] }],
  vendor: 'SVNT',
  flags: {},
  ggep: [],
  servent: GUID
}
const CONNECT = bytesOf('GNUTELLA CONNECT/0.6\r\n\r\n')
const OK = bytesOf('GNUTELLA/0.6 200 OK\r\n\r\n')
const BUSY = bytesOf('GNUTELLA/0.6 503 Busy\r\n\r\n')
const PING = frameOf(0x00, bytesOf())
const limited = (limit: string) => expect.objectContaining({ name: 'LimitError', limit })
const isMalformed = (why: string) =>
  expect.objectContaining({ name: 'MalformedError', message: expect.stringContaining(why) })

describe('a link speaks in steps', () => {
  it('the responder reads CONNECT, a status and then descriptors, in one piece as well', () => {
    expect(
      decodeAll(gnutellaCodec.open('responder'), bytesOf(CONNECT, OK, PING, PING)).map(gnutellaCodec.typeOf)
    ).toEqual(['connect', 'status', 'ping', 'ping'])
  })

  it('the initiator reads a status and then descriptors', () => {
    expect(decodeAll(gnutellaCodec.open('initiator'), bytesOf(OK, PING)).map(gnutellaCodec.typeOf)).toEqual([
      'status',
      'ping'
    ])
    expect(() => decodeAll(gnutellaCodec.open('initiator'), CONNECT)).toThrow(isMalformed('does not begin'))
  })

  it('nothing follows the status by which the peer refuses', () => {
    const link = gnutellaCodec.open('initiator')
    expect(decodeAll(link, BUSY)).toMatchObject([{ type: 'status', status: 503 }])
    expect(decodeAll(link, bytesOf())).toEqual([])
    expect(() => decodeAll(link, PING)).toThrow(isMalformed('Something follows a refusal.'))
  })

  it('what the peer still says to a refusal of ours is passed over', () => {
    const responder = gnutellaCodec.open('responder')
    decodeAll(responder, CONNECT)
    responder.encode({ type: 'status', status: 503, reason: 'Busy', headers: {} })
    expect(decodeAll(responder, OK, PING, bytesOf('<ffffff>'))).toEqual([])

    const initiator = gnutellaCodec.open('initiator')
    decodeAll(initiator, OK)
    initiator.encode({ type: 'status', status: 403, reason: 'No', headers: {} })
    expect(decodeAll(initiator, PING)).toEqual([])
  })

  it('a refusal may be said while a chunk is read', () => {
    const link = gnutellaCodec.open('responder')
    const types: string[] = []
    link.decode(bytesOf(CONNECT, OK, PING), message => {
      types.push(message.type)
      if (message.type === 'connect')
        link.encode({ type: 'status', status: 503, reason: 'Busy', headers: {} })
    })
    expect(types).toEqual(['connect'])
  })

  it('a link that was malformed once stays so', () => {
    const text = gnutellaCodec.open('responder')
    expect(() => decodeAll(text, bytesOf('GET / HTTP/1.1\r\n'))).toThrow(isMalformed('does not begin'))
    expect(() => decodeAll(text, CONNECT)).toThrow(isMalformed('malformed before'))
    const binary = openLink()
    expect(() => decodeAll(binary, bytesOf(PING.subarray(0, 19), '<01100000>'))).toThrow(
      isMalformed('out of step')
    )
    expect(() => decodeAll(binary, PING)).toThrow(isMalformed('malformed before'))
  })
})

describe('lengths', () => {
  const limits: [string, number, number][] = [
    ['Ping', 0x00, CONTROL_BYTES_MAX],
    ['Pong', 0x01, CONTROL_BYTES_MAX],
    ['Bye', 0x02, CONTROL_BYTES_MAX],
    ['Push', 0x40, CONTROL_BYTES_MAX],
    ['Query', 0x80, QUERY_BYTES_MAX],
    ['QueryHit', 0x81, QUERY_HIT_BYTES_MAX],
    ['route table', 0x30, ROUTE_TABLE_BYTES_MAX],
    ['vendor message', 0x31, OTHER_BYTES_MAX]
  ]

  it.each(limits)(
    '%s: the longest is read, one byte more is refused with its header alone',
    (_, descriptor, bytesMax) => {
      const longest = frameOf(descriptor, new Uint8Array(bytesMax))
      const link = openLink()
      expect(decodeAll(link, longest.subarray(0, -1))).toEqual([])
      expect(link.bufferedBytes).toBe(23 + bytesMax - 1)
      expect(decodeAll(link, longest.subarray(-1))).toHaveLength(1)
      expect(link.bufferedBytes).toBe(0)

      const tooLong = frameOf(descriptor, new Uint8Array(bytesMax + 1))
      expect(decodeAll(link, tooLong.subarray(0, 22))).toEqual([])
      expect(() => decodeAll(link, tooLong.subarray(22, 23))).toThrow(isMalformed('501'))
    }
  )

  it('a length of four billion is refused as any other', () => {
    expect(() => decodeAll(openLink(), bytesOf(`<${GUID}>`, '<80 07 00 ffffffff>'))).toThrow(
      isMalformed('not 4294967295')
    )
  })

  it('what is made here keeps the same bounds', () => {
    const text = (length: number) => ({ ...query, text: 'x'.repeat(length - 3) })
    expect(gnutellaCodec.byteLength(text(QUERY_BYTES_MAX))).toBe(23 + QUERY_BYTES_MAX)
    expect(() => gnutellaCodec.byteLength(text(QUERY_BYTES_MAX + 1))).toThrow(limited('QUERY_BYTES_MAX'))
    expect(() => encode(text(QUERY_BYTES_MAX + 1))).toThrow(limited('QUERY_BYTES_MAX'))
    const bye = { type: 'bye', ...header, code: 500, reason: 'x'.repeat(CONTROL_BYTES_MAX) } as const
    expect(() => encode(bye)).toThrow(limited('CONTROL_BYTES_MAX'))
    expect(() =>
      encode({ type: 'other', ...header, descriptor: 0x31, payload: new Uint8Array(OTHER_BYTES_MAX + 1) })
    ).toThrow(limited('OTHER_BYTES_MAX'))
    const name = 'x'.repeat(QUERY_HIT_BYTES_MAX)
    expect(() => encode({ ...hit, results: [{ ...hit.results[0]!, name }] })).toThrow(
      limited('QUERY_HIT_BYTES_MAX')
    )
  })

  it('of a handshake are those of its text', () => {
    const message = { type: 'status', status: 200, reason: 'Üks', headers: { a: 'ß' } } as const
    expect(gnutellaCodec.byteLength(message)).toBe(encode(message).length)
  })
})

describe('a descriptor is handed on', () => {
  it('byte for byte, whatever is not understood in it, with a new TTL and hops', () => {
    const payload = bytesOf(
      '<0000>',
      'a',
      '<00>',
      'blah',
      '<1c>',
      '<audio/>',
      '<1c c3 82>',
      'XX',
      '<41 07>',
      '<00>'
    )
    const [message] = decodeAll(openLink(), frameOf(0x80, payload))
    const onward = { ...(message as Descriptor), ttl: 6, hops: 1 }
    expect(encode(onward)).toEqual(frameOf(0x80, payload, { ttl: 6, hops: 1 }))
    expect(gnutellaCodec.byteLength(onward)).toBe(23 + payload.length)
  })

  it('under another GUID where a cached hit answers another query', () => {
    const [message] = decodeAll(openLink(), encode(hit))
    const other = 'ff'.repeat(16)
    expect(encode({ ...(message as Descriptor), guid: other }).subarray(0, 16)).toEqual(
      new Uint8Array(16).fill(255)
    )
  })

  it('even a malformed one, should anybody want to', () => {
    const frame = frameOf(0x40, bytesOf('<00>'))
    expect(encode(decodeAll(openLink(), frame)[0]!)).toEqual(frame)
  })
})

describe('a payload that breaks the rules costs its descriptor alone', () => {
  it.each([
    ['Pong of 13 bytes', 0x01, new Uint8Array(13), 'it ends too early'],
    ['Bye of one byte', 0x02, new Uint8Array(1), 'it ends too early'],
    ['Push of 25 bytes', 0x40, new Uint8Array(25), 'it ends too early'],
    ['Query of one byte', 0x80, new Uint8Array(1), 'it ends too early'],
    ['Query without a NUL', 0x80, bytesOf('<0000>', 'abc'), 'a text has no NUL at its end'],
    ['QueryHit of no bytes', 0x81, bytesOf(), 'it ends too early'],
    ['QueryHit of 26 bytes', 0x81, new Uint8Array(26), 'it ends too early'],
    [
      'QueryHit with a result less than it counts',
      0x81,
      bytesOf('<02>', encode(hit).subarray(24)),
      'it ends too early'
    ],
    [
      'QueryHit whose name ends in the GUID',
      0x81,
      bytesOf('<01>', new Uint8Array(18), 'abc', new Uint8Array(16)),
      'a text has no NUL at its end'
    ],
    [
      'QueryHit with a trailer of three bytes',
      0x81,
      bytesOf(new Uint8Array(11), 'abc', new Uint8Array(16)),
      'it ends too early'
    ],
    [
      'QueryHit with open data past its end',
      0x81,
      bytesOf(new Uint8Array(11), 'GTKG', '<05 00 00>', new Uint8Array(16)),
      'it ends too early'
    ],
    [
      'QueryHit with XML past its private area',
      0x81,
      bytesOf(new Uint8Array(11), 'LIME', '<04 00 00 02 00>', 'x', new Uint8Array(16)),
      'its XML is longer than its private area'
    ]
  ])('%s', (_, descriptor, payload, reason) => {
    const link = openLink()
    expect(decodeAll(link, frameOf(descriptor, payload))).toEqual([
      { type: 'malformed', descriptor, reason, guid: GUID, ttl: 7, hops: 0, payload }
    ])
    expect(decodeAll(link, PING)).toMatchObject([{ type: 'ping' }])
  })

  it('a fault of this program is not put down to the peer', () => {
    expect(() => faultOf(new TypeError('ours'))).toThrow(TypeError)
  })
})

describe('what strangers write is taken as far as it goes', () => {
  it('a Ping or a Pong with something that is no extension', () => {
    expect(decodeOne(0x00, 'hello')).toMatchObject({ type: 'ping', ggep: [] })
    expect(decodeOne(0x01, new Uint8Array(14), 'hello')).toMatchObject({ type: 'pong', ggep: [] })
  })

  it('a Bye without a NUL', () => {
    expect(decodeOne(0x02, '<c800>', 'So long')).toMatchObject({ code: 200, reason: 'So long' })
    expect(decodeOne(0x02, '<c800>')).toMatchObject({ code: 200, reason: '' })
  })

  it('a hit without results, with little open data, or with more than is known', () => {
    const trailer = (...open: string[]) => decodeOne(0x81, new Uint8Array(11), 'ABCD', ...open, `<${GUID}>`)
    expect(trailer('<00>')).toMatchObject({ results: [], vendor: 'ABCD', flags: {}, ggep: [] })
    expect(trailer('<01 3d>')).toMatchObject({ flags: {} })
    expect(trailer('<03 04 04 00>')).toMatchObject({ flags: { busy: true } })
    expect(trailer('<06 04 00 01 00 ff ff>', 'x')).toMatchObject({
      flags: { busy: false },
      xml: bytesOf('x')
    })
  })

  it('a hit that says it has GGEP and has none, or has some and does not say so', () => {
    const trailer = (flags: string, area: string) =>
      decodeOne(0x81, new Uint8Array(11), 'ABCD', '<02>', flags, area, `<${GUID}>`)
    expect(trailer('<20 20>', '<0102>')).toMatchObject({ type: 'query-hit', ggep: [] })
    expect(trailer('<20 00>', '<c3 82 42 48 40>')).toMatchObject({ ggep: [] })
    expect(trailer('<00 20>', '<c3 82 42 48 40>')).toMatchObject({ ggep: [] })
    // The magic of GGEP inside the XML begins nothing.
    expect(
      decodeOne(0x81, new Uint8Array(11), 'ABCD', '<04 20 20 01 00>', '<c3>', `<${GUID}>`)
    ).toMatchObject({ ggep: [], xml: bytesOf('<c3>') })
  })

  it('texts that are no UTF-8', () => {
    expect(decodeOne(0x80, '<0000>', 'K', '<e4>', 'se', '<00>')).toMatchObject({ text: 'K\ufffdse' })
  })
})

describe('what is made here', () => {
  it('ends a text where the wire would end it', () => {
    expect(roundTrip({ ...query, text: 'a\0b' })).toMatchObject({ text: 'a' })
    expect(roundTrip({ ...hit, results: [{ ...hit.results[0]!, name: 'a\0b' }] })).toMatchObject({
      results: [{ name: 'a' }]
    })
    expect(roundTrip({ type: 'bye', ...header, code: 200, reason: 'a\r\nb' })).toMatchObject({ reason: 'a' })
  })

  it('has a vendor of four characters whatever it was given, or no trailer', () => {
    expect(roundTrip({ ...hit, vendor: 'ABCDE' })).toMatchObject({ vendor: 'ABCD' })
    expect(roundTrip({ ...hit, vendor: '' })).toEqual({ ...hit, vendor: '' })
  })

  it('has 255 results at most', () => {
    const results = (length: number) => Array.from({ length }, () => hit.results[0]!)
    expect(roundTrip({ ...hit, results: results(HIT_RESULTS_MAX) })).toEqual({
      ...hit,
      results: results(HIT_RESULTS_MAX)
    })
    expect(() => encode({ ...hit, results: results(HIT_RESULTS_MAX + 1) })).toThrow(
      limited('HIT_RESULTS_MAX')
    )
  })

  it('has XML_BYTES_MAX bytes of XML at most, and none where it has no bytes', () => {
    expect(roundTrip({ ...hit, xml: new Uint8Array(0) })).toEqual(hit)
    expect(() => encode({ ...hit, xml: new Uint8Array(XML_BYTES_MAX + 1) })).toThrow(limited('XML_BYTES_MAX'))
    // One that fits its field still has to fit the hit.
    expect(() => encode({ ...hit, xml: new Uint8Array(XML_BYTES_MAX) })).toThrow(
      limited('QUERY_HIT_BYTES_MAX')
    )
  })

  it('has so many URNs, of so many bytes', () => {
    const urn = (length: number) => `urn:${'x'.repeat(length - 4)}`
    const many = (count: number) => ({
      ...query,
      urns: Array.from({ length: count }, () => urn(URN_BYTES_MAX / 2))
    })
    expect(roundTrip(many(URNS_MAX))).toEqual(many(URNS_MAX))
    expect(() => encode(many(URNS_MAX + 1))).toThrow(limited('URNS_MAX'))
    expect(
      decodeOne(
        0x80,
        '<0000 00>',
        Array(URNS_MAX + 1)
          .fill('urn:')
          .join('\x1c')
      )
    ).toMatchObject({ type: 'malformed', reason: 'it has over 16 URNs' })
    expect(roundTrip({ ...query, urns: [urn(URN_BYTES_MAX)] })).toEqual({
      ...query,
      urns: [urn(URN_BYTES_MAX)]
    })
    expect(() => encode({ ...query, urns: [urn(URN_BYTES_MAX + 1)] })).toThrow(limited('URN_BYTES_MAX'))
    expect(decodeOne(0x80, '<0000 00>', urn(URN_BYTES_MAX + 1))).toMatchObject({
      type: 'malformed',
      reason: 'a URN has over 256 bytes'
    })
    for (const wrong of ['sha1:', 'urn:a\x1cb', 'urn:a\0b']) {
      expect(() => encode({ ...query, urns: [wrong] })).toThrow(limited('URN_BYTES_MAX'))
    }
  })
})
