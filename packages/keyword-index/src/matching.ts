/** What a query asks of a file beside its words: the meaning that SQL of the other stores is held against. */
import { FILE_NUMBERS } from './file-numbers.ts'
import type { IndexedFile, IndexQuery, NumberBounds } from './types.ts'

/** Whether a file has the type, size and numbers that are asked for. */
export function fits(file: IndexedFile, { type, size, numbers }: IndexQuery): boolean {
  if (type !== undefined && !isOfType(file.type, type)) return false
  if (size !== undefined && !lies(file.size, size)) return false
  if (numbers === undefined) return true
  for (const name of FILE_NUMBERS) {
    const bounds = numbers[name]
    if (bounds === undefined || !isBounding(bounds)) continue
    const number = file.numbers?.[name] ?? 0
    if (number === 0 || !lies(number, bounds)) return false
  }
  return true
}

/** Whether bounds say anything. Ones that do leave out what is not known. */
export const isBounding = ({ min, max }: NumberBounds): boolean => min !== undefined || max !== undefined

/** `audio/flac` is of the types `audio/flac` and `audio`. */
const isOfType = (type: string, wanted: string): boolean =>
  type === wanted || (type.startsWith(wanted) && type[wanted.length] === '/')

const lies = (number: number, { min, max }: NumberBounds): boolean =>
  (min === undefined || number >= min) && (max === undefined || number <= max)
