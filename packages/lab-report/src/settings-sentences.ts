/** What is said of the settings of one overlay, where they vary: which give the most, and which cost the least. */
import type { FigureName } from '@servent/lab'
import { labelOf } from './looks.ts'
import { isStill, MEASURES } from './measures.ts'
import { extent, inWords, NBSP, percent, shown } from './numbers.ts'
import { distinct, figureOf, type PartView, type Row } from './view.ts'

export function settingsSentences(view: PartView): string[] {
  if (view.axis !== undefined || view.members.length > 1) return []
  return distinct(view.rows.map(({ point }) => point.overlay)).flatMap(overlay => {
    const rows = view.rows.filter(({ point }) => point.overlay === overlay)
    const those = (count: number) => `Of ${inWords(count)} settings of ${labelOf(overlay)}`
    return [...lookupSentence(rows, those), ...searchSentence(rows, those)]
  })
}

type Those = (count: number) => string

interface Measured {
  readonly row: Row
  /** What it gives, and what it costs. */
  readonly gives: number
  readonly costs: number
}

/** Those that have both. */
const measuredIn = (rows: readonly Row[], gives: FigureName, costs: FigureName): Measured[] =>
  rows.flatMap(row => {
    const [given, cost] = [gives, costs].map(name => figureOf(row, name)?.median)
    return given === undefined || cost === undefined ? [] : [{ row, gives: given, costs: cost }]
  })

/** What the setting of the least latency gives and costs: of settings that have both, as not all peers tell what they send. */
function lookupSentence(rows: readonly Row[], those: Those): string[] {
  const measured = measuredIn(rows, 'latency_ms', 'bytes_per_s')
  const [soonest] = measured.toSorted((a, b) => a.gives - b.gives)
  const [cheapest] = measured.toSorted((a, b) => a.costs - b.costs)
  if (soonest === undefined || cheapest === undefined || measured.length < 2) return []
  const told = ({ row, gives, costs }: Measured, hasBytes = true) =>
    `${shown(gives)}${NBSP}ms${hasBytes ? ` for ${shown(costs)}${NBSP}B/s` : ''} (${row.set})`
  const all = measured.flatMap(({ row }) => figureOf(row, 'success')?.median ?? [])
  const success = all.length < measured.length ? '' : `; success is ${percent(Math.min(...all))} at least`
  const lead = those(measured.length)
  // Bytes without upkeep say nothing of who costs more.
  if (measured.some(({ row }) => isStill(row.point))) {
    const latest = measured.toSorted((a, b) => b.gives - a.gives)[0]!
    if (soonest.gives === latest.gives)
      return [`${lead} all take ${shown(soonest.gives)}${NBSP}ms${success}.`]
    return [
      `${lead} the soonest gives ${told(soonest, false)}, and the latest ${told(latest, false)}${success}.`
    ]
  }
  return [`${lead} the soonest gives ${told(soonest)}, and the cheapest ${told(cheapest)}${success}.`]
}

/** What is found, and for how many bytes a search. */
function searchSentence(rows: readonly Row[], those: Those): string[] {
  const measured = measuredIn(rows, 'recall', 'search_bytes')
  const [cheapest] = measured.toSorted((a, b) => a.costs - b.costs || b.gives - a.gives)
  const [best] = measured.toSorted((a, b) => b.gives - a.gives || a.costs - b.costs)
  if (cheapest === undefined || best === undefined || measured.length < 2) return []
  const { recall, search_bytes } = MEASURES
  const told = ({ row, gives, costs }: Measured) =>
    `${recall.write(gives)} for ${search_bytes.write(costs)}${NBSP}B a search (${row.set})`
  const lead = those(measured.length)
  const found = distinct(measured.map(({ gives }) => recall.write(gives)))
  if (found.length === 1) {
    const [, most] = extent(measured.map(({ costs }) => costs))
    const ends = distinct([cheapest.costs, most].map(search_bytes.write)).join(' to ')
    return [`${lead} all find ${found[0]}, for ${ends}${NBSP}B a search.`]
  }
  if (best === cheapest) return [`${lead} the cheapest finds the most, ${told(best)}.`]
  return [`${lead} the most thorough finds ${told(best)}, and the cheapest ${told(cheapest)}.`]
}
