/**
 * The text of the handshake (Gnutella 0.6, 2.1): a first line, headers as RFC 822 has them, and a blank
 * line. Lines end with CR LF; a bare LF is understood as well. Only the number of a status is judged, and
 * versions above 0.6 are taken for 0.6.
 */
import { LimitError, MalformedError, utf8Length } from '@servent/overlay/machine'
import { decodeText } from './bytes.ts'
import { HANDSHAKE_BYTES_MAX, HANDSHAKE_HEADERS_MAX, HANDSHAKE_LINE_BYTES_MAX } from './constants.ts'
import type { ConnectMessage, Headers, StatusMessage } from './messages.ts'

const LF = 0x0a
const CR = 0x0d
const LINE_END = '\r\n'
/** The version that is spoken here, and the least that is answered. */
const VERSION = '0.6'
const MINOR = 6

/** Spellings of names that are not capitalised word by word. */
const SPELLINGS: ReadonlyMap<string, string> = new Map([
  ['ggep', 'GGEP'],
  ['guid', 'GUID'],
  ['listen-ip', 'Listen-IP'],
  ['remote-ip', 'Remote-IP'],
  ['x-max-ttl', 'X-Max-TTL']
])

export type HandshakeMessage = ConnectMessage | StatusMessage

/** A step without its headers. */
type Opening = Omit<ConnectMessage, 'headers'> | Omit<StatusMessage, 'headers'>

/** Reads one step of the handshake from bytes that are cut anywhere. */
export class HandshakeReader {
  readonly #expected: HandshakeMessage['type']
  readonly #line = new Uint8Array(HANDSHAKE_LINE_BYTES_MAX)
  #lineBytes = 0
  #bytes = 0
  #opening: Opening | undefined
  #name: string | undefined
  #count = 0
  readonly #headers = new Map<string, string>()
  /** Set once the blank line was read. */
  message: HandshakeMessage | undefined

  constructor(expected: HandshakeMessage['type']) {
    this.#expected = expected
  }

  /** Of this step so far. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * Takes bytes from `at` up to the blank line, and gives where it stopped.
   *
   * @throws MalformedError  the text breaks the grammar, or a bound is passed
   */
  push(chunk: Uint8Array, at: number): number {
    let next = at
    while (next < chunk.length && this.message === undefined) {
      const end = chunk.indexOf(LF, next)
      const stop = end < 0 ? chunk.length : end + 1
      this.#append(chunk.subarray(next, stop))
      next = stop
      if (end >= 0) this.#endLine()
    }
    return next
  }

  #append(part: Uint8Array): void {
    this.#bytes += part.length
    if (this.#bytes > HANDSHAKE_BYTES_MAX)
      throw new MalformedError(`A handshake has at most ${HANDSHAKE_BYTES_MAX} bytes.`)
    if (this.#lineBytes + part.length > HANDSHAKE_LINE_BYTES_MAX) {
      throw new MalformedError(`A line of a handshake has at most ${HANDSHAKE_LINE_BYTES_MAX} bytes.`)
    }
    this.#line.set(part, this.#lineBytes)
    this.#lineBytes += part.length
  }

  #endLine(): void {
    let length = this.#lineBytes - 1
    if (this.#line[length - 1] === CR) length -= 1
    const line = decodeText(this.#line.subarray(0, length))
    this.#lineBytes = 0
    if (/[\0-\x08\x0a-\x1f\x7f]/.test(line))
      throw new MalformedError('A handshake holds a control character.')
    if (this.#opening === undefined) this.#opening = readOpening(line, this.#expected)
    else if (line === '') this.message = { ...this.#opening, headers: withoutPrototype(this.#headers) }
    else if (/^[ \t]/.test(line)) this.#continue(line)
    else this.#header(line)
  }

  #header(line: string): void {
    const [, name, value] = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*:(.*)$/s.exec(line) ?? []
    if (name === undefined || value === undefined)
      throw new MalformedError('A line of a handshake is no header.')
    this.#count += 1
    if (this.#count > HANDSHAKE_HEADERS_MAX)
      throw new MalformedError(`A handshake has at most ${HANDSHAKE_HEADERS_MAX} headers.`)
    this.#name = name.toLowerCase()
    const before = this.#headers.get(this.#name)
    this.#headers.set(this.#name, before === undefined ? value.trim() : `${before},${value.trim()}`)
  }

  /** A line that begins with a space or a tab goes on with the header before it. */
  #continue(line: string): void {
    if (this.#name === undefined) throw new MalformedError('A handshake continues a header that never began.')
    this.#headers.set(this.#name, `${this.#headers.get(this.#name)} ${line.trim()}`.trim())
  }
}

/** What a stranger calls a header must not meet a name that every object has. */
function withoutPrototype(headers: ReadonlyMap<string, string>): Headers {
  const record: Record<string, string> = Object.create(null)
  for (const [name, value] of headers) record[name] = value
  return record
}

function readOpening(line: string, expected: HandshakeMessage['type']): Opening {
  const form =
    expected === 'connect'
      ? /^GNUTELLA CONNECT\/(\d{1,3})\.(\d{1,3})\s*$/
      : /^GNUTELLA\/(\d{1,3})\.(\d{1,3})\s+(\d{3})(?:\s(.*))?$/s
  const found = form.exec(line)
  if (found === null) throw new MalformedError('A handshake does not begin as one of Gnutella does.')
  if (found[1] === '0' && Number(found[2]) < MINOR)
    throw new MalformedError('Gnutella 0.4 is not spoken here: its handshake has no headers.')
  return expected === 'connect'
    ? { type: 'connect' }
    : { type: 'status', status: Number(found[3]), reason: (found[4] ?? '').trim() }
}

/** One step of the handshake as it is sent, its blank line included. Control characters in values become spaces. */
export function handshakeText(message: HandshakeMessage): string {
  const opening =
    message.type === 'connect'
      ? `GNUTELLA CONNECT/${VERSION}`
      : `GNUTELLA/${VERSION} ${message.status} ${printable(message.reason)}`
  const headers = Object.entries(message.headers)
  return [opening, ...headers.map(([name, value]) => `${spelling(name)}: ${printable(value)}`), '', ''].join(
    LINE_END
  )
}

/**
 * What is checked when it comes in is checked when it goes out. Not when it is priced: repeated headers that
 * came in lines of their own are one line here, which may be longer than a line may be.
 *
 * @throws LimitError  it would be refused for its length or the number of its headers
 */
export function checkHandshake(text: string): void {
  const lines = text.split(LINE_END).slice(0, -2)
  checkLimit('HANDSHAKE_HEADERS_MAX', lines.length - 1, HANDSHAKE_HEADERS_MAX)
  for (const line of lines)
    checkLimit('HANDSHAKE_LINE_BYTES_MAX', utf8Length(line) + LINE_END.length, HANDSHAKE_LINE_BYTES_MAX)
  checkLimit('HANDSHAKE_BYTES_MAX', utf8Length(text), HANDSHAKE_BYTES_MAX)
}

function checkLimit(name: string, value: number, max: number): void {
  if (value > max)
    throw new LimitError(name, `A handshake that is to be sent passes ${name}: ${value} are over ${max}.`)
}

function printable(value: string): string {
  return value.replace(/[\0-\x1f\x7f]/g, ' ')
}

/** Old servents compare the names of headers letter by letter, so they are spelled as published. */
function spelling(name: string): string {
  const lower = name.toLowerCase()
  return SPELLINGS.get(lower) ?? lower.replace(/(^|-)[a-z]/g, letter => letter.toUpperCase())
}
