/**
 * How many columns a text takes: letters of Chinese, Japanese and Korean, and most pictures, take two; marks
 * over another letter take none (Unicode Standard Annex #11).
 */
import { eastAsianWidth } from 'get-east-asian-width'

const segmenter = new Intl.Segmenter()
const ASCII = /^[\x20-\x7e]*$/
const MARK = /^\p{M}$/u
const PICTURE = /\p{Emoji_Presentation}|\ufe0f/u

/** Columns of a text that `safe` has gone over. */
export function displayWidth(text: string): number {
  if (ASCII.test(text)) return text.length
  let columns = 0
  for (const { segment } of segmenter.segment(text)) columns += clusterWidth(segment)
  return columns
}

function clusterWidth(cluster: string): number {
  if (PICTURE.test(cluster)) return 2
  for (const character of cluster) {
    if (!MARK.test(character)) return eastAsianWidth(character.codePointAt(0)!)
  }
  return 0
}

/** The text in at most `columns`, its end replaced by `…` where it does not fit. */
export function truncate(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text
  if (columns < 1) return ''
  let kept = ''
  let taken = 0
  for (const { segment } of segmenter.segment(text)) {
    const width = clusterWidth(segment)
    if (taken + width > columns - 1) break
    kept += segment
    taken += width
  }
  return `${kept}…`
}

/** The text, filled up with spaces to `columns`. */
export function pad(text: string, columns: number, align: 'left' | 'right' = 'left'): string {
  const gap = ' '.repeat(Math.max(0, columns - displayWidth(text)))
  return align === 'left' ? text + gap : gap + text
}

/** Words broken into lines of at most `columns`; a word that is longer stands alone. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (line !== '' && displayWidth(longer) > columns) {
      lines.push(line)
      line = word
    } else {
      line = longer
    }
  }
  lines.push(line)
  return lines
}
