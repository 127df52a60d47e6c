/**
 * Gates: sentences that results must not make true, as `hops.p95>+10%` against a baseline, or `success<0.99`. Of a value
 * that is not there nothing can be said, and a gate that cannot be judged has failed.
 */
import { PlanError } from './errors.ts'
import { OVERLAYS, type OverlayId } from './overlays/settings.ts'
import type { Asked } from './plan.ts'
import { type OverlayResults, OverlaySchema } from './results.ts'

export const GATES_MAX = 64

export interface Gate {
  /** As it was written. */
  readonly text: string
  /** Nothing: of every overlay. */
  readonly overlay: OverlayId | undefined
  /** Where in the results of an overlay, or `success`, `recall`. */
  readonly metric: string
  readonly operator: '<' | '<=' | '>' | '>='
  readonly value: number
  /** What it is held against: itself, or by how much it is more than the baseline's, in its unit or in its parts. */
  readonly kind: 'value' | 'difference' | 'part'
}

/** Results of one overlay, with the name of what they are of, the same in results and baseline. */
export interface Judged {
  readonly name: string
  readonly asked: Asked
  readonly results: OverlayResults
}

export interface GateVerdict {
  readonly gate: string
  /** Which results. */
  readonly name: string
  readonly value: number | null
  readonly baseline: number | null
  readonly passed: boolean
}

/** Shares that a reader asks for first, by short names. */
const SHORT: Readonly<Record<string, (results: OverlayResults) => number | null>> = {
  success: ({ lookups }) => (lookups.issued === 0 ? null : lookups.correct / lookups.issued),
  recall: ({ searches }) => searches?.recall ?? null
}

/** @throws PlanError  it is none */
export function parseGate(text: string): Gate {
  const match = /^\s*([a-z0-9_.-]+?)\s*(<=|>=|<|>)\s*([+-]?)(\d+(?:\.\d+)?(?:e-?\d+)?)(%?)\s*$/i.exec(text)
  if (match === null) throw noGate(text)
  const [, name, operator, sign, digits, percent] = match as unknown as [
    string,
    string,
    Gate['operator'],
    string,
    string,
    string
  ]
  // `+10%` and `-3` are differences; a percentage of nothing is none.
  if (percent !== '' && sign === '') throw noGate(text)
  const overlay = OVERLAYS.find(one => name.startsWith(`${one}.`))
  const number = Number(digits) * (sign === '-' ? -1 : 1)
  return {
    text,
    overlay,
    metric: overlay === undefined ? name : name.slice(overlay.length + 1),
    operator,
    value: percent === '' ? number : number / 100,
    kind: sign === '' ? 'value' : percent === '' ? 'difference' : 'part'
  }
}

function noGate(text: string): PlanError {
  return new PlanError(
    `--fail-if takes a metric, <, <=, > or >=, and a number (success<0.99) or how far from the baseline it may be ` +
      `(hops.p95>+10%, searches.recall<-0.01), and it says ${JSON.stringify(text)}.`
  )
}

/**
 * @param overlays  that are judged
 * @throws PlanError  more than there may be, a difference and no baseline, or a metric or an overlay that is not there
 */
export function parseGates(
  texts: readonly string[],
  hasBaseline: boolean,
  overlays: readonly string[] = OVERLAYS
): Gate[] {
  if (texts.length > GATES_MAX)
    throw new PlanError(`There are ${texts.length} gates, and ${GATES_MAX} at most.`)
  const gates = texts.map(parseGate)
  const relative = gates.find(({ kind }) => kind !== 'value')
  if (relative !== undefined && !hasBaseline)
    throw new PlanError(
      `--fail-if ${relative.text} is held against a baseline: give one with --baseline FILE.`
    )
  for (const { text, overlay, metric } of gates) {
    if (overlay !== undefined && !overlays.includes(overlay))
      throw new PlanError(`--fail-if ${text} is of ${overlay}, and the plan runs ${overlays.join(', ')}.`)
    if (!Object.hasOwn(SHORT, metric) && !isNumber(OverlaySchema as AnySchema, metric.split('.')))
      throw new PlanError(
        `--fail-if ${text}: results have no number ${metric}. They have success, recall, hops.p95, latency_ms.p50, ` +
          `lookups.incorrect, bytes_per_node_per_s.mean and all that docs/lab.md lists.`
      )
  }
  return gates
}

type Needs = readonly [what: string, isIn: (asked: Asked) => boolean]

const LOOKUPS: Needs = ['lookups', ({ lookups }) => lookups > 0]
const SEARCHES: Needs = ['searches', ({ searches }) => searches > 0]
/** What a plan must ask for so that there can be a metric, by how it begins, the longest first. Of others only results can say. */
const NEEDS: Readonly<Record<string, Needs>> = {
  success: LOOKUPS,
  hops: LOOKUPS,
  hops_as_published: LOOKUPS,
  latency_ms: LOOKUPS,
  stretch: LOOKUPS,
  messages_per_lookup: LOOKUPS,
  timeouts_per_lookup: LOOKUPS,
  lookups: LOOKUPS,
  recall: SEARCHES,
  searches: SEARCHES,
  'searches.recall_of_enough': [
    'searches for enough results',
    ({ searches, enough }) => searches > 0 && enough !== null
  ],
  'searches.recall_single_copy': [
    'searches for single copies',
    ({ searches, rare }) => searches > 0 && rare > 0
  ],
  publishing: SEARCHES,
  values: ['puts', ({ puts }) => puts > 0],
  'values.gets': ['gets', ({ gets }) => gets > 0],
  repair_s: ['churn', ({ churn }) => churn !== null],
  partition: ['partition', ({ partition }) => partition !== null]
}

function needsOf(metric: string): Needs | [] {
  const path = metric.split('.')
  for (let length = path.length; length > 0; length -= 1) {
    const needs = NEEDS[path.slice(0, length).join('.')]
    if (needs !== undefined) return needs
  }
  return []
}

/**
 * @param asked  what will be judged
 * @throws PlanError  of a gate that would fail whatever comes out, as nothing of it asks for what it is of
 */
export function refuseUnasked(gates: readonly Gate[], asked: Iterable<Asked>): void {
  const all = [...asked]
  for (const { text, overlay, metric } of gates) {
    const [what, isIn] = needsOf(metric)
    const own = all.filter(({ overlays }) => overlay === undefined || overlays.includes(overlay))
    if (isIn === undefined || own.some(isIn)) continue
    const whose = overlay === undefined ? '' : ` of ${overlay}`
    throw new PlanError(
      `--fail-if ${text}: the plan has no ${what}${whose}, so that there will be no ${metric}.`
    )
  }
}

interface AnySchema {
  readonly type?: string
  readonly anyOf?: readonly AnySchema[]
  readonly properties?: Readonly<Record<string, AnySchema>>
  readonly patternProperties?: Readonly<Record<string, AnySchema>>
}

/** Whether there is a number at this path. */
function isNumber(
  { type, anyOf, properties, patternProperties }: AnySchema,
  path: readonly string[]
): boolean {
  if (anyOf !== undefined) return anyOf.some(one => isNumber(one, path))
  const [key, ...rest] = path
  if (key === undefined) return type === 'number' || type === 'integer'
  const [pattern] = Object.values(patternProperties ?? {})
  const next = properties !== undefined && Object.hasOwn(properties, key) ? properties[key] : pattern
  return next !== undefined && isNumber(next, rest)
}

/**
 * Each gate of each result that it is of: of recall is none that asked for no searches, where others did. A gate of an
 * overlay that is not there fails by that name.
 */
export function judge(
  gates: readonly Gate[],
  results: readonly Judged[],
  baseline: readonly Judged[] | undefined
): GateVerdict[] {
  return gates.flatMap(gate => {
    const [, isIn = () => true] = needsOf(gate.metric)
    const own = results.filter(one => gate.overlay === undefined || one.results.overlay === gate.overlay)
    const asking = own.filter(({ asked }) => isIn(asked))
    const of = asking.length === 0 ? own : asking
    if (of.length === 0)
      return [{ gate: gate.text, name: gate.overlay ?? '', value: null, baseline: null, passed: false }]
    return of.map(({ name, results: judged }) => {
      const before = baseline?.find(one => one.name === name)?.results
      const value = metricOf(judged, gate.metric)
      const base = before === undefined ? null : metricOf(before, gate.metric)
      return { gate: gate.text, name, value, baseline: base, passed: passes(gate, value, base) }
    })
  })
}

function passes({ kind, operator, value: limit }: Gate, value: number | null, base: number | null): boolean {
  if (value === null) return false
  if (kind === 'value') return !holds(operator, value, limit)
  if (base === null) return false
  return !holds(operator, value, kind === 'difference' ? base + limit : base * (1 + limit))
}

function holds(operator: Gate['operator'], left: number, right: number): boolean {
  if (operator === '<') return left < right
  if (operator === '<=') return left <= right
  return operator === '>' ? left > right : left >= right
}

/** Null where it was not measured, or there is no such number. */
function metricOf(results: OverlayResults, metric: string): number | null {
  const short = Object.hasOwn(SHORT, metric) ? SHORT[metric] : undefined
  if (short !== undefined) return short(results)
  const value = metric
    .split('.')
    .reduce<unknown>(
      (at, key) =>
        at !== null && typeof at === 'object' && Object.hasOwn(at, key)
          ? (at as Record<string, unknown>)[key]
          : undefined,
      results
    )
  return typeof value === 'number' ? value : null
}
