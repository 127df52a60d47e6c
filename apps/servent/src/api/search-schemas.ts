/** The shape of what a search asks for. */
import { Type } from 'typebox'
import { OverlayNames } from './schemas.ts'

const closed = { additionalProperties: false } as const
const QUERY_CHARACTERS_MAX = 256
const SEARCH_TIMEOUT_MS_MAX = 10 * 60 * 1000
const TTL_MAX = 255
const ROUNDS_MAX = 8
const RESULTS_MAX = 1000
/** Napster's T3 or more. */
const LINK_SPEED_MAX = 10

export const SearchBody = Type.Object(
  {
    text: Type.String({ minLength: 1, maxLength: QUERY_CHARACTERS_MAX }),
    overlays: Type.Optional(OverlayNames),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: RESULTS_MAX })),
    timeoutMs: Type.Optional(Type.Integer({ minimum: 1, maximum: SEARCH_TIMEOUT_MS_MAX })),
    ttl: Type.Optional(Type.Integer({ minimum: 1, maximum: TTL_MAX })),
    rounds: Type.Optional(Type.Integer({ minimum: 1, maximum: ROUNDS_MAX })),
    type: Type.Optional(
      Type.String({ minLength: 1, maxLength: 127, description: 'A media type, or its first half' })
    ),
    minSize: Type.Optional(Type.Integer({ minimum: 0 })),
    maxSize: Type.Optional(Type.Integer({ minimum: 0 })),
    minLinkSpeed: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: LINK_SPEED_MAX,
        description:
          'Of the sharer’s link, as Napster has it: 1 is 14.4 kbit/s, 7 cable, 10 T3 or more. Only Napster is asked then'
      })
    )
  },
  closed
)
