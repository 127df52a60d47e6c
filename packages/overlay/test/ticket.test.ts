import * as dagCbor from '@ipld/dag-cbor'
import {
  BLOCK_BYTES,
  CONTACT_ADDRESSES_MAX,
  ContentId,
  decodeTicket,
  encodeTicket,
  peerIdBytes,
  TICKET_ADDRESS_CHARACTERS_MAX,
  TICKET_CHARACTERS_MAX,
  TICKET_PROVIDERS_MAX,
  type Ticket
} from '@servent/overlay/machine'
import fc from 'fast-check'
import { base32 } from 'multiformats/bases/base32'
import { describe, expect, test } from 'vitest'
import { sha256 } from './trees.ts'

const refusal = expect.objectContaining({ name: 'TicketError' })
const ROOT = sha256(new Uint8Array([1]))
const PEER = '12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA'
const RSA_PEER = 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N'

const TICKET: Ticket = {
  id: ContentId.fromRoot(ROOT, 5_000_000),
  size: 5_000_000,
  name: 'So What.flac',
  providers: [
    { peerId: PEER, addresses: ['/ip4/192.0.2.1/tcp/6346', '/ip6/2001:db8::1/tcp/6346'] },
    { peerId: RSA_PEER, addresses: [] }
  ]
}

/** A text with a right checksum and anything in it. */
function ticketOf(value: unknown): string {
  const body = dagCbor.encode(value)
  return `servent1${base32.baseEncode(Buffer.concat([body, sha256(body).subarray(0, 4)]))}`
}

const FIELDS = [
  TICKET.id.bytes,
  5_000_000,
  'a name',
  [[peerIdBytes(PEER), ['/ip4/192.0.2.1/tcp/1']]]
] as const

test('a ticket gives back what it was made of', () => {
  expect(decodeTicket(encodeTicket(TICKET))).toEqual(TICKET)
  expect(decodeTicket(encodeTicket({ ...TICKET, providers: [] }))).toEqual({ ...TICKET, providers: [] })
})

test('the form of a ticket stays what it is', () => {
  const small = {
    id: ContentId.fromRoot(sha256(new Uint8Array()), 0),
    size: 0,
    name: 'empty',
    providers: [{ peerId: PEER, addresses: [] }]
  }
  expect(encodeTicket(small)).toBe(
    'servent1qrmciakvciqohmgeikmpyhautl57jsezn64sij5oihsgjg4tjssjlgi3pbjlqviamvsw24dupgayewbgaasaqaiseax7unnjtu5dz65rpo34dxcvmgyyvdomutptrxdbh2uftq36wezwxab6zoaiu'
  )
})

test('a ticket is one word of letters and digits, and reads in capitals and between spaces', () => {
  const text = encodeTicket(TICKET)
  expect(text).toMatch(/^servent1[a-z2-7]+$/)
  expect(decodeTicket(` ${text.toUpperCase()}\n`)).toEqual(TICKET)
})

describe('what is no ticket', () => {
  test('is refused with a sentence', () => {
    for (const text of [
      '',
      'hello',
      'servent',
      'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku',
      'servent2aaaa'
    ]) {
      expect(() => decodeTicket(text)).toThrow(/begins otherwise/)
    }
    expect(() => decodeTicket('servent1')).toThrow(/cut off/)
    expect(() => decodeTicket('servent1aaaa')).toThrow(/cut off/)
    expect(() => decodeTicket('servent1!!!!')).toThrow(/characters that no ticket has/)
  })

  test('cut off anywhere, or with one character changed, it is told to be copied again', () => {
    const text = encodeTicket(TICKET)
    for (let length = 0; length < text.length; length += 1)
      expect(() => decodeTicket(text.slice(0, length))).toThrow(refusal)
    for (let at = 8; at < text.length; at += 1) {
      const other = text[at] === 'a' ? 'b' : 'a'
      expect(() => decodeTicket(text.slice(0, at) + other + text.slice(at + 1)), `character ${at}`).toThrow(
        refusal
      )
    }
  })

  test('any text gives a ticket or a TicketError', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.uint8Array().map(bytes => `servent1${base32.baseEncode(bytes)}`),
          fc.anything().map(some => safely(() => ticketOf(some)))
        ),
        text => {
          expect(() => decodeTicket(text)).toThrow(refusal)
        }
      ),
      { numRuns: 200 }
    )
  })

  test.each<[string, unknown]>([
    ['no CBOR behind it', undefined],
    ['no list', { id: 1 }],
    ['a list of another length', FIELDS.slice(0, 3)],
    ['an id that is no CID', [new Uint8Array(36), ...FIELDS.slice(1)]],
    ['an id in text', [TICKET.id.toString(), ...FIELDS.slice(1)]],
    ['a size in text', [FIELDS[0], '5', ...FIELDS.slice(2)]],
    ['a name that is no text', [FIELDS[0], FIELDS[1], 7, FIELDS[3]]],
    ['providers that are no list', [...FIELDS.slice(0, 3), 'all']],
    ['a provider that is no list', [...FIELDS.slice(0, 3), [PEER]]],
    ['a provider in text', [...FIELDS.slice(0, 3), [[PEER, []]]]],
    ['a provider that is no PeerId', [...FIELDS.slice(0, 3), [[new Uint8Array(38), []]]]],
    ['addresses that are no list', [...FIELDS.slice(0, 3), [[peerIdBytes(PEER), '/ip4/1.2.3.4']]]],
    ['an address that is no text', [...FIELDS.slice(0, 3), [[peerIdBytes(PEER), [4]]]]]
  ])('%s is refused', (_, value) => {
    const text =
      value === undefined
        ? `servent1${base32.baseEncode(Buffer.concat([[0xff], sha256(Uint8Array.of(0xff)).subarray(0, 4)].map(part => Uint8Array.from(part))))}`
        : ticketOf(value)
    expect(() => decodeTicket(text)).toThrow(refusal)
  })
})

describe('limits', () => {
  const accepted = (changed: Partial<Ticket>) =>
    expect(decodeTicket(encodeTicket({ ...TICKET, ...changed }))).toEqual({ ...TICKET, ...changed })
  const refused = (changed: Partial<Ticket>) =>
    expect(() => encodeTicket({ ...TICKET, ...changed })).toThrow(refusal)
  const provider = (...addresses: string[]) => ({ providers: [{ peerId: PEER, addresses }] })

  test('the size rule: the 64-byte twin of a larger file is refused, written and read', () => {
    accepted({ size: BLOCK_BYTES + 1 })
    refused({ size: BLOCK_BYTES })
    refused({ size: 64 })
    expect(() => decodeTicket(ticketOf([FIELDS[0], 64, ...FIELDS.slice(2)]))).toThrow(/two halves/)
    expect(() => decodeTicket(ticketOf([FIELDS[0], BLOCK_BYTES + 1, ...FIELDS.slice(2)]))).not.toThrow()
  })

  test('the name is one of a file and no path', () => {
    accepted({ name: 'x'.repeat(255) })
    for (const name of ['', '..', 'a/b', 'a\\b', 'a\0b', '\ud800', 'x'.repeat(256)]) refused({ name })
    expect(() => decodeTicket(ticketOf([FIELDS[0], FIELDS[1], '../x', FIELDS[3]]))).toThrow(refusal)
  })

  test('TICKET_PROVIDERS_MAX', () => {
    const providers = (count: number) =>
      Array.from({ length: count }, () => ({ peerId: PEER, addresses: [] }))
    accepted({ providers: providers(TICKET_PROVIDERS_MAX) })
    refused({ providers: providers(TICKET_PROVIDERS_MAX + 1) })
    const written = (count: number) =>
      ticketOf([...FIELDS.slice(0, 3), Array.from({ length: count }, () => [peerIdBytes(PEER), []])])
    expect(() => decodeTicket(written(TICKET_PROVIDERS_MAX))).not.toThrow()
    expect(() => decodeTicket(written(TICKET_PROVIDERS_MAX + 1))).toThrow(refusal)
  })

  test('CONTACT_ADDRESSES_MAX', () => {
    const addresses = (count: number) =>
      Array.from({ length: count }, (_, index) => `/ip4/192.0.2.${index}/tcp/1`)
    accepted(provider(...addresses(CONTACT_ADDRESSES_MAX)))
    refused(provider(...addresses(CONTACT_ADDRESSES_MAX + 1)))
  })

  test('TICKET_ADDRESS_CHARACTERS_MAX, and what an address looks like', () => {
    accepted(provider('/'.padEnd(TICKET_ADDRESS_CHARACTERS_MAX, 'x')))
    refused(provider('/'.padEnd(TICKET_ADDRESS_CHARACTERS_MAX + 1, 'x')))
    for (const address of ['', '/', 'ip4/1.2.3.4', '/ip4/1.2.3.4 /tcp/1', '/dns4/ä', '/a\n'])
      refused(provider(address))
  })

  test('TICKET_CHARACTERS_MAX, written and read', () => {
    const long = Array.from({ length: 8 }, () => '/'.padEnd(512, 'x'))
    expect(encodeTicket({ ...TICKET, ...provider(...long) }).length).toBeLessThanOrEqual(
      TICKET_CHARACTERS_MAX
    )
    refused({ providers: [1, 2].map(() => ({ peerId: PEER, addresses: long })) })
    expect(() => decodeTicket('servent1'.padEnd(TICKET_CHARACTERS_MAX, 'a'))).toThrow(/cut off/)
    expect(() => decodeTicket('servent1'.padEnd(TICKET_CHARACTERS_MAX + 1, 'a'))).toThrow(/too long/)
    expect(() => decodeTicket('servent1'.padEnd(2 * TICKET_CHARACTERS_MAX + 1, ' '))).toThrow(/too long/)
  })

  test('a provider that is no PeerId', () => {
    refused({ providers: [{ peerId: 'nobody', addresses: [] }] })
  })
})

function safely(make: () => string): string {
  try {
    return make()
  } catch {
    return ''
  }
}
