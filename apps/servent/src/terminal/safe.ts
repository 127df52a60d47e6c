/**
 * Makes texts of other peers safe to show. A file's name may hold escape sequences that rewrite the screen,
 * marks that turn the reading order round (`gpj.exe` shown as `exe.jpg`), and characters that nobody sees.
 * Each becomes visible instead of being dropped, so that a strange name looks strange.
 *
 * Rules: Unicode Standard Annex #9 (bidirectional marks), Technical Report #36 (invisible characters).
 */

/**
 * Controls of both sets (`Cc`), format characters (`Cf`: bidirectional, zero width, tags), line and
 * paragraph separators (`Zl`, `Zp`), and characters that count as letters or marks and have no ink: fillers,
 * joiners of graphemes, variation selectors past the first sixteen.
 */
const UNSAFE =
  /\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}|\u034f|\u115f|\u1160|\u17b4|\u17b5|[\u180b-\u180f]|\u2800|\u3164|\uffa0|[\u{e0100}-\u{e01ef}]/gu

/** Marks that one letter may carry before they climb over the lines above: more than any script needs. */
const MARKS_MAX = 4
const MARKS = new RegExp(`(\\p{M}{${MARKS_MAX}})\\p{M}+`, 'gu')

const hex = (code: number, digits: number) => code.toString(16).padStart(digits, '0')

function visible(character: string): string {
  const code = character.codePointAt(0)!
  if (code <= 0xff) return `\\x${hex(code, 2)}`
  return code <= 0xffff ? `\\u${hex(code, 4)}` : `\\u{${hex(code, 1)}}`
}

/** A text in one line, without anything that a terminal or a reader could be fooled by. */
export function safe(text: string): string {
  return text.toWellFormed().replaceAll(UNSAFE, visible).replaceAll(MARKS, '$1')
}

/**
 * JSON in one line with the same characters written as escapes: the value is the same for every parser, and
 * a terminal that shows the line is not fooled.
 */
export function safeJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(UNSAFE, character =>
    Array.from({ length: character.length }, (_, unit) => `\\u${hex(character.charCodeAt(unit), 4)}`).join('')
  )
}
