/** Reads a plan file: YAML, with the line of whatever is wrong with it. */

import { Check, Errors } from 'typebox/value'
import { type Document, isNode, LineCounter, parse, parseDocument, stringify, visit } from 'yaml'
import { PlanError } from '../errors.ts'
import { OVERLAYS, type OverlayId } from '../overlays/settings.ts'
import { type Plan, PlanSchema } from '../plan.ts'
import { taken } from '../plan-words.ts'
import { PLAN_FILE_BYTES_MAX, type StudyFile, StudySchema } from './study-schema.ts'

/** Of a part that names none, as of a plan. */
export const OVERLAYS_DEFAULT: readonly OverlayId[] = ['chord']

export type Path = readonly (string | number)[]

/** A file that was read, and where in it something stands. */
export interface ReadFile {
  readonly file: StudyFile
  /**
   * Where what is at a path stands, or the nearest that holds it, to be said before what is wrong: `plans/quick.yaml:7`, or
   * `--set seeds=0` where a change put it there.
   */
  place(path: Path): string
}

/** @throws PlanError  it is no YAML, too long, or not what a plan file is made of; `name` is told with it */
export function parseStudy(text: string, name: string, changes: readonly string[] = []): ReadFile {
  if (Buffer.byteLength(text) > PLAN_FILE_BYTES_MAX)
    throw new PlanError(`${name} has more than ${PLAN_FILE_BYTES_MAX} bytes: that is no plan file.`)
  const lines = new LineCounter()
  // No aliases: a few lines of them make more than fits into memory.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const [error] = document.errors
  if (error !== undefined)
    throw new PlanError(`${name}:${lines.linePos(error.pos[0]).line}: ${error.message}.`)
  const alias = firstAlias(document)
  if (alias !== undefined)
    throw new PlanError(`${name}:${lines.linePos(alias).line}: A plan file has no aliases.`)
  const file: unknown = document.toJS({ maxAliasCount: 0 })
  if (file === null || file === undefined)
    throw new PlanError(`${name} is empty: a plan file has a title and parts.`)
  const changed = applyChanges(file, changes)
  const place = (path: Path) => {
    const wholes = path.map((_, index) => changed.get(placeOf(path.slice(0, index + 1))))
    const change = wholes.findLast(one => one !== undefined)
    if (change !== undefined) return `--set ${change}`
    const line = lineOf(document, lines, path)
    return line === undefined ? name : `${name}:${line}`
  }
  if (!Check(StudySchema, file)) {
    const { path, message } = firstWrong(file)
    throw new PlanError(`${place(path)}: ${message}`)
  }
  return { file: file as StudyFile, place }
}

export function writeStudy(file: StudyFile): string {
  return stringify(file, { lineWidth: 100 })
}

function lineOf(document: Document, lines: LineCounter, path: Path): number | undefined {
  for (let length = path.length; length >= 0; length -= 1) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true)
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line
  }
  return undefined
}

/** Where it stands in the text. */
function firstAlias(document: Document): number | undefined {
  let at: number | undefined
  visit(document, {
    Alias: (_, { range }) => {
      at = range?.[0] ?? 0
      return visit.BREAK
    }
  })
  return at
}

/** What is wrong first, in words. */
function firstWrong(file: unknown): { readonly path: Path; readonly message: string } {
  const errors = [...Errors(StudySchema, file)]
  // That a key must not be there says more than what is wrong with its value; and of a field that takes one value or
  // several, what is wrong with the value says more than that neither fits.
  const unknown = errors.find(({ keyword }) => keyword === 'additionalProperties')
  const deepest = errors.toSorted((a, b) => depthOf(b.instancePath) - depthOf(a.instancePath))
  const wrong = unknown ?? deepest[0]
  const { keyword, params, instancePath = '' } = wrong ?? {}
  const path = instancePath.split('/').slice(1).map(unescaped)
  if (keyword === 'additionalProperties') {
    const [key] = (params as { additionalProperties: string[] }).additionalProperties
    return { path: [...path, key!], message: `${placeOf(path)} has no ${key}.` }
  }
  if (keyword === 'required') {
    const missing = (params as { requiredProperties: string[] }).requiredProperties
    return { path, message: `${placeOf(path)} lacks ${missing.join(', ')}.` }
  }
  const value = path.reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], file)
  const field = path.findLast(key => typeof key === 'string')
  const takes = taken(PlanSchema.properties[field as keyof Plan], wrong)
  return { path, message: `${placeOf(path)} is ${JSON.stringify(value)}, and ${takes}.` }
}

const depthOf = (pointer: string) => pointer.split('/').length

function unescaped(key: string): string | number {
  const plain = key.replaceAll('~1', '/').replaceAll('~0', '~')
  return /^\d+$/.test(plain) ? Number(plain) : plain
}

function placeOf(path: Path): string {
  if (path.length === 0) return 'The file'
  return path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : text === '' ? key : `${text}.${key}`),
    ''
  )
}

/**
 * `seeds=3` changes a field everywhere, `sizes.nodes=[100, 1000]` that of one part, and `chord.successors=20` a setting
 * of an overlay in every part that runs it. Gives each change by the places that it put something at.
 */
function applyChanges(file: unknown, changes: readonly string[]): Map<string, string> {
  const changed = new Map<string, string>()
  const { parts, common } = (file ?? {}) as { parts?: unknown; common?: object }
  if (!Array.isArray(parts)) return changed
  for (const change of changes) {
    const match = /^(?:([a-z][a-z0-9-]*)\.)?([A-Za-z-]+)=(.+)$/s.exec(change)
    if (match === null)
      throw new PlanError(
        `--set takes field=value, part.field=value or overlay.setting=value, and it says ${JSON.stringify(change)}.`
      )
    const [, of, key, text] = match as unknown as [string, string | undefined, string, string]
    const value: unknown = parsedValue(text, change)
    const overlay = OVERLAYS.find(one => one === of)
    const isNamed = (part: unknown) => (part as { name?: unknown } | null)?.name === of
    if (overlay === undefined && of !== undefined && !parts.some(isNamed))
      throw new PlanError(`--set ${change}: the plan has no part ${of}, and there is no such overlay.`)
    let count = 0
    for (const [index, part] of parts.entries()) {
      if (part === null || typeof part !== 'object') continue
      if (overlay === undefined && of !== undefined && !isNamed(part)) continue
      if (overlay !== undefined && !runs(part, common, overlay)) continue
      const path = overlay === undefined ? [key] : settingPath(part, overlay, key)
      put(part, path, path[0] === 'grid' ? [value] : value)
      changed.set(placeOf(['parts', index, ...path]), change)
      count += 1
    }
    if (count === 0) throw new PlanError(`--set ${change}: no part runs ${overlay}.`)
  }
  return changed
}

/** Of a setting in a part. One that varies there has this one value then. */
function settingPath(part: object, overlay: string, key: string): string[] {
  const { grid } = part as { grid?: Record<string, object | undefined> }
  const axis = grid?.[overlay]
  const varies = typeof axis === 'object' && axis !== null && Object.hasOwn(axis, key)
  return varies ? ['grid', overlay, key] : ['set', `${overlay}.${key}`]
}

function put(part: object, path: readonly string[], value: unknown): void {
  const [key, ...rest] = path as [string, ...string[]]
  const record = part as Record<string, unknown>
  if (rest.length === 0) record[key] = value
  else {
    const within = { ...(record[key] as object | undefined) }
    put(within, rest, value)
    record[key] = within
  }
}

function parsedValue(text: string, change: string): unknown {
  try {
    return parse(text, { maxAliasCount: 0, prettyErrors: false })
  } catch (cause) {
    throw new PlanError(`--set ${change}: ${(cause as Error).message}.`)
  }
}

function runs(
  part: { overlays?: unknown },
  common: { overlays?: unknown } | undefined,
  overlay: string
): boolean {
  const overlays = part.overlays ?? common?.overlays ?? OVERLAYS_DEFAULT
  return Array.isArray(overlays) && overlays.includes(overlay)
}
