/**
 * Reading and writing of integers, little-endian as OpenNap's are, and of texts and bytes with their length
 * before them. What is written goes to a `Sink`: one counts, the other stores, and both run the same code, so
 * that the length that a message is priced at is the length that it has on the wire.
 */
import { MalformedError } from '@servent/overlay/machine'

const ENCODER = new TextEncoder()
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const SAFE_HIGH = 2 ** 32

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

/** UTF-8; bytes that are none are read as Latin-1, in which programs of OpenNap's time wrote. */
export function textOf(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes)
  } catch {
    let text = ''
    for (const byte of bytes) text += String.fromCharCode(byte)
    return text
  }
}

export function toHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0')
  return text
}

export interface Sink {
  u8(value: number): void
  u16(value: number): void
  u32(value: number): void
  /** A whole number up to 2^53 - 1, in eight bytes. */
  u64(value: number): void
  /** As they are. */
  raw(bytes: Uint8Array): void
  /** With their length before them, 16 bits. */
  bytes(bytes: Uint8Array): void
  /** UTF-8 with its length before it, 16 bits. */
  text(text: string): void
  /** UTF-8 without anything around it. */
  plain(text: string): void
}

export class CountingSink implements Sink {
  length = 0

  u8(): void {
    this.length += 1
  }

  u16(): void {
    this.length += 2
  }

  u32(): void {
    this.length += 4
  }

  u64(): void {
    this.length += 8
  }

  raw(bytes: Uint8Array): void {
    this.length += bytes.length
  }

  bytes(bytes: Uint8Array): void {
    this.length += 2 + bytes.length
  }

  text(text: string): void {
    this.length += 2 + utf8Length(text)
  }

  plain(text: string): void {
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

  u32(value: number): void {
    this.u16(value)
    this.u16(value >>> 16)
  }

  u64(value: number): void {
    this.u32(value % SAFE_HIGH)
    this.u32(Math.floor(value / SAFE_HIGH))
  }

  raw(bytes: Uint8Array): void {
    this.stored.set(bytes, this.#at)
    this.#at += bytes.length
  }

  bytes(bytes: Uint8Array): void {
    this.u16(bytes.length)
    this.raw(bytes)
  }

  text(text: string): void {
    this.u16(utf8Length(text))
    this.plain(text)
  }

  plain(text: string): void {
    this.#at += ENCODER.encodeInto(text, this.stored.subarray(this.#at)).written
  }
}

/** Walks over one body. What would pass its end, or a bound, is malformed. */
export class Reader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  u8(): number {
    return this.#bytes[this.#advance(1)]!
  }

  u16(): number {
    const at = this.#advance(2)
    return this.#bytes[at]! | (this.#bytes[at + 1]! << 8)
  }

  u32(): number {
    const low = this.u16()
    return low + this.u16() * 0x1_0000
  }

  u64(): number {
    const low = this.u32()
    const value = low + this.u32() * SAFE_HIGH
    if (!Number.isSafeInteger(value)) throw new MalformedError('a number is over 2^53')
    return value
  }

  /** A copy: what was read outlives the bytes that it came with. */
  raw(length: number): Uint8Array {
    const at = this.#advance(length)
    return this.#bytes.slice(at, at + length)
  }

  bytes(bytesMax: number): Uint8Array {
    return this.raw(this.#length(bytesMax))
  }

  text(bytesMax: number): string {
    const length = this.#length(bytesMax)
    const at = this.#advance(length)
    try {
      return UTF8.decode(this.#bytes.subarray(at, at + length))
    } catch {
      throw new MalformedError('a text is not in UTF-8')
    }
  }

  /** How many of something follow. */
  count(most: number): number {
    const count = this.u8()
    if (count > most) throw new MalformedError(`there are ${count} of at most ${most}`)
    return count
  }

  /** @throws MalformedError  something follows */
  end(): void {
    if (this.left > 0) throw new MalformedError('something follows its end')
  }

  #length(bytesMax: number): number {
    const length = this.u16()
    if (length > bytesMax) throw new MalformedError(`a field has ${length} of at most ${bytesMax} bytes`)
    return length
  }

  #advance(length: number): number {
    const at = this.#at
    if (length > this.left) throw new MalformedError('it ends too early')
    this.#at = at + length
    return at
  }
}

/**
 * What was wrong with a body, for people.
 *
 * @throws  what is no `MalformedError`: that is a fault of this program, not of the peer
 */
export function faultOf(error: unknown): string {
  if (error instanceof MalformedError) return error.message
  throw error
}
