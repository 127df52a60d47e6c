/** Questions and answers of `/servent/words/1.0.0` (`words.proto`). Whoever reads one has checked its length. */
import {
  readBool,
  readBytes,
  readEmbedded,
  readFields,
  readVarint,
  writeBytes,
  writeEmbedded,
  writeVarint
} from '@servent/key-routing/machine'
import {
  CONTENT_SIZE_BYTES_MAX,
  MalformedError,
  MEDIA_TYPE_BYTES_MAX,
  QUERY_RESULTS_MAX,
  QUERY_TEXT_BYTES_MAX,
  QUERY_WORDS_MAX,
  type Query,
  SEALED_RECORD_BYTES_MAX,
  TAG_NAME_BYTES_MAX,
  TAG_VALUE_BYTES_MAX,
  TAGS_MAX
} from '@servent/overlay'
import { type Reader, reader as readerOf, type Writer, writer as writerOf } from 'protons-runtime'
import { ANSWER_RECORDS_MAX } from './constants.ts'

export interface Answer {
  /** Signed file records. */
  readonly records: readonly Uint8Array[]
  readonly more: boolean
}

export function encodeQuestion(query: Query): Uint8Array {
  const { words, without = [], type = '', minSize = 0, maxSize = 0, tags = {}, limit } = query
  const writer = writerOf()
  for (const word of words) writeText(writer, 1, word)
  for (const word of without) writeText(writer, 2, word)
  if (type !== '') writeText(writer, 3, type)
  if (minSize > 0) writeVarint(writer, 4, minSize)
  if (maxSize > 0) writeVarint(writer, 5, maxSize)
  for (const [name, value] of Object.entries(tags)) {
    writeEmbedded(writer, 6, () => {
      writeText(writer, 1, name)
      writeText(writer, 2, value)
    })
  }
  writeVarint(writer, 7, limit)
  return writer.finish()
}

/** @throws MalformedError  the bytes are no question, or break a bound */
export function decodeQuestion(bytes: Uint8Array): Query {
  const words: string[] = []
  const without: string[] = []
  const tags: Record<string, string> = {}
  let type = ''
  let minSize = 0
  let maxSize = 0
  let limit = 0
  read(bytes, (reader, field, wire) => {
    if (field === 1) push(words, readText(reader, wire, QUERY_TEXT_BYTES_MAX, 'word'))
    else if (field === 2) push(without, readText(reader, wire, QUERY_TEXT_BYTES_MAX, 'word'))
    else if (field === 3) type = readText(reader, wire, MEDIA_TYPE_BYTES_MAX, 'media type')
    else if (field === 4) minSize = readVarint(reader, wire, CONTENT_SIZE_BYTES_MAX, 'size')
    else if (field === 5) maxSize = readVarint(reader, wire, CONTENT_SIZE_BYTES_MAX, 'size')
    else if (field === 6) {
      const [name, value] = readEmbedded(reader, wire, 'tag', readTag)
      if (Object.keys(tags).length >= TAGS_MAX) throw tooMany(TAGS_MAX, 'tags')
      tags[name] = value
    } else if (field === 7) limit = readVarint(reader, wire, QUERY_RESULTS_MAX, 'limit')
    else return false
    return true
  })
  if (words.length === 0 && Object.keys(tags).length === 0)
    throw new MalformedError('A question has words, or tags.')
  if (limit === 0) throw new MalformedError('A question wants one file at least.')
  return {
    text: words.join(' '),
    words,
    limit,
    ...(without.length > 0 && { without }),
    ...(type !== '' && { type }),
    ...(minSize > 0 && { minSize }),
    ...(maxSize > 0 && { maxSize }),
    ...(Object.keys(tags).length > 0 && { tags })
  }
}

export function encodeAnswer({ records, more }: Answer): Uint8Array {
  const writer = writerOf()
  for (const record of records) writeBytes(writer, 1, record)
  if (more) writeVarint(writer, 2, 1)
  return writer.finish()
}

/** @throws MalformedError  the bytes are no answer, or break a bound */
export function decodeAnswer(bytes: Uint8Array): Answer {
  const records: Uint8Array[] = []
  let more = false
  read(bytes, (reader, field, wire) => {
    if (field === 1) {
      if (records.length >= ANSWER_RECORDS_MAX) throw tooMany(ANSWER_RECORDS_MAX, 'records')
      records.push(readBytes(reader, wire, SEALED_RECORD_BYTES_MAX, 'record'))
    } else if (field === 2) more = readBool(reader, wire, 'mark of more')
    else return false
    return true
  })
  return { records, more }
}

/** What protobuf itself does not take is malformed, too. */
function read(bytes: Uint8Array, take: (reader: Reader, field: number, wire: number) => boolean): void {
  const reader = readerOf(bytes)
  try {
    readFields(reader, bytes.length, (field, wire) => take(reader, field, wire))
  } catch (error) {
    if ((error as Error).name === MalformedError.name) throw error
    throw new MalformedError(`It is no protobuf: ${(error as Error).message}`)
  }
}

function readTag(reader: Reader, end: number): [name: string, value: string] {
  let name = ''
  let value = ''
  readFields(reader, end, (field, wire) => {
    if (field === 1) name = readText(reader, wire, TAG_NAME_BYTES_MAX, 'name of a tag')
    else if (field === 2) value = readText(reader, wire, TAG_VALUE_BYTES_MAX, 'value of a tag')
    else return false
    return true
  })
  if (name === '') throw new MalformedError('A tag has a name.')
  return [name, value]
}

function push(words: string[], word: string): void {
  if (words.length >= QUERY_WORDS_MAX) throw tooMany(QUERY_WORDS_MAX, 'words')
  words.push(word)
}

const tooMany = (max: number, what: string): MalformedError =>
  new MalformedError(`There are at most ${max} ${what}.`)

const UTF8 = new TextDecoder('utf-8', { fatal: true })

function readText(reader: Reader, wire: number, max: number, what: string): string {
  const bytes = readBytes(reader, wire, max, what)
  try {
    return UTF8.decode(bytes)
  } catch {
    throw new MalformedError(`A ${what} is no UTF-8.`)
  }
}

function writeText(writer: Writer, field: number, text: string): void {
  writeBytes(writer, field, new TextEncoder().encode(text))
}
