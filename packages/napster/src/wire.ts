/**
 * OpenNap's wire: frames of a length and a type, 16 bits each and little-endian, and then the body (napster.txt,
 * 2). It does not know what carries it. Bodies of published types are text (`wire-text.ts`, `wire-search.ts`):
 * UTF-8 among our peers, and bytes that are none are read as Latin-1. Bodies of types from 20000 on are ours
 * (`wire-extension.ts`).
 *
 * A length beyond the bound of its type ends the link before anything of the body is kept. A body that breaks
 * the rules of its type, inside of a sound frame, costs that message alone.
 */
import {
  type Codec,
  faultOf,
  LimitError,
  type LinkCodec,
  MalformedError,
  utf8Length
} from '@servent/overlay/machine'
import { CountingFrame, type Sink, StoringFrame, textOf } from './bytes.ts'
import { COMMAND_BYTES_MAX, EXTENSION_BYTES_MAX, EXTENSION_TYPE_MIN, HEADER_BYTES } from './constants.ts'
import { FORMATS, SEARCH_CODE } from './formats.ts'
import type { ExtensionMessage, NapsterMessage, TextMessage } from './messages.ts'
import { EXTENSION_CODES, readExtension, writeExtension } from './wire-extension.ts'
import { readSearch, writeSearch } from './wire-search.ts'
import { codeOfText, readText, writeText } from './wire-text.ts'

export const napsterCodec: Codec<NapsterMessage> = {
  byteLength: message => HEADER_BYTES + bodyLength(message),
  typeOf: message => (isText(message) && !COUNTED.has(message.type) ? 'text' : message.type),
  open: () => new NapsterLinkCodec()
}

/** Published messages that metrics tell apart: a host counts a small fixed set. */
const COUNTED: ReadonlySet<string> = new Set([
  'login',
  'share',
  'result',
  'error',
  'browse-file',
  'ping',
  'pong'
])

class NapsterLinkCodec implements LinkCodec<NapsterMessage> {
  readonly #header = new Uint8Array(HEADER_BYTES)
  #headerBytes = 0
  #body: Uint8Array | undefined
  #bodyBytes = 0
  #broken = false

  get bufferedBytes(): number {
    return this.#headerBytes + this.#bodyBytes
  }

  /** @throws LimitError  a message made here that no peer would accept */
  encode(message: NapsterMessage): Uint8Array {
    const length = bodyLength(message)
    const code = codeOf(message)
    const { name, bytesMax } = limitOf(code)
    if (length > bytesMax)
      throw new LimitError(name, `A ${message.type} has at most ${bytesMax} bytes, not ${length}.`)
    const sink = new StoringFrame(HEADER_BYTES + length)
    sink.u16(length)
    sink.u16(code)
    writeBody(sink, message)
    return sink.stored
  }

  /** @throws MalformedError  a length is beyond the bound of its type; the link is of no more use */
  decode(chunk: Uint8Array, emit: (message: NapsterMessage) => void): void {
    if (this.#broken) throw new MalformedError('This link was malformed before.')
    let at = 0
    while (at < chunk.length) {
      if (this.#body === undefined) {
        const taken = fill(this.#header, this.#headerBytes, chunk, at)
        at += taken
        this.#headerBytes += taken
        if (this.#headerBytes < HEADER_BYTES) return
        this.#body = new Uint8Array(this.#checkedLength())
      }
      const taken = fill(this.#body, this.#bodyBytes, chunk, at)
      at += taken
      this.#bodyBytes += taken
      if (this.#bodyBytes === this.#body.length) this.#end(this.#body, emit)
    }
  }

  get #code(): number {
    return this.#header[2]! | (this.#header[3]! << 8)
  }

  #checkedLength(): number {
    const length = this.#header[0]! | (this.#header[1]! << 8)
    const { bytesMax } = limitOf(this.#code)
    if (length <= bytesMax) return length
    this.#broken = true
    throw new MalformedError(`A message of type ${this.#code} has at most ${bytesMax} bytes, not ${length}.`)
  }

  #end(body: Uint8Array, emit: (message: NapsterMessage) => void): void {
    const code = this.#code
    this.#headerBytes = 0
    this.#bodyBytes = 0
    this.#body = undefined
    emit(readBody(code, body))
  }
}

/** Copies what of the chunk is wanted, and gives how much it was. */
function fill(target: Uint8Array, filled: number, chunk: Uint8Array, at: number): number {
  const taken = Math.min(chunk.length - at, target.length - filled)
  target.set(chunk.subarray(at, at + taken), filled)
  return taken
}

function readBody(code: number, body: Uint8Array): NapsterMessage {
  try {
    const message =
      code >= EXTENSION_TYPE_MIN
        ? readExtension(code, body)
        : code === SEARCH_CODE
          ? readSearch(textOf(body))
          : readText(code, textOf(body))
    return message ?? { type: 'other', code, body }
  } catch (error) {
    return { type: 'malformed', code, reason: faultOf(error), body }
  }
}

function writeBody(sink: Sink, message: NapsterMessage): void {
  if (message.type === 'other' || message.type === 'malformed') sink.raw(message.body)
  else if (message.type === 'search') sink.plain(writeSearch(message))
  else if (isText(message)) sink.plain(writeText(message))
  else writeExtension(sink, message)
}

/** Whether a message that is made of what somebody sent is within its bound: what was Latin-1 grows in UTF-8. */
export function isEncodable(message: NapsterMessage): boolean {
  return bodyLength(message) <= limitOf(codeOf(message)).bytesMax
}

function bodyLength(message: NapsterMessage): number {
  if (message.type === 'search') return utf8Length(writeSearch(message))
  if (isText(message)) return utf8Length(writeText(message))
  const sink = new CountingFrame()
  writeBody(sink, message)
  return sink.length
}

function codeOf(message: NapsterMessage): number {
  if (message.type === 'other' || message.type === 'malformed') return message.code
  if (message.type === 'search') return SEARCH_CODE
  return isText(message) ? codeOfText(message) : EXTENSION_CODES[(message as ExtensionMessage).type]
}

function limitOf(code: number): { readonly name: string; readonly bytesMax: number } {
  return code >= EXTENSION_TYPE_MIN
    ? { name: 'EXTENSION_BYTES_MAX', bytesMax: EXTENSION_BYTES_MAX }
    : { name: 'COMMAND_BYTES_MAX', bytesMax: COMMAND_BYTES_MAX }
}

function isText(message: NapsterMessage): message is TextMessage {
  return Object.hasOwn(FORMATS, message.type)
}
