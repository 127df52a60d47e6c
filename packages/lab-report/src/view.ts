/** A part as it is drawn: of one study or of several, its points as rows, by what varies in it. */
import type { Figure, FigureName, PartResults, PointResults } from '@servent/lab'
import { type Axis, axisOf, ownOf, type Value, wordsOf } from './axes.ts'
import { extent } from './numbers.ts'

/** Panels of one plot. What more there is stands in the part's table. */
const PANELS_MOST = 12

/** Where it ran, which is nothing of the network: what a part ends with is drawn of each, one beside the other. */
export const BACKEND = 'backend'

export interface Member {
  /** Of the study, as the report calls it. */
  readonly study: string
  readonly part: PartResults
}

export interface Row {
  readonly study: string
  /** Where it ran, in words, where that varies; else empty. */
  readonly backend: string
  /** The panel that it is drawn in: the study, where there are several, and what varies beside the axis. */
  readonly panel: string
  readonly x: number | string | undefined
  /** The overlay's settings that vary, in words. */
  readonly set: string
  readonly point: PointResults
}

export interface PartView {
  readonly name: string
  readonly title: string
  readonly about: string | null
  readonly members: readonly Member[]
  /** What is drawn along; nothing where nothing varies. */
  readonly axis: Axis | undefined
  /** Fields that vary, the axis among them: in a study, or from one to the other. */
  readonly varies: readonly string[]
  /** Where it ran, where that varies, in the order of the plan; else nothing. */
  readonly backends: readonly Value[]
  readonly hasGrid: boolean
  readonly rows: readonly Row[]
  /** Of each study and backend the rows whose other fields all have their last value, in a panel of its own: what is drawn of one network. */
  readonly last: readonly Row[]
  /** What those have in common, in words; empty where nothing varies, or studies end with unlike ones. */
  readonly lastWords: string
  /** What each study ends with that not all do, in words, by its name. */
  readonly lastOwn: ReadonlyMap<string, readonly string[]>
  /** Panels that are left out of plots. */
  readonly panelsLeftOut: number
}

/** All parts of one name. */
export function viewOf(members: readonly Member[]): PartView {
  const [{ part }] = members as readonly [Member]
  const points = members.flatMap(member => member.part.points)
  const within = distinct(members.flatMap(member => member.part.varies))
  const fields = [...within, ...apartOf(members, within)]
  const valuesOf = (field: string) => distinct(points.map(point => valueAt(point, field)))
  const varies = fields.filter(field => valuesOf(field).length > 1)
  const others = varies.filter(field => field !== BACKEND)
  const backends = varies.includes(BACKEND) ? valuesOf(BACKEND) : []
  // Most is known of how things go with size. What varies in no study is a place of its own for each, and no way along.
  const ways = varies.filter(field => within.includes(field))
  const along = ways.find(field => field === 'nodes') ?? ways.find(field => field !== BACKEND) ?? ways[0]
  const axis = along === undefined ? undefined : axisOf(along, valuesOf(along))
  const hasSeveral = members.length > 1
  const all = members.flatMap(({ study, part: { points } }) =>
    points.map((point): Row => {
      const beside = varies
        .filter(field => field !== along)
        .map(field => wordsOf(field, valueAt(point, field)))
      return {
        study,
        backend: backends.length > 0 ? wordsOf(BACKEND, point.plan.backend) : '',
        panel: [...(hasSeveral ? [study] : []), ...beside].join(' · '),
        x: axis?.at(valueAt(point, axis.field)),
        set: settingWords(point),
        point
      }
    })
  )
  const panels = distinct(all.map(({ panel }) => panel))
  const drawn = new Set(panels.slice(0, PANELS_MOST))
  const ends = members.map(member => endOf(member, others))
  // What all studies end with is said once, what they end with each for itself beside its name.
  const isCommon = (at: number) => distinct(ends.map(({ words }) => words[at])).length === 1
  const ownOfEach = ends.map(({ words }) => words.filter((_, at) => !isCommon(at)))
  const last = ends.flatMap(({ points: own }, at) => {
    const { study } = members[at]!
    const beside = hasSeveral ? ownOfEach[at]! : []
    return all
      .filter(row => row.study === study && own.has(row.point))
      .map(row => ({
        ...row,
        panel: [...(hasSeveral ? [study] : []), row.backend, ...beside].filter(Boolean).join(' · ')
      }))
  })
  return {
    name: part.name,
    title: part.title,
    about: part.about,
    members,
    axis,
    varies,
    backends,
    hasGrid: points.some(({ set }) => Object.keys(set).length > 0),
    rows: all.filter(({ panel }) => drawn.has(panel)),
    last,
    lastWords: ends[0]!.words.filter((_, at) => isCommon(at)).join(', '),
    lastOwn: new Map(members.map(({ study }, at) => [study, ownOfEach[at]!])),
    panelsLeftOut: panels.length - drawn.size
  }
}

/** Of a study the points at which all that varies has its last value, and those values in words. */
function endOf({ part: { points } }: Member, varies: readonly string[]) {
  const values = varies.map(field => [field, valueAt(points.at(-1)!, field)] as const)
  return {
    points: new Set(
      points.filter(point => values.every(([field, value]) => valueAt(point, field) === value))
    ),
    words: values.map(([field, value]) => wordsOf(field, value))
  }
}

/** Which runs there are, and not of what; `workload` is what counts of questions follow from, and `set` is of each overlay alone. */
const NO_CONDITIONS: readonly string[] = ['overlays', 'seeds', 'seed', 'workload', 'set']

/** Fields that vary in no study, and are not alike in all of them. What follows from what varies is said with that. */
function apartOf(members: readonly Member[], within: readonly string[]): string[] {
  const studies = members.map(({ part }) => part.points)
  const points = studies.flat()
  const fields = distinct(points.flatMap(({ plan }) => Object.keys(plan))).filter(
    field => !within.includes(field) && !NO_CONDITIONS.includes(field)
  )
  const placeOf = (point: PointResults) => JSON.stringify(within.map(field => valueAt(point, field)))
  return fields.filter(field => {
    // As they are told: one value may be written in two ways.
    const valuesOf = (own: readonly PointResults[]) =>
      distinct(own.map(point => wordsOf(field, valueAt(point, field))))
    if (studies.every(own => valuesOf(own).length === 1)) return valuesOf(points).length > 1
    return [...Map.groupBy(points, placeOf).values()].some(own => valuesOf(own).length > 1)
  })
}

interface Placed {
  readonly at: PointResults['at']
  readonly plan: Partial<PointResults['plan']>
}

/** What a point has of a field that varies, if only in another study: its plan says what `at` leaves out. Nobody lies without liars. */
export const valueAt = ({ at, plan }: Placed, field: string): Value =>
  field === 'lies' && (plan.liars ?? null) === null
    ? null
    : (ownOf(at, field) ?? plainOf(ownOf<unknown>(plan, field)))

/** Lists, and names with what they have, in words. */
function plainOf(value: unknown): Value {
  if (value === undefined) return null
  if (value === null || typeof value !== 'object') return value as Value
  if (Array.isArray(value)) return value.toSorted().join(', ')
  return Object.entries(value)
    .map(([name, one]) => `${name} ${one}`)
    .join(', ')
}

/** Where a row lies along what varies. */
export const alongWords = ({ point }: Row, { field }: Axis) => wordsOf(field, valueAt(point, field))

/** Those that vary, without their overlay's name. */
export const settingWords = ({ set }: Pick<PointResults, 'set'>) =>
  Object.entries(set)
    .map(([key, value]) => `${key.slice(key.indexOf('.') + 1)} ${value}`)
    .join(', ')

export const distinct = <T>(values: readonly T[]): T[] => [...new Set(values)]

/** A figure of a point that has any. */
export function figureOf(
  { point }: Row,
  name: FigureName
): (Figure & { readonly median: number }) | undefined {
  const figure = point.figures[name]
  return figure === undefined || figure.median === null ? undefined : { ...figure, median: figure.median }
}

/** "5", or "5 to 10" where some points have more. */
export const runsWords = (rows: readonly Row[]) =>
  distinct(extent(rows.map(({ point }) => point.results.seeds.length))).join(' to ')

/** "Median of five runs with its 95 % interval.", as it is drawn. */
export function howDrawn(rows: readonly Row[]): string {
  const of = runsWords(rows)
  if (of === '1') return 'One run each, which has no interval.'
  const has = rows.some(({ point }) => Object.values(point.figures).some(({ ci95 }) => ci95 !== null))
  return has
    ? `Medians of ${of} runs; bars are their 95 % intervals.`
    : `Medians of ${of} runs; of fewer than five no interval is drawn.`
}
