/** Messages of FastTrack's wire, made at random within their bounds. */
import {
  ADDRESS_BYTES_MAX,
  CONTACT_ADDRESSES_MAX,
  CONTENT_SIZE_BYTES_MAX,
  type Contact,
  QUERY_RESULTS_MAX
} from '@servent/overlay/machine'
import fc from 'fast-check'
import { HEIRS_MAX, HOPS_MAX, LOAD_MAX, SAID_MAX, SUPERNODES_MAX, TARGETS_MAX } from '../src/constants.ts'
import { type FastTrackMessage, REFUSALS, type Term, type Wanted } from '../src/messages.ts'
import { COMPARE_NUMBERS, TAG_NUMBERS } from '../src/tags.ts'

const u32 = fc.oneof(fc.constantFrom(0, 1, 127, 128, 2 ** 32 - 1), fc.nat({ max: 2 ** 32 - 1 }))
const bytes = (max: number) => fc.uint8Array({ minLength: 1, maxLength: max })
const id = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(it => Buffer.from(it).toString('hex'))
const peerId = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map(it => Uint8Array.of(0, 36, 8, 1, 18, 32, ...it))

export const contact: fc.Arbitrary<Contact> = fc.record({
  id: peerId,
  addresses: fc.array(bytes(24), { maxLength: CONTACT_ADDRESSES_MAX })
})

const word = fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' })
const words = fc.array(word, { maxLength: 5 })
const wants = fc.constantFrom('probe' as const, 'session' as const, 'spare' as const, 'peering' as const)
const load = fc.nat({ max: LOAD_MAX })
const said = fc.nat({ max: SAID_MAX })
const files = fc.array(fc.record({ index: u32, record: bytes(60) }), { maxLength: 5 })

const tag = fc.oneof(fc.constantFrom(...TAG_NUMBERS.keys()), fc.constantFrom('comment', 'a.b-c', 'x'))
export const term: fc.Arbitrary<Term> = fc.record({
  compare: fc.constantFrom(...COMPARE_NUMBERS.keys()),
  tag,
  value: fc.oneof(word, fc.nat({ max: 2 ** 31 - 1 }), fc.constant(CONTENT_SIZE_BYTES_MAX))
})

const wanted: fc.Arbitrary<Wanted> = fc.record({
  words,
  without: words,
  mediaType: fc.constantFrom('', 'audio', 'audio/flac'),
  terms: fc.array(term, { maxLength: 4 }),
  content: fc.constantFrom(new Uint8Array(0), new Uint8Array(32).fill(3)),
  limit: fc.nat({ max: QUERY_RESULTS_MAX })
})

export const message: fc.Arbitrary<FastTrackMessage> = fc.oneof(
  fc.record({
    type: fc.constant('hello' as const),
    wants,
    isSupernode: fc.boolean(),
    isReachable: fc.boolean(),
    uploadKbps: said,
    uptimeS: said,
    addresses: fc.array(bytes(ADDRESS_BYTES_MAX), { maxLength: CONTACT_ADDRESSES_MAX }),
    supernodesWanted: fc.nat({ max: SUPERNODES_MAX })
  }),
  fc.record({
    type: fc.constant('welcome' as const),
    wants,
    isAccepted: fc.boolean(),
    isSupernode: fc.boolean(),
    users: load,
    usersMax: load
  }),
  fc.record({
    type: fc.constant('supernodes' as const),
    entries: fc.array(fc.record({ contact, users: load, seenS: said }), { maxLength: 4 }),
    heirs: fc.array(contact, { maxLength: HEIRS_MAX })
  }),
  fc.record({ type: fc.constant('share' as const), batch: u32, files }),
  fc.record({ type: fc.constant('unshare' as const), batch: u32, indices: fc.array(u32, { maxLength: 9 }) }),
  fc.record({
    type: fc.constant('shared' as const),
    batch: u32,
    refused: fc.array(u32, { maxLength: 9 }),
    reasons: fc.array(fc.constantFrom(...REFUSALS), { maxLength: 9 })
  }),
  fc.record({
    type: fc.constant('query' as const),
    id,
    ttl: fc.nat({ max: HOPS_MAX }),
    hops: fc.nat({ max: HOPS_MAX }),
    wanted
  }),
  fc.record({
    type: fc.constant('results' as const),
    id,
    hops: fc.nat({ max: 2 * HOPS_MAX }),
    results: fc.array(fc.record({ index: u32, record: bytes(60), contact }), { maxLength: 4 })
  }),
  fc.record({ type: fc.constant('query-end' as const), id }),
  fc.constantFrom({ type: 'promote' as const }, { type: 'decline' as const }, { type: 'ping' as const }),
  fc.record({
    type: fc.constant('hand-over' as const),
    to: fc.array(contact, { maxLength: TARGETS_MAX })
  }),
  fc.record({ type: fc.constant('pong' as const), users: load, usersMax: load }),
  fc.record({
    type: fc.constant('push' as const),
    target: peerId,
    index: u32,
    contact,
    nonce: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    ttl: fc.nat({ max: HOPS_MAX })
  })
)
