/** Forms of the short texts that peers tell each other: names of files and tags, media types, PeerIds. */
import { base58btc } from 'multiformats/bases/base58'
import { MEDIA_TYPE_BYTES_MAX, NAME_BYTES_MAX, PEER_ID_BYTES_MAX, TAG_NAME_BYTES_MAX } from './limits.ts'

const encoder = new TextEncoder()

/** Bytes of a text in UTF-8; nothing where it is not well-formed and so has no UTF-8. */
export function utf8Bytes(text: string): number | undefined {
  return text.isWellFormed() ? encoder.encode(text).length : undefined
}

/** In the order of UTF-8, which is that of code points: surrogates stand for those above all others. */
export function compareTexts(a: string, b: string): number {
  for (let index = 0; index < Math.min(a.length, b.length); index += 1) {
    const [one, other] = [a.charCodeAt(index), b.charCodeAt(index)]
    if (one !== other) return rankOf(one) - rankOf(other)
  }
  return a.length - b.length
}

const rankOf = (unit: number): number =>
  unit >= 0xe000 ? unit - 0x800 : unit >= 0xd800 ? unit + 0x2000 : unit

/**
 * Whether a text can be the base name of a file: 1 to `NAME_BYTES_MAX` bytes of UTF-8 without NUL, `/` and
 * `\`, and neither `.` nor `..`. It may still be unfit for a disk: who writes files cleans names.
 */
export function isFileName(text: string): boolean {
  // A UTF-16 unit gives at least one byte, so nothing long is encoded.
  if (
    text.length === 0 ||
    text.length > NAME_BYTES_MAX ||
    /[\0/\\]/.test(text) ||
    text === '.' ||
    text === '..'
  )
    return false
  const bytes = utf8Bytes(text)
  return bytes !== undefined && bytes <= NAME_BYTES_MAX
}

/** Whether a text can name a tag: a small Latin letter, then letters, digits, `.`, `_` and `-`. */
export function isTagName(text: string): boolean {
  return text.length <= TAG_NAME_BYTES_MAX && /^[a-z][a-z0-9._-]*$/.test(text)
}

/** Whether a text is a media type without parameters, in small letters (RFC 6838 4.2). */
export function isMediaType(text: string): boolean {
  return (
    text.length <= MEDIA_TYPE_BYTES_MAX &&
    /^[a-z0-9][a-z0-9!#$&^_.+-]*\/[a-z0-9][a-z0-9!#$&^_.+-]*$/.test(text)
  )
}

const IDENTITY = 0x00
const SHA2_256 = 0x12
/** 42 bytes in base58 have at most 58 characters. */
const PEER_ID_CHARACTERS_MAX = 58

/** Whether bytes are the multihash of a PeerId: a key itself, or the SHA-256 of one. */
export function isPeerIdBytes(bytes: Uint8Array): boolean {
  if (bytes.length < 3 || bytes.length > PEER_ID_BYTES_MAX || bytes[1] !== bytes.length - 2) return false
  return bytes[0] === IDENTITY || (bytes[0] === SHA2_256 && bytes[1] === 32)
}

/** The multihash of a PeerId in its usual text form (`12D3Koo…`, `Qm…`); nothing where it is none. */
export function peerIdBytes(text: string): Uint8Array | undefined {
  if (text.length > PEER_ID_CHARACTERS_MAX) return undefined
  try {
    const bytes = base58btc.baseDecode(text)
    return isPeerIdBytes(bytes) ? bytes : undefined
  } catch {
    return undefined
  }
}

/** The usual text form of a PeerId. */
export function peerIdText(multihash: Uint8Array): string {
  return base58btc.baseEncode(multihash)
}
