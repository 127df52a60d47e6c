/**
 * What somebody types to look for files.
 *
 *     miles davis              files whose name or tags have both words
 *     "e=mc2 size:matters"     the words inside quotes, never read as filters
 *     -live                    and not this word
 *     type:audio type:audio/flac
 *     size:>10M size:<=1.5G size:10M..20M
 *     artist=davis artist="miles davis"
 *
 * Parts stand in any order, parted by white space. K, M, G and T are powers of 1024. Words are tokens (see
 * `tokens.ts`), so case and accents do not matter, and quotes ask for no order of the words in them. A query
 * needs a word, or a tag that is no figure (`words.ts`). `matches` is the meaning: any index must give the same answers.
 */
import { QueryError } from './errors.ts'
import {
  CONTENT_SIZE_BYTES_MAX,
  MEDIA_TYPE_BYTES_MAX,
  QUERY_RESULTS_DEFAULT,
  QUERY_RESULTS_MAX,
  QUERY_TEXT_BYTES_MAX,
  QUERY_WORDS_MAX,
  TAG_VALUE_BYTES_MAX,
  TAGS_MAX
} from './limits.ts'
import { isTagName } from './names.ts'
import type { Query } from './query.ts'
import { tokens } from './tokens.ts'
import { wordsOfFile, wordsOfTags } from './words.ts'

export interface QueryFilters {
  readonly type?: string
  /** Bytes. */
  readonly minSize?: number
  readonly maxSize?: number
  readonly tags?: Readonly<Record<string, string>>
  /** Hits wanted: `QUERY_RESULTS_DEFAULT` where it is not said. */
  readonly limit?: number
}

/** What a query is held against: a shared file, or a record of one. */
export interface Matchable {
  readonly name: string
  readonly type: string
  readonly size: number
  readonly tags: Readonly<Record<string, string>>
}

interface Draft {
  words: string[]
  without: string[]
  type?: string
  minSize?: number
  maxSize?: number
  tags: Map<string, string>
}

/** One part: perhaps a minus or a key with its separator, then a quoted or a plain value. */
const PART = /(-|[a-z][a-z0-9._-]*[:=])?(?:"([^"]*)"|(\S*))/giu
const SIZE = /^(\d{1,15}(?:\.\d{1,9})?)([KMGT]?)(?:i?B)?$/i
const SIZE_RANGE = /^(.+)\.\.(.+)$/
const SIZE_BOUND = /^(>=|<=|>|<)?(.+)$/
const TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]*(?:\/[a-z0-9][a-z0-9!#$&^_.+-]*)?$/
const UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 }

/**
 * Reads a query. Filters that are given beside the text win over those in it.
 *
 * @throws QueryError  the text breaks the grammar or a bound, or there is nothing to search for
 */
export function parseQuery(text: string, filters: QueryFilters = {}): Query {
  const draft: Draft = { words: [], without: [], tags: new Map() }
  readText(text, draft)
  if (filters.type !== undefined) draft.type = readType(filters.type)
  if (filters.minSize !== undefined) draft.minSize = checkSize(filters.minSize)
  if (filters.maxSize !== undefined) draft.maxSize = checkSize(filters.maxSize)
  for (const [name, value] of Object.entries(filters.tags ?? {}))
    draft.tags.set(readTagName(name), readTagValue(name, value))
  return finish(text, draft, filters.limit ?? QUERY_RESULTS_DEFAULT)
}

function readText(text: string, draft: Draft): void {
  if (!text.isWellFormed() || new TextEncoder().encode(text).length > QUERY_TEXT_BYTES_MAX) {
    throw new QueryError(
      `A query has at most ${QUERY_TEXT_BYTES_MAX} bytes of well-formed text. Leave out some words.`
    )
  }
  for (const [part, prefix = '', quoted, plain] of text.matchAll(PART)) {
    const value = quoted ?? plain!
    const key = prefix.slice(0, -1).toLowerCase()
    if (part === '') continue
    if (prefix === '-') draft.without.push(...tokens(value))
    else if (prefix.endsWith('=')) setTag(draft, key, value)
    else if (prefix === '') draft.words.push(...tokens(value))
    else if (key === 'type') draft.type = once(draft.type, 'type', readType(value))
    else if (key === 'size') readSize(value, draft)
    else draft.words.push(...tokens(part))
  }
}

function setTag(draft: Draft, name: string, value: string): void {
  if (draft.tags.has(name))
    throw new QueryError(`The tag ${name} is asked for twice. Ask once, with all its words: ${name}="…".`)
  draft.tags.set(readTagName(name), readTagValue(name, value))
}

function finish(text: string, draft: Draft, limit: number): Query {
  const { type, minSize, maxSize, tags } = draft
  // A tag's words are among those that the name or the tags must have, so they serve where no others are.
  const words = [...new Set(draft.words.length > 0 ? draft.words : wordsOfTags(Object.fromEntries(tags)))]
  const without = [...new Set(draft.without)]
  if (words.length === 0)
    throw new QueryError('There is nothing to search for: give at least one word, as in: miles type:audio')
  if (words.length > QUERY_WORDS_MAX || without.length > QUERY_WORDS_MAX) {
    throw new QueryError(`A query has at most ${QUERY_WORDS_MAX} words. Leave out the most common ones.`)
  }
  if (tags.size > TAGS_MAX) throw new QueryError(`A query asks for at most ${TAGS_MAX} tags.`)
  if (minSize !== undefined && maxSize !== undefined && minSize > maxSize) {
    throw new QueryError(`No file has at least ${minSize} and at most ${maxSize} bytes. Widen the sizes.`)
  }
  if (!Number.isInteger(limit) || limit < 1 || limit > QUERY_RESULTS_MAX) {
    throw new QueryError(`A search gives 1 to ${QUERY_RESULTS_MAX} hits, not ${limit}.`)
  }
  return {
    text,
    words,
    ...(without.length > 0 && { without }),
    ...(type !== undefined && { type }),
    ...(minSize !== undefined && { minSize }),
    ...(maxSize !== undefined && { maxSize }),
    ...(tags.size > 0 && { tags: Object.fromEntries(tags) }),
    limit
  }
}

function readType(text: string): string {
  const type = text.toLowerCase()
  if (type.length > MEDIA_TYPE_BYTES_MAX || !TYPE.test(type)) {
    throw new QueryError(
      `"${excerpt(text)}" is no media type. Try audio, video, image, text, application, or one as audio/flac.`
    )
  }
  return type
}

function readSize(text: string, draft: Draft): void {
  const range = SIZE_RANGE.exec(text)
  if (range !== null) {
    draft.minSize = once(draft.minSize, 'smallest size', readBytes(range[1]!))
    draft.maxSize = once(draft.maxSize, 'largest size', readBytes(range[2]!))
    return
  }
  const [, sign = '', amount] = SIZE_BOUND.exec(text) ?? ['', '', text]
  const bytes = readBytes(amount!)
  if (!sign.startsWith('<'))
    draft.minSize = once(draft.minSize, 'smallest size', sign === '>' ? checkSize(bytes + 1) : bytes)
  if (!sign.startsWith('>'))
    draft.maxSize = once(draft.maxSize, 'largest size', sign === '<' ? checkSize(bytes - 1) : bytes)
}

function readBytes(text: string): number {
  const [, amount, unit] = SIZE.exec(text) ?? []
  if (amount === undefined)
    throw new QueryError(`"${excerpt(text)}" is no size. Try size:>10M, size:<=1.5G or size:10M..20M.`)
  return checkSize(Math.round(Number(amount) * UNITS[unit!.toUpperCase()]!))
}

function checkSize(bytes: number): number {
  if (!Number.isSafeInteger(bytes) || bytes < 0 || bytes > CONTENT_SIZE_BYTES_MAX) {
    throw new QueryError(`A size lies between 0 and ${CONTENT_SIZE_BYTES_MAX} bytes (4T).`)
  }
  return bytes
}

function readTagName(name: string): string {
  const lower = name.toLowerCase()
  if (!isTagName(lower))
    throw new QueryError(
      `"${excerpt(name)}" is no name of a tag. Try one as artist=davis, or quote the words: "a=b".`
    )
  return lower
}

function readTagValue(name: string, value: string): string {
  if (tokens(value).length === 0 || new TextEncoder().encode(value).length > TAG_VALUE_BYTES_MAX) {
    throw new QueryError(`The tag ${excerpt(name)} needs a value of one word or more, as in artist=davis.`)
  }
  return value
}

function once<T>(known: T | undefined, what: string, value: T): T {
  if (known !== undefined) throw new QueryError(`The ${what} is given twice. Give it once.`)
  return value
}

function excerpt(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text
}

/** Whether a file is what the query looks for. `limit` says nothing about one file. */
export function matches(query: Query, file: Matchable): boolean {
  if (query.minSize !== undefined && file.size < query.minSize) return false
  if (query.maxSize !== undefined && file.size > query.maxSize) return false
  if (query.type !== undefined && query.type !== file.type && !file.type.startsWith(`${query.type}/`))
    return false
  const present = new Set(wordsOfFile(file))
  if (!query.words.every(word => present.has(word))) return false
  if (query.without?.some(word => present.has(word))) return false
  for (const [name, wanted] of Object.entries(query.tags ?? {})) {
    const value = Object.hasOwn(file.tags, name) ? new Set(tokens(file.tags[name]!)) : undefined
    if (value === undefined || !tokens(wanted).every(token => value.has(token))) return false
  }
  return true
}
