/**
 * Names from peers are never paths: what a peer calls a file becomes one harmless name in one folder.
 *
 * The rules are those of the strictest system for every system, so that a folder can be moved from one to
 * another: Windows' (https://learn.microsoft.com/windows/win32/fileio/naming-a-file), and the stripping of
 * characters that nobody sees, as libtorrent's `sanitize_append_path_element` does it.
 */
import { NAME_BYTES_MAX } from '@servent/overlay'

export interface SafeFileNameOptions {
  /** Bytes to leave free under `NAME_BYTES_MAX`, for what is put behind the name. */
  readonly reserveBytes?: number
  /** For a name of which nothing is left. */
  readonly fallback?: string
}

const FALLBACK = 'unnamed'
/** A longer "extension" is the end of a sentence. */
const EXTENSION_BYTES_MAX = 16

/** Separators of paths, of drives and of alternate streams, wildcards, and what shells and Windows refuse. */
const FORBIDDEN = /[<>:"/\\|?*]/g
/**
 * Characters that nobody sees: controls, bidirectional overrides, zero-width ones, tags, interlinear marks
 * and noncharacters. U+202E in `gpj.exe` makes it look as `exe.jpg`.
 */
const INVISIBLE = /[\p{Cc}\p{Default_Ignorable_Code_Point}\ufff9-\ufffb\ufffe\uffff]/gu
/** What separates words and lines. JavaScript's own class would take U+FEFF, which nobody sees, for one. */
const BLANKS = /[\t-\r\x85\u2028\u2029\p{Zs}]+/gu
/** Devices on Windows, whatever extension follows. The superscripts are in its list too. */
const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])[ .]*(?:\.|$)/i
/** A name of this form may open another file there: short names of 8 and 3 characters. */
const SHORT_NAME = /^[^.~]{1,6}~(?=\d{1,6}(?:\.[^.]{0,3})?$)/

/**
 * One name for a file, safe under POSIX and Windows rules: no path, no device, nothing invisible, at most
 * `NAME_BYTES_MAX` bytes of UTF-8 less `reserveBytes`, in NFC, never hidden. Giving its result again gives
 * it back. Bytes that are no UTF-8, and lone halves of surrogate pairs, become `_`.
 */
export function safeFileName(name: string | Uint8Array, options: SafeFileNameOptions = {}): string {
  const text = typeof name === 'string' ? name.toWellFormed() : new TextDecoder().decode(name)
  const bytesMax = NAME_BYTES_MAX - (options.reserveBytes ?? 0)
  const cleaned = trim(
    text
      .replace(BLANKS, ' ')
      .replace(INVISIBLE, '')
      .normalize('NFC')
      .replaceAll('\ufffd', '_')
      .replace(FORBIDDEN, '_')
      .replace(/ {2,}/g, ' ')
  )
  // A cut may end in a space or a dot, and what is put in front of a device's name makes it longer.
  const safe = trim(cut(guard(cleaned), bytesMax))
  return safe === '' ? (options.fallback ?? FALLBACK) : safe
}

/**
 * What two names have in common that a file system may take for one: upper and lower case, and the ways to
 * write an accent.
 */
export function nameKey(name: string): string {
  return name.normalize('NFD').toUpperCase().toLowerCase().normalize('NFC')
}

/** `name (2).ext` for `name.ext`: the name to try after others were taken. 0 gives the name itself. */
export function numberedName(name: string, number: number): string {
  if (number === 0) return name
  const mark = ` (${number})`
  const { stem, extension } = split(name)
  return cutTo(stem, NAME_BYTES_MAX - Buffer.byteLength(extension) - mark.length).trimEnd() + mark + extension
}

/** Windows drops spaces and dots at the end, so `a.txt.` would be `a.txt`; dots in front hide a file. */
function trim(text: string): string {
  return text.replace(/[ .]+$/, '').replace(/^[ .]+/, dots => (dots.includes('.') ? '_' : ''))
}

function guard(text: string): string {
  const unshortened = text.replace(SHORT_NAME, match => `${match.slice(0, -1)}_`)
  return DEVICE.test(unshortened) ? `_${unshortened}` : unshortened
}

/** Keeps the extension, which says what opens the file. */
function cut(name: string, bytesMax: number): string {
  if (Buffer.byteLength(name) <= bytesMax) return name
  const { stem, extension } = split(name)
  return cutTo(stem, bytesMax - Buffer.byteLength(extension)).trimEnd() + extension
}

function split(name: string): { stem: string; extension: string } {
  const dot = name.lastIndexOf('.')
  const extension = dot <= 0 ? '' : name.slice(dot)
  if (Buffer.byteLength(extension) > EXTENSION_BYTES_MAX) return { stem: name, extension: '' }
  return { stem: name.slice(0, name.length - extension.length), extension }
}

/** The longest beginning of whole code points that has at most `bytesMax` bytes. */
function cutTo(text: string, bytesMax: number): string {
  let bytes = 0
  let end = 0
  for (const point of text) {
    bytes += Buffer.byteLength(point)
    if (bytes > bytesMax) break
    end += point.length
  }
  return text.slice(0, end)
}
