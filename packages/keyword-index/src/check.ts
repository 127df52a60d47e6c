/** Every argument of every store passes here first, so that all stores refuse the same ones in the same words. */
import {
  CONTENT_SIZE_BYTES_MAX,
  MEDIA_TYPE_BYTES_MAX,
  QUERY_WORDS_MAX,
  utf8Bytes
} from '@servent/overlay/machine'
import { IndexInputError } from './errors.ts'
import { FILE_NUMBERS } from './file-numbers.ts'
import {
  ADD_FILES_MAX,
  FILE_BODY_BYTES_MAX,
  FILE_KEY_BYTES_MAX,
  FILE_NUMBER_MAX,
  FILE_WORDS_MAX,
  OWNER_BYTES_MAX,
  SEARCH_FILES_MAX,
  WORD_BYTES_MAX
} from './limits.ts'
import type { IndexedFile, IndexQuery, NumberBounds } from './types.ts'

export const CONTENT_BYTES = 32
/** A UTF-16 unit gives at most this many bytes of UTF-8. */
const UNIT_BYTES_MAX = 3

export function checkOwner(owner: string): void {
  checkText(owner, OWNER_BYTES_MAX, 'An owner')
}

/** @throws IndexInputError */
export function checkFiles(files: readonly IndexedFile[]): void {
  if (files.length > ADD_FILES_MAX)
    throw new IndexInputError(`${files.length} files in one call, and ${ADD_FILES_MAX} are the most.`)
  for (const file of files) checkFile(file)
}

function checkFile(file: IndexedFile): void {
  checkText(file.key, FILE_KEY_BYTES_MAX, "A file's key")
  checkWords(file.words, FILE_WORDS_MAX, 'A file has')
  if (!isFit(file.type, MEDIA_TYPE_BYTES_MAX)) throw badText('A media type', MEDIA_TYPE_BYTES_MAX)
  if (!isWhole(file.size, CONTENT_SIZE_BYTES_MAX))
    throw new IndexInputError(`A size is a whole number from 0 to ${CONTENT_SIZE_BYTES_MAX}: ${file.size}.`)
  if (file.body.length > FILE_BODY_BYTES_MAX)
    throw new IndexInputError(`A body of ${file.body.length} bytes: ${FILE_BODY_BYTES_MAX} are the most.`)
  if (file.content !== undefined) checkContent(file.content)
  if (file.numbers === undefined) return
  for (const name of FILE_NUMBERS) {
    const number = file.numbers[name]
    if (number !== undefined && !isWhole(number, FILE_NUMBER_MAX))
      throw new IndexInputError(`"${name}" is a whole number from 0 to ${FILE_NUMBER_MAX}: ${number}.`)
  }
}

export function checkKeys(keys: readonly string[]): void {
  if (keys.length > ADD_FILES_MAX)
    throw new IndexInputError(`${keys.length} keys in one call, and ${ADD_FILES_MAX} are the most.`)
  for (const key of keys) checkText(key, FILE_KEY_BYTES_MAX, "A file's key")
}

export function checkContent(content: Uint8Array): void {
  if (content.length !== CONTENT_BYTES)
    throw new IndexInputError(`A content's digest has ${CONTENT_BYTES} bytes, not ${content.length}.`)
}

export function checkLimit(limit: number): void {
  if (limit === 0 || !isWhole(limit, SEARCH_FILES_MAX))
    throw new IndexInputError(`A limit is a whole number from 1 to ${SEARCH_FILES_MAX}: ${limit}.`)
}

export function checkBrowse(owner: string, after: string | undefined, limit: number): void {
  checkOwner(owner)
  if (after !== undefined) checkText(after, FILE_KEY_BYTES_MAX, "A file's key")
  checkLimit(limit)
}

export function checkQuery(query: IndexQuery): void {
  checkLimit(query.limit)
  if (query.words.length === 0) throw new IndexInputError('A query needs a word.')
  checkWords(query.words, QUERY_WORDS_MAX, 'A query has')
  if (query.without !== undefined) checkWords(query.without, QUERY_WORDS_MAX, 'A query leaves out')
  if (query.type !== undefined && (query.type === '' || !isFit(query.type, MEDIA_TYPE_BYTES_MAX)))
    throw badText('A media type', MEDIA_TYPE_BYTES_MAX)
  if (query.except !== undefined) checkOwner(query.except)
  if (query.size !== undefined) checkBounds(query.size, 'size')
  if (query.numbers === undefined) return
  for (const name of FILE_NUMBERS) {
    const bounds = query.numbers[name]
    if (bounds !== undefined) checkBounds(bounds, name)
  }
}

function checkBounds({ min, max }: NumberBounds, name: string): void {
  for (const bound of [min, max])
    if (bound !== undefined && !isWhole(bound, Number.MAX_SAFE_INTEGER))
      throw new IndexInputError(`A bound of "${name}" is a whole number and not negative: ${bound}.`)
}

function checkWords(words: readonly string[], most: number, who: string): void {
  if (words.length > most)
    throw new IndexInputError(`${who} ${words.length} words, and ${most} are the most.`)
  for (const word of words)
    if (!isWord(word))
      throw new IndexInputError(
        `A word has 1 to ${WORD_BYTES_MAX} bytes of UTF-8 without white space and control characters.`
      )
}

/** One pass over the characters, for this is asked of each word of each file that comes. */
function isWord(word: string): boolean {
  if (word.length === 0 || word.length > WORD_BYTES_MAX) return false
  let isPlain = true
  for (let index = 0; index < word.length; index += 1) {
    const unit = word.charCodeAt(index)
    if (unit <= 0x20 || unit === 0x7f) return false
    if (unit > 0x7f) isPlain = false
  }
  return isPlain || (!/[\s\u0080-\u009f]/u.test(word) && isFit(word, WORD_BYTES_MAX))
}

function checkText(text: string, bytesMax: number, what: string): void {
  if (text.length === 0 || !isFit(text, bytesMax)) throw badText(what, bytesMax)
}

/** NUL is in no text, because PostgreSQL has none. */
function isFit(text: string, bytesMax: number): boolean {
  if (text.length > bytesMax || text.includes('\0')) return false
  if (text.length * UNIT_BYTES_MAX <= bytesMax) return text.isWellFormed()
  return (utf8Bytes(text) ?? Number.POSITIVE_INFINITY) <= bytesMax
}

const badText = (what: string, bytesMax: number): IndexInputError =>
  new IndexInputError(`${what} is well-formed text without NUL, of at most ${bytesMax} bytes of UTF-8.`)

const isWhole = (number: number, most: number): boolean =>
  Number.isSafeInteger(number) && number >= 0 && number <= most

/** About what a call holds in memory until it is done. */
export function bytesOf(files: readonly IndexedFile[]): number {
  let bytes = 0
  for (const { key, words, type, body } of files) {
    bytes += FILE_BYTES + body.length + 2 * (key.length + type.length)
    for (const word of words) bytes += WORD_BYTES + 2 * word.length
  }
  return bytes
}

/** What objects of a file and of a word take beside their texts. */
const FILE_BYTES = 256
const WORD_BYTES = 32
