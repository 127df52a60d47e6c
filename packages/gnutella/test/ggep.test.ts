/** GGEP blocks that break the format, and each bound at its limit and one past it. */
import { describe, expect, it } from 'vitest'
import { GGEP_DATA_BYTES_MAX, GGEP_EXTENSIONS_MAX } from '../src/constants.ts'
import type { GgepExtension } from '../src/messages.ts'
import { bytesOf, decodeOne, encode, frameOf, GUID, roundTrip } from './bytes-of.ts'

const header = { guid: GUID, ttl: 1, hops: 0 }
const pingWith = (...ggep: GgepExtension[]) => ({ type: 'ping', ...header, ggep }) as const
const hitWith = (...ggep: GgepExtension[]) =>
  ({
    type: 'query-hit',
    ...header,
    ipv4: 0,
    port: 0,
    speed: 0,
    results: [{ index: 1, size: 2, name: 'a', urns: [], ggep }],
    vendor: 'GTKG',
    flags: {},
    ggep: [],
    servent: GUID
  }) as const
const malformed = (reason: string) => ({ type: 'malformed', reason })

describe('a GGEP block is refused', () => {
  it.each([
    ['with nothing after its mark', '<c3>', 'it ends too early'],
    ['with no last extension', '<c3 01 41 40>', 'it ends too early'],
    ['with the reserved flag', '<c3 91 41 40>', 'the flags of a GGEP extension are wrong'],
    ['with an id of no bytes', '<c3 80 40>', 'the flags of a GGEP extension are wrong'],
    ['with a zero in an id', '<c3 82 41 00 40>', 'the id of a GGEP extension holds a zero'],
    ['whose id ends after it', '<c3 8f 41>', 'it ends too early'],
    ['whose data end after it', '<c3 81 41 42 00>', 'it ends too early'],
    [
      'with a length chunk that is neither the last nor followed',
      '<c3 81 41 00>',
      'the length of a GGEP extension is wrong'
    ],
    ['with a length chunk that is both', '<c3 81 41 c0>', 'the length of a GGEP extension is wrong'],
    ['with a length of four chunks', '<c3 81 41 80 80 80 40>', 'the length of a GGEP extension is wrong'],
    [
      'with a COBS group of no bytes',
      '<c3 c1 41 42 00 00>',
      'the COBS encoding of a GGEP extension holds a zero'
    ],
    [
      'with a COBS group that ends after it',
      '<c3 c1 41 42 05 01>',
      'the COBS encoding of a GGEP extension ends too early'
    ],
    [
      'with a zero in a COBS group',
      '<c3 c1 41 42 02 00>',
      'the COBS encoding of a GGEP extension holds a zero'
    ]
  ])('%s', (_, block, reason) => {
    expect(decodeOne(0x00, block)).toMatchObject(malformed(reason))
  })
})

describe('a GGEP block is read', () => {
  it('with a length that is not the shortest', () => {
    expect(decodeOne(0x00, '<c3 81 41 80 41 ff>')).toMatchObject({
      ggep: [{ id: 'A', data: bytesOf('<ff>') }]
    })
  })

  it('with COBS where none was needed', () => {
    expect(decodeOne(0x00, '<c3 c1 41 43 01 02 05>')).toMatchObject({
      ggep: [{ id: 'A', data: bytesOf('<00 05>') }]
    })
    expect(decodeOne(0x00, '<c3 c1 41 40>')).toMatchObject({ ggep: [{ id: 'A', data: bytesOf() }] })
  })

  it('with what is compressed left as it is', () => {
    const bomb = { id: 'A', data: bytesOf('<78 9c ed c1 01 00>'), deflated: true } as const
    expect(decodeOne(0x00, '<c3 a1 41 46 78 9c ed c1 01 00>')).toMatchObject({ ggep: [bomb] })
    expect(roundTrip(pingWith(bomb))).toEqual(pingWith(bomb))
    // Between NULs, COBS stands around the compressed bytes.
    expect(roundTrip(hitWith(bomb))).toEqual(hitWith(bomb))
    expect(encode(hitWith(bomb)).subarray(23 + 11 + 10, -23)).toEqual(
      bytesOf('<c3 e1 41 47 06 78 9c ed c1 01 01 00>')
    )
  })
})

describe('bounds of GGEP', () => {
  const many = (count: number) => Array.from({ length: count }, () => ({ id: 'A', data: bytesOf() }))
  const long = (length: number) => ({ id: 'A', data: new Uint8Array(length).fill(0x5a) })
  const zeros = (length: number) => ({ id: 'A', data: new Uint8Array(length) })

  it('a block has so many extensions, and no more', () => {
    expect(roundTrip(pingWith(...many(GGEP_EXTENSIONS_MAX)))).toEqual(pingWith(...many(GGEP_EXTENSIONS_MAX)))
    expect(() => encode(pingWith(...many(GGEP_EXTENSIONS_MAX + 1)))).toThrow(
      expect.objectContaining({ name: 'LimitError', limit: 'GGEP_EXTENSIONS_MAX' })
    )
    const block = bytesOf(
      '<c3>',
      ...Array.from({ length: GGEP_EXTENSIONS_MAX }, () => '<01 41 40>'),
      '<81 41 40>'
    )
    expect(decodeOne(0x00, block)).toMatchObject(malformed('it has over 32 GGEP extensions'))
  })

  it('several blocks have no more together', () => {
    expect(
      decodeOne(0x00, ...Array.from({ length: GGEP_EXTENSIONS_MAX + 1 }, () => '<c3 81 41 40>'))
    ).toMatchObject({ type: 'malformed' })
  })

  it('an extension has so many bytes, in COBS or not, and no more', () => {
    expect(roundTrip(hitWith(long(GGEP_DATA_BYTES_MAX)))).toEqual(hitWith(long(GGEP_DATA_BYTES_MAX)))
    expect(roundTrip(hitWith(zeros(GGEP_DATA_BYTES_MAX)))).toEqual(hitWith(zeros(GGEP_DATA_BYTES_MAX)))
    expect(() => encode(hitWith(long(GGEP_DATA_BYTES_MAX + 1)))).toThrow(
      expect.objectContaining({ name: 'LimitError', limit: 'GGEP_DATA_BYTES_MAX' })
    )
    // 8,193 bytes: 82 80 41.
    const hit = bytesOf(
      '<01 0000 00000000 00000000>',
      '<01000000 02000000>',
      'a',
      '<00>',
      '<c3 81 41 82 80 41>',
      long(GGEP_DATA_BYTES_MAX + 1).data,
      '<00>',
      `<${GUID}>`
    )
    expect(decodeOne(0x81, hit)).toMatchObject(malformed('a GGEP extension has over 8192 bytes'))
  })

  it('an id has 1 to 15 bytes', () => {
    const named = (id: string) => pingWith({ id, data: bytesOf() })
    expect(roundTrip(named('A'.repeat(15)))).toEqual(named('A'.repeat(15)))
    expect(roundTrip(named('\x01\xff'))).toEqual(named('\x01\xff'))
    for (const id of ['', 'A'.repeat(16), 'A\0', 'Ā']) {
      expect(() => encode(named(id))).toThrow(expect.objectContaining({ limit: 'GGEP_ID_BYTES_MAX' }))
    }
  })

  it('a block is never written for no extension', () => {
    expect(encode(pingWith())).toEqual(frameOf(0x00, bytesOf(), { ttl: 1 }))
  })
})
