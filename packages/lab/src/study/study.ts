/** A study with every choice made: its parts, and for each its points, every one a plan of one overlay. */
import { basename } from 'node:path'
import { PlanError } from '../errors.ts'
import { OVERLAYS, type OverlayId, type Settings, type SettingValue } from '../overlays/settings.ts'
import { type Plan, type PlanInput, resolvePlan } from '../plan.ts'
import { OVERLAYS_DEFAULT, type Path, parseStudy, type ReadFile, writeStudy } from './study-file.ts'
import { type FigureName, POINTS_MAX, RUNS_MAX, type StudyFile, VARYING } from './study-schema.ts'

export type Value = string | number | boolean | null

export interface Point {
  readonly overlay: OverlayId
  /** Fields of the plan that vary in this part. */
  readonly at: Readonly<Record<string, Value>>
  /** Settings that vary in this part, by `overlay.key`. */
  readonly set: Settings
  readonly plan: Plan
}

/** A figure that others published of one of the points. */
export interface PublishedFigure {
  readonly point: number
  readonly figure: FigureName
  readonly value: number
  readonly source: string
}

export interface StudyPart {
  readonly name: string
  readonly title: string
  readonly about: string | undefined
  /** Fields with several values, in the file's order. */
  readonly varies: readonly string[]
  readonly points: readonly Point[]
  readonly published: readonly PublishedFigure[]
}

export interface Study {
  /** As the file says, or of the file itself, without the ending. */
  readonly name: string
  readonly title: string
  readonly about: string | undefined
  readonly parts: readonly StudyPart[]
  /** The file again, with every choice that all points of a part share. */
  readonly resolved: string
}

export interface StudyOptions {
  /** Changes, as `seeds=3`, `part.nodes=[10, 20]`, `chord.successors=4`. */
  readonly set?: readonly string[]
  readonly workers?: number | undefined
}

type Fields = Readonly<Record<string, unknown>>

/** @throws PlanError  of what is wrong first, with the file's name and line */
export function resolveStudy(text: string, path: string, options: StudyOptions = {}): Study {
  const read = parseStudy(text, path, options.set)
  const { file } = read
  const parts = file.parts.map((_, index) => partOf(read, index, path, options.workers))
  const points = parts.reduce((sum, part) => sum + part.points.length, 0)
  const runs = parts.reduce(
    (sum, part) => sum + part.points.reduce((all, { plan }) => all + plan.seeds, 0),
    0
  )
  if (points > POINTS_MAX)
    throw new PlanError(`${path} has ${points} points, and a study has ${POINTS_MAX} at most.`)
  if (runs > RUNS_MAX)
    throw new PlanError(`${path} has ${runs} runs, and a study has ${RUNS_MAX} at most: try fewer seeds.`)
  const name = file.name ?? basename(path).replace(/\.ya?ml$/, '')
  return {
    name,
    title: file.title,
    about: file.about,
    parts,
    resolved: writeStudy(resolvedFile({ ...file, name }, parts))
  }
}

function partOf(
  { file, line }: ReadFile,
  index: number,
  path: string,
  workers: number | undefined
): StudyPart {
  const part = file.parts[index]!
  const own: Path = ['parts', index]
  const wrong = (message: string, at: Path = own): PlanError => {
    const number = line(at)
    return new PlanError(`${path}${number === undefined ? '' : `:${number}`}: ${message}`)
  }
  const { name, title, about, grid = {}, published = [], ...given } = part
  if (OVERLAYS.some(overlay => overlay === name))
    throw wrong(`A part cannot be named ${name}: an overlay is.`)
  if (file.parts.findIndex(other => other.name === name) < index) throw wrong(`Two parts are named ${name}.`)
  const fields: Fields = { ...file.common, ...given, set: { ...file.common?.set, ...given.set } }
  const {
    overlays = OVERLAYS_DEFAULT,
    set = {},
    ...rest
  } = fields as Fields & {
    overlays?: readonly OverlayId[]
    set?: Settings
  }
  for (const overlay of Object.keys(grid))
    if (!overlays.some(one => one === overlay))
      throw wrong(`grid has ${overlay}, which is not among the overlays of ${name}.`, [
        ...own,
        'grid',
        overlay
      ])
  const varies = VARYING.filter(field => Array.isArray(rest[field]))
  const points: Point[] = []
  for (const at of combinations(varies.map(field => [field, rest[field] as Value[]] as const)))
    for (const overlay of overlays) {
      const axes = Object.entries(grid[overlay] ?? {}).map(
        ([key, values]) => [`${overlay}.${key}`, values as SettingValue[]] as const
      )
      for (const varied of combinations(axes)) {
        const ofOverlay = Object.entries(set).filter(([key]) => key.startsWith(`${overlay}.`))
        const input = {
          ...rest,
          ...(varies.includes('firewalled') && startOf(rest)),
          ...at,
          overlays: [overlay],
          set: { ...Object.fromEntries(ofOverlay), ...varied },
          workers
        } as PlanInput
        points.push({
          overlay,
          at,
          set: varied,
          plan: planOf(input, error => wrong(...placed(error, own, part)))
        })
      }
    }
  const foreign = Object.keys(set).find(key => !overlays.some(overlay => key.startsWith(`${overlay}.`)))
  if (foreign !== undefined)
    throw wrong(`${foreign} is set, and the overlays of ${name} are ${overlays.join(', ')}.`, [
      ...own,
      'set',
      foreign
    ])
  const figures = published.map(({ overlay, at = {}, set: varied = {}, figure, value, source }, number) => {
    const of = points.flatMap((point, place) =>
      point.overlay === overlay && isWithin(at, point.at) && isWithin(varied, point.set) ? [place] : []
    )
    if (of.length === 1) return { point: of[0]!, figure, value, source }
    const many = of.length === 0 ? 'no point' : `${of.length} points`
    throw wrong(`published[${number}] is of ${many} of ${name}, and it takes one: say overlay, at and set.`, [
      ...own,
      'published',
      number
    ])
  })
  return { name, title: title ?? name, about, varies, points, published: figures }
}

/**
 * Points with firewalls and the one without are alike but for these: as all others must, the peers of that one join, where
 * the part says nothing else.
 */
function startOf({ start, firewalled }: Fields): Fields {
  const hasWalls = (firewalled as readonly number[]).some(part => part !== 0)
  return start === undefined && hasWalls ? { start: 'joined' } : {}
}

const isWithin = (some: Readonly<Record<string, unknown>>, all: Readonly<Record<string, unknown>>) =>
  Object.entries(some).every(([key, value]) => Object.hasOwn(all, key) && all[key] === value)

function planOf(input: PlanInput, wrong: (error: PlanError) => PlanError): Plan {
  try {
    return resolvePlan(input)
  } catch (error) {
    if ((error as Error).name !== 'PlanError') throw error
    throw wrong(error as PlanError)
  }
}

/** The message, and the field that it is of where it begins with the name of one. */
function placed({ message }: PlanError, own: Path, part: Fields): [string, Path] {
  const [field] = /^[a-z]+/.exec(message) ?? []
  return [message, field !== undefined && Object.hasOwn(part, field) ? [...own, field] : own]
}

/** Every choice of one value of each axis; one empty choice where there is no axis. */
function combinations<V>(axes: readonly (readonly [string, readonly V[]])[]): Record<string, V>[] {
  return axes.reduce<Record<string, V>[]>(
    (all, [name, values]) => all.flatMap(one => values.map(value => ({ ...one, [name]: value }))),
    [{}]
  )
}

/** Defaults are filled in where they are the same at all points: the others follow from what varies. */
function resolvedFile(file: StudyFile, parts: readonly StudyPart[]): StudyFile {
  const { common, name: ofStudy, ...rest } = file
  return {
    name: ofStudy,
    ...rest,
    parts: file.parts.map((part, index) => {
      const { points, varies } = parts[index]!
      const { name, title, about, grid, published } = part
      const [first] = points
      const overlays = part.overlays ?? common?.overlays ?? [...OVERLAYS_DEFAULT]
      const shared = VARYING.filter(
        field => !varies.includes(field) && points.every(({ plan }) => plan[field] === first!.plan[field])
      ).map(field => [field, first!.plan[field]] as const)
      const lists = varies.map(field => [field, [...new Set(points.map(({ at }) => at[field]))]] as const)
      const set = { ...common?.set, ...part.set }
      return {
        name,
        ...(title !== undefined && { title }),
        ...(about !== undefined && { about }),
        overlays,
        ...Object.fromEntries([...shared, ...lists]),
        lies: first!.plan.lies,
        ...(Object.keys(set).length > 0 && { set }),
        ...(grid !== undefined && { grid }),
        ...(published !== undefined && { published })
      } as StudyFile['parts'][number]
    })
  }
}
