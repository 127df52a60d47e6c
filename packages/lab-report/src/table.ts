/** Tables: what a plot shows, in numbers, and for people who do not see it. */
import { Html, html } from './html.ts'
import { shown } from './numbers.ts'

export interface Column {
  readonly title: string
  readonly write?: (value: number) => string
  /** Words, not numbers. */
  readonly isText?: boolean
}

/** A number with its interval, if it has one. */
export interface Measured {
  readonly median: number
  readonly ci95: readonly [number, number] | null
  /** Where a column holds several measures, in place of the column's. */
  readonly write?: ((value: number) => string) | undefined
}

export type Cell = string | number | null | Measured

export interface Table {
  readonly caption: string
  readonly columns: readonly Column[]
  /** As many leading cells name a row. */
  readonly heads: number
  readonly rows: readonly (readonly Cell[])[]
}

/** Wide ones scroll by themselves, by keys too, so that the page does not. */
export function tableHtml({ caption, columns, heads, rows }: Table, id: string): Html {
  return html`<div class="scroll" role="group" aria-labelledby="${id}" tabindex="0"><table>
<caption id="${id}"><span>${caption}</span></caption>
<thead><tr>${columns.map(
    ({ title, isText = false }, at) =>
      html`<th scope="col"${new Html(at < heads || isText ? '' : ' class="number"')}>${title}</th>`
  )}</tr></thead>
<tbody>${rows.map(
    row =>
      html`<tr>${row.map((cell, at) =>
        at < heads
          ? html`<th scope="row">${written(cell, columns[at]!)}</th>`
          : html`<td${new Html(columns[at]!.isText ? '' : ' class="number"')}>${written(cell, columns[at]!)}</td>`
      )}</tr>\n`
  )}</tbody></table></div>`
}

function written(cell: Cell, column: Column): Html | string {
  if (cell === null) return html`<span class="none">–</span>`
  if (typeof cell === 'string') return cell
  const { write: own = shown } = column
  if (typeof cell === 'number') return html`<data value="${cell}">${own(cell)}</data>`
  const { median, ci95, write = own } = cell
  const middle = html`<data value="${median}">${write(median)}</data>`
  if (ci95 === null) return middle
  return html`${middle} <span class="interval">[<data value="${ci95[0]}">${write(ci95[0])}</data>, <data value="${ci95[1]}">${write(ci95[1])}</data>]</span>`
}
