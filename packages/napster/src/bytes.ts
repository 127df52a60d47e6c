/**
 * Texts and bytes with their length before them, 16 bits, in the frames of ours. Integers are little-endian, as
 * OpenNap's are.
 */
import {
  ByteReader,
  type ByteSink,
  CountingSink,
  MalformedError,
  StoringSink,
  utf8Length
} from '@servent/overlay/machine'

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

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

export interface Sink extends ByteSink {
  /** With their length before them, 16 bits. */
  bytes(bytes: Uint8Array): void
  /** UTF-8 with its length before it, 16 bits. */
  text(text: string): void
}

export class CountingFrame extends CountingSink implements Sink {
  bytes(bytes: Uint8Array): void {
    this.length += 2 + bytes.length
  }

  text(text: string): void {
    this.length += 2 + utf8Length(text)
  }
}

export class StoringFrame extends StoringSink implements Sink {
  bytes(bytes: Uint8Array): void {
    this.u16(bytes.length)
    this.raw(bytes)
  }

  text(text: string): void {
    this.u16(utf8Length(text))
    this.plain(text)
  }
}

/** Walks over one body. What would pass its end, or a bound, is malformed. */
export class Reader extends ByteReader {
  /** A copy: what was read outlives the bytes that it came with. */
  raw(length: number): Uint8Array {
    return this.take(length).slice()
  }

  bytes(bytesMax: number): Uint8Array {
    return this.raw(this.#length(bytesMax))
  }

  text(bytesMax: number): string {
    const bytes = this.take(this.#length(bytesMax))
    try {
      return UTF8.decode(bytes)
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
  done(): void {
    if (this.left > 0) throw new MalformedError('something follows its end')
  }

  #length(bytesMax: number): number {
    const length = this.u16()
    if (length > bytesMax) throw new MalformedError(`a field has ${length} of at most ${bytesMax} bytes`)
    return length
  }
}
