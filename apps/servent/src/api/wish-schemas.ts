/** Shapes of requests about the wishlist, and of their answers. */
import { Type } from 'typebox'
import { Bytes, Count, Id, Tags } from './schemas.ts'
import { SearchBody } from './search-schemas.ts'

const open = { additionalProperties: true } as const
const closed = { additionalProperties: false } as const

/** A number that SQLite gives, which starts at 1. */
const WishNumber = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: 'Of a wish' })
export const WishParams = Type.Object({ wish: WishNumber }, closed)
export const WishBody = Type.Object(
  {
    text: SearchBody.properties.text,
    overlays: SearchBody.properties.overlays,
    type: SearchBody.properties.type,
    minSize: SearchBody.properties.minSize,
    maxSize: SearchBody.properties.maxSize,
    get: Type.Optional(
      Type.Object(
        {
          filesADay: Type.Optional(
            Type.Integer({ minimum: 1, description: 'Most files in 24 hours that it fetches by itself' })
          )
        },
        { ...closed, description: 'Fetch what is new, up to maxSize bytes a file or 1 GiB' }
      )
    )
  },
  closed
)
export const WishRowsQuery = Type.Object(
  { all: Type.Boolean({ default: false, description: 'Also what the user has looked at' }) },
  closed
)
export const LookBody = Type.Object(
  { through: Type.Integer({ minimum: 0, description: 'The last row that the user has looked at' }) },
  closed
)
export const WishAnswer = Type.Object(
  {
    wish: WishNumber,
    text: Type.String(),
    hits: Count('Files that are remembered'),
    newHits: Count('Files since the user looked'),
    lastMs: Type.Optional(Type.Number({ description: 'The last search, in milliseconds since 1970' })),
    nextMs: Type.Number({ description: 'When the next search is due' }),
    reason: Type.Optional(Type.String({ description: 'Why the last search failed' }))
  },
  open
)
export const WishesAnswer = Type.Object({ wishes: Type.Array(WishAnswer) })
export const WishRowsAnswer = Type.Object({
  rows: Type.Array(
    Type.Object(
      {
        row: Type.Integer({ minimum: 1, description: '`get WISH.ROW` fetches it' }),
        id: Id,
        name: Type.String(),
        size: Bytes('Size'),
        type: Type.String(),
        tags: Type.Optional(Tags),
        isNew: Type.Boolean()
      },
      open
    )
  )
})
