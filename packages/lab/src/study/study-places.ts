/** Where in a plan file stands what an error is of. */
import type { Path } from './study-file.ts'
import type { StudyFile } from './study-schema.ts'

/** What one point of a part has of its own: of a field with several values, which of them. */
export interface Chosen {
  readonly at: Readonly<Record<string, unknown>>
  readonly set: Readonly<Record<string, unknown>>
}

type Fields = Readonly<Record<string, unknown>>

/**
 * The path of a field, or of a setting as `chord.successors`: in the part itself, or in what all parts have. The part where
 * it stands nowhere, as what follows from other fields.
 */
export function pathOf(
  { parts, common = {} }: StudyFile,
  index: number,
  field: string | undefined,
  chosen: Chosen = { at: {}, set: {} }
): Path {
  const own: Path = ['parts', index]
  if (field === undefined) return own
  const [overlay, key] = field.split('.') as [string, string | undefined]
  const places: readonly (readonly [Path, Fields])[] = [
    [own, parts[index]!],
    [['common'], common]
  ]
  for (const [path, fields] of places) {
    const axis = key === undefined ? undefined : valueAt(valueAt(fields.grid, overlay), key)
    if (axis !== undefined) return ofValue([...path, 'grid', overlay, key!], axis, chosen.set[field])
    if (key !== undefined && valueAt(fields.set, field) !== undefined) return [...path, 'set', field]
    const value = key === undefined ? valueAt(fields, field) : undefined
    if (value !== undefined) return ofValue([...path, field], value, chosen.at[field])
  }
  return own
}

/** Of several values the one that was chosen. */
function ofValue(path: Path, value: unknown, chosen: unknown): Path {
  const index = Array.isArray(value) ? value.indexOf(chosen) : -1
  return index === -1 ? path : [...path, index]
}

function valueAt(within: unknown, key: string): unknown {
  const isRecord = typeof within === 'object' && within !== null && Object.hasOwn(within, key)
  return isRecord ? (within as Fields)[key] : undefined
}
