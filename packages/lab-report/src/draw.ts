/** From a specification to SVG, without a browser; its colours follow the reader's light or dark. */
import * as vega from 'vega'
import { compile } from 'vega-lite'
import { escaped } from './html.ts'
import { COLOURS, PAPER } from './looks.ts'
import type { Spec } from './spec.ts'

/** What Vega would tell somebody who writes specifications; tests hear it. */
const SILENT = {
  level: () => SILENT,
  error: () => SILENT,
  warn: () => SILENT,
  info: () => SILENT,
  debug: () => SILENT
}

type Measure = (
  item: {
    readonly fontSize?: number
    readonly fontWeight?: unknown
    readonly limit?: number
    readonly text?: unknown
  },
  text?: unknown
) => number

/** Of its height a small letter of a common sans-serif is so wide, a digit or a capital, and how much more a bold one. */
const SMALL_WIDTH = 0.54
const LARGE_WIDTH = 0.65
const BOLD = 1.12

/** Of a text, in heights of its letters. */
export function widthOf(text: string): number {
  const large = text.match(/[^a-z ,.-]/g)?.length ?? 0
  return large * LARGE_WIDTH + (text.length - large) * SMALL_WIDTH
}

// Vega takes letters for wider than they are where it has no canvas to measure them, and leaves out labels that fit.
const { textMetrics } = vega as unknown as { readonly textMetrics: { width: Measure } }
textMetrics.width = ({ fontSize = 11, fontWeight, limit = 0, text: own }, text = own) => {
  const width = Math.round((fontWeight === 'bold' ? BOLD : 1) * fontSize * widthOf(`${text ?? ''}`))
  // What is cut off at its limit takes no more place.
  return limit > 0 ? Math.min(limit, width) : width
}

export interface Described {
  /** Letters, digits and hyphens. */
  readonly id: string
  readonly title: string
  readonly text: string
}

/** For a page that has `DARK_RULES` in its style sheet. */
export async function draw(spec: Spec, { id, title, text }: Described): Promise<string> {
  const logger = SILENT as never
  // Vega writes into the data that it draws.
  const view = new vega.View(vega.parse(compile(structuredClone(spec), { logger }).spec), {
    renderer: 'none',
    logger
  })
  const svg = await view.toSVG()
  view.finalize()
  const names = `role="img" aria-labelledby="${id}-title ${id}-desc"`
  const told = `<title id="${id}-title">${escaped(title)}</title><desc id="${id}-desc">${escaped(text)}</desc>`
  // An image is one thing to who hears it, so that none of its parts has a role of its own. And nobody sees a
  // thousandth of a pixel.
  const plain = svg.replace(/<[a-z][^>]*>/g, tag =>
    tag
      .replace(/ (?:role|aria-[a-z]+)="[^"]*"/g, '')
      .replace(/\d+\.\d{3,}/g, number => `${Number(Number(number).toFixed(2))}`)
  )
  return plain.replace(/^(<svg [^>]*)>/, `$1 ${names}>${told}`)
}

/** Colours are attributes of what Vega draws, and a style sheet has the last word on those. */
const inDark = (of: string) =>
  COLOURS.flatMap(({ light, dark }) =>
    ['fill', 'stroke'].map(paint => `${of}[${paint}="${light}"]{${paint}:${dark}}`)
  ).join('')

/** For plots on a page. */
export const DARK_RULES = inDark('.plot ')

/** A file of its own. Its title stays first in it, where readers of SVG look for it. */
export function alone(svg: string): string {
  const style = `<style>@media (prefers-color-scheme:dark){svg{background:${PAPER.dark}}${inDark('')}}</style>`
  return svg.replace('</desc>', end => `${end}${style}`)
}
