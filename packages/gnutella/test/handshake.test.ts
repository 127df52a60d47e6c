/** The handshake's text: what is understood, what is refused, and each bound at its limit and one past it. */
import { describe, expect, it } from 'vitest'
import { HANDSHAKE_BYTES_MAX, HANDSHAKE_HEADERS_MAX, HANDSHAKE_LINE_BYTES_MAX } from '../src/constants.ts'
import { gnutellaCodec } from '../src/wire.ts'
import { bytesOf, decodeAll, encode } from './bytes-of.ts'

/** What a responder reads of a first step. */
const read = (...lines: string[]) =>
  decodeAll(gnutellaCodec.open('responder'), bytesOf(`${lines.join('\r\n')}\r\n\r\n`))[0]
const readStatus = (line: string) => decodeAll(gnutellaCodec.open('initiator'), bytesOf(`${line}\r\n\r\n`))[0]
const CONNECT = 'GNUTELLA CONNECT/0.6'

describe('the handshake is understood', () => {
  it('with bare LF at the ends of lines', () => {
    expect(decodeAll(gnutellaCodec.open('responder'), bytesOf('GNUTELLA CONNECT/0.6\nA: b\n\n'))).toEqual([
      { type: 'connect', headers: { a: 'b' } }
    ])
  })

  it('with names in any case, and spaces where some put them', () => {
    expect(read(CONNECT, 'x-ULTRApeer:TRUE', 'GGEP : 0.5', 'Empty:', '\tgoes on')).toEqual({
      type: 'connect',
      headers: { 'x-ultrapeer': 'TRUE', ggep: '0.5', empty: 'goes on' }
    })
  })

  it('with names that every object has, which stay texts', () => {
    const message = read(CONNECT, '__proto__: a', 'constructor: b')
    const headers = message?.type === 'connect' ? message.headers : {}
    expect(Object.entries(headers)).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b']
    ])
    expect(headers['toString' as string]).toBeUndefined()
  })

  it('with values in other character sets', () => {
    expect(read(CONNECT, 'A: Käse\u2028ß')).toEqual({ type: 'connect', headers: { a: 'Käse\u2028ß' } })
    expect(
      decodeAll(gnutellaCodec.open('responder'), bytesOf(CONNECT, '\r\nA: K', '<e4>', 'se\r\n\r\n'))
    ).toEqual([{ type: 'connect', headers: { a: 'K\ufffdse' } }])
  })

  it.each([
    ['GNUTELLA/0.6 200 OK', 200, 'OK'],
    ['GNUTELLA/0.6 200', 200, ''],
    ['GNUTELLA/1.0 503 Too many  connections ', 503, 'Too many  connections']
  ])('%s', (line, status, reason) => {
    expect(readStatus(line)).toEqual({ type: 'status', status, reason, headers: {} })
  })

  it('for higher versions, as 0.6', () => {
    expect(read('GNUTELLA CONNECT/1.0 ')).toEqual({ type: 'connect', headers: {} })
  })
})

describe('the handshake is refused', () => {
  it.each([
    ['of 0.4', ['GNUTELLA CONNECT/0.4'], 'Gnutella 0.4 is not spoken here'],
    ['of something else', ['GET / HTTP/1.1'], 'does not begin as one of Gnutella does'],
    ['that begins with a blank line', [''], 'does not begin as one of Gnutella does'],
    ['with a line that is no header', [CONNECT, 'no header'], 'is no header'],
    ['with a name that holds a space', [CONNECT, 'no header: a'], 'is no header'],
    ['with a name of no letters', [CONNECT, ': a'], 'is no header'],
    ['with a control character', [CONNECT, 'a: \x07'], 'control character'],
    ['with a CR inside a line', [CONNECT, 'a: b\rc: d'], 'control character'],
    ['that continues nothing', [CONNECT, ' goes on'], 'continues a header that never began']
  ])('%s', (_, lines, why) => {
    expect(() => read(...lines)).toThrow(
      expect.objectContaining({ name: 'MalformedError', message: expect.stringContaining(why) })
    )
  })

  it('when a status has no number', () => {
    expect(() => readStatus('GNUTELLA/0.6 OK')).toThrow('does not begin')
    expect(() => readStatus('GNUTELLA OK')).toThrow('does not begin')
  })
})

describe('bounds of the handshake', () => {
  const name = (length: number) => `A: ${'x'.repeat(length - 'A: \r\n'.length)}`
  const limited = (limit: string) => expect.objectContaining({ name: 'LimitError', limit })

  it('a line has so many bytes, and one more is refused before its end came', () => {
    expect(read(CONNECT, name(HANDSHAKE_LINE_BYTES_MAX))).toMatchObject({ type: 'connect' })
    const link = gnutellaCodec.open('responder')
    link.decode(bytesOf(CONNECT, '\r\n', 'x'.repeat(HANDSHAKE_LINE_BYTES_MAX)), () => {})
    expect(() => link.decode(bytesOf('x'), () => {})).toThrow('at most 2048 bytes')
    const written = { type: 'connect', headers: { a: 'x'.repeat(HANDSHAKE_LINE_BYTES_MAX - 5) } } as const
    expect(encode(written).length).toBe(CONNECT.length + 2 + HANDSHAKE_LINE_BYTES_MAX + 2)
    expect(() => encode({ ...written, headers: { a: `${written.headers.a}x` } })).toThrow(
      limited('HANDSHAKE_LINE_BYTES_MAX')
    )
  })

  it('there are so many headers, repeated ones each counted', () => {
    const lines = (count: number) => Array.from({ length: count }, () => 'A: b')
    expect(read(CONNECT, ...lines(HANDSHAKE_HEADERS_MAX))).toMatchObject({
      headers: { a: Array(HANDSHAKE_HEADERS_MAX).fill('b').join(',') }
    })
    expect(() => read(CONNECT, ...lines(HANDSHAKE_HEADERS_MAX + 1))).toThrow('at most 64 headers')
    const headers = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`a${index}`, 'b']))
    expect(encode({ type: 'connect', headers: headers(HANDSHAKE_HEADERS_MAX) }).length).toBeGreaterThan(0)
    expect(() => encode({ type: 'connect', headers: headers(HANDSHAKE_HEADERS_MAX + 1) })).toThrow(
      limited('HANDSHAKE_HEADERS_MAX')
    )
  })

  it('there are so many bytes in all, and one more is refused at once', () => {
    // Eight lines of 2,040 bytes or less, so that the total is what counts.
    const overhead = bytesOf(CONNECT, '\r\n\r\n').length
    const lines = [
      ...Array.from({ length: 7 }, () => name(2040)),
      name(HANDSHAKE_BYTES_MAX - overhead - 7 * 2040 - 100),
      name(100)
    ]
    expect(read(CONNECT, ...lines)).toMatchObject({ type: 'connect' })
    const link = gnutellaCodec.open('responder')
    link.decode(bytesOf(`${[CONNECT, ...lines].join('\r\n')}\r\n`), () => {})
    expect(link.bufferedBytes).toBe(HANDSHAKE_BYTES_MAX - 2)
    expect(() => link.decode(bytesOf('A:\r'), () => {})).toThrow('at most 16384 bytes')
    const headers = (last: number) =>
      Object.fromEntries([
        ...lines.slice(0, 8).map((line, index) => [String.fromCharCode(97 + index), line.slice(3)]),
        ['z', 'x'.repeat(last)]
      ])
    expect(encode({ type: 'connect', headers: headers(95) })).toHaveLength(HANDSHAKE_BYTES_MAX)
    expect(() => encode({ type: 'connect', headers: headers(96) })).toThrow(limited('HANDSHAKE_BYTES_MAX'))
  })
})

describe('what came in is priced', () => {
  it('even where it could not be sent again: 64 headers of one name make a line of 6,400 bytes', () => {
    const message = read(
      CONNECT,
      ...Array.from({ length: HANDSHAKE_HEADERS_MAX }, () => `A: ${'x'.repeat(99)}`)
    )!
    expect(gnutellaCodec.byteLength(message)).toBe(
      bytesOf(CONNECT, '\r\n', 'A: ', 'x'.repeat(64 * 100 - 1), '\r\n\r\n').length
    )
    expect(() => encode(message)).toThrow(expect.objectContaining({ limit: 'HANDSHAKE_LINE_BYTES_MAX' }))
  })
})

describe('the handshake is written', () => {
  it('with names spelled as published', () => {
    const headers = {
      'x-ultrapeer': 'True',
      'x-max-ttl': '4',
      'listen-ip': '1.2.3.4:6346',
      'remote-ip': '1.2.3.4',
      ggep: '0.5',
      'Bye-Packet': '0.1'
    }
    expect(Buffer.from(encode({ type: 'connect', headers })).toString()).toBe(
      'GNUTELLA CONNECT/0.6\r\nX-Ultrapeer: True\r\nX-Max-TTL: 4\r\nListen-IP: 1.2.3.4:6346\r\nRemote-IP: 1.2.3.4\r\nGGEP: 0.5\r\nBye-Packet: 0.1\r\n\r\n'
    )
  })

  it('so that no value or reason begins a line of its own', () => {
    expect(
      Buffer.from(
        encode({ type: 'status', status: 503, reason: 'Busy\r\nX: y', headers: { a: 'b\r\n\r\n\0c' } })
      ).toString()
    ).toBe('GNUTELLA/0.6 503 Busy  X: y\r\nA: b     c\r\n\r\n')
  })
})
