/** What was exported, and where p2psim's words on it are to stand. */
import { type Static, Type } from 'typebox'
import { OVERLAYS } from '../overlays/settings.ts'
import { AskedSchema } from '../plan.ts'

export const P2PSIM_SCHEMA = 'servent-p2psim/1'
export const MANIFEST = 'manifest.json'

const choices = Type.Record(
  Type.String(),
  Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()])
)
/** Never out of the folder. */
const log = Type.String({ pattern: '^out/[a-z0-9-]{1,128}\\.log$' })
const point = { part: Type.String(), overlay: Type.Enum(OVERLAYS), at: choices, set: choices }

export const ManifestSchema = Type.Object({
  schema: Type.Literal(P2PSIM_SCHEMA),
  study: Type.String(),
  points: Type.Array(
    Type.Object({
      ...point,
      plan: AskedSchema,
      runs: Type.Array(
        Type.Object({
          seed: Type.Integer(),
          before: log,
          whole: log,
          /** Seconds that all peers together, and the well-known node, live between the ends of the two. */
          live_s: Type.Number({ exclusiveMinimum: 0 })
        })
      )
    })
  ),
  left_out: Type.Array(Type.Object({ ...point, why: Type.String() }))
})
export type Manifest = Static<typeof ManifestSchema>
