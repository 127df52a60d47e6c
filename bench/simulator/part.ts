/** One part of the benchmark in a process of its own: sends its figures to its parent and ends. */
import { chord } from './chord-100k.ts'
import { flood } from './flood.ts'
import { gnutella } from './gnutella.ts'
import type { Figures } from './measure.ts'
import { p2psim } from './p2psim.ts'

export type PartName = 'flood-10k' | 'flood-100k' | 'gnutella' | 'chord-100k' | 'p2psim-72s' | 'p2psim-18s'

/** What a part sends: its figures, and the most memory that its process ever had. */
export interface PartReport {
  readonly figures: Figures
  readonly rssBytes: number
}

const HOUR_S = 3_600

const PARTS: Readonly<Record<PartName, () => Figures>> = {
  'flood-10k': () => flood(10_000, 20_000_000),
  'flood-100k': () => flood(100_000, 20_000_000),
  gnutella: () => gnutella(20),
  'chord-100k': () => chord(100_000, 100_000, HOUR_S),
  'p2psim-72s': () => p2psim(72, 6),
  'p2psim-18s': () => p2psim(18, 6)
}

const KIBIBYTE = 1024

const figures = PARTS[process.argv[2] as PartName]()
const report: PartReport = { figures, rssBytes: process.resourceUsage().maxRSS * KIBIBYTE }
process.send?.(report)
