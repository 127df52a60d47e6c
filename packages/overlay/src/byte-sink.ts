/**
 * Writing of bytes for wires that were published with integers of fixed length, little-endian except where a method
 * says otherwise. What is written goes to a sink: one counts, the other stores. Since both run the same code, the
 * length that a message is priced at is the length that it has on the wire.
 */

export interface ByteSink {
  u8(value: number): void
  u16(value: number): void
  u16BigEndian(value: number): void
  u32(value: number): void
  u32BigEndian(value: number): void
  /** A whole number up to 2^53 - 1, in eight bytes. */
  u64(value: number): void
  /** As they are. */
  raw(bytes: Uint8Array): void
  /** UTF-8 without anything around it. */
  plain(text: string): void
}

const ENCODER = new TextEncoder()
const SAFE_HIGH = 2 ** 32

export class CountingSink implements ByteSink {
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

  u64(): void {
    this.length += 8
  }

  raw(bytes: Uint8Array): void {
    this.length += bytes.length
  }

  plain(text: string): void {
    this.length += utf8Length(text)
  }
}

export class StoringSink implements ByteSink {
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

  u64(value: number): void {
    this.u32(value % SAFE_HIGH)
    this.u32(Math.floor(value / SAFE_HIGH))
  }

  raw(bytes: Uint8Array): void {
    this.stored.set(bytes, this.#at)
    this.#at += bytes.length
  }

  plain(text: string): void {
    this.#at += ENCODER.encodeInto(text, this.stored.subarray(this.#at)).written
  }
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
