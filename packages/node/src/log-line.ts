/**
 * Makes a line of the log safe: one record a line whatever names peers choose, bounded in length, without
 * characters that move a terminal's cursor or turn the reading direction.
 *
 * pino writes JSON, in which line feeds and ESC are escaped already. What is left is what JSON allows in
 * texts and terminals or viewers do not take as text: DEL and C1 controls (CSI among them), line and
 * paragraph separators, bidirectional controls, zero-width characters. They only ever stand inside JSON
 * texts, so their escapes leave every value as it is.
 */

/** Of one line; what is longer is cut. */
export const LOG_LINE_CHARACTERS_MAX = 8192
/** Of one text in a line that was too long. */
export const LOG_TEXT_CHARACTERS_MAX = 512
/** Members of one object or list in a line that was too long. */
const LOG_MEMBERS_MAX = 32
const LOG_DEPTH_MAX = 4

const UNSAFE = /[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** `line` is one JSON record with its line feed, as pino writes it. */
export function safeLine(line: string): string {
  const bounded = line.length > LOG_LINE_CHARACTERS_MAX ? `${cut(line)}\n` : line
  return bounded.replace(UNSAFE, escaped)
}

function cut(line: string): string {
  let record: Record<string, unknown>
  try {
    record = JSON.parse(line)
  } catch {
    return JSON.stringify({
      level: 50,
      msg: 'A record was no JSON and is cut.',
      cut: line.slice(0, LOG_TEXT_CHARACTERS_MAX)
    })
  }
  const text = JSON.stringify({ ...(shorten(record, 0) as object), cut: line.length })
  if (text.length <= LOG_LINE_CHARACTERS_MAX) return text
  const { level, time, component, msg } = record
  return JSON.stringify({
    level,
    time,
    component: shorten(component, 0),
    msg: shorten(msg, 0),
    cut: line.length
  })
}

function shorten(value: unknown, depth: number): unknown {
  if (typeof value === 'string') {
    return value.length > LOG_TEXT_CHARACTERS_MAX ? `${value.slice(0, LOG_TEXT_CHARACTERS_MAX)}…` : value
  }
  if (typeof value !== 'object' || value === null) return value
  if (depth === LOG_DEPTH_MAX) return '…'
  if (Array.isArray(value)) return value.slice(0, LOG_MEMBERS_MAX).map(item => shorten(item, depth + 1))
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, LOG_MEMBERS_MAX)
      .map(([key, item]) => [key.slice(0, LOG_TEXT_CHARACTERS_MAX), shorten(item, depth + 1)])
  )
}
