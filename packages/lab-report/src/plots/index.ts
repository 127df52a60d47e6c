/** Which plots a part gets: by what varies in it, and by what was measured. */
import type { FigureName } from '@servent/lab'
import { ownOf } from '../axes.ts'
import { MEASURES } from '../measures.ts'
import type { Plot } from '../spec.ts'
import { distinct, type PartView } from '../view.ts'
import { alongPlot } from './along.ts'
import { bytesPlot, outcomesPlot } from './bars.ts'
import { curvePlots } from './curves.ts'
import { phasePlots } from './phases.ts'
import { tradePlots } from './trade.ts'

type Wanted = readonly (readonly [FigureName, string])[]

/** By the field along which things are drawn; the first ones are what it is asked for. */
const ALONG: Readonly<Record<string, Wanted>> = {
  nodes: [
    ['hops', 'Steps of a lookup by the size of the network'],
    ['latency_ms', 'Latency by the size of the network'],
    ['messages', 'Messages of a lookup by the size of the network'],
    ['bytes_per_s', 'Bytes by the size of the network'],
    ['state_entries', 'State by the size of the network'],
    ['connections', 'Connections by the size of the network']
  ],
  backend: [
    ['success', 'Lookups that succeed, simulated and real'],
    ['hops', 'Steps of a lookup, simulated and real'],
    ['latency_ms', 'Latency, simulated and real'],
    ['bytes_per_s', 'Bytes that a peer sends, simulated and real']
  ],
  failures: [
    ['success', 'Lookups that succeed while peers are dead'],
    ['timeouts', 'Timeouts while peers are dead'],
    ['latency_ms', 'Latency while peers are dead'],
    ['hops', 'Steps while peers are dead']
  ],
  churn: [
    ['success', 'Lookups that succeed by the length of sessions'],
    ['bytes_per_s', 'Bytes by the length of sessions'],
    ['latency_ms', 'Latency by the length of sessions'],
    ['timeouts', 'Timeouts by the length of sessions']
  ],
  partition: [
    ['healing_s', 'Time until the overlay is one again'],
    ['bytes_per_s', 'Bytes that a peer sends, partition and healing among it']
  ],
  liars: [
    ['success', 'Attack: lookups that succeed while peers lie'],
    ['latency_ms', 'Attack: latency while peers lie'],
    ['hops', 'Attack: steps while peers lie'],
    ['bytes_per_s', 'Attack: bytes while peers lie']
  ]
}
const OTHERWISE: Wanted = [
  ['success', 'Lookups that succeed'],
  ['hops', 'Steps of a lookup'],
  ['latency_ms', 'Latency of lookups'],
  ['bytes_per_s', 'Bytes that a peer sends']
]
const OF_SEARCHES: Wanted = [
  ['recall', 'What searches find'],
  ['recall_single_copy', 'What searches for a single copy find'],
  ['search_messages', 'Messages of a search'],
  ['first_hit_ms', 'Time to the first hit']
]
const OF_VALUES: Wanted = [
  ['put_success', 'Puts that are acknowledged'],
  ['get_success', 'Gets that are correct']
]

/** In the order in which they are shown. Names are unlike each other. */
export function plotsOf(view: PartView): Plot[] {
  const ofLookups = ownOf(ALONG, view.axis?.field ?? '') ?? OTHERWISE
  const hasLookups = view.rows.some(({ point }) => point.plan.lookups > 0)
  const rest = [...OF_SEARCHES, ...OF_VALUES]
  const usual = hasLookups ? [...ofLookups, ...rest] : [...rest, ...ofLookups]
  // What others published stands beside what came out, whatever it is of.
  const published = distinct(view.members.flatMap(({ part }) => part.published.map(({ figure }) => figure)))
    .filter(figure => usual.every(([name]) => name !== figure))
    .map(figure => [figure, `${MEASURES[figure].label.split(',')[0]!}, beside the papers`] as const)
  const wanted = [...published, ...usual]
  const lines = wanted.flatMap(([figure, title]) => alongPlot(view, figure, title) ?? [])
  const trades = tradePlots(view)
  // Of a grid one network is as good as another: its distributions would be those of settings that nobody chose.
  const phases = phasePlots(view)
  if (view.hasGrid) return [...phases, ...trades, ...lines]
  return [
    ...phases,
    ...lines,
    ...trades,
    outcomesPlot(view) ?? [],
    ...curvePlots(view),
    bytesPlot(view) ?? []
  ].flat()
}
