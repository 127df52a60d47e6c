/** Files as a server's index keeps them: the words to find them by, and what is handed on to whoever asked. */
import type { FileNumber, IndexedFile } from '@servent/keyword-index'
import { CONTENT_SIZE_BYTES_MAX, type FileRecord, tokens, utf8Length } from '@servent/overlay/machine'
import { CountingFrame, StoringFrame } from './bytes.ts'
import { FILE_NAME_BYTES_MAX, WORD_BYTES_MAX } from './constants.ts'
import type { Entry, SharedRecord, TextMessage } from './messages.ts'
import { readEntry, writeEntry } from './wire-extension.ts'

/** What stands for a checksum that is not known: as the published server does without resume. */
export const NO_MD5 = '0'.repeat(32)

/** Words of one file that the index takes (`FILE_WORDS_MAX` of keyword-index). */
const WORDS_KEPT = 128
/** Numbers of an index have 31 bits. */
export const NUMBER_MAX = 0x7fff_ffff

export function entryBytes(entry: Entry): Uint8Array {
  const count = new CountingFrame()
  writeEntry(count, entry)
  const sink = new StoringFrame(count.length)
  writeEntry(sink, entry)
  return sink.stored
}

/** Nothing where the bytes, which another server sent or a store kept, are no entry. */
export function entryOf(bytes: Uint8Array): Entry | undefined {
  try {
    return readEntry(bytes)
  } catch {
    return undefined
  }
}

/** Keys of records stand in the order of the sharer's numbers. */
export const recordKey = (index: number): string => `#${index.toString().padStart(10, '0')}`
export const nameKey = (name: string): string => `"${name}`

/**
 * Words are cut here from what was verified, so that nobody is found by words that their file does not have: of
 * the name, of the tags, and `tag=word` for a search for tags. The rarest to be asked for are left out first.
 */
export function fileOfRecord(
  record: FileRecord,
  { index, record: sealed }: SharedRecord,
  link: number
): IndexedFile {
  const { name, size, type, tags } = record
  const entry: Entry = {
    index,
    name,
    size,
    md5: NO_MD5,
    bitrate: numberOf(tags, 'bitrate'),
    frequency: numberOf(tags, 'frequency'),
    seconds: numberOf(tags, 'seconds'),
    record: sealed
  }
  const values = Object.entries(tags).map(([tag, value]) => [tag, tokens(value)] as const)
  const words = new Set(tokens(name))
  for (const [, cut] of values) for (const word of cut) words.add(word)
  for (const [tag, cut] of values) for (const word of cut) words.add(tagWord(tag, word))
  return {
    key: recordKey(index),
    content: record.id.digest,
    words: [...words].filter(isWord).slice(0, WORDS_KEPT),
    size,
    type,
    numbers: numbersOf(entry, link),
    body: entryBytes(entry)
  }
}

/** What a program of another maker shares: message 100 as published. Nothing where the name is none. */
export function fileOfLine(message: TextMessage & { type: 'share' }, link: number): IndexedFile | undefined {
  const { name, md5, size } = message
  if (utf8Length(name) > FILE_NAME_BYTES_MAX || size > CONTENT_SIZE_BYTES_MAX) return undefined
  const words = tokens(name)
  if (words.length === 0) return undefined
  const [bitrate, frequency, seconds] = [message.bitrate, message.frequency, message.seconds].map(clip)
  const entry: Entry = {
    index: 0,
    name,
    size,
    md5: /^[0-9a-f]{1,64}$/i.test(md5) ? md5 : NO_MD5,
    bitrate: bitrate!,
    frequency: frequency!,
    seconds: seconds!,
    record: new Uint8Array()
  }
  return {
    key: nameKey(name),
    words,
    size,
    type: typeOf(name),
    numbers: numbersOf(entry, link),
    body: entryBytes(entry)
  }
}

/** Whether an index takes it: a long word of a tag with a long name is not looked for. */
export const isWord = (word: string): boolean => utf8Length(word) <= WORD_BYTES_MAX

export const tagWord = (tag: string, word: string): string => `${tag}=${word}`

const numbersOf = (
  { bitrate, frequency, seconds }: Entry,
  link: number
): Partial<Record<FileNumber, number>> => ({
  bitrate,
  frequency,
  seconds,
  link
})

const clip = (value: number): number => Math.min(value, NUMBER_MAX)

function numberOf(tags: Readonly<Record<string, string>>, tag: string): number {
  const value = Object.hasOwn(tags, tag) ? Number.parseInt(tags[tag]!, 10) : 0
  return value > 0 ? clip(value) : 0
}

/** OpenNap's files were MP3s; a name that says otherwise is believed. */
function typeOf(name: string): string {
  return /\.mp3$/i.test(name) || !/\.\w{1,5}$/.test(name) ? 'audio/mpeg' : 'application/octet-stream'
}
