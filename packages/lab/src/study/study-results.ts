/**
 * `results.json` of a study, schema `servent-study/1`: for every point of a plan file what `servent-lab/1` says of it,
 * and what is drawn of it. Everything that a report shows is in here, so that it can be drawn again.
 */
import { type Static, Type } from 'typebox'
import { OVERLAYS } from '../overlays/settings.ts'
import { AskedSchema } from '../plan.ts'
import { GatesSchema, HostSchema, OverlaySchema } from '../results.ts'
import { closed, orNull } from '../schema-words.ts'
import { FIGURE_NAMES, type FigureName } from './study-schema.ts'

export const STUDY_SCHEMA = 'servent-study/1'

const value = Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()])

const interval = orNull(
  Type.Tuple([Type.Number(), Type.Number()]),
  'fewer than five runs, of which a bootstrap says nothing'
)

const figure = Type.Object(
  {
    runs: Type.Array(Type.Union([Type.Number(), Type.Null()]), {
      description: 'Of each run, in the order of seeds; null where it has none'
    }),
    median: orNull(Type.Number(), 'no run has any'),
    ci95: interval
  },
  closed('One number of each run, their median, and its 95 % interval by the bootstrap')
)

const curves = Type.Object(
  {
    hops: orNull(
      Type.Array(Type.Tuple([Type.Number(), Type.Number()]), {
        description: 'Steps, and the part of all answered lookups that took so many; in rising order'
      }),
      'no lookup was answered'
    ),
    latency_ms: orNull(
      Type.Array(Type.Number(), { description: 'Quantiles 0, 0.01, … 1 of answered lookups' }),
      'no lookup was answered'
    ),
    load: orNull(
      Type.Array(Type.Number(), {
        description:
          'Lorenz curve: the part of all messages that the least busy 0, 5, … 100 % of the peers took in'
      }),
      'nobody was there all the measured time'
    )
  },
  closed('Of all runs together')
)

const paired = Type.Object(
  {
    overlay: Type.Enum(OVERLAYS),
    against: Type.Enum(OVERLAYS),
    at: Type.Record(Type.String(), value),
    figure: Type.Enum(FIGURE_NAMES),
    median: Type.Number({ description: 'Of the differences, run by run of the same seed' }),
    ci95: interval
  },
  closed('How much one overlay has more than another on the same work')
)

const published = Type.Object(
  {
    overlay: Type.Enum(OVERLAYS),
    at: Type.Record(Type.String(), value),
    set: Type.Record(Type.String(), value),
    figure: Type.Enum(FIGURE_NAMES),
    value: Type.Number({ description: 'As it was published' }),
    source: Type.String(),
    median: orNull(Type.Number(), 'it was not measured here'),
    ci95: interval
  },
  closed('A figure that others published, and what came out here')
)

const point = Type.Object(
  {
    overlay: Type.Enum(OVERLAYS),
    at: Type.Record(Type.String(), value, { description: 'Fields of the plan that vary in this part' }),
    set: Type.Record(Type.String(), value, { description: 'Settings that vary in this part' }),
    plan: AskedSchema,
    graphml: orNull(
      Type.String({
        description: 'File in its folder: the links at the end of the measured time of the first run'
      }),
      'that run had too many nodes or links'
    ),
    results: OverlaySchema,
    figures: Type.Record(Type.Enum(FIGURE_NAMES), figure),
    curves
  },
  closed('One overlay with one choice of everything that varies')
)

const part = Type.Object(
  {
    name: Type.String(),
    title: Type.String(),
    about: orNull(Type.String(), 'the plan file says nothing'),
    varies: Type.Array(Type.String(), {
      description: 'Fields of the plan that have several values, in their order'
    }),
    points: Type.Array(point),
    paired: Type.Array(paired, { description: 'Each overlay against the first one of the part' }),
    published: Type.Array(published, { description: 'As the plan file has them, in its order' })
  },
  closed('A question of the study')
)

export const StudyResultsSchema = Type.Object(
  {
    event: Type.Optional(
      Type.Literal('done', { description: 'Of the line that --json prints; not in the file' })
    ),
    folder: Type.Optional(
      Type.String({ description: 'Of the line that --json prints: where the files are; not in them' })
    ),
    gates: GatesSchema,
    schema: Type.Literal(STUDY_SCHEMA),
    name: Type.String(),
    title: Type.String(),
    about: orNull(Type.String(), 'the plan file says nothing'),
    commit: orNull(
      Type.String({ description: 'Of the code; -dirty where files differ from it' }),
      'this is no checkout'
    ),
    fingerprint: orNull(
      Type.String({
        pattern: '^[0-9a-f]{64}$',
        description: 'SHA-256 over what every run did and measured, in the order of parts, points and seeds'
      }),
      'some ran on real peers, which do nothing twice alike'
    ),
    host: HostSchema,
    parts: Type.Array(part)
  },
  { ...closed('What a study gives'), $id: STUDY_SCHEMA }
)

export type StudyResults = Static<typeof StudyResultsSchema>
export type PartResults = StudyResults['parts'][number]
export type PointResults = PartResults['points'][number]
export type Figure = PointResults['figures'][FigureName]
export type Paired = PartResults['paired'][number]
export type Published = PartResults['published'][number]
