/** Messages of every kind, within their bounds. */
import { PERIOD_MS_MAX } from '@servent/key-routing/machine'
import type { Contact } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import fc from 'fast-check'
import {
  CHAIN_LENGTH,
  ESTIMATE_MAX,
  type GroupMessage,
  LEVEL_MAX,
  PEER_PREFIX_BYTES,
  PREFIX_BYTES,
  REFRESH_MS_MAX,
  SIGNATURE_BYTES_MAX,
  TTL_MAX,
  TUPLES_MAX,
  TUPLES_PER_KEY_MAX
} from '../src/machine.ts'

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const u32 = fc.nat(2 ** 32 - 1)
const id = u32
const level = fc.nat(LEVEL_MAX)
const address = fc.uint8Array({ minLength: 1, maxLength: 40 })
export const contact: fc.Arbitrary<Contact> = fc
  .tuple(fc.integer({ min: 1, max: 60 }), fc.array(address, { maxLength: 3 }))
  .map(([peer, addresses]) => ({ id: testContact(peer).id, addresses }))
export const life = fc.record({
  contact,
  startS: u32,
  beat: fc.nat(CHAIN_LENGTH),
  value: bytes(PREFIX_BYTES),
  signature: fc.uint8Array({ maxLength: SIGNATURE_BYTES_MAX }),
  level
})
export const beat = fc.record({
  peer: bytes(PEER_PREFIX_BYTES),
  beat: fc.nat(CHAIN_LENGTH),
  value: bytes(PREFIX_BYTES)
})
export const tuple = fc.record({
  kind: fc.constantFrom('provider' as const, 'word' as const, 'value' as const),
  prefix: bytes(PREFIX_BYTES),
  provider: contact,
  sequence: fc.maxSafeNat(),
  expiresMs: u32.map(seconds => seconds * 1000),
  withdrawn: fc.boolean(),
  signature: fc.uint8Array({ maxLength: SIGNATURE_BYTES_MAX })
})
const lives = fc.array(life, { maxLength: 4 })
const beats = fc.array(beat, { maxLength: 4 })
const tuples = fc.array(tuple, { maxLength: 4 })
const estimate = fc.nat(ESTIMATE_MAX)
const heartbeatMs = fc.nat(PERIOD_MS_MAX)
const outcome = fc.constantFrom(
  'kept' as const,
  'few-copies' as const,
  'older' as const,
  'refused' as const,
  'full' as const,
  'full-key' as const,
  'full-publisher' as const,
  'busy' as const,
  'not-root' as const
)

export const groupMessage: fc.Arbitrary<GroupMessage> = fc.oneof(
  fc.record({ type: fc.constant('gossip' as const), level, estimate, lives, beats, tuples }),
  fc.record({ type: fc.constant('join' as const), id, level, heartbeatMs, life }),
  fc.record({ type: fc.constant('welcome' as const), id, level, estimate, heartbeatMs, lives }),
  fc.record({
    type: fc.constant('state-request' as const),
    id,
    part: fc.constantFrom('members' as const, 'contacts' as const, 'tuples' as const),
    from: fc.nat(TUPLES_MAX),
    level
  }),
  fc.record({ type: fc.constant('state' as const), id, lives, tuples, next: fc.nat(TUPLES_MAX) }),
  fc.record({
    type: fc.constant('find' as const),
    id,
    key: bytes(32),
    want: fc.constantFrom('provider' as const, 'word' as const, 'value' as const, 'peer' as const),
    after: fc.nat(TUPLES_PER_KEY_MAX),
    ttl: fc.nat(TTL_MAX)
  }),
  fc.record({
    type: fc.constant('providers' as const),
    id,
    covers: fc.boolean(),
    hops: fc.nat(TTL_MAX),
    timeouts: fc.nat(TTL_MAX),
    total: fc.nat(TUPLES_PER_KEY_MAX),
    tuples,
    nearest: fc.array(contact, { maxLength: 4 })
  }),
  fc.record({ type: fc.constant('offer' as const), id, life, tuples }),
  fc.record({
    type: fc.constant('offered' as const),
    id,
    outcomes: fc.array(outcome, { maxLength: 8 }),
    known: fc.nat(TUPLES_MAX),
    refreshS: fc.nat(REFRESH_MS_MAX / 1000)
  })
)
