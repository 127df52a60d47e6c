/** Results that were kept, read again to hold new ones against: a comparison's or a study's. */
import { Check } from 'typebox/value'
import { PlanError } from './errors.ts'
import type { Judged } from './gates.ts'
import { filesOf } from './models.ts'
import { type Asked, askedOf, type FileSums } from './plan.ts'
import { type Results, ResultsSchema } from './results.ts'
import type { Study } from './study/study.ts'
import { type StudyResults, StudyResultsSchema } from './study/study-results.ts'

export type Kept = Results | StudyResults

/** @throws PlanError  no results of the lab, or of another version */
export function parseResults(text: string, name: string): Kept {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new PlanError(`${name} is no JSON: ${(error as Error).message}.`)
  }
  if (Check(ResultsSchema, value) || Check(StudyResultsSchema, value)) return value as Kept
  const { schema } = (value ?? {}) as { schema?: unknown }
  throw new PlanError(
    `${name} has no results of this lab${schema === undefined ? '' : `: its schema is ${JSON.stringify(schema)}, or differs from what this version writes`}.`
  )
}

/** What gates judge, by names that are the same for the same plan. */
export function judgedOf(kept: Kept): Judged[] {
  if ('overlays' in kept)
    return kept.overlays.map(results => ({ name: results.overlay, asked: kept.plan, results }))
  return kept.parts.flatMap(({ name, points }) =>
    points.map(({ overlay, at, set, plan, results }) => ({
      name: nameOf(name, { overlay, at, set }),
      asked: plan,
      results
    }))
  )
}

type Choices = Readonly<Record<string, unknown>>

function nameOf(
  part: string,
  { overlay, at, set }: { readonly overlay: string; readonly at: Choices; readonly set: Choices }
): string {
  return [part, overlay, ...choices(at), ...choices(set)].join(' ')
}

const choices = (record: Choices) => Object.entries(record).map(([key, value]) => `${key}=${value}`)

/** What a study asks, by the names of what gates judge. */
export function askedIn({
  study,
  sums
}: {
  readonly study: Pick<Study, 'parts'>
  readonly sums: FileSums
}): Map<string, Asked> {
  return new Map(
    study.parts.flatMap(({ name, points }) =>
      points.map(point => [nameOf(name, point), askedOf(point.plan, sums)] as const)
    )
  )
}

/** What was planned for each of what gates judge. */
function plansOf(kept: Kept): Map<string, Asked> {
  return new Map(judgedOf(kept).map(({ name, asked }) => [name, asked]))
}

/**
 * A baseline says something only of the same work. How many runs there were, with which seeds, and what else was
 * compared makes no difference to what is held against what.
 *
 * @throws PlanError  something was measured with another plan, or is not in the baseline
 */
export function refuseOther(baseline: Kept, planned: ReadonlyMap<string, Asked>): void {
  const before = plansOf(baseline)
  for (const [name, plan] of planned) {
    const other = before.get(name)
    if (other === undefined)
      throw new PlanError(`The baseline has nothing of ${name}. It has ${[...before.keys()].join(', ')}.`)
    const field = Object.keys({ ...other, ...plan }).find(
      key =>
        !IRRELEVANT.has(key) && JSON.stringify(of(plan, key, name)) !== JSON.stringify(of(other, key, name))
    ) as keyof Asked | undefined
    if (field === undefined) continue
    throw new PlanError(
      `The baseline was measured with another plan: ${name} had ${field} ${JSON.stringify(other[field])}, and has ` +
        `${JSON.stringify(plan[field])} now.${ofFiles(field, other, plan)}`
    )
  }
}

/** Where it is a file that two plans do not have in common: in what it differs. */
function ofFiles(field: keyof Asked, before: Asked, now: Asked): string {
  const [had, has] = [filesOf(before), filesOf(now)]
  for (const [kind, named] of [
    ['matrix', 'latency'],
    ['trace', 'churn']
  ] as const) {
    const [was, is] = [had[kind], has[kind]]
    if (was === undefined || is === undefined || (field !== named && field !== 'files')) continue
    const isSame = before.files?.[was] === now.files?.[is]
    if (was !== is)
      return ` The files differ in name ${isSame ? 'alone: their contents are the same' : 'and contents'}.`
    if (!isSame) return ` ${is} has other contents.`
  }
  return ''
}

const IRRELEVANT: ReadonlySet<string> = new Set(['seeds', 'seed', 'overlays', 'workers'])

/** Settings of other overlays are nothing to this one. */
function of(plan: Asked, key: string, name: string): unknown {
  if (key !== 'set') return plan[key as keyof Asked]
  const words = name.split(' ')
  return Object.entries(plan.set)
    .filter(([setting]) => words.includes(setting.split('.')[0]!))
    .sort()
}
