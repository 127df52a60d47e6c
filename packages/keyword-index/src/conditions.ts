/** What a query asks beside its words, as SQL that SQLite and PostgreSQL both read. `fits` says the same of one file. */
import { FILE_NUMBERS } from './file-numbers.ts'
import { isBounding } from './matching.ts'
import type { IndexQuery, NumberBounds } from './types.ts'

type Value = string | number

/**
 * Conditions on columns of a file, each of which needs all others.
 *
 * @param bind  keeps a value and gives what stands for it in the text
 */
export function conditionsOf({ type, size, numbers }: IndexQuery, bind: (value: Value) => string): string[] {
  const conditions: string[] = []
  const within = (column: string, { min, max }: NumberBounds): void => {
    if (min !== undefined) conditions.push(`${column} >= ${bind(min)}`)
    if (max !== undefined) conditions.push(`${column} <= ${bind(max)}`)
  }
  if (type !== undefined)
    // Not LIKE: for that, a type has characters with a meaning.
    conditions.push(
      `(f.type = ${bind(type)} OR substr(f.type, 1, ${bind([...type].length + 1)}) = ${bind(`${type}/`)})`
    )
  if (size !== undefined) within('f.size', size)
  for (const name of FILE_NUMBERS) {
    const bounds = numbers?.[name]
    if (bounds === undefined || !isBounding(bounds)) continue
    conditions.push(`f.${name} > 0`)
    within(`f.${name}`, bounds)
  }
  return conditions
}
