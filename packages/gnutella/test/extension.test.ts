/** Our extensions, the size of large files, and the names of contents. */
import {
  ABRIDGED_RECORD_BYTES_MAX,
  ADDRESS_BYTES_MAX,
  CONTACT_ADDRESSES_MAX,
  PEER_ID_BYTES_MAX,
  SEALED_RECORD_BYTES_MAX
} from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import { LARGE_FILE_BYTES_MAX } from '../src/constants.ts'
import { joinExtensions, sortExtensions } from '../src/extension.ts'
import { encodeCobs } from '../src/ggep.ts'
import { cidOfUrn, sha1OfUrn, urnOfCid } from '../src/huge.ts'
import type { GgepExtension, HitResult, PongMessage, PushMessage, QueryHitMessage } from '../src/messages.ts'
import { PUSH_PROXIES_MAX } from '../src/tier-constants.ts'
import { ADDRESS, bytesOf, decodeOne, ED25519_ID, encode, GUID, roundTrip } from './bytes-of.ts'

const header = { guid: GUID, ttl: 7, hops: 0 }
const contact = { id: ED25519_ID, addresses: [ADDRESS, ADDRESS] }
const pong: PongMessage = {
  type: 'pong',
  ...header,
  ipv4: 0,
  port: 0,
  files: 3,
  kibibytes: 8,
  contact,
  ggep: [{ id: 'UP', data: bytesOf('<010203>') }]
}
const push: PushMessage = {
  type: 'push',
  ...header,
  servent: GUID,
  index: 4,
  ipv4: 0,
  port: 0,
  contact,
  nonce: new Uint8Array(16).fill(9),
  ggep: []
}
const result: HitResult = { index: 1, size: 2, name: 'a', urns: [], ggep: [] }
const hit: QueryHitMessage = {
  type: 'query-hit',
  ...header,
  ipv4: 0,
  port: 0,
  speed: 0,
  results: [],
  vendor: 'SVNT',
  flags: {},
  contact,
  ggep: [],
  servent: GUID
}
const limited = (limit: string) => expect.objectContaining({ name: 'LimitError', limit })
const malformed = (reason: string) => expect.objectContaining({ type: 'malformed', reason })

/** A block of extensions, each of less than 64 bytes. */
function block(...extensions: readonly [string, Uint8Array][]): Uint8Array {
  return bytesOf(
    '<c3>',
    ...extensions.flatMap(([id, data], at) => [
      Uint8Array.of((at === extensions.length - 1 ? 0x80 : 0) | id.length),
      id,
      Uint8Array.of(0x40 | data.length),
      data
    ])
  )
}
const pongWith = (...extensions: readonly [string, Uint8Array][]) =>
  decodeOne(0x01, new Uint8Array(14), block(...extensions))
const hitWith = (...extensions: readonly [string, Uint8Array][]) =>
  decodeOne(
    0x81,
    '<01>',
    new Uint8Array(10),
    '<01000000 02000000>',
    'a',
    '<00>',
    block(...extensions),
    '<00>',
    `<${GUID}>`
  )

describe('a contact', () => {
  it('goes with a Pong, a Push and a hit', () => {
    for (const message of [pong, push, hit]) expect(roundTrip(message)).toEqual(message)
  })

  it('is the PeerId after its length, then addresses after theirs', () => {
    expect(encode({ ...pong, ggep: [] }).subarray(23 + 14)).toEqual(
      bytesOf('<c3 86>', 'SVNT.C', '<7b>', '<26>', ED25519_ID, '<0800>', ADDRESS, '<0800>', ADDRESS)
    )
  })

  it('may have the hash of a key, and no addresses', () => {
    const hashed = { id: bytesOf('<12 20>', new Uint8Array(32).fill(1)), addresses: [] }
    expect(roundTrip({ ...pong, contact: hashed })).toEqual({ ...pong, contact: hashed })
  })

  it('has a PeerId of so many bytes', () => {
    const id = (length: number) => bytesOf(Uint8Array.of(0, length - 2), new Uint8Array(length - 2))
    expect(roundTrip({ ...pong, contact: { id: id(PEER_ID_BYTES_MAX), addresses: [] } })).toMatchObject({
      contact: { id: id(PEER_ID_BYTES_MAX) }
    })
    expect(() => encode({ ...pong, contact: { id: id(PEER_ID_BYTES_MAX + 1), addresses: [] } })).toThrow(
      limited('PEER_ID_BYTES_MAX')
    )
    expect(pongWith(['SVNT.C', bytesOf('<2b>', id(PEER_ID_BYTES_MAX + 1))])).toEqual(
      malformed('a contact has no PeerId')
    )
  })

  it.each([
    ['no bytes', '<>', 'it ends too early'],
    ['no PeerId', '<00>', 'a contact has no PeerId'],
    ['a PeerId without a key', '<02 00 00>', 'a contact has no PeerId'],
    ['a PeerId whose length is wrong', '<04 00 01 00 00>', 'a contact has no PeerId'],
    ['a hash that is no SHA-256', '<04 13 02 00 00>', 'a contact has no PeerId'],
    ['a SHA-256 that is cut', '<04 12 02 00 00>', 'a contact has no PeerId'],
    ['an address of no bytes', '<04 00 02 00 00 00 00>', 'an address of a contact has no fit length'],
    ['an address past its end', '<04 00 02 00 00 02 00 01>', 'it ends too early']
  ])('with %s is malformed', (_, data, reason) => {
    expect(pongWith(['SVNT.C', bytesOf(data)])).toEqual(malformed(reason))
  })

  it('has so many addresses of so many bytes', () => {
    const addressed = (count: number, length: number) => ({
      ...push,
      contact: { id: ED25519_ID, addresses: Array.from({ length: count }, () => new Uint8Array(length)) }
    })
    expect(roundTrip(addressed(CONTACT_ADDRESSES_MAX, ADDRESS_BYTES_MAX))).toEqual(
      addressed(CONTACT_ADDRESSES_MAX, ADDRESS_BYTES_MAX)
    )
    expect(() => encode(addressed(CONTACT_ADDRESSES_MAX + 1, 1))).toThrow(limited('CONTACT_ADDRESSES_MAX'))
    expect(() => encode(addressed(1, ADDRESS_BYTES_MAX + 1))).toThrow(limited('ADDRESS_BYTES_MAX'))
    expect(() => encode(addressed(1, 0))).toThrow(limited('ADDRESS_BYTES_MAX'))
    const nine = Array.from({ length: CONTACT_ADDRESSES_MAX + 1 }, () => '<0100 07>')
    expect(pongWith(['SVNT.C', bytesOf('<04 00 02 00 00>', ...nine)])).toEqual(
      malformed('a contact has over 8 addresses')
    )
    // 263 bytes: 84 47.
    const long = bytesOf(
      '<c3 86>',
      'SVNT.C',
      '<84 48>',
      '<04 00 02 00 00>',
      '<0101>',
      new Uint8Array(ADDRESS_BYTES_MAX + 1)
    )
    expect(decodeOne(0x01, new Uint8Array(14), long)).toEqual(
      malformed('an address of a contact has no fit length')
    )
  })

  it('comes once', () => {
    const data = bytesOf('<04 00 02 00 00>')
    expect(pongWith(['SVNT.C', data], ['SVNT.C', data])).toEqual(
      malformed('the GGEP extension SVNT.C comes twice')
    )
  })

  it('is an extension as any other where it has no place, or is compressed', () => {
    const data = bytesOf('<07>')
    expect(hitWith(['SVNT.C', data])).toMatchObject({ results: [{ ggep: [{ id: 'SVNT.C', data }] }] })
    expect(decodeOne(0x01, new Uint8Array(14), '<c3 a6>', 'SVNT.C', '<41 07>')).toMatchObject({
      ggep: [{ id: 'SVNT.C', data, deflated: true }]
    })
  })
})

describe('an abridged record', () => {
  const abridgedOf = (length: number) => ({
    ...hit,
    results: [{ ...result, abridged: new Uint8Array(length).fill(length) }]
  })

  it('goes with a result, with zeros or without', () => {
    for (const length of [1, 114, 256]) expect(roundTrip(abridgedOf(length))).toEqual(abridgedOf(length))
  })

  it('has so many bytes', () => {
    expect(roundTrip(abridgedOf(ABRIDGED_RECORD_BYTES_MAX))).toEqual(abridgedOf(ABRIDGED_RECORD_BYTES_MAX))
    for (const length of [0, ABRIDGED_RECORD_BYTES_MAX + 1])
      expect(() => encode(abridgedOf(length))).toThrow(limited('ABRIDGED_RECORD_BYTES_MAX'))
    expect(hitWith(['SVNT.A', bytesOf()])).toEqual(malformed('an abridged record has 1 to 4064 bytes'))
    const long = encode({
      ...hit,
      results: [
        { ...result, ggep: [{ id: 'SVNT.A', data: new Uint8Array(ABRIDGED_RECORD_BYTES_MAX + 1).fill(1) }] }
      ]
    })
    expect(decodeOne(0x81, long.subarray(23))).toEqual(malformed('an abridged record has 1 to 4064 bytes'))
  })

  it('comes once', () => {
    expect(hitWith(['SVNT.A', bytesOf('<01>')], ['SVNT.A', bytesOf('<02>')])).toEqual(
      malformed('the GGEP extension SVNT.A comes twice')
    )
  })
})

describe('a sealed record', () => {
  const sealed = (length: number) => ({
    ...hit,
    results: [
      { ...result, record: new Uint8Array(length) },
      { ...result, record: bytesOf('<01>') }
    ]
  })

  it('goes with each result, zeros and all, up to its bound', () => {
    expect(roundTrip(sealed(SEALED_RECORD_BYTES_MAX))).toEqual(sealed(SEALED_RECORD_BYTES_MAX))
    expect(() => encode(sealed(SEALED_RECORD_BYTES_MAX + 1))).toThrow(limited('SEALED_RECORD_BYTES_MAX'))
    expect(() => encode(sealed(0))).toThrow(limited('SEALED_RECORD_BYTES_MAX'))
  })

  it('is malformed with no bytes or one too many', () => {
    expect(hitWith(['SVNT.R', bytesOf()])).toEqual(malformed('a sealed record has 1 to 4352 bytes'))
    // 4,353 bytes: 81 84 41.
    const long = bytesOf(
      '<c3 86>',
      'SVNT.R',
      '<81 84 41>',
      new Uint8Array(SEALED_RECORD_BYTES_MAX + 1).fill(1)
    )
    expect(
      decodeOne(
        0x81,
        '<01>',
        new Uint8Array(10),
        '<01000000 02000000>',
        'a',
        '<00>',
        long,
        '<00>',
        `<${GUID}>`
      )
    ).toEqual(malformed('a sealed record has 1 to 4352 bytes'))
  })
})

describe('a nonce', () => {
  it('has 16 bytes', () => {
    for (const length of [15, 17]) {
      expect(() => encode({ ...push, nonce: new Uint8Array(length) })).toThrow(limited('PUSH_NONCE_BYTES'))
      expect(decodeOne(0x40, new Uint8Array(26), block(['SVNT.N', new Uint8Array(length)]))).toEqual(
        malformed('a nonce has 16 bytes')
      )
    }
  })
})

describe('the size of a file', () => {
  const sized = (size: number) => ({ ...hit, results: [{ ...result, size }] })

  it.each([0, 1, 0xffff_fffe, 0xffff_ffff, 0x1_0000_0000, 2 ** 42, Number.MAX_SAFE_INTEGER])('%i', size => {
    expect(roundTrip(sized(size))).toEqual(sized(size))
  })

  it('goes in LF from 4 GiB less one on', () => {
    const length = (size: number) => encode(sized(size)).length
    expect(length(0xffff_ffff) - length(0xffff_fffe)).toBe(1 + 1 + 2 + 1 + 4)
  })

  it.each([
    ['of no bytes', '<>'],
    ['of one byte over LARGE_FILE_BYTES_MAX', `<${'01'.repeat(LARGE_FILE_BYTES_MAX + 1)}>`],
    ['beyond what is counted exactly', '<01 01 01 01 01 01 20>']
  ])('%s is malformed', (_, data) => {
    expect(hitWith(['LF', bytesOf(data)])).toEqual(malformed('the size of a large file is wrong'))
  })

  it('may have LARGE_FILE_BYTES_MAX bytes, as some write it', () => {
    expect(bytesOf('<0000000001000000>')).toHaveLength(LARGE_FILE_BYTES_MAX)
    const eight = encodeCobs(bytesOf('<0000000001000000>'))
    const area = bytesOf('<c3 c2>', 'LF', Uint8Array.of(0x40 | eight.length), eight)
    expect(
      decodeOne(
        0x81,
        '<01>',
        new Uint8Array(10),
        '<01000000 ffffffff>',
        'a',
        '<00>',
        area,
        '<00>',
        `<${GUID}>`
      )
    ).toMatchObject({ results: [{ size: 2 ** 32 }] })
  })

  it('in LF counts more than the field', () => {
    expect(hitWith(['LF', bytesOf('<05>')])).toMatchObject({ results: [{ size: 5, ggep: [] }] })
  })
})

describe('names of contents', () => {
  const cid = 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'

  it('urn:cid: stands beside urn:sha1: in queries and results', () => {
    const urns = ['urn:sha1:PLSTHIPQGSSZTS5FJUPAKUZWUGYQYPFB', urnOfCid(cid)]
    expect(urnOfCid(cid)).toBe(`urn:cid:${cid}`)
    expect(
      roundTrip({ ...hit, results: [{ ...result, urns, ggep: [{ id: 'CT', data: bytesOf('<0010>') }] }] })
    ).toMatchObject({ results: [{ urns, ggep: [{ id: 'CT', data: bytesOf('<0010>') }] }] })
    expect(urns.map(cidOfUrn)).toEqual([undefined, cid])
    expect(cidOfUrn(`URN:CID:${cid}`)).toBe(cid)
  })

  it('other names than SHA-1 and bitprint give no SHA-1', () => {
    for (const urn of [
      'urn:',
      'urn:sha1:',
      'urn:sha1:0LSTHIPQGSSZTS5FJUPAKUZWUGYQYPFB',
      urnOfCid(cid),
      'urn:bitprint:PLSTHIPQGSSZTS5FJUPAKUZWUGYQYPFB'
    ]) {
      expect(sha1OfUrn(urn)).toBeUndefined()
    }
  })

  const SHA1 = new Uint8Array(20).fill(0xff)
  it.each([
    ['H of a SHA-1', 'H', bytesOf('<01>', SHA1), ['urn:sha1:77777777777777777777777777777777']],
    [
      'H of a bitprint',
      'H',
      bytesOf('<02>', SHA1, new Uint8Array(24).fill(1)),
      ['urn:sha1:77777777777777777777777777777777']
    ],
    ['H of another hash', 'H', bytesOf('<03>', SHA1), []],
    ['H that is cut', 'H', bytesOf('<01>', SHA1.subarray(1)), []],
    ['u that would begin another text', 'u', bytesOf('sha1:', '<1c>'), []]
  ])('%s', (_, id, data, urns) => {
    expect(hitWith([id, data])).toMatchObject({
      results: [{ urns, ggep: urns.length === 0 ? [{ id, data }] : [] }]
    })
  })

  it('a compressed u stays as it is', () => {
    expect(decodeOne(0x80, '<0000 00>', '<c3 a1>', 'u', '<41 07>')).toMatchObject({
      urns: [],
      ggep: [{ id: 'u', deflated: true }]
    })
  })

  it('the same name as text and in GGEP is one', () => {
    expect(
      decodeOne(
        0x80,
        '<0000 00>',
        'urn:sha1:77777777777777777777777777777777',
        '<1c>',
        block(['H', bytesOf('<01>', SHA1)])
      )
    ).toMatchObject({
      urns: ['urn:sha1:77777777777777777777777777777777'],
      ggep: []
    })
  })
})

describe('push proxies', () => {
  const proxies = (count: number) => Array.from({ length: count }, (_, index) => testContact(index + 1))

  it('are at most PUSH_PROXIES_MAX, and at least one', () => {
    const most = joinExtensions({ proxies: proxies(PUSH_PROXIES_MAX), ggep: [] })
    expect(sortExtensions(most, ['proxies']).proxies).toEqual(proxies(PUSH_PROXIES_MAX))
    expect(() => joinExtensions({ proxies: proxies(PUSH_PROXIES_MAX + 1), ggep: [] })).toThrow('1 to 4')
    expect(() => joinExtensions({ proxies: [], ggep: [] })).toThrow('1 to 4')
    const [{ id, data }] = joinExtensions({ proxies: proxies(1), ggep: [] }) as [GgepExtension]
    const many = Uint8Array.from(Array.from({ length: PUSH_PROXIES_MAX + 1 }, () => [...data]).flat())
    expect(() => sortExtensions([{ id, data: many }], ['proxies'])).toThrow('over 4 push proxies')
    expect(() => sortExtensions([{ id, data: new Uint8Array(0) }], ['proxies'])).toThrow('too early')
  })
})
