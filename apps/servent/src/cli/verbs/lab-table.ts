/** The results of a comparison for people: a line for each figure, a column for each overlay. */
import type { OverlayResults, Results } from '@servent/lab'
import { formatBytes, formatCount, formatDuration } from '../../terminal/format.ts'
import { table } from '../../terminal/table.ts'
import { fingerprintLine } from './lab-words.ts'

/** Of fewer runs no interval is shown, as in reports: it says little but that they are few. */
const INTERVAL_RUNS_MIN = 5

type Summary = NonNullable<OverlayResults['hops']>
/** What a line says of an overlay; nothing where its run does not say it. */
type Figure = (results: OverlayResults) => string | null | undefined

const FIGURES: readonly (readonly [string, Figure])[] = [
  ['peers that take part', ({ population: { end } }) => `${plain(end.members)} of ${plain(end.live)}`],
  ['lookups right', ({ lookups }) => share(lookups.correct, lookups.issued)],
  ['  wrong', ({ lookups }) => counted(lookups.incorrect, lookups.issued)],
  ['  without an answer', ({ lookups }) => counted(lookups.failed, lookups.issued)],
  ['  not issued', ({ lookups }) => (lookups.unissued === 0 ? undefined : formatCount(lookups.unissued))],
  ['hops', ({ hops, seeds }) => withInterval(seeds, hops)],
  ['  as published', results => withInterval(results.seeds, results.hops_as_published)],
  ['  1 % to 99 %', ({ hops }) => (hops === null ? undefined : `${plain(hops.p1)} to ${plain(hops.p99)}`)],
  ['timeouts a lookup', results => withInterval(results.seeds, results.timeouts_per_lookup)],
  ['messages a lookup', results => withInterval(results.seeds, results.messages_per_lookup)],
  ['latency, half below', results => milliseconds(results.latency_ms?.p50)],
  ['  95 % below', results => milliseconds(results.latency_ms?.p95)],
  ['stretch', ({ stretch, seeds }) => withInterval(seeds, stretch)],
  ['searches', ({ searches }) => searches && formatCount(searches.issued)],
  ['  recall', ({ searches }) => fraction(searches?.recall)],
  ['  of what is wanted', ({ searches }) => fraction(searches?.recall_of_enough)],
  ['  of single copies', ({ searches }) => fraction(searches?.recall_single_copy)],
  ['  precision', ({ searches }) => fraction(searches?.precision)],
  ['  messages a search', ({ searches, seeds }) => withInterval(seeds, searches?.messages)],
  ['  bytes a search', ({ searches }) => searches?.bytes && formatBytes(searches.bytes.mean)],
  ['  first hit, half below', ({ searches }) => milliseconds(searches?.first_hit_ms?.p50)],
  ['puts acknowledged', ({ values }) => values && share(values.puts.acknowledged, values.puts.issued)],
  ['  with few copies', ({ values }) => values && counted(values.puts.few_copies, values.puts.issued)],
  ['  failed', ({ values }) => values && counted(values.puts.failed, values.puts.issued)],
  ['  latency, half below', ({ values }) => milliseconds(values?.puts.latency_ms?.p50)],
  ['gets right', ({ values }) => values && share(values.gets.correct, values.gets.issued)],
  ['  wrong', ({ values }) => values && counted(values.gets.incorrect, values.gets.issued)],
  ['  without an answer', ({ values }) => values && counted(values.gets.failed, values.gets.issued)],
  ['  recall', ({ values }) => fraction(values?.gets.recall)],
  ['  latency, half below', ({ values }) => milliseconds(values?.gets.latency_ms?.p50)],
  ['announcing', ({ publishing }) => publishing && formatBytes(publishing.bytes)],
  [
    'bytes a peer and second',
    results => results.bytes_per_node_per_s && plain(results.bytes_per_node_per_s.mean)
  ],
  ['  95 % of peers below', results => plainOrNone(results.bytes_per_node_per_s?.p95)],
  ['  by p2psim’s measure', results => plainOrNone(results.bytes_per_node_per_s?.p2psim)],
  ['table entries a peer', results => plainOrNone(results.state_entries_per_node?.mean)],
  ['  bytes', results => plainOrNone(results.state_bytes_per_node?.mean)],
  ['links a peer', results => plainOrNone(results.connections_per_node?.mean)],
  ['upkeep bytes a question', ({ network }) => plainOrNone(network?.upkeep_bytes_per_question)],
  ['busiest peer over mean', ({ load }) => load && plain(load.max_over_mean)],
  ['repair after a death', ({ repair_s: repair }) => seconds(repair?.mean)],
  [
    '  not repaired',
    ({ repair_s: repair }) => repair && `${formatCount(repair.unrepaired)} of ${formatCount(repair.watched)}`
  ],
  ['connections broken', ({ faults }) => faults && formatCount(faults.broken)],
  ['dials refused', ({ faults }) => faults && formatCount(faults.refused)],
  ['lookups right before', ({ partition }) => fraction(partition?.before.success)],
  ['  while parted', ({ partition }) => fraction(partition?.during.success)],
  ['  wrong while parted', ({ partition }) => partition && formatCount(partition.during.incorrect)],
  ['  after healing', ({ partition }) => fraction(partition?.after.success)],
  ['recall before', ({ partition }) => fraction(partition?.before.recall)],
  ['  while parted', ({ partition }) => fraction(partition?.during.recall)],
  ['  after healing', ({ partition }) => fraction(partition?.after.recall)],
  ['whole again after', ({ partition }) => seconds(partition?.healing_s?.mean)],
  [
    '  not when the run ended',
    ({ partition }) => {
      const { unhealed = 0, healed = 0 } = partition?.healing_s ?? {}
      return unhealed === 0 ? undefined : share(unhealed, unhealed + healed)
    }
  ],
  ['supernodes', ({ roles }) => roles && plain(roles.supernodes)],
  [
    '  others to each',
    ({ roles }) => {
      const ratio = roles?.ordinaries_per_supernode
      return ratio && `${plain(ratio.mean)}, of ${plain(ratio.min)} to ${plain(ratio.max)}`
    }
  ],
  ['  bytes a second', ({ roles }) => plainOrNone(roles?.supernode_bytes_per_s?.mean)],
  ['  users told to move', ({ roles }) => plainOrNone(roles?.handovers)],
  ['  users cut off', ({ roles }) => plainOrNone(roles?.cut_off)],
  [
    'took',
    ({ cost: { wall_s: seconds, events } }) =>
      `${formatDuration(seconds * 1000)}${events === null ? '' : `, ${formatCount(events)} events`}`
  ]
]

export async function resultLines(
  { overlays, plan, fingerprint }: Results,
  columns?: number
): Promise<string[]> {
  const rows = FIGURES.map(([title, figure]) => [title, ...overlays.map(one => figure(one) ?? '')])
  const seeds = plan.seeds === 1 ? '1 run' : `${plan.seeds} runs`
  return [
    ...table(
      [
        { title: `${formatCount(overlays[0]!.nodes)} peers, ${seeds}` },
        ...overlays.map(({ overlay }) => ({
          title: overlay.toUpperCase(),
          align: 'right' as const,
          shrinkTo: 8
        }))
      ],
      rows.filter(([, ...cells]) => cells.some(cell => cell !== '')),
      columns
    ),
    ...(plan.seeds < INTERVAL_RUNS_MIN ? [] : ['In brackets: the 95 % interval of a mean, over runs']),
    '',
    await fingerprintLine(fingerprint)
  ]
}

/** `4.37 (4.31 to 4.42)`: the mean, and its interval where there are runs enough for one. */
function withInterval(seeds: readonly number[], summary: Summary | null | undefined): string | undefined {
  if (summary === null || summary === undefined) return undefined
  const { mean, ci95 } = summary
  return ci95 === null || seeds.length < INTERVAL_RUNS_MIN
    ? plain(mean)
    : `${plain(mean)} (${plain(ci95[0])} to ${plain(ci95[1])})`
}

/** Three figures that count. */
function plain(value: number): string {
  return Math.abs(value) >= 1000 ? formatCount(Math.round(value)) : String(Number(value.toPrecision(3)))
}

const plainOrNone = (value: number | null | undefined) =>
  value === null || value === undefined ? undefined : plain(value)

const milliseconds = (ms: number | undefined) => (ms === undefined ? undefined : `${plain(ms)} ms`)

const seconds = (s: number | null | undefined) =>
  s === null || s === undefined ? undefined : `${plain(s)} s`

const fraction = (value: number | null | undefined) =>
  value === null || value === undefined ? undefined : value.toFixed(3)

/** Nothing of nothing is no figure. */
function share(part: number, whole: number): string | undefined {
  return whole === 0 ? undefined : `${formatCount(part)} of ${formatCount(whole)}`
}

const counted = (count: number, of: number) => (of === 0 ? undefined : formatCount(count))
