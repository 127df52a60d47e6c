/** What fields of a plan take, in words. */
import type { TSchema } from 'typebox'

/** What is wrong with one field, as typebox says it. */
interface Wrong {
  readonly keyword?: string
  readonly params?: object
  readonly message?: string
}

/** `it takes a whole number from 2 to 1000000`, or each name that there is. */
export function taken(schema: TSchema | undefined, { keyword, params, message }: Wrong = {}): string {
  if (keyword === 'enum') {
    const { allowedValues } = params as { allowedValues: readonly unknown[] }
    return `it takes one of ${allowedValues.join(', ')}`
  }
  const range = rangeOf(schema)
  return range === undefined ? `it ${message ?? 'is not what it takes'}` : `it takes ${range}`
}

/** As JSON, which has no word for the numbers that are none or have no end. */
export function shown(value: unknown): string {
  return typeof value === 'number' ? `${value}` : JSON.stringify(value)
}

/** A field's numbers in words; nothing where it is no number. */
function rangeOf(schema: TSchema | undefined): string | undefined {
  const { type, minimum, maximum, anyOf } = (schema ?? {}) as {
    readonly type?: string
    readonly minimum?: number
    readonly maximum?: number
    readonly anyOf?: readonly TSchema[]
  }
  if (anyOf !== undefined) return anyOf.map(rangeOf).find(range => range !== undefined)
  if (type !== 'integer' && type !== 'number') return undefined
  return `a ${type === 'integer' ? 'whole ' : ''}number from ${minimum} to ${maximum}`
}
