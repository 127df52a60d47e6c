/**
 * The text of published messages (napster.txt, 2): fields parted by one space, names in double quotes.
 *
 * The published grammar has no way to write a quote inside of quotes, and a name that had one broke it: the
 * rest of the name was read as further fields. So what is written here never has one, and what comes in with
 * one is refused: after a closing quote stands a space or the end. Nothing is guessed.
 */
import { MalformedError } from '@servent/overlay/machine'
import { type FieldKind, FORMATS, type TextMessage, type TextName } from './formats.ts'

/** A number has at most so many digits: whole numbers up to 2^53 are exact. */
const NUMBER = /^\d{1,15}$/
const CONTROL = /\p{Cc}/u

/** Walks over the fields of one text. */
export class FieldReader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  get ended(): boolean {
    return this.#at >= this.#text.length
  }

  /** The next field is in quotes. */
  get quoted(): boolean {
    return this.#text[this.#at] === '"'
  }

  word(): string {
    const end = this.#text.indexOf(' ', this.#at)
    const word = this.#text.slice(this.#at, end < 0 ? undefined : end)
    if (word === '' || word.includes('"') || CONTROL.test(word))
      throw new MalformedError('a word is missing, or has a quote in it')
    this.#pass(end < 0 ? this.#text.length : end)
    return word
  }

  number(): number {
    const word = this.word()
    if (!NUMBER.test(word)) throw new MalformedError('a number is not one')
    return Number(word)
  }

  /** In quotes, or a word. */
  name(): string {
    if (!this.quoted) return this.word()
    const close = this.#text.indexOf('"', this.#at + 1)
    if (close < 0) throw new MalformedError('a quote is not closed')
    const name = this.#text.slice(this.#at + 1, close)
    if (CONTROL.test(name)) throw new MalformedError('a name has control characters')
    this.#pass(close + 1)
    return name
  }

  rest(): string {
    const rest = this.#text.slice(this.#at)
    this.#at = this.#text.length
    return rest
  }

  /** To where the next field begins. */
  #pass(end: number): void {
    if (end < this.#text.length && this.#text[end] !== ' ')
      throw new MalformedError('something follows a closing quote')
    this.#at = end + 1
  }
}

export const safeWord = (text: string): string => text.replace(/[" \p{Cc}]/gu, '_') || '_'
export const safeName = (text: string): string => text.replace(/"/g, "'").replace(/\p{Cc}/gu, ' ')
export const safeLine = (text: string): string => text.replace(/\p{Cc}/gu, ' ')

interface Reading {
  readonly type: TextName
  readonly fields: readonly (readonly [name: string, kind: FieldKind])[]
}

/** By number: the format with fields, and the one without. */
const BY_CODE = new Map<number, { full?: Reading; empty?: Reading }>()
for (const [type, { code, fields }] of Object.entries(FORMATS)) {
  const reading: Reading = { type: type as TextName, fields: Object.entries(fields) }
  const known = BY_CODE.get(code)
  BY_CODE.set(code, { ...known, [reading.fields.length === 0 ? 'empty' : 'full']: reading })
}

export function codeOfText(message: TextMessage): number {
  return FORMATS[message.type].code
}

/** @throws MalformedError  the text breaks the format. Nothing comes back where the number is none of these. */
export function readText(code: number, text: string): TextMessage | undefined {
  const formats = BY_CODE.get(code)
  if (formats === undefined) return undefined
  const { full, empty } = formats
  // What old programs write after a message that has no fields means nothing.
  const reading = full === undefined || (empty !== undefined && text === '') ? empty! : full
  const reader = new FieldReader(text)
  const message: Record<string, unknown> = { type: reading.type }
  for (const [name, kind] of reading.fields) {
    if (kind.endsWith('?') && reader.ended) break
    message[name] = readField(reader, kind)
  }
  if (reading.fields.length > 0 && !reader.ended) throw new MalformedError('there are fields too many')
  return message as TextMessage
}

function readField(reader: FieldReader, kind: FieldKind): string | number {
  switch (kind) {
    case 'word':
    case 'word?':
      return reader.word()
    case 'number':
    case 'number?':
      return reader.number()
    case 'name':
      return reader.name()
    case 'rest':
      return reader.rest()
  }
}

/** What can break the grammar is replaced: a quote by an apostrophe, spaces in words by underscores. */
export function writeText(message: TextMessage): string {
  const fields: string[] = []
  for (const [name, kind] of Object.entries<FieldKind>(FORMATS[message.type].fields)) {
    const value = (message as unknown as Readonly<Record<string, string | number | undefined>>)[name]
    if (value === undefined) break
    fields.push(writeField(kind, `${value}`))
  }
  return fields.join(' ')
}

function writeField(kind: FieldKind, value: string): string {
  if (kind === 'name') return `"${safeName(value)}"`
  return kind === 'rest' ? safeLine(value) : safeWord(value)
}

/**
 * An address of IPv4 as these messages have it: its four bytes in network order, read as a little-endian
 * number, so that 127.0.0.1 is 16777343.
 */
export function ipNumber(bytes: Uint8Array): number {
  return bytes[0]! + bytes[1]! * 2 ** 8 + bytes[2]! * 2 ** 16 + bytes[3]! * 2 ** 24
}
