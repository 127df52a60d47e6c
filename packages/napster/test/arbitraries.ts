/** Messages as they can be made, and streams as they can go wrong. */
import fc from 'fast-check'
import { BATCH_FILES_MAX } from '../src/constants.ts'
import { FORMATS, type TextName } from '../src/formats.ts'
import type { ExtensionMessage, NapsterMessage, PlainSearchMessage, TextMessage } from '../src/messages.ts'
import { EXTENSION_CODES } from '../src/wire-extension.ts'

const letters = fc.string({ unit: 'grapheme', maxLength: 24 })
/** What the published grammar can carry: no quote, no control character. */
const name = letters.map(text => text.replace(/["\p{Cc}]/gu, ''))
const word = letters.map(text => text.replace(/[" \p{Cc}]/gu, '') || 'x')
const line = letters.map(text => text.replace(/\p{Cc}/gu, ''))
const number = fc.oneof(fc.nat(), fc.integer({ min: 0, max: 999_999_999_999_999 }))
const KINDS = { word, name, rest: line, number, 'number?': number, 'word?': word } as const

/** Formats with optional fields come with none of them, with some, and with all. */
function text(type: TextName): fc.Arbitrary<TextMessage> {
  const fields = Object.entries<keyof typeof KINDS>(FORMATS[type].fields)
  const required = fields.filter(([, kind]) => !kind.endsWith('?')).length
  return fc
    .integer({ min: required, max: fields.length })
    .chain(count =>
      fc.record(Object.fromEntries(fields.slice(0, count).map(([field, kind]) => [field, KINDS[kind]])))
    )
    .map(values => ({ type, ...values }) as unknown as TextMessage)
    .filter(message => !(message.type === 'motd' && message.text === ''))
}

export const textMessage = fc.constantFrom(...(Object.keys(FORMATS) as TextName[])).chain(text)

const compared = fc.record({
  compare: fc.constantFrom('AT LEAST' as const, 'AT BEST' as const, 'EQUAL TO' as const),
  value: fc.nat({ max: 999_999_999 })
})
export const plainSearch: fc.Arbitrary<PlainSearchMessage> = fc.record(
  {
    type: fc.constant('search' as const),
    contains: fc.array(name, { maxLength: 4 }),
    limit: fc.nat({ max: 1000 }),
    link: compared,
    bitrate: compared,
    frequency: compared,
    localOnly: fc.constant(true as const)
  },
  { requiredKeys: ['type', 'contains'] }
)

const bytes = (maxLength: number) => fc.uint8Array({ maxLength })
const u8 = fc.nat({ max: 255 })
const u32 = fc.nat({ max: 0xffff_ffff })
const id = fc.uint8Array({ minLength: 16, maxLength: 16 })
const peerId = fc.uint8Array({ minLength: 3, maxLength: 42 })
const contact = fc.record({ id: peerId, addresses: fc.array(bytes(30), { maxLength: 8 }) })
const short = fc.string({ unit: 'grapheme', maxLength: 20 })
/** What an index takes for a word. */
const token = short.map(text => text.replace(/[\s\p{Cc}]/gu, '') || 'x')
const bounds = fc.record(
  { min: fc.maxSafeNat().filter(value => value < Number.MAX_SAFE_INTEGER), max: fc.nat() },
  { requiredKeys: [] }
)
const wanted = fc.record(
  {
    words: fc.array(token, { minLength: 1, maxLength: 32 }),
    without: fc.array(token, { maxLength: 32 }),
    mediaType: short,
    size: bounds,
    link: bounds,
    bitrate: bounds,
    content: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    limit: fc.integer({ min: 1, max: 1000 })
  },
  { requiredKeys: ['words', 'without', 'mediaType', 'size', 'link', 'bitrate', 'limit'] }
)
const found = fc.record({
  nick: short,
  link: fc.nat({ max: 10 }),
  firewalled: fc.boolean(),
  contact,
  entry: bytes(200)
})
const servers = fc.array(peerId, { maxLength: 16 })

type Bodies = { [M in ExtensionMessage as M['type']]: fc.Arbitrary<Omit<M, 'type'>> }
const BODIES: Bodies = {
  hello: fc.record({
    version: u8,
    server: fc.boolean(),
    agent: short,
    addresses: fc.array(bytes(30), { maxLength: 8 }),
    servers: fc.array(contact, { maxLength: 16 })
  }),
  'share-records': fc.record({
    batch: u32,
    files: fc.array(fc.record({ index: u32, record: bytes(100) }), { maxLength: 64 })
  }),
  'unshare-records': fc.record({ batch: u32, indexes: fc.array(u32, { maxLength: 64 }) }),
  'share-ack': fc.record({
    batch: u32,
    refused: fc
      .uniqueArray(
        fc.record({
          place: fc.nat({ max: BATCH_FILES_MAX - 1 }),
          reason: fc.constantFrom('later' as const, 'unsound' as const, 'full' as const)
        }),
        { maxLength: BATCH_FILES_MAX, selector: ({ place }) => place }
      )
      .map(refused => refused.sort((a, b) => a.place - b.place))
  }),
  'announce-again': fc.record({}),
  find: fc.record({ query: u32, wanted }),
  found: fc.record({ query: u32, hops: u8, found }),
  'found-end': fc.record({ query: u32, unanswered: servers, reason: short }),
  'browse-page': fc.record({ query: u32, user: short, after: line }),
  'browse-page-end': fc.record({ query: u32, next: line, reason: short }),
  relay: fc.record({
    kind: fc.constantFrom('ping' as const, 'pong' as const, 'call' as const),
    ttl: u8,
    to: peerId,
    from: contact,
    token: id,
    index: u32
  }),
  'mesh-find': fc.record({ id, ttl: u8, waitMs: fc.nat({ max: 0xffff }), asked: servers, wanted }),
  'mesh-found': fc.record({ id, hops: u8, found }),
  'mesh-end': fc.record({ id, unanswered: servers })
}

export const extension = fc
  .constantFrom(...(Object.keys(EXTENSION_CODES) as ExtensionMessage['type'][]))
  .chain(type => (BODIES[type] as fc.Arbitrary<object>).map(body => ({ type, ...body }) as ExtensionMessage))

export const message: fc.Arbitrary<NapsterMessage> = fc.oneof(textMessage, plainSearch, extension)

export const cuts = fc.array(fc.nat({ max: 3000 }), { maxLength: 8 })

/** The bytes in pieces, cut at these places. */
export function cutUp(whole: Uint8Array, at: readonly number[]): Uint8Array[] {
  const places = [...new Set([0, ...at.map(place => place % (whole.length + 1)), whole.length])]
  places.sort((a, b) => a - b)
  return places.slice(1).map((place, index) => whole.subarray(places[index], place))
}

export const mutation = fc.record({
  at: fc.nat({ max: 5000 }),
  kind: fc.constantFrom('set' as const, 'drop' as const, 'repeat' as const),
  value: u8
})

export function mutate(whole: Uint8Array, mutations: readonly { at: number; kind: string; value: number }[]) {
  let broken = Array.from(whole)
  for (const { at, kind, value } of mutations) {
    const place = broken.length === 0 ? 0 : at % broken.length
    if (kind === 'set') broken[place] = value
    else if (kind === 'drop') broken.splice(place, 1 + (value % 8))
    else broken = [...broken.slice(0, place), ...broken.slice(Math.max(0, place - (value % 16)))]
  }
  return Uint8Array.from(broken)
}
