/** From the lab's results to the points of a hull, and to rows of Markdown. */
import { lowerHull, type OverlayResults, type Results } from '@servent/lab'
import type { Settings } from './grids.ts'

/** How bytes are counted: as they are encoded, or by p2psim's formula, as Li et al. did. */
export const PRICES = ['encoded', 'p2psim'] as const
export type Price = (typeof PRICES)[number]

export interface Figures {
  readonly point: Settings
  readonly success: number
  readonly incorrect: number
  readonly latencyMs: number
  /** By the price that was asked for, the other one beside. */
  readonly bytesPerS: number
  readonly encodedBytesPerS: number
  readonly p2psimBytesPerS: number
  readonly hops: number
  readonly messages: number
  readonly timeouts: number
  readonly wallS: number
  readonly byType: Readonly<Record<string, number>>
}

export interface HullRow extends Figures {
  /** Of which hulls it is a corner. */
  readonly corner: { readonly latency: boolean; readonly failures: boolean }
}

export function figuresOf(point: Settings, results: Results, price: Price): Figures {
  const [overlay] = results.overlays as [OverlayResults]
  const { lookups, bytes_per_node_per_s: bytes } = overlay
  const encodedBytesPerS = bytes?.mean ?? Number.NaN
  const p2psimBytesPerS = bytes?.p2psim ?? Number.NaN
  return {
    point,
    success: lookups.correct / lookups.issued,
    incorrect: lookups.incorrect / lookups.issued,
    latencyMs: overlay.latency_ms?.p50 ?? Number.NaN,
    bytesPerS: price === 'encoded' ? encodedBytesPerS : p2psimBytesPerS,
    encodedBytesPerS,
    p2psimBytesPerS,
    hops: overlay.hops?.mean ?? Number.NaN,
    messages: overlay.messages_per_lookup?.mean ?? Number.NaN,
    timeouts: overlay.timeouts_per_lookup?.mean ?? Number.NaN,
    wallS: overlay.cost.wall_s,
    byType: bytes?.by_type ?? {}
  }
}

/** Corners of the two hulls, by what they cost: of the median latency, and of the part of lookups that went wrong. */
export function hullRows(figures: readonly Figures[]): HullRow[] {
  const latency = new Set(lowerHull(figures, ({ bytesPerS, latencyMs }) => [bytesPerS, latencyMs]))
  const failures = new Set(lowerHull(figures, ({ bytesPerS, success }) => [bytesPerS, 1 - success]))
  return figures
    .filter(one => latency.has(one) || failures.has(one))
    .map(one => ({ ...one, corner: { latency: latency.has(one), failures: failures.has(one) } }))
    .sort((a, b) => a.bytesPerS - b.bytesPerS)
}

const HEAD = [
  'settings',
  'corner of',
  'success',
  'wrong',
  'median ms',
  'bytes/s',
  'p2psim bytes/s',
  'hops',
  'messages',
  'timeouts'
]
const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`

export function tableOf(rows: readonly HullRow[]): string {
  const lines = rows.map(({ point, corner, ...one }) =>
    row([
      Object.entries(point)
        .map(([key, value]) => `${key} ${typeof value === 'number' ? value.toLocaleString('en') : value}`)
        .join(', '),
      Object.entries(corner)
        .filter(([, isCorner]) => isCorner)
        .map(([name]) => name)
        .join(', '),
      one.success.toFixed(4),
      one.incorrect.toFixed(4),
      one.latencyMs.toFixed(0),
      one.encodedBytesPerS.toFixed(1),
      one.p2psimBytesPerS.toFixed(1),
      one.hops.toFixed(2),
      one.messages.toFixed(1),
      one.timeouts.toFixed(3)
    ])
  )
  return [row(HEAD), row(HEAD.map(() => '---')), ...lines].join('\n')
}
