/** `path` of results: one lookup with all that was sent for it. */
import { type Static, type TSchema, Type } from 'typebox'
import { closed, count, orNull } from '../schema-words.ts'
import { PATH_EVENTS_MAX, PATH_LINKS_MAX, PATH_PEERS_MAX } from './path-limits.ts'

const choice = <V extends string>(values: readonly V[], why: string) =>
  orNull(Type.Enum([...values] as [V, ...V[]]), why)

const id = (description: string) => Type.String({ pattern: '^[0-9a-f]{16}$', description })
const peer = (description: string) => count(description)
const list = <S extends TSchema>(schema: S, maxItems: number, description: string) =>
  Type.Array(schema, { maxItems, description })

export const PathSchema = Type.Object(
  {
    target: Type.Object(
      {
        key: orNull(id('The first 64 bits'), 'the overlay finds files'),
        file: orNull(Type.String(), 'the overlay finds keys'),
        groups: orNull(Type.Integer({ minimum: 1 }), 'the overlay has no groups'),
        group: orNull(count('Of the key'), 'the overlay has no groups')
      },
      closed('What was looked up')
    ),
    origin: peer('Who asked'),
    answered_by: peer('Whose answer it is'),
    found: peer('The root, or who has the file'),
    hops: count('As this lookup was counted in hops'),
    latency_us: count('From the question to its answer'),
    peers: list(
      Type.Object(
        {
          peer: peer('Its number'),
          role: choice(
            ['server', 'user', 'supernode', 'ordinary', 'ultrapeer', 'leaf'] as const,
            'all peers of the overlay have one role'
          ),
          id: orNull(id('Where it stands among keys: their first 64 bits'), 'the overlay has no keys'),
          group: orNull(count('Its group'), 'the overlay has no groups')
        },
        closed('A peer that is shown, when the answer came')
      ),
      PATH_PEERS_MAX,
      'Those of the lookup, and others'
    ),
    links: list(
      Type.Tuple([peer('One end'), peer('The other end')]),
      PATH_LINKS_MAX,
      'Between these peers; none where the overlay links whomever it looks up'
    ),
    events: list(
      Type.Object(
        {
          at_us: count('Since the question: when it left'),
          arrived_us: orNull(count('Since the question'), 'it never came'),
          from: peer('Who sent it'),
          to: peer('To whom'),
          message: Type.String({
            pattern: '^[a-z][a-z-]{0,31}$',
            description: 'Its type; no-answer: from waits for to no longer, and nothing was sent'
          }),
          ttl: orNull(count('As the message says'), 'its message has none'),
          hops: orNull(count('As the message says'), 'its message has none'),
          named: count('Peers that it names'),
          named_by: orNull(peer('Whose answer named its receiver'), 'its sender knew its receiver before'),
          way: choice(['there', 'back'], 'it was of no use to the answer')
        },
        closed('A message')
      ),
      PATH_EVENTS_MAX,
      'In the order in which they left'
    ),
    left_out: count('Messages of this lookup that are not among events')
  },
  closed('One lookup of the first run: of the first ones one of middle length, with all that was sent for it')
)

export type Path = Static<typeof PathSchema>
export type PathEvent = Path['events'][number]
