/** Messages of lookups, for tests by property. */
import { ADDRESS_BYTES_MAX, CONTACT_ADDRESSES_MAX, type Contact, KEY_BYTES } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import fc from 'fast-check'
import {
  HOPS_MAX,
  type LookupMessage,
  NEXT_HOPS_MAX,
  REPLICAS_MAX,
  SILENT_MAX,
  TIMEOUTS_MAX
} from '../src/machine.ts'

const bytes = (minLength: number, maxLength: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength, maxLength })
/** Ed25519 and the SHA-256 of any key. */
export const peerId: fc.Arbitrary<Uint8Array> = fc.oneof(
  bytes(36, 36).map(key => Uint8Array.of(0x00, 36, ...key)),
  bytes(32, 32).map(digest => Uint8Array.of(0x12, 32, ...digest))
)
export const contact: fc.Arbitrary<Contact> = fc.record({
  id: peerId,
  addresses: fc.array(bytes(1, ADDRESS_BYTES_MAX), { maxLength: CONTACT_ADDRESSES_MAX })
})
export const key = bytes(KEY_BYTES, KEY_BYTES)
const id = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const count = (max: number): fc.Arbitrary<number> => fc.oneof(fc.integer({ min: 0, max }), fc.constant(max))
const purpose = fc.constantFrom('user' as const, 'table' as const)
const silent = fc.array(peerId, { maxLength: SILENT_MAX })
const replicas = fc.array(contact, { maxLength: REPLICAS_MAX })
const ends = { hops: count(HOPS_MAX), timeouts: count(TIMEOUTS_MAX) }

export const lookupMessage: fc.Arbitrary<LookupMessage> = fc.oneof(
  fc.record({
    type: fc.constant('lookup' as const),
    id,
    origin: contact,
    key,
    purpose,
    replyBy: fc.constantFrom('direct' as const, 'path' as const),
    ...ends,
    budgetMs: id,
    root: fc.boolean(),
    silent
  }),
  fc.record({ type: fc.constant('hop-ack' as const), origin: peerId, id }),
  fc.record({
    type: fc.constant('found' as const),
    origin: peerId,
    id,
    root: contact,
    from: key,
    to: key,
    replicas,
    ...ends
  }),
  fc.record({
    type: fc.constant('lookup-failed' as const),
    origin: peerId,
    id,
    reason: fc.constantFrom('no-route' as const, 'budget' as const, 'not-ready' as const, 'busy' as const),
    ...ends
  }),
  fc.record({
    type: fc.constant('next-hops-request' as const),
    id,
    key,
    purpose,
    root: fc.boolean(),
    silent
  }),
  fc.record(
    {
      type: fc.constant('next-hops-answer' as const),
      id,
      range: fc.record({ from: key, to: key }),
      replicas,
      hops: fc.array(fc.record({ contact, root: fc.boolean() }), { maxLength: NEXT_HOPS_MAX })
    },
    { requiredKeys: ['type', 'id', 'replicas', 'hops'] }
  ),
  fc.record({ type: fc.constant('ping' as const), id }),
  fc.record({ type: fc.constant('pong' as const), id })
)

/** Few ids, keys and peers, so that answers meet their questions. */
const someId = fc.integer({ min: 0, max: 5 })
const somebody = fc.integer({ min: 0, max: 8 }).map(testContact)
const someKey = fc.integer({ min: 0, max: 3 }).map(first => {
  const bytes = new Uint8Array(KEY_BYTES)
  bytes[0] = first
  return bytes
})
const someIds = fc.array(
  somebody.map(({ id }) => id),
  { maxLength: 3 }
)
const fewEnds = { hops: fc.integer({ min: 0, max: HOPS_MAX + 1 }), timeouts: fc.nat(3) }

export const likelyMessage: fc.Arbitrary<LookupMessage> = fc.oneof(
  fc.record({
    type: fc.constant('lookup' as const),
    id: someId,
    origin: somebody,
    key: someKey,
    purpose,
    replyBy: fc.constantFrom('direct' as const, 'path' as const),
    ...fewEnds,
    budgetMs: fc.constantFrom(0, 10, 1000, 2 ** 32 - 1),
    root: fc.boolean(),
    silent: someIds
  }),
  fc.record({ type: fc.constant('hop-ack' as const), origin: somebody.map(({ id }) => id), id: someId }),
  fc.record({
    type: fc.constant('found' as const),
    origin: somebody.map(({ id }) => id),
    id: someId,
    root: somebody,
    from: someKey,
    to: someKey,
    replicas: fc.array(somebody, { maxLength: 2 }),
    ...fewEnds
  }),
  fc.record({
    type: fc.constant('lookup-failed' as const),
    origin: somebody.map(({ id }) => id),
    id: someId,
    reason: fc.constantFrom('no-route' as const, 'budget' as const, 'not-ready' as const, 'busy' as const),
    ...fewEnds
  }),
  fc.record({
    type: fc.constant('next-hops-request' as const),
    id: someId,
    key: someKey,
    purpose,
    root: fc.boolean(),
    silent: someIds
  }),
  fc.record({ type: fc.constant('ping' as const), id: someId }),
  fc.record({ type: fc.constant('pong' as const), id: someId })
)
