/** Reading of what a `ByteSink` writes: integers little-endian, except where a method says otherwise. */
import { MalformedError } from './errors.ts'

/** Walks over a body, or over a part of it. What would pass its end is malformed. */
export class ByteReader {
  readonly source: Uint8Array
  at: number
  readonly end: number

  constructor(source: Uint8Array, at = 0, end = source.length) {
    this.source = source
    this.at = at
    this.end = end
  }

  get left(): number {
    return this.end - this.at
  }

  u8(): number {
    return this.source[this.advance(1)]!
  }

  u16(): number {
    const at = this.advance(2)
    return this.source[at]! | (this.source[at + 1]! << 8)
  }

  u16BigEndian(): number {
    const at = this.advance(2)
    return (this.source[at]! << 8) | this.source[at + 1]!
  }

  u32(): number {
    const low = this.u16()
    return low + this.u16() * 0x1_0000
  }

  u32BigEndian(): number {
    const high = this.u16BigEndian()
    return high * 0x1_0000 + this.u16BigEndian()
  }

  u64(): number {
    const low = this.u32()
    const value = low + this.u32() * 2 ** 32
    if (!Number.isSafeInteger(value)) throw new MalformedError('a number is over 2^53')
    return value
  }

  /** A view, not a copy: who keeps it keeps all the bytes that it came with. */
  take(length: number): Uint8Array {
    const at = this.advance(length)
    return this.source.subarray(at, at + length)
  }

  /** The bytes before the next NUL, which is passed over. */
  untilNul(): Uint8Array {
    const nul = this.source.indexOf(0, this.at)
    if (nul < 0 || nul >= this.end) throw new MalformedError('a text has no NUL at its end')
    const text = this.source.subarray(this.at, nul)
    this.at = nul + 1
    return text
  }

  /** Passes over so many bytes, and says where they began. */
  protected advance(length: number): number {
    const { at } = this
    if (length > this.end - at) throw new MalformedError('it ends too early')
    this.at = at + length
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
