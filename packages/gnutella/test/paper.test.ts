/** What is published of the wire, section by section, with the figures and bytes that the documents print. */
import { ByteReader, CountingSink, StoringSink } from '@servent/overlay/machine'
import { describe, expect, it } from 'vitest'
import { cobsLength, decodeCobs, encodeCobs, readLength, writeLength } from '../src/ggep.ts'
import { sha1OfUrn, urnOfSha1 } from '../src/huge.ts'
import type { QueryHitMessage } from '../src/messages.ts'
import { gnutellaCodec } from '../src/wire.ts'
import { bytesOf, decodeAll, decodeOne, encode, frameOf, GUID, hexOf, openLink } from './bytes-of.ts'

const SHA1_URN = 'urn:sha1:PLSTHIPQGSSZTS5FJUPAKUZWUGYQYPFB'
const QUERY_NOTHING_ASKED = { guid: GUID, ttl: 7, hops: 0 }

describe('Gnutella 0.6, 2.1: initiating a connection', () => {
  it('goes through the sample interaction, three steps and then binary messages', () => {
    const client = gnutellaCodec.open('initiator')
    const server = gnutellaCodec.open('responder')

    const connect = client.encode({
      type: 'connect',
      headers: { 'user-agent': 'BearShare/1.0', 'pong-caching': '0.1', ggep: '0.5' }
    })
    expect(connect).toEqual(
      bytesOf('GNUTELLA CONNECT/0.6\r\nUser-Agent: BearShare/1.0\r\nPong-Caching: 0.1\r\nGGEP: 0.5\r\n\r\n')
    )
    expect(decodeAll(server, connect)).toEqual([
      { type: 'connect', headers: { 'user-agent': 'BearShare/1.0', 'pong-caching': '0.1', ggep: '0.5' } }
    ])

    const accept = server.encode({
      type: 'status',
      status: 200,
      reason: 'OK',
      headers: { 'user-agent': 'BearShare/1.0', 'private-data': '5ef89a' }
    })
    expect(accept).toEqual(
      bytesOf('GNUTELLA/0.6 200 OK\r\nUser-Agent: BearShare/1.0\r\nPrivate-Data: 5ef89a\r\n\r\n')
    )
    expect(decodeAll(client, accept)).toMatchObject([{ type: 'status', status: 200, reason: 'OK' }])

    const last = client.encode({
      type: 'status',
      status: 200,
      reason: 'OK',
      headers: { 'private-data': 'a04fce' }
    })
    expect(last).toEqual(bytesOf('GNUTELLA/0.6 200 OK\r\nPrivate-Data: a04fce\r\n\r\n'))
    const ping = client.encode({ type: 'ping', ...QUERY_NOTHING_ASKED, ggep: [] })
    // The last step and the first message may come in one piece.
    expect(decodeAll(server, bytesOf(last, ping))).toMatchObject([
      { type: 'status' },
      { type: 'ping', ttl: 7 }
    ])
    expect(
      decodeAll(client, server.encode({ type: 'ping', ...QUERY_NOTHING_ASKED, ggep: [] }))
    ).toMatchObject([{ type: 'ping' }])
  })

  it('collapses continuation lines into one space', () => {
    const [message] = decodeAll(
      gnutellaCodec.open('responder'),
      bytesOf(
        'GNUTELLA CONNECT/0.6\r\nFirst-Field: this is the value of the first field\r\nSecond-Field: this is the value\r\n    of the\r\n    second field\r\n\r\n'
      )
    )
    expect(message).toEqual({
      type: 'connect',
      headers: {
        'first-field': 'this is the value of the first field',
        'second-field': 'this is the value of the second field'
      }
    })
  })

  it('takes a repeated field for one whose values have commas between them', () => {
    const [message] = decodeAll(
      gnutellaCodec.open('responder'),
      bytesOf('GNUTELLA CONNECT/0.6\r\nField: first\r\nField: second\r\n\r\n')
    )
    expect(message).toEqual({ type: 'connect', headers: { field: 'first,second' } })
  })

  it('judges the number of a status alone, and takes higher versions for its own', () => {
    const [message] = decodeAll(
      gnutellaCodec.open('initiator'),
      bytesOf('GNUTELLA/0.7 200 \r\nX-Try:1.2.3.4:1234,3.4.5.6:3456\r\n\r\n')
    )
    expect(message).toEqual({
      type: 'status',
      status: 200,
      reason: '',
      headers: { 'x-try': '1.2.3.4:1234,3.4.5.6:3456' }
    })
    const [connect] = decodeAll(gnutellaCodec.open('responder'), bytesOf('GNUTELLA CONNECT/0.7\r\n\r\n'))
    expect(connect).toEqual({ type: 'connect', headers: {} })
  })

  it('reads what gtk-gnutella 1.3.1 says, which keeps headers that are unknown here', () => {
    const said = [
      'GNUTELLA CONNECT/0.6',
      'Node: 10.44.0.2:16346',
      'Remote-IP: 10.44.0.1',
      'User-Agent: gtk-gnutella/1.3.1 (2026-03-09; GTK2; Linux x86_64)',
      'Pong-Caching: 0.1',
      'Bye-Packet: 0.1',
      'GGEP: 0.5',
      'GUID: fb1721038fdd7bfb2467d80cca912f33',
      'Vendor-Message: 0.2',
      'X-Query-Routing: 0.2',
      'X-Requeries: False',
      'Upgrade: TLS/1.0',
      'X-Token: arR7QBuosb1uNlMQ9ZqbFsX+xWUNrGqxyuOV; bWs=',
      'X-Live-Since: Wed, 23 Sep 2026 20:22:08 -0500',
      'X-Ultrapeer: False',
      'X-Degree: 32',
      'X-Max-TTL: 4',
      'X-Features: tls/1.0, browse/1.0, sflag/0.1, HSEP/0.2'
    ]
    const bytes = bytesOf(`${said.join('\r\n')}\r\n\r\n`)
    const [message] = decodeAll(gnutellaCodec.open('responder'), bytes)
    expect(message).toMatchObject({
      type: 'connect',
      headers: {
        'bye-packet': '0.1',
        'x-live-since': 'Wed, 23 Sep 2026 20:22:08 -0500',
        'x-max-ttl': '4',
        guid: 'fb1721038fdd7bfb2467d80cca912f33'
      }
    })
    expect(Object.keys(message?.type === 'connect' ? message.headers : {})).toHaveLength(said.length - 1)
  })
})

describe('Gnutella 0.6, 2.2.1: message header', () => {
  it('is 23 bytes: GUID, type, TTL, hops, length in little-endian order', () => {
    const frame = encode({
      type: 'query',
      guid: GUID,
      ttl: 3,
      hops: 4,
      flags: 0,
      text: 'x'.repeat(300),
      urns: [],
      ggep: []
    })
    expect(hexOf(frame.subarray(0, 23))).toBe(`${GUID}800304${'2f010000'}`)
    expect(frame).toHaveLength(23 + 303)
  })

  it('reads a frame as LimeWire 4.10 sent it, and hands it on byte for byte', () => {
    // Messages Supported: vendor, selector and version of zero, then twelve that it understands.
    const vendors = [
      'LIME 1000',
      'LIME 0800',
      'LIME 1900',
      'LIME 0600',
      'BEAR 0b00',
      'BEAR 0400',
      'LIME 0e00',
      'GTKG 0700',
      'LIME 1100',
      'LIME 0700',
      'LIME 1500',
      'BEAR 0700'
    ]
    const blocks = vendors.map(line =>
      bytesOf(line.slice(0, 4), `<${line.slice(5)}>`, line.startsWith('GTKG') ? '<0200>' : '<0100>')
    )
    const bytes = bytesOf(
      '<6bab0501af85bff5 8eb5e415c044c700 31 01 00 6a000000>',
      '<0000000000000000 0c00>',
      ...blocks
    )
    const [message] = decodeAll(openLink(), bytes)
    expect(message).toMatchObject({
      type: 'other',
      descriptor: 0x31,
      guid: '6bab0501af85bff58eb5e415c044c700',
      ttl: 1,
      hops: 0
    })
    expect(encode(message!)).toEqual(bytes)
  })
})

describe('Gnutella 0.6, 2.2.3: Pong', () => {
  it('has the port, the address in network order, files and kilobytes', () => {
    // 208.17.50.4 is the address that 2.2 prints.
    const payload = bytesOf('<ca18 d0113204 0a000000 00040000>')
    expect(decodeAll(openLink(), frameOf(0x01, payload))).toEqual([
      {
        type: 'pong',
        ...QUERY_NOTHING_ASKED,
        payload,
        port: 6346,
        ipv4: 0xd0113204,
        files: 10,
        kibibytes: 1024,
        ggep: []
      }
    ])
    expect(
      encode({
        type: 'pong',
        ...QUERY_NOTHING_ASKED,
        port: 6346,
        ipv4: 0xd0113204,
        files: 10,
        kibibytes: 1024,
        ggep: []
      })
    ).toEqual(frameOf(0x01, payload))
  })

  it('2.2.4.1: has 37 bytes with its header, and a Ping 23, which makes 131 bytes a second', () => {
    const ping = gnutellaCodec.byteLength({ type: 'ping', ...QUERY_NOTHING_ASKED, ggep: [] })
    const pong = gnutellaCodec.byteLength({
      type: 'pong',
      ...QUERY_NOTHING_ASKED,
      port: 1,
      ipv4: 1,
      files: 1,
      kibibytes: 1,
      ggep: []
    })
    expect([ping, pong]).toEqual([23, 37])
    expect((ping + 10 * pong) / 3).toBe(131)
  })
})

describe('Gnutella 0.6, 2.2.5: Query', () => {
  it('has two bytes, the text, a NUL, and no NUL after its extensions', () => {
    const query = {
      type: 'query',
      ...QUERY_NOTHING_ASKED,
      flags: 0,
      text: 'Gnutella Protocol',
      urns: ['urn:'],
      ggep: []
    } as const
    expect(encode(query).subarray(23)).toEqual(bytesOf('<0000>', 'Gnutella Protocol', '<00>', 'urn:'))
  })

  it('takes the NUL that some servents wrongly write after the extensions', () => {
    expect(decodeOne(0x80, '<0000>', 'Gnutella Protocol', '<00>', 'urn:', '<00>')).toMatchObject({
      text: 'Gnutella Protocol',
      urns: ['urn:']
    })
  })

  it('has HUGE, then XML, then GGEP, with 0x1C between them', () => {
    expect(
      decodeOne(
        0x80,
        '<0000>',
        'a',
        '<00>',
        'urn:sha1:',
        '<1c>',
        '<audios/>',
        '<1c>',
        '<c3 82>',
        'VC',
        '<41 1c>'
      )
    ).toMatchObject({
      urns: ['urn:sha1:'],
      ggep: [{ id: 'VC', data: bytesOf('<1c>') }]
    })
  })
})

describe('MinSpeed proposal', () => {
  it('reads the two bytes from left to right: bit 15 marks, bit 14 is a firewalled querier, bit 13 wants XML', () => {
    expect(decodeOne(0x80, '<e000>', 'a', '<00>')).toMatchObject({ flags: 0b1110_0000_0000_0000 })
    expect(
      encode({
        type: 'query',
        ...QUERY_NOTHING_ASKED,
        flags: 0xe000,
        text: 'a',
        urns: [],
        ggep: []
      }).subarray(23)
    ).toEqual(bytesOf('<e000>', 'a', '<00>'))
  })
})

describe('Gnutella 0.6, 2.2.6: Query Hit', () => {
  const head = bytesOf('<01 ca18 d0113204 e8030000>')
  const result = bytesOf('<07000000 00040000>', 'GnutellaProtocol04.pdf', '<00>', SHA1_URN, '<00>')

  it('has results, a trailer whose flags enable and set, and the servent at its end', () => {
    // 2d 21 is what gtk-gnutella 1.2.3 sends: firewalled, GGEP, not busy, has not uploaded.
    const payload = bytesOf(head, result, 'GTKG', '<02 2d 21>', '<c3 82>', 'BH', '<40>', `<${GUID}>`)
    const hit = decodeAll(openLink(), frameOf(0x81, payload))[0] as QueryHitMessage
    expect(hit).toEqual({
      type: 'query-hit',
      ...QUERY_NOTHING_ASKED,
      payload,
      port: 6346,
      ipv4: 0xd0113204,
      speed: 1000,
      results: [{ index: 7, size: 1024, name: 'GnutellaProtocol04.pdf', urns: [SHA1_URN], ggep: [] }],
      vendor: 'GTKG',
      flags: { push: true, busy: false, uploaded: false },
      ggep: [{ id: 'BH', data: new Uint8Array(0) }],
      servent: GUID
    })
    const { payload: _, ...made } = hit
    expect(encode(made)).toEqual(frameOf(0x81, payload))
  })

  it('has push the other way round: the first byte sets it, the second enables it', () => {
    const flagsOf = (bytes: string) =>
      (decodeOne(0x81, head, result, 'GTKG', '<02>', bytes, `<${GUID}>`) as QueryHitMessage).flags
    expect(flagsOf('<00 01>')).toEqual({ push: false })
    expect(flagsOf('<01 01>')).toEqual({ push: true })
    expect(flagsOf('<01 00>')).toEqual({})
    expect(flagsOf('<1c 14>')).toEqual({ busy: true, uploaded: false, measuredSpeed: true })
    expect(flagsOf('<00 1c>')).toEqual({})
  })

  it('flags GGEP if and only if there is some', () => {
    const hit = decodeOne(
      0x81,
      head,
      result,
      'GTKG',
      '<02 20 20>',
      '<c3 82>',
      'BH',
      '<40>',
      `<${GUID}>`
    ) as QueryHitMessage
    const { payload: _, ...made } = hit
    const trailer = (message: QueryHitMessage) =>
      hexOf(encode(message).subarray(23 + 11 + result.length, -16))
    expect(trailer(made)).toBe(hexOf(bytesOf('GTKG', '<02 20 20>', '<c3 82>', 'BH', '<40>')))
    expect(trailer({ ...made, ggep: [] })).toBe(hexOf(bytesOf('GTKG', '<02 00 00>')))
  })

  it('may have no trailer, as in 0.4', () => {
    expect(decodeOne(0x81, head, result, `<${GUID}>`)).toMatchObject({
      vendor: '',
      flags: {},
      results: [{ name: 'GnutellaProtocol04.pdf' }],
      servent: GUID
    })
  })

  it('has XML as the last bytes of its private area, their length in the open data', () => {
    const payload = bytesOf(
      head,
      result,
      'LIME',
      '<04 3d 21 0900>',
      '<c3 82>',
      'BH',
      '<40>',
      '<audios/>',
      `<${GUID}>`
    )
    const hit = decodeAll(openLink(), frameOf(0x81, payload))[0] as QueryHitMessage
    expect(hit).toMatchObject({ vendor: 'LIME', xml: bytesOf('<audios/>'), ggep: [{ id: 'BH' }] })
    const { payload: _, ...made } = hit
    expect(encode(made)).toEqual(frameOf(0x81, payload))
  })
})

describe('Gnutella 0.6, 2.2.8: Push', () => {
  it('has the servent, the index, the address in network order and the port', () => {
    const payload = bytesOf(`<${GUID}>`, '<2a000000 d0113204 ca18>')
    const push = {
      type: 'push',
      guid: GUID,
      ttl: 7,
      hops: 0,
      servent: GUID,
      index: 42,
      ipv4: 0xd0113204,
      port: 6346,
      ggep: []
    } as const
    expect(encode(push)).toEqual(frameOf(0x40, payload))
    expect(decodeOne(0x40, payload)).toEqual({ ...push, payload })
  })
})

describe('Gnutella 0.6, 2.2.9 and the Bye proposal, 6', () => {
  it('has a code in little-endian order and a text, which headers may follow', () => {
    expect(
      decodeOne(0x02, '<c800>', 'Shutting Down\r\nServer: my server/version\r\n\r\n', '<00>')
    ).toMatchObject({ type: 'bye', code: 200, reason: 'Shutting Down' })
    expect(decodeOne(0x02, '<f601>', 'Send Queue Full (40960 bytes)', '<00>')).toMatchObject({
      code: 502,
      reason: 'Send Queue Full (40960 bytes)'
    })
    expect(encode({ type: 'bye', guid: GUID, ttl: 1, hops: 0, code: 200, reason: 'Shutting Down' })).toEqual(
      frameOf(0x02, bytesOf('<c800>', 'Shutting Down', '<00>'), { ttl: 1 })
    )
  })
})

describe('GGEP 0.51: length encoding, boundary cases', () => {
  it.each([
    [0, '40'],
    [63, '7f'],
    [64, '8140'],
    [4095, 'bf7f'],
    [4096, '818040'],
    [262143, 'bfbf7f']
  ])('%i is %s', (length, hex) => {
    const counted = new CountingSink()
    writeLength(counted, length)
    const stored = new StoringSink(counted.length)
    writeLength(stored, length)
    expect(hexOf(stored.stored)).toBe(hex)
    expect(readLength(new ByteReader(bytesOf(`<${hex}>`)))).toBe(length)
  })
})

describe('GGEP 0.51: format and usage', () => {
  it('a Ping has an extension block and nothing else', () => {
    // The support for cached pongs that a ping asks for.
    expect(decodeOne(0x00, '<c3 83>', 'SCP', '<41 01>')).toMatchObject({
      type: 'ping',
      ggep: [{ id: 'SCP', data: bytesOf('<01>') }]
    })
    expect(
      encode({ type: 'ping', ...QUERY_NOTHING_ASKED, ggep: [{ id: 'SCP', data: bytesOf('<01>') }] }).subarray(
        23
      )
    ).toEqual(bytesOf('<c3 83>', 'SCP', '<41 01>'))
  })

  it('several blocks may be packed one against another', () => {
    expect(decodeOne(0x00, '<c3 82>', 'VC', '<40>', '<c3 82>', 'DU', '<41 05>')).toMatchObject({
      ggep: [{ id: 'VC' }, { id: 'DU' }]
    })
  })

  it('private data may stand before the block of a hit and after it', () => {
    expect(
      decodeOne(
        0x81,
        '<00 ca18 d0113204 e8030000>',
        'LIME',
        '<02 20 20>',
        '<01>',
        '<c3 82>',
        'BH',
        '<40>',
        '<0707>',
        `<${GUID}>`
      )
    ).toMatchObject({ ggep: [{ id: 'BH' }] })
  })

  it('appendix B: legacy texts and blocks stand beside each other', () => {
    expect(
      decodeOne(
        0x80,
        '<0000>',
        'a',
        '<00>',
        '<c3 82>',
        'VC',
        '<40>',
        '<1c>',
        SHA1_URN,
        '<1c>',
        '<c3 82>',
        'DU',
        '<40>'
      )
    ).toMatchObject({
      urns: [SHA1_URN],
      ggep: [{ id: 'VC' }, { id: 'DU' }]
    })
  })
})

describe('Cheshire and Baker 1997: COBS', () => {
  const run = (length: number, first = 1) =>
    Uint8Array.from({ length }, (_, index) => ((index + first - 1) % 255) + 1)

  it.each([
    ['nothing', '', '01'],
    ['a zero', '00', '0101'],
    ['two zeros', '0000', '010101'],
    ['no zero', '11223344', '0511223344'],
    ['a zero inside', '11220033', '0311220233'],
    ['a zero at the end', '110000', '02110101']
  ])('%s', (_, plain, stuffed) => {
    expect(hexOf(encodeCobs(bytesOf(`<${plain}>`)))).toBe(stuffed)
    expect(hexOf(decodeCobs(bytesOf(`<${stuffed}>`)))).toBe(plain)
  })

  it('a group of 253 has its zero, as every shorter one', () => {
    const data = bytesOf(run(253), '<00>', '<05>')
    expect(encodeCobs(data)).toEqual(bytesOf('<fe>', run(253), '<02 05>'))
    expect(decodeCobs(encodeCobs(data))).toEqual(data)
  })

  it('a group of 254 implies no zero after it', () => {
    expect(encodeCobs(run(254))).toEqual(bytesOf('<ff>', run(254)))
    expect(encodeCobs(run(255))).toEqual(bytesOf('<ff>', run(254), '<02 ff>'))
    expect(encodeCobs(bytesOf(run(254), '<00>'))).toEqual(bytesOf('<ff>', run(254), '<01 01>'))
    for (const data of [run(254), run(255), bytesOf(run(254), '<00>')]) {
      expect(decodeCobs(encodeCobs(data))).toEqual(data)
      expect(cobsLength(data)).toBe(encodeCobs(data).length)
    }
  })
})

describe('filesize64 proposal, as deployed in LF', () => {
  it('a file of 4 GiB and more has ~0 in its field, and its size in little-endian order in GGEP', () => {
    const result = { index: 1, size: 0x1_2345_6789, name: 'a', urns: [], ggep: [] }
    const hit = {
      type: 'query-hit',
      ...QUERY_NOTHING_ASKED,
      port: 0,
      ipv4: 0,
      speed: 0,
      results: [result],
      vendor: 'GTKG',
      flags: {},
      ggep: [],
      servent: GUID
    } as const
    expect(encode(hit).subarray(23 + 11, -16 - 7)).toEqual(
      bytesOf('<01000000 ffffffff>', 'a', '<00>', '<c3 82>', 'LF', '<45 89 67 45 23 01>', '<00>')
    )
    expect(decodeAll(openLink(), encode(hit))).toMatchObject([{ results: [result] }])
  })
})

describe('HUGE 0.94, 2.3: hash and URN conventions', () => {
  it('0F F5 is B72Q', () => {
    expect(urnOfSha1(bytesOf('<0ff5>'))).toBe('urn:sha1:B72Q')
  })

  it('a SHA-1 has 32 characters of base32, in either case', () => {
    const sha1 = sha1OfUrn(SHA1_URN)
    expect(sha1).toHaveLength(20)
    expect(urnOfSha1(sha1!)).toBe(SHA1_URN)
    expect(sha1OfUrn(SHA1_URN.toLowerCase())).toEqual(sha1)
  })

  it('a bitprint is brought down to its SHA-1', () => {
    expect(sha1OfUrn(`urn:bitprint:${SHA1_URN.slice(9)}.${'A'.repeat(39)}`)).toEqual(sha1OfUrn(SHA1_URN))
  })
})

describe('HUGE 0.94, 1 and 4: queries', () => {
  it('may ask for any URN of what they find', () => {
    expect(decodeOne(0x80, '<0000>', 'Gnutella Protocol', '<00>', 'urn:', '<00>')).toMatchObject({
      text: 'Gnutella Protocol',
      urns: ['urn:']
    })
  })

  it('may ask for a file by its hash, with no text', () => {
    expect(decodeOne(0x80, '<0000>', '<00>', SHA1_URN, '<00>')).toMatchObject({ text: '', urns: [SHA1_URN] })
  })

  it('ignore what they do not understand, and take urn: in either case', () => {
    expect(
      decodeOne(0x80, '<0000>', '<00>', 'blah', '<1c>', SHA1_URN.toUpperCase(), '<1c>', 'urnx', '<00>')
    ).toMatchObject({ urns: [SHA1_URN.toUpperCase()] })
  })

  it.each(['u', 'ur', 'urn', 'urn;', 'arn:', 'uan:', 'ura:', ' urn:'])(
    '%j begins no URN, at the end and before another',
    text => {
      expect(decodeOne(0x80, '<0000>', '<00>', text)).toMatchObject({ type: 'query', urns: [] })
      expect(decodeOne(0x80, '<0000>', '<00>', text, '<1c>', 'uRn:', '<1c>', text)).toMatchObject({
        urns: ['uRn:']
      })
    }
  )
})

describe('HUGE 0.94, 8: in GGEP', () => {
  it('u is a URN without urn:, and H a binary hash', () => {
    const u = bytesOf('<c3 81>', 'u', '<65>', SHA1_URN.slice(4))
    expect(decodeOne(0x80, '<0000>', '<00>', u)).toMatchObject({ urns: [SHA1_URN], ggep: [] })
    expect(decodeOne(0x80, '<0000>', '<00>', '<c3 81>', 'u', '<40>')).toMatchObject({
      urns: ['urn:'],
      ggep: []
    })
    const h = bytesOf('<c3 81>', 'H', '<55 01>', sha1OfUrn(SHA1_URN)!)
    expect(decodeOne(0x80, '<0000>', '<00>', h)).toMatchObject({ urns: [SHA1_URN], ggep: [] })
  })
})
