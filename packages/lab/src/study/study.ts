/** A study with every choice made: its parts, and for each its points, every one a plan of one overlay. */
import { basename } from 'node:path'
import { Check, Errors } from 'typebox/value'
import { PlanError } from '../errors.ts'
import { OVERLAYS, type OverlayId, type Settings, type SettingValue } from '../overlays/settings.ts'
import { type Plan, type PlanInput, PlanSchema, resolvePlan } from '../plan.ts'
import { placedWith } from '../plan-jobs.ts'
import { shown, taken } from '../plan-words.ts'
import { OVERLAYS_DEFAULT, parseStudy, type ReadFile, writeStudy } from './study-file.ts'
import { type Chosen, pathOf } from './study-places.ts'
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
  readonly file: StudyFile
  /** That file as it is written. */
  readonly resolved: string
  /** What is wrong with the plan of a point, with the file and the line that it comes from. */
  readonly placed: (error: PlanError, part: number, point: Point) => PlanError
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
  checkWorkers(options.workers)
  const parts: StudyPart[] = []
  let [points, runs] = [0, 0]
  for (const index of read.file.parts.keys()) {
    const resolver = new PartResolver(read, index, options.workers)
    points += resolver.points
    if (points > POINTS_MAX)
      throw resolver.wrong(
        `With this part there are ${points} points, and a study has ${POINTS_MAX} at most.`
      )
    const part = resolver.resolve()
    runs += part.points.reduce((all, { plan }) => all + plan.seeds, 0)
    if (runs > RUNS_MAX)
      throw resolver.wrong(
        `With this part there are ${runs} runs, and a study has ${RUNS_MAX} at most: try fewer seeds.`,
        'seeds'
      )
    parts.push(part)
  }
  const name = read.file.name ?? basename(path).replace(/\.ya?ml$/, '')
  const file = resolvedFile({ ...read.file, name }, parts)
  return {
    name,
    title: file.title,
    about: file.about,
    parts,
    file,
    resolved: writeStudy(file),
    placed: (error, part, point) => placed(read, part, error, point)
  }
}

/** They are of no file. */
function checkWorkers(workers: unknown): void {
  const schema = PlanSchema.properties.workers
  if (workers === undefined || Check(schema, workers)) return
  const [error] = Errors(schema, workers)
  throw new PlanError(`--workers is ${shown(workers)}, and ${taken(schema, error)}.`)
}

/** Where the field that an error is of stands: in the part, in what all parts have, or else the part. */
function placed({ file, place }: ReadFile, index: number, error: PlanError, chosen?: Chosen): PlanError {
  return new PlanError(`${place(pathOf(file, index, error.field, chosen))}: ${error.message}`, error.field)
}

/** One part of a file, and what is wrong with it. */
class PartResolver {
  readonly #read: ReadFile
  readonly #index: number
  readonly #workers: number | undefined
  readonly #part: StudyFile['parts'][number]
  readonly #overlays: readonly OverlayId[]
  readonly #set: Settings
  /** Of the plans of its points, without what each of them has of its own. */
  readonly #fields: Fields
  readonly #varies: readonly string[]

  constructor(read: ReadFile, index: number, workers: number | undefined) {
    const { parts, common } = read.file
    this.#read = read
    this.#index = index
    this.#workers = workers
    this.#part = parts[index]!
    const {
      name: _name,
      title: _title,
      about: _about,
      grid: _grid,
      published: _published,
      ...own
    } = this.#part
    const { overlays = OVERLAYS_DEFAULT, set: _set, ...fields } = { ...common, ...own }
    this.#overlays = overlays
    this.#set = { ...common?.set, ...own.set }
    this.#fields = fields
    this.#varies = VARYING.filter(field => Array.isArray(this.#fields[field]))
  }

  /** How many it has, known before any of them is made. */
  get points(): number {
    const choices = (axes: readonly (readonly [string, readonly unknown[]])[]) =>
      axes.reduce((product, [, values]) => product * values.length, 1)
    const ofOverlays = this.#overlays.map(overlay => choices(this.#axesOf(overlay)))
    return choices(this.#axes()) * ofOverlays.reduce((sum, count) => sum + count, 0)
  }

  wrong(message: string, field?: string): PlanError {
    return placed(this.#read, this.#index, new PlanError(message, field))
  }

  resolve(): StudyPart {
    const { name, title, about } = this.#part
    this.#check()
    const points = combinations(this.#axes()).flatMap(at =>
      this.#overlays.flatMap(overlay =>
        combinations(this.#axesOf(overlay)).map(set => this.#pointOf(overlay, at, set))
      )
    )
    // That a setting is of none of its overlays is told after what is wrong with the plans.
    const foreign = Object.keys(this.#set).find(
      key => !this.#overlays.some(overlay => key.startsWith(`${overlay}.`))
    )
    if (foreign !== undefined)
      throw this.wrong(`${foreign} is set, and the overlays of ${name} are ${this.#overlays.join(', ')}.`)
    return {
      name,
      title: title ?? name,
      about,
      varies: this.#varies,
      points,
      published: this.#published(points)
    }
  }

  #axes() {
    return this.#varies.map(field => [field, this.#fields[field] as Value[]] as const)
  }

  #axesOf(overlay: OverlayId) {
    return Object.entries(this.#part.grid?.[overlay] ?? {}).map(
      ([key, values]) => [`${overlay}.${key}`, values as SettingValue[]] as const
    )
  }

  #check(): void {
    const { name, grid = {} } = this.#part
    if (OVERLAYS.some(overlay => overlay === name))
      throw this.wrong(`A part cannot be named ${name}: an overlay is.`)
    if (this.#read.file.parts.findIndex(other => other.name === name) < this.#index)
      throw this.wrong(`Two parts are named ${name}.`)
    const foreign = Object.keys(grid).find(overlay => !this.#overlays.some(one => one === overlay))
    if (foreign !== undefined)
      throw this.#wrongAt(`grid has ${foreign}, which is not among the overlays of ${name}.`, 'grid', foreign)
  }

  #pointOf(overlay: OverlayId, at: Record<string, Value>, set: Settings): Point {
    const ofOverlay = Object.entries(this.#set).filter(([key]) => key.startsWith(`${overlay}.`))
    const input = {
      ...this.#fields,
      ...(this.#varies.includes('firewalled') && startOf(this.#fields)),
      ...at,
      overlays: [overlay],
      set: { ...Object.fromEntries(ofOverlay), ...set },
      workers: this.#workers
    } as PlanInput
    const plan = placedWith(
      error => placed(this.#read, this.#index, error, { at, set }),
      () => resolvePlan(input)
    )
    return { overlay, at, set, plan }
  }

  #published(points: readonly Point[]): PublishedFigure[] {
    const { name, published = [] } = this.#part
    return published.map(({ overlay, at = {}, set = {}, figure, value, source }, number) => {
      const of = points.flatMap((point, place) =>
        point.overlay === overlay && isWithin(at, point.at) && isWithin(set, point.set) ? [place] : []
      )
      if (of.length === 1) return { point: of[0]!, figure, value, source }
      const many = of.length === 0 ? 'no point' : `${of.length} points`
      throw this.#wrongAt(
        `published[${number}] is of ${many} of ${name}, and it takes one: say overlay, at and set.`,
        'published',
        number
      )
    })
  }

  #wrongAt(message: string, ...within: readonly (string | number)[]): PlanError {
    return new PlanError(`${this.#read.place(['parts', this.#index, ...within])}: ${message}`)
  }
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
