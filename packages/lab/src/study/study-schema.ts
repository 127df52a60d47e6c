/**
 * A plan file: what a study asks. Every part is a question: the fields of a plan, of which each may have several values;
 * every combination of them is measured on every overlay, and each overlay with every combination of its settings in
 * `grid`.
 */
import { type Static, type TSchema, Type } from 'typebox'
import { OVERLAYS } from '../overlays/settings.ts'
import { PlanSchema } from '../plan.ts'

/** Parts of a study. */
export const PARTS_MAX = 32
/** Values that one field, or one setting of a grid, takes in one part. */
export const VALUES_MAX = 64
/** Points of a study: an overlay with one choice of everything that varies. */
export const POINTS_MAX = 2_000
/** Runs of a study: its points with all their seeds. */
export const RUNS_MAX = 100_000
/** Figures of others that a part is held against. */
export const PUBLISHED_MAX = 256
/** A plan file. */
export const PLAN_FILE_BYTES_MAX = 1_048_576
const TEXT_CHARACTERS_MAX = 4_096
const TITLE_CHARACTERS_MAX = 200
/** Of what a figure of others holds for: the longest name of a file that a study keeps, and what is before it, among it. */
export const CHOICE_CHARACTERS_MAX = 128

/** Numbers that each run has one of. */
export const FIGURE_NAMES = [
  'success',
  'hops',
  'hops_p95',
  'hops_as_published',
  'latency_ms',
  'latency_ms_p95',
  'timeouts',
  'messages',
  'stretch',
  'recall',
  'recall_single_copy',
  'search_messages',
  'search_bytes',
  'first_hit_ms',
  'put_success',
  'get_success',
  'success_before',
  'success_during',
  'success_after',
  'incorrect_during',
  'recall_before',
  'recall_during',
  'recall_after',
  'healing_s',
  'bytes_per_s',
  'state_entries',
  'connections',
  'load_gini'
] as const
export type FigureName = (typeof FIGURE_NAMES)[number]

const closed = { additionalProperties: false } as const
const title = Type.String({ minLength: 1, maxLength: TITLE_CHARACTERS_MAX })
const about = Type.String({ maxLength: TEXT_CHARACTERS_MAX })
const setting = Type.Union([Type.String({ maxLength: 64 }), Type.Number(), Type.Boolean()])

const choices = Type.Record(
  Type.String({ maxLength: 64 }),
  Type.Union([Type.String({ maxLength: CHOICE_CHARACTERS_MAX }), Type.Number(), Type.Boolean(), Type.Null()])
)

const { overlays, lies, set, workers: _, ...varying } = PlanSchema.properties
/** Fields of a plan that may have several values. */
export const VARYING = Object.keys(varying) as (keyof typeof varying)[]

const several = (schema: TSchema) =>
  Type.Optional(
    Type.Union([schema, Type.Array(schema, { minItems: 1, maxItems: VALUES_MAX, uniqueItems: true })])
  )
const fields = {
  overlays: Type.Optional(overlays),
  lies: Type.Optional(lies),
  set: Type.Optional(set),
  ...(Object.fromEntries(Object.entries(varying).map(([name, schema]) => [name, several(schema)])) as Record<
    string,
    ReturnType<typeof several>
  >)
}

const part = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z][a-z0-9-]{0,31}$' }),
    title: Type.Optional(title),
    about: Type.Optional(about),
    grid: Type.Optional(
      Type.Partial(
        Type.Object(
          Object.fromEntries(
            OVERLAYS.map(overlay => [
              overlay,
              Type.Record(
                Type.String({ maxLength: 64 }),
                Type.Array(setting, { minItems: 1, maxItems: VALUES_MAX, uniqueItems: true })
              )
            ])
          ),
          closed
        )
      )
    ),
    published: Type.Optional(
      Type.Array(
        Type.Object(
          {
            overlay: Type.Enum(OVERLAYS),
            at: Type.Optional(choices),
            set: Type.Optional(choices),
            figure: Type.Enum(FIGURE_NAMES),
            value: Type.Number(),
            source: title
          },
          closed
        ),
        { maxItems: PUBLISHED_MAX }
      )
    ),
    ...fields
  },
  closed
)

const NAME = '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'

export const StudySchema = Type.Object(
  {
    name: Type.Optional(Type.String({ pattern: NAME })),
    title,
    about: Type.Optional(about),
    common: Type.Optional(Type.Object(fields, closed)),
    parts: Type.Array(part, { minItems: 1, maxItems: PARTS_MAX })
  },
  closed
)

/** A plan file as it is written. */
export type StudyFile = Static<typeof StudySchema>
