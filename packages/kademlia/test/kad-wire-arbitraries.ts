/** Random messages of the machine's wire within its bounds. */
import type { StoredRecord } from '@servent/key-routing/machine'
import type { Contact } from '@servent/overlay/machine'
import fc from 'fast-check'
import { KEYS_PER_SEARCH_MAX } from '../src/constants.ts'
import { CLOSER_PEERS_MAX } from '../src/kad-wire-limits.ts'
import type { KademliaMessage } from '../src/machine.ts'

const id = fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 2 ** 31 - 1 }))
const key = fc.uint8Array({ minLength: 32, maxLength: 32 })
const peerId = key.map(bytes => Uint8Array.of(0, 36, 8, 1, 18, 32, ...bytes))
export const contact: fc.Arbitrary<Contact> = fc.record({
  id: peerId,
  addresses: fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 8 })
})
const record = (kind: 'word' | 'value'): fc.Arbitrary<StoredRecord> =>
  fc.record({
    kind: fc.constant(kind),
    key,
    publisher: contact,
    sequence: fc.nat(),
    expiresMs: fc.nat(),
    subject: kind === 'value' ? fc.constant(new Uint8Array(0)) : key,
    body: fc.uint8Array({ maxLength: 600 })
  })
const closer = fc.array(contact, { maxLength: CLOSER_PEERS_MAX })
const client = fc.constantFrom({}, { client: true } as const)
const purpose = fc.constantFrom('user' as const, 'table' as const)
const of = <const T extends string>(type: T) => fc.constant(type)
const marked = <T>(made: fc.Arbitrary<T>) =>
  fc.tuple(made, client).map(([one, mark]) => ({ ...one, ...mark }))

export const message: fc.Arbitrary<KademliaMessage> = fc.oneof(
  marked(fc.record({ type: of('ping'), id })),
  fc.record({ type: of('pong'), id }),
  marked(fc.record({ type: of('find-node'), id, key, purpose })),
  fc.record({ type: of('closer-peers'), id, closer }),
  marked(fc.record({ type: of('get-providers'), id, key, purpose })),
  fc.record({ type: of('providers'), id, closer, providers: fc.array(contact, { maxLength: 40 }) }),
  fc.record({ type: of('add-provider'), key, provider: contact }),
  marked(fc.record({ type: of('get-value'), id, key, purpose })),
  fc.record({ type: of('value-found'), id, closer }),
  fc.record({ type: of('value-found'), id, closer, record: record('value') }),
  marked(fc.record({ type: of('put-value'), id, record: record('value') })),
  fc.record({ type: of('value-put'), id }),
  fc.record({ type: of('value-put'), id, record: record('value') }),
  marked(
    fc.record({
      type: of('files-question'),
      id,
      words: fc.array(key, { minLength: 1, maxLength: KEYS_PER_SEARCH_MAX })
    })
  ),
  fc.record({
    type: of('files-answer'),
    id,
    records: fc.array(record('word'), { maxLength: 20 }),
    more: fc.boolean()
  })
) as fc.Arbitrary<KademliaMessage>
