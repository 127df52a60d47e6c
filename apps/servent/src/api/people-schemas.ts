/** Shapes of requests about people, and of their answers. */
import { Type } from 'typebox'
import { Count } from './schemas.ts'

const open = { additionalProperties: true } as const
const closed = { additionalProperties: false } as const

/** A PeerId, which is longer than any nick. */
const USER_CHARACTERS_MAX = 128

export const BrowseBody = Type.Object(
  { user: Type.String({ minLength: 1, maxLength: USER_CHARACTERS_MAX, description: 'A nick or a PeerId' }) },
  closed
)
export const NickQuery = Type.Object(
  { nick: Type.String({ minLength: 1, maxLength: USER_CHARACTERS_MAX }) },
  closed
)
export const WhoisAnswer = Type.Object(
  {
    nick: Type.String(),
    server: Type.String({ description: 'PeerId of the server that says so' }),
    online: Type.Boolean(),
    seconds: Type.Optional(Count('Seconds since they logged in')),
    shared: Type.Optional(Count('Files that they share')),
    downloads: Type.Optional(Count('Files that they fetch now')),
    uploads: Type.Optional(Count('Files that they give now')),
    linkSpeed: Type.Optional(Type.Integer({ description: '0 (not known) to 10 (T3 or more), as they say' })),
    client: Type.Optional(Type.String({ description: 'Their program' })),
    seenAt: Type.Optional(
      Type.Number({ description: 'Of one who is not online: seconds since 1970 when they left' })
    )
  },
  open
)
export const HotlistEntry = Type.Object(
  {
    nick: Type.String(),
    state: Type.String({ description: 'online, offline, unknown, refused' }),
    sinceMs: Type.Optional(Type.Number({ description: 'Milliseconds since 1970' })),
    linkSpeed: Type.Optional(Type.Integer())
  },
  open
)
export const HotlistAnswer = Type.Object({ nicks: Type.Array(HotlistEntry) })
