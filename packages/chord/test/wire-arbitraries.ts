/** Random messages of Chord's wire within its bounds. */
import type { RoutingMessage } from '@servent/key-routing/machine'
import type { Contact } from '@servent/overlay/machine'
import fc from 'fast-check'
import {
  CANDIDATE_STEPS_MAX,
  FINGERS_MAX,
  FORMING_MEMBERS_MAX,
  SUCCESSORS_MAX,
  VIRTUAL_NODES_MAX
} from '../src/constants.ts'
import type { ChordMessage, Member, RingMessage, RingNode, Standing } from '../src/messages.ts'

const u32 = fc.oneof(fc.nat({ max: 300 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }))
const index = fc.nat({ max: VIRTUAL_NODES_MAX - 1 })
const key = fc.uint8Array({ minLength: 32, maxLength: 32 })

/** An Ed25519 PeerId: an identity multihash of a protobuf with the key in it. */
const ed25519 = key.map(bytes => Uint8Array.of(0, 36, 8, 1, 18, 32, ...bytes))
/** That of any other key: its SHA-256. */
const hashed = key.map(bytes => Uint8Array.of(18, 32, ...bytes))

export const contact: fc.Arbitrary<Contact> = fc.record({
  id: fc.oneof(ed25519, hashed),
  addresses: fc.array(fc.uint8Array({ minLength: 1, maxLength: 256 }), { maxLength: 8 })
})
const node: fc.Arbitrary<RingNode> = fc.record({ contact, index })
const member: fc.Arbitrary<Member> = fc.record({
  contact,
  virtualNodes: fc.integer({ min: 1, max: VIRTUAL_NODES_MAX })
})
const standing = fc.constantFrom<Standing>('ring', 'forming', 'out')
const nodes = (max: number) => fc.array(node, { maxLength: max, size: 'small' })
const members = fc.array(member, { maxLength: FORMING_MEMBERS_MAX, size: 'small' })
const sizes = {
  listLength: fc.integer({ min: 1, max: SUCCESSORS_MAX }),
  virtualNodes: fc.integer({ min: 1, max: VIRTUAL_NODES_MAX })
}
const type = <const T extends string>(name: T) => fc.constant(name)

export const ringMessage: fc.Arbitrary<RingMessage> = fc.oneof(
  fc.record({ type: type('neighbours-request'), id: u32, index, version: u32, sender: index }),
  fc
    .record({
      type: type('neighbours'),
      id: u32,
      standing,
      version: u32,
      unchanged: fc.boolean(),
      listLength: fc.nat({ max: SUCCESSORS_MAX }),
      predecessor: fc.option(node, { nil: undefined }),
      successors: nodes(SUCCESSORS_MAX)
    })
    .map(withoutNothing),
  fc.record({ type: type('notify'), index, sender: index }),
  fc.record({ type: type('candidate'), index, node, steps: fc.nat({ max: CANDIDATE_STEPS_MAX }) }),
  fc
    .record({
      type: type('leave'),
      sender: index,
      predecessor: fc.option(node, { nil: undefined }),
      successors: nodes(SUCCESSORS_MAX)
    })
    .map(withoutNothing),
  fc.record({ type: type('fingers-request'), id: u32, index }),
  fc.record({ type: type('fingers'), id: u32, fingers: nodes(FINGERS_MAX) }),
  fc.record({ type: type('members-request'), id: u32, ...sizes, members }),
  fc.record({ type: type('members'), id: u32, standing, ...sizes, members })
)

/** Some of those that are embedded: their own package tries them all. */
export const routingMessage: fc.Arbitrary<RoutingMessage> = fc.oneof(
  fc.record({ type: fc.constantFrom('ping' as const, 'pong' as const), id: u32 }),
  fc.record({
    type: type('lookup'),
    id: u32,
    origin: contact,
    key,
    purpose: fc.constantFrom('user' as const, 'table' as const),
    replyBy: fc.constantFrom('direct' as const, 'path' as const),
    hops: fc.integer({ min: 1, max: 128 }),
    timeouts: fc.nat({ max: 40 }),
    budgetMs: fc.nat({ max: 60_000 }),
    root: fc.boolean(),
    silent: fc.array(ed25519, { maxLength: 3 })
  }),
  fc.record({
    type: type('get'),
    id: u32,
    kind: fc.constantFrom('provider' as const, 'word' as const, 'value' as const),
    key,
    after: u32,
    limit: fc.nat({ max: 64 })
  })
)

export const message: fc.Arbitrary<ChordMessage> = fc.oneof(
  { weight: 3, arbitrary: ringMessage },
  { weight: 1, arbitrary: routingMessage }
)

/** A predecessor that is not there is not there, rather than undefined. */
function withoutNothing<T extends { predecessor: RingNode | undefined }>({ predecessor, ...rest }: T) {
  return { ...rest, ...(predecessor && { predecessor }) } as Omit<T, 'predecessor'> & {
    predecessor?: RingNode
  }
}
