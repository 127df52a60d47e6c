/** The settings as a flat list, each with its three spellings, and the nearest name to a mistyped one. */
import { SettingsSchema } from './config-schema.ts'

/** One setting, for the loader, for help texts and for documentation. */
export interface SettingInfo {
  /** Keys from the root of `Settings`: `['maxUploadRate']`, `['gnutella', 'ttl']`. */
  readonly path: readonly string[]
  /** As in the file and on the command line: `max-upload-rate`, `gnutella.ttl`. */
  readonly key: string
  /** `SERVENT_MAX_UPLOAD_RATE`. */
  readonly variable: string
  /** `--max-upload-rate`, or `--set gnutella.ttl=…`. */
  readonly flag: string
  readonly description: string
  readonly default: unknown
  /** In words: `a whole number from 1 to 64`. */
  readonly allowed: string
  readonly schema: SettingSchema
}

/** The parts of JSON Schema that settings use. */
export interface SettingSchema {
  readonly type?: string
  readonly enum?: readonly (string | number)[]
  readonly items?: SettingSchema
  readonly minimum?: number
  readonly maximum?: number
  readonly multipleOf?: number
  readonly maxItems?: number
  readonly maxLength?: number
  readonly default?: unknown
  readonly description?: string
  readonly properties?: Readonly<Record<string, SettingSchema>>
}

const VARIABLE_PREFIX = 'SERVENT_'

export const kebabCase = (name: string): string =>
  name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
export const camelCase = (name: string): string =>
  name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())

/** In words what a setting takes, from its schema. */
export function allowedText(schema: SettingSchema): string {
  if (schema.enum !== undefined) return `one of ${schema.enum.join(', ')}`
  switch (schema.type) {
    case 'integer': {
      const kind = schema.multipleOf === undefined ? 'whole number' : `multiple of ${schema.multipleOf}`
      return `a ${kind} from ${schema.minimum} to ${schema.maximum}`
    }
    case 'boolean':
      return 'true or false'
    case 'array':
      return `a list of at most ${schema.maxItems}, each ${allowedText(schema.items!)}`
    default:
      return `a text of at most ${schema.maxLength} characters`
  }
}

function collect(schema: SettingSchema, path: readonly string[], into: SettingInfo[]): void {
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const here = [...path, name]
    if (property.properties !== undefined) {
      collect(property, here, into)
      continue
    }
    const key = here.map(kebabCase).join('.')
    into.push({
      path: here,
      key,
      variable:
        VARIABLE_PREFIX + here.map(part => kebabCase(part).replaceAll('-', '_').toUpperCase()).join('_'),
      flag: here.length === 1 ? `--${key}` : `--set ${key}=…`,
      description: property.description ?? '',
      default: property.default,
      allowed: allowedText(property),
      schema: property
    })
  }
}

/** Every setting in the order of the schema. */
export const SETTINGS: readonly SettingInfo[] = (() => {
  const found: SettingInfo[] = []
  collect(SettingsSchema, [], found)
  return found
})()

const EDITS_MAX = 3

/** The candidate that a mistyped name most likely meant, if one is near enough. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  let bestEdits = Math.min(EDITS_MAX, Math.ceil(name.length / 2)) + 1
  for (const candidate of candidates) {
    const edits = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (edits < bestEdits) {
      best = candidate
      bestEdits = edits
    }
  }
  return best
}

/** Levenshtein's distance, in one row. */
function editDistance(a: string, b: string): number {
  const row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    let diagonal = row[0]!
    row[0] = i
    for (let j = 1; j <= b.length; j++) {
      const above = row[j]!
      row[j] = Math.min(above + 1, row[j - 1]! + 1, diagonal + (a[i - 1] === b[j - 1] ? 0 : 1))
      diagonal = above
    }
  }
  return row[b.length]!
}
