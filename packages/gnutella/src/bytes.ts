/**
 * Texts of Gnutella's wire, and GUIDs on it. Integers are little-endian (draft 0.6, 2.2, note 2), as `ByteSink` writes
 * them, except where a method says otherwise.
 */
import type { ByteSink } from '@servent/overlay/machine'

const DECODER = new TextDecoder('utf-8', { ignoreBOM: true })

/** Old servents write in other character sets: what is no UTF-8 is shown as U+FFFD, and relayed as it came. */
export function decodeText(bytes: Uint8Array): string {
  return DECODER.decode(bytes)
}

/** The text up to the first character that would end it on the wire. */
export function before(text: string, end: RegExp): string {
  const at = text.search(end)
  return at < 0 ? text : text.slice(0, at)
}

export function writeHex(sink: ByteSink, text: string): void {
  for (let index = 0; index < text.length; index += 2)
    sink.u8(Number.parseInt(text.slice(index, index + 2), 16))
}
