/**
 * Reading and writing of Gnutella's integers and texts. Integers are little-endian (draft 0.6, 2.2, note 2)
 * except where a method says otherwise.
 *
 * What is written goes to a `Sink`: one counts, the other stores. Since both run the same code, the length
 * that a message is priced at is the length that it has on the wire.
 */
import { MalformedError } from '@servent/overlay/machine'

/** Walks over one payload. What would pass its end is malformed. */
export class Reader {
  readonly bytes: Uint8Array
  at: number
  readonly end: number

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes
    this.at = at
    this.end = end
  }

  get left(): number {
    return this.end - this.at
  }

  u8(): number {
    return this.bytes[this.#advance(1)]!
  }

  u16(): number {
    const at = this.#advance(2)
    return this.bytes[at]! | (this.bytes[at + 1]! << 8)
  }

  u16BigEndian(): number {
    const at = this.#advance(2)
    return (this.bytes[at]! << 8) | this.bytes[at + 1]!
  }

  u32(): number {
    const low = this.u16()
    return low + this.u16() * 0x1_0000
  }

  u32BigEndian(): number {
    const high = this.u16BigEndian()
    return high * 0x1_0000 + this.u16BigEndian()
  }

  /** A view, not a copy: payloads are never written to. */
  take(length: number): Uint8Array {
    const at = this.#advance(length)
    return this.bytes.subarray(at, at + length)
  }

  /** The bytes before the next NUL, which is passed over. */
  untilNul(): Uint8Array {
    const nul = this.bytes.indexOf(0, this.at)
    if (nul < 0 || nul >= this.end) throw new MalformedError('a text has no NUL at its end')
    const text = this.bytes.subarray(this.at, nul)
    this.at = nul + 1
    return text
  }

  #advance(length: number): number {
    const { at } = this
    if (length > this.end - at) throw new MalformedError('it ends too early')
    this.at = at + length
    return at
  }
}

export interface Sink {
  u8(value: number): void
  u16(value: number): void
  u16BigEndian(value: number): void
  u32(value: number): void
  u32BigEndian(value: number): void
  bytes(bytes: Uint8Array): void
  /** UTF-8 without an end mark. */
  text(text: string): void
}

export class CountingSink implements Sink {
  length = 0

  u8(): void {
    this.length += 1
  }

  u16(): void {
    this.length += 2
  }

  u16BigEndian(): void {
    this.length += 2
  }

  u32(): void {
    this.length += 4
  }

  u32BigEndian(): void {
    this.length += 4
  }

  bytes(bytes: Uint8Array): void {
    this.length += bytes.length
  }

  text(text: string): void {
    this.length += utf8Length(text)
  }
}

export class StoringSink implements Sink {
  readonly stored: Uint8Array
  #at = 0

  constructor(length: number) {
    this.stored = new Uint8Array(length)
  }

  u8(value: number): void {
    this.stored[this.#at] = value
    this.#at += 1
  }

  u16(value: number): void {
    this.u8(value)
    this.u8(value >>> 8)
  }

  u16BigEndian(value: number): void {
    this.u8(value >>> 8)
    this.u8(value)
  }

  u32(value: number): void {
    this.u16(value)
    this.u16(value >>> 16)
  }

  u32BigEndian(value: number): void {
    this.u16BigEndian(value >>> 16)
    this.u16BigEndian(value)
  }

  bytes(bytes: Uint8Array): void {
    this.stored.set(bytes, this.#at)
    this.#at += bytes.length
  }

  text(text: string): void {
    this.#at += ENCODER.encodeInto(text, this.stored.subarray(this.#at)).written
  }
}

const ENCODER = new TextEncoder()
const DECODER = new TextDecoder('utf-8', { ignoreBOM: true })

/** Old servents write in other character sets: what is no UTF-8 is shown as U+FFFD, and relayed as it came. */
export function decodeText(bytes: Uint8Array): string {
  return DECODER.decode(bytes)
}

/** Bytes of a text in UTF-8; half a surrogate pair counts as the U+FFFD that is written for it. */
export function utf8Length(text: string): number {
  let length = 0
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index)
    if (unit < 0x80) length += 1
    else if (unit < 0x800) length += 2
    else if (unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00) {
      length += 4
      index += 1
    } else length += 3
  }
  return length
}

/** The text up to the first character that would end it on the wire. */
export function before(text: string, end: RegExp): string {
  const at = text.search(end)
  return at < 0 ? text : text.slice(0, at)
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

export function toHex(bytes: Uint8Array): string {
  let text = ''
  for (let index = 0; index < bytes.length; index += 1) text += HEX[bytes[index]!]!
  return text
}

export function writeHex(sink: Sink, text: string): void {
  for (let index = 0; index < text.length; index += 2)
    sink.u8(Number.parseInt(text.slice(index, index + 2), 16))
}

/**
 * What was wrong with a payload, for people.
 *
 * @throws  what is no `MalformedError`: that is a fault of this program, not of the peer
 */
export function faultOf(error: unknown): string {
  if (error instanceof MalformedError) return error.message
  throw error
}
