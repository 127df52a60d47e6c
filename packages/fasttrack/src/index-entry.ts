/**
 * A record as the keyword index holds it, and what a query means. A supernode cuts the words itself, from what the sharer
 * has signed: nobody is found by words that their files do not have.
 */
import {
  type FileNumber,
  fits,
  type IndexedFile,
  type IndexQuery,
  type NumberBounds
} from '@servent/keyword-index/memory'
import {
  FIGURE_MAX,
  type FileRecord,
  figureOf,
  PARTIAL_INDEX_MIN,
  QUERY_WORDS_MAX,
  sameBytes,
  tokens,
  utf8Bytes
} from '@servent/overlay/machine'
import { RECORD_WORD_BYTES_MAX, RECORD_WORDS_MAX } from './constants.ts'
import type { Term, Wanted } from './messages.ts'
import { NUMBER_TAGS, SIZE_TAG } from './tags.ts'

/** A word that is found in one tag alone. */
const fielded = (tag: string, token: string): string => `${tag}=${token}`

/** Plain words first: where there are more than an index takes, the tags' own are left out. */
export function wordsOf(record: FileRecord): string[] {
  const words = new Set(tokens(record.name))
  const tags = Object.entries(record.tags).map(([tag, value]) => [tag, tokens(value)] as const)
  for (const [, values] of tags) for (const token of values) words.add(token)
  for (const [tag, values] of tags) {
    for (const token of values) {
      const word = fielded(tag, token)
      if (utf8Bytes(word)! <= RECORD_WORD_BYTES_MAX) words.add(word)
    }
  }
  return [...words].slice(0, RECORD_WORDS_MAX)
}

/** A file that is only being fetched has no words: it is found by its content alone. */
export function indexedFile(index: number, record: FileRecord, sealed: Uint8Array): IndexedFile {
  const numbers: Partial<Record<FileNumber, number>> = {}
  for (const [tag, name] of NUMBER_TAGS) {
    const value = numberIn(record, tag)
    if (value !== undefined) numbers[name] = value
  }
  return {
    key: `${index}`,
    content: record.id.digest,
    words: index < PARTIAL_INDEX_MIN ? wordsOf(record) : [],
    size: record.size,
    type: record.type,
    numbers,
    body: sealed
  }
}

function numberIn({ tags }: FileRecord, tag: string): number | undefined {
  return Object.hasOwn(tags, tag) ? figureOf(tags[tag]!) : undefined
}

/**
 * What the index is asked: all that it can decide. A part of a word (`substring`) and a whole value (`equal`) it cannot;
 * whoever searches holds each result against all of the query (`isWanted`). Nothing where no word is left to look for.
 */
export function indexQuery(wanted: Wanted, limit: number, except?: string): IndexQuery | undefined {
  const words = new Set(wanted.words)
  const numbers: Partial<Record<FileNumber, NumberBounds>> = {}
  let size: NumberBounds | undefined
  for (const term of wanted.terms) {
    const { tag, value, compare } = term
    if (typeof value === 'string') {
      if (compare !== 'substring') for (const token of tokens(value)) words.add(fielded(tag, token))
    } else if (tag === SIZE_TAG) size = { ...size, ...boundsOf(term) }
    else {
      const name = NUMBER_TAGS.get(tag)
      const bounded = { ...term, value: Math.min(value, FIGURE_MAX) }
      if (name !== undefined) numbers[name] = { ...numbers[name], ...boundsOf(bounded) }
    }
  }
  if (words.size === 0) return undefined
  return {
    // More than an index takes: what is left out whoever searches looks at.
    words: [...words].slice(0, QUERY_WORDS_MAX),
    without: wanted.without,
    ...(wanted.mediaType === '' ? {} : { type: wanted.mediaType }),
    ...(size === undefined ? {} : { size }),
    numbers,
    ...(except === undefined ? {} : { except }),
    limit
  }
}

/** Whether an index finds the file by it. */
export function isFoundBy(query: IndexQuery, file: IndexedFile): boolean {
  const words = new Set(file.words)
  return (
    query.words.every(word => words.has(word)) &&
    !query.without?.some(word => words.has(word)) &&
    fits(file, query)
  )
}

/** Of a term that compares with a number. */
function boundsOf({ compare, value }: Term): NumberBounds {
  const number = value as number
  if (compare === 'at-most') return { max: number }
  if (compare === 'at-least') return { min: number }
  return { min: number, max: number }
}

/** Whether a record is what is looked for: the meaning of a query, which whoever searches decides. */
export function isWanted(wanted: Wanted, record: FileRecord): boolean {
  const { content, words, without, mediaType, terms } = wanted
  if (content.length > 0) return sameBytes(content, record.id.digest)
  if (mediaType !== '' && record.type !== mediaType && !record.type.startsWith(`${mediaType}/`)) return false
  const present = new Set(tokens(record.name))
  for (const value of Object.values(record.tags)) for (const token of tokens(value)) present.add(token)
  if (!words.every(word => present.has(word)) || without.some(word => present.has(word))) return false
  return terms.every(term => holds(term, record))
}

function holds(term: Term, record: FileRecord): boolean {
  const { tag, value, compare } = term
  if (typeof value === 'number') {
    const number = tag === SIZE_TAG ? record.size : numberIn(record, tag)
    const { min = 0, max = Number.MAX_SAFE_INTEGER } = boundsOf(term)
    return number !== undefined && number >= min && number <= max
  }
  if (!Object.hasOwn(record.tags, tag)) return false
  const has = tokens(record.tags[tag]!)
  const wants = tokens(value)
  if (compare === 'equal') return has.join(' ') === wants.join(' ')
  if (compare === 'substring') return has.join(' ').includes(wants.join(' '))
  return wants.every(token => has.includes(token))
}
