/** Tables of plain text that fit the terminal: no frames, so that `cut`, `grep` and screen readers manage. */
import { safe } from './safe.ts'
import { displayWidth, pad, truncate, wrap } from './width.ts'

export interface Column {
  readonly title: string
  readonly align?: 'left' | 'right'
  /** Gives columns up when the line is too long, down to this many. A column without it never shrinks. */
  readonly shrinkTo?: number
}

const GAP = '  '

/**
 * Lines of the table, its titles first. Cells are made safe here. `columns` is the terminal's width, nothing
 * where the output is no terminal: then nothing is cut.
 */
export function table(
  titles: readonly Column[],
  rows: readonly (readonly string[])[],
  columns?: number
): string[] {
  const cells = [titles.map(column => column.title), ...rows.map(row => row.map(safe))]
  const widths = titles.map((_, index) => Math.max(...cells.map(row => displayWidth(row[index] ?? ''))))
  if (columns !== undefined) shrink(widths, titles, columns)
  return cells.map(row =>
    titles
      .map((column, index) => {
        const cell = truncate(row[index] ?? '', widths[index]!)
        return pad(cell, widths[index]!, column.align)
      })
      .join(GAP)
      .trimEnd()
  )
}

/** Takes columns from the widest that may shrink until the line fits, or nothing may shrink any more. */
function shrink(widths: number[], titles: readonly Column[], columns: number): void {
  const gaps = GAP.length * (widths.length - 1)
  let excess = widths.reduce((sum, width) => sum + width, gaps) - columns
  while (excess > 0) {
    let widest = -1
    for (const [index, { shrinkTo }] of titles.entries()) {
      if (shrinkTo === undefined || widths[index]! <= shrinkTo) continue
      if (widest === -1 || widths[index]! > widths[widest]!) widest = index
    }
    if (widest === -1) return
    widths[widest]!--
    excess--
  }
}

/**
 * Lines of names and values, the values in one column. Empty values are left out. Where there is a terminal,
 * long values go on in lines of their own; a word is never broken, so that an address can be copied whole.
 */
export function facts(rows: readonly (readonly [string, string | undefined])[], columns?: number): string[] {
  const given = rows.filter((row): row is readonly [string, string] => row[1] !== undefined && row[1] !== '')
  const width = Math.max(0, ...given.map(([name]) => displayWidth(name)))
  const room = columns === undefined ? Number.POSITIVE_INFINITY : columns - width - GAP.length
  return given.flatMap(([name, value]) =>
    wrap(safe(value), room).map((line, index) => `${pad(index === 0 ? name : '', width)}${GAP}${line}`)
  )
}
