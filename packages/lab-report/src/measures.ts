/** What is measured, in words: axis, unit, and how its numbers are written. Meanings are those of `docs/lab.md`. */
import type { FigureName, PointResults } from '@servent/lab'
import { percent, shown } from './numbers.ts'

export interface Measure {
  /** Title of a column. */
  readonly label: string
  /** Title of an axis, unit last. */
  readonly axis: string
  readonly means: string
  readonly isPart: boolean
  readonly write: (value: number) => string
}

const measure = (label: string, unit: string, means: string): Measure => ({
  label: unit === '' ? label : `${label}, ${unit}`,
  axis: unit === '' ? label : `${label}, ${unit}`,
  means,
  isPart: false,
  write: shown
})
const part = (label: string, means: string): Measure => ({
  label,
  // Its ticks say per cent.
  axis: label,
  means,
  isPart: true,
  write: percent
})

/** Medians of runs are shown of each, so that the words say what a run's own number is. */
export const MEASURES: Readonly<Record<FigureName, Measure>> = {
  success: part('Success', 'Correct lookups of all that were issued, failed ones too'),
  hops: measure('Hops', 'steps', 'Forward steps of a lookup, the mean of a run'),
  hops_as_published: measure(
    'Hops as published',
    'steps',
    'Steps of a lookup as the overlay’s paper counts them, the mean of a run'
  ),
  hops_p95: measure('Hops p95', 'steps', 'Steps that 95 of 100 answered lookups do not exceed'),
  latency_ms: measure('Latency', 'ms', 'From the question to the answer of a lookup, the median of a run'),
  latency_ms_p95: measure('Latency p95', 'ms', 'What 95 of 100 answered lookups do not exceed'),
  timeouts: measure('Timeouts a lookup', '', 'Messages to peers that did not answer, the mean of a run'),
  messages: measure('Messages a lookup', '', 'Sent by all peers for one lookup, the mean of a run'),
  stretch: measure('Stretch', '', 'Time of a lookup over the direct round trip, the mean of a run'),
  recall: part('Recall', 'Of the files that searches could have found, the part that they found'),
  recall_single_copy: part(
    'Recall of single copies',
    'Of searches for a file that one peer has, those that found it'
  ),
  search_messages: measure('Messages a search', '', 'Sent by all peers for one search, the mean of a run'),
  search_bytes: measure('Bytes a search', 'B', 'Sent by all peers for one search, the mean of a run'),
  first_hit_ms: measure('First hit', 'ms', 'From the question to the first file, the median of a run'),
  put_success: part('Puts acknowledged', 'Puts that a write quorum acknowledged, of all that were issued'),
  get_success: part('Gets correct', 'Gets that gave the newest version, of all that were issued'),
  success_before: part('Success before the partition', 'Correct lookups of those asked before it'),
  success_during: part(
    'Success while parted',
    'Correct lookups of those asked while the network is parted, by what is so on the side of who asks'
  ),
  success_after: part('Success after healing', 'Correct lookups of those asked when the network has healed'),
  incorrect_during: part(
    'Incorrect while parted',
    'Of lookups asked while the network is parted, those that were answered with somebody else'
  ),
  recall_before: part('Recall before the partition', 'The part found of what searches before it could find'),
  recall_during: part(
    'Recall while parted',
    'The part found of what searches could find on the side of who asks'
  ),
  recall_after: part(
    'Recall after healing',
    'The part found of what searches could find when the network has healed'
  ),
  healing_s: measure(
    'Healing',
    's',
    'From the healing of the network until the overlay is as whole as it was; none where that did not come in half of the runs'
  ),
  bytes_per_s: measure(
    'Bytes sent',
    'B/s',
    'By a live peer in a second, in the real encoding, without encryption and TCP'
  ),
  state_entries: measure(
    'Table entries',
    '',
    'Of a peer: entries of routing tables and caches at the end of a run'
  ),
  connections: measure(
    'Connections',
    '',
    'Of a peer: links that are up at the end of a run, whoever opened them'
  ),
  load_gini: measure(
    'Load Gini',
    '',
    'Gini’s coefficient of the messages that peers take in: 0 where all take in as many, towards 1 where one has all'
  )
}
export const FIGURES = Object.keys(MEASURES) as FigureName[]

type Planned = Pick<PointResults, 'plan'>

/** Simulated peers of which some are dead do no maintenance: their bytes are of questions alone. */
export const isStill = ({ plan: { failures, backend } }: Planned) =>
  failures !== null && backend === 'simulator'

const OF_QUESTIONS: Measure = {
  ...measure('Bytes of questions', 'B/s', ''),
  means:
    'By a live peer in a second, for questions alone: while peers are dead maintenance stands still, and what upkeep costs is not in it'
}

/** As it is to be called where it is of these points. */
export function measureOf(figure: FigureName, points: readonly Planned[]): Measure {
  const own = MEASURES[figure]
  if (figure !== 'bytes_per_s' || !points.some(isStill)) return own
  if (points.every(isStill)) return OF_QUESTIONS
  return {
    ...own,
    means: `${own.means}. Where peers are dead it is for questions alone: maintenance stands still, and what upkeep costs is not in it`
  }
}
