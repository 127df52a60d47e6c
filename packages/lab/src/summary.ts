/** From the samples of an overlay's runs to what `results.json` says of it. */
import { isPowerLaw, powerLawOf } from './power-law.ts'
import type { OverlayResults } from './results.ts'
import type {
  Census,
  FaultSamples,
  Part,
  PartitionSamples,
  Phase,
  RepairSamples,
  RoleSamples,
  RunResult,
  SearchSamples,
  ValueSamples
} from './run-result.ts'
import { inequality, mean, percentile, pooled, type Summary, sum, summarise } from './statistics.ts'

/** Of an event loop at work: beyond it what waits for it shows in the times that are measured. */
const BUSY_PART = 0.75
/** Of the peers that live when the measured time begins: where fewer take part, figures are of a network that did not form. */
export const MEMBERS_PART_MIN = 0.9
const US_PER_MS = 1000
const US_PER_S = 1_000_000

export function summariseOverlay(
  what: Pick<OverlayResults, 'overlay' | 'settings' | 'backend' | 'nodes'>,
  runs: readonly RunResult[]
): OverlayResults {
  const lookups = runs.map(run => run.lookups)
  const total = (of: 'correct' | 'incorrect' | 'failed' | 'unissued') => sum(lookups.map(one => one[of]))
  const [correct, incorrect, failed] = [total('correct'), total('incorrect'), total('failed')]
  const events = runs.some(run => run.cost.events === undefined)
    ? null
    : sum(runs.map(run => run.cost.events!))
  const threadMs = sum(runs.map(run => run.cost.wallMs))
  const population = {
    start: censusOf(runs.map(run => run.nodes.atStart)),
    end: censusOf(runs.map(run => run.nodes.atEnd))
  }
  const searches = searchesOf(runs.flatMap(run => run.searches ?? []))
  const values = valuesOf(runs.flatMap(run => run.values ?? []))
  const counts = {
    issued: correct + incorrect + failed,
    correct,
    incorrect,
    failed,
    unissued: total('unissued')
  }
  return {
    ...what,
    seeds: runs.map(run => run.seed),
    warnings: [
      ...warningsOf(population, {
        lookup: counts,
        search: searches,
        put: values?.puts ?? null,
        get: values?.gets ?? null
      }),
      ...outsideOf(population.start),
      ...unservedOf(runs),
      ...busyOf(runs),
      ...turnedAwayOf(runs)
    ],
    population,
    lookups: counts,
    hops: summarise(lookups.map(one => one.hops)),
    hops_as_published: summarise(lookups.map(one => one.hopsAsPublished)),
    messages_per_lookup: summarise(lookups.map(one => one.messages)),
    latency_ms: scaled(summarise(lookups.map(one => one.latencyUs)), US_PER_MS),
    stretch: summarise(lookups.map(one => one.stretch)),
    timeouts_per_lookup: summarise(lookups.flatMap(one => one.timeouts ?? [])),
    searches,
    values,
    publishing: publishingOf(runs),
    bytes_per_node_per_s: bandwidthOf(runs),
    sockets: socketsOf(runs),
    state_entries_per_node: spread(runs.map(run => run.nodes.stateEntries)),
    state_bytes_per_node: spread(runs.map(run => run.nodes.stateBytes)),
    connections_per_node: spread(runs.map(run => run.nodes.connections)),
    topology: topologyOf(runs),
    network: networkOf(runs),
    load: inequality(runs.map(run => run.nodes.messagesReceived)),
    repair_s: repairOf(runs.flatMap(run => run.repair ?? [])),
    partition: partitionOf(runs.flatMap(run => run.partition ?? [])),
    faults: faultsOf(runs.flatMap(run => run.faults ?? [])),
    roles: rolesOf(runs.flatMap(run => run.roles ?? [])),
    path: runs[0]?.path ?? null,
    cost: {
      events,
      events_per_s: events === null ? null : threadMs === 0 ? 0 : Math.round((1000 * events) / threadMs),
      wall_s: threadMs / 1000,
      rss_peak_bytes: Math.max(...runs.map(run => run.cost.rssPeakBytes))
    }
  }
}

/** Of work that was planned and that nobody was there to begin: figures that are null for that are none of the overlay. */
function warningsOf(
  { start, end }: OverlayResults['population'],
  work: Readonly<Record<string, { readonly issued: number; readonly unissued: number } | null>>
): string[] {
  return Object.entries(work).flatMap(([name, counts]) =>
    counts === null || counts.issued > 0 || counts.unissued === 0
      ? []
      : [
          `No ${name} was issued: ${start.members} of ${start.live} live peers took part when the measured time ` +
            `began, ${end.members} of ${end.live} when it ended. Try a longer --warmup.`
        ]
  )
}

/** Figures of those who take part say nothing of the others, who ask for nothing. */
function outsideOf({ live, members }: Census): string[] {
  if (members >= MEMBERS_PART_MIN * live) return []
  return [
    `Only ${rounded(members)} of ${rounded(live)} live peers took part when the measured time began, in the mean over ` +
      'runs, and the figures are of those. Try a longer --warmup.'
  ]
}

const rounded = (peers: number) => Number(peers.toFixed(1))

/** Where all that others depend on died, figures are those of an overlay that is not there any more. */
function unservedOf(runs: readonly RunResult[]): string[] {
  const unserved = runs.filter(({ roles }) => roles?.supernodes.at(-1) === 0).length
  if (unserved === 0) return []
  return [
    `In ${unserved} of ${runs.length} runs no supernode or server was left when the measured time ended.`
  ]
}

/** Times of a run in which peers waited for the processor are those of the machine. */
function busyOf(runs: readonly RunResult[]): string[] {
  const busy = Math.max(0, ...runs.map(run => run.busy ?? 0))
  if (busy < BUSY_PART) return []
  return [
    `Processors were short: an event loop of the peers was at work for ${Math.round(100 * busy)} % of the measured ` +
      'time, so that times and failures are of this machine. Try fewer --nodes, or a machine with less other work.'
  ]
}

/** Churn by rates is a random walk: who finds no room does not come. */
function turnedAwayOf(runs: readonly RunResult[]): string[] {
  const turnedAway = sum(runs.map(run => run.turnedAway ?? 0))
  if (turnedAway === 0) return []
  return [
    `${turnedAway} peers were turned away: as many as the backend takes were there. Try fewer --nodes, or a churn ` +
      'with fewer joins.'
  ]
}

function socketsOf(runs: readonly RunResult[]): OverlayResults['sockets'] {
  const all = runs.flatMap(({ sockets, measuredUs }) =>
    sockets === undefined ? [] : { ...sockets, measuredUs }
  )
  if (all.length === 0) return null
  const wire = sum(all.map(one => one.wireBytes))
  const counted = all.flatMap(({ countedBytes }) => countedBytes ?? [])
  const open = all.flatMap(one => one.open ?? [])
  return {
    bytes_per_node_per_s: (wire * US_PER_S) / sum(all.map(one => one.nodes * one.measuredUs)),
    // Of all runs, or of none.
    over_counted: counted.length < all.length ? null : over(wire, sum(counted)),
    kernel_over_sent:
      open.length < all.length
        ? null
        : over(sum(open.map(one => one.kernelBytes)), sum(open.map(one => one.wireBytes)))
  }
}

const over = (value: number, of: number) => (of === 0 ? null : value / of)

function searchesOf(runs: readonly SearchSamples[]): OverlayResults['searches'] {
  if (runs.length === 0) return null
  const total = (of: 'issued' | 'failed' | 'unissued' | 'found' | 'right') => sum(runs.map(run => run[of]))
  const [found, right] = [total('found'), total('right')]
  return {
    issued: total('issued'),
    failed: total('failed'),
    unissued: total('unissued'),
    recall: recallOf(runs),
    precision: found === 0 ? null : right / found,
    messages: summarise(runs.map(run => run.messages)),
    bytes: summarise(runs.map(run => run.bytes)),
    first_hit_ms: scaled(summarise(runs.map(run => run.firstHitUs)), US_PER_MS),
    recall_of_enough: recallOf(runs.flatMap(run => run.capped ?? [])),
    recall_single_copy: recallOf(runs.flatMap(run => run.single ?? []))
  }
}

function recallOf(parts: readonly Part[]): number | null {
  const wanted = sum(parts.map(part => part.wanted))
  return wanted === 0 ? null : sum(parts.map(part => part.right)) / wanted
}

function valuesOf(runs: readonly ValueSamples[]): OverlayResults['values'] {
  if (runs.length === 0) return null
  const puts = runs.map(run => run.puts)
  const gets = runs.map(run => run.gets)
  const put = (of: 'issued' | 'acknowledged' | 'fewCopies' | 'unissued') => sum(puts.map(one => one[of]))
  const got = (of: 'correct' | 'incorrect' | 'failed' | 'unissued' | 'wanted' | 'right') =>
    sum(gets.map(one => one[of]))
  const [correct, incorrect, failed, wanted] = [
    got('correct'),
    got('incorrect'),
    got('failed'),
    got('wanted')
  ]
  return {
    puts: {
      issued: put('issued'),
      acknowledged: put('acknowledged'),
      few_copies: put('fewCopies'),
      failed: put('issued') - put('acknowledged') - put('fewCopies'),
      unissued: put('unissued'),
      latency_ms: scaled(summarise(puts.map(one => one.latencyUs)), US_PER_MS)
    },
    gets: {
      issued: correct + incorrect + failed,
      correct,
      incorrect,
      failed,
      unissued: got('unissued'),
      recall: wanted === 0 ? null : got('right') / wanted,
      latency_ms: scaled(summarise(gets.map(one => one.latencyUs)), US_PER_MS)
    }
  }
}

function publishingOf(runs: readonly RunResult[]): OverlayResults['publishing'] {
  const each = runs.flatMap(run => run.publishing ?? [])
  if (each.length === 0) return null
  return {
    messages: mean(each.map(one => one.messages)),
    bytes: mean(each.map(one => one.bytes)),
    seconds: mean(each.map(one => one.us)) / US_PER_S
  }
}

function bandwidthOf(runs: readonly RunResult[]): OverlayResults['bytes_per_node_per_s'] {
  const aliveUs = sum(runs.map(run => run.nodes.aliveUs))
  const bytesByType = runs.map(run => run.traffic.bytesByType)
  if (aliveUs === 0 || bytesByType.includes(undefined)) return null
  const byType = bytesByType as readonly Readonly<Record<string, number>>[]
  const perSecond = (bytes: number) => (bytes * US_PER_S) / aliveUs
  // Clocks on the wall measure each run for another time.
  const steady = pooled(
    runs.map(({ nodes, measuredUs }) => nodes.bytesSent.map(bytes => (bytes * US_PER_S) / measuredUs))
  )
  const types = new Set(byType.flatMap(Object.keys))
  const p2psim = runs.map(run => run.traffic.p2psimBytes)
  return {
    mean: perSecond(sum(byType.map(bytes => sum(Object.values(bytes))))),
    p95: steady.length === 0 ? null : percentile(steady, 95),
    by_type: Object.fromEntries(
      [...types].sort().map(type => [type, perSecond(sum(byType.map(bytes => bytes[type] ?? 0)))])
    ),
    p2psim: p2psim.some(bytes => bytes === undefined) ? null : perSecond(sum(p2psim as number[]))
  }
}

function spread(runs: readonly Float64Array[]): OverlayResults['connections_per_node'] {
  const sorted = pooled(runs)
  if (sorted.length === 0) return null
  return { mean: mean(sorted), p95: percentile(sorted, 95), max: sorted.at(-1)! }
}

function topologyOf(runs: readonly RunResult[]): OverlayResults['topology'] {
  const counts = new Map<number, number>()
  for (const { nodes } of runs)
    for (const degree of nodes.connections) counts.set(degree, (counts.get(degree) ?? 0) + 1)
  if (counts.size === 0) return null
  const degrees = [...counts].sort(([a], [b]) => a - b)
  const law = powerLawOf(counts)
  return {
    degrees,
    power_law: law === undefined ? null : { verdict: isPowerLaw(law, counts), ...law }
  }
}

function networkOf(runs: readonly RunResult[]): OverlayResults['network'] {
  const networks = runs.flatMap(({ network }) => network ?? [])
  const live = sum(runs.map(({ nodes }) => nodes.atEnd.live))
  if (networks.length === 0 || live === 0) return null
  const [messages, bytes] = [
    sum(networks.map(one => one.upkeepMessages)),
    sum(networks.map(one => one.upkeepBytes))
  ]
  const questions = sum(
    runs.map(({ lookups, searches }) => {
      const { correct, incorrect, failed } = lookups
      return correct + incorrect + failed + (searches?.issued ?? 0)
    })
  )
  return {
    upkeep_messages_per_question: questions === 0 ? null : messages / questions,
    upkeep_bytes_per_question: questions === 0 ? null : bytes / questions,
    upkeep_bytes_per_node: bytes / live,
    pongs_per_link_max: Math.max(...networks.map(one => one.pongsPerLinkMax))
  }
}

function repairOf(runs: readonly RepairSamples[]): OverlayResults['repair_s'] {
  const watched = sum(runs.map(run => run.watched))
  if (watched === 0) return null
  const sorted = pooled(runs.map(run => run.tookUs))
  const repaired = sorted.length
  return {
    mean: repaired === 0 ? null : mean(sorted) / US_PER_S,
    p95: repaired === 0 ? null : percentile(sorted, 95) / US_PER_S,
    watched,
    unrepaired: watched - repaired
  }
}

function partitionOf(runs: readonly PartitionSamples[]): OverlayResults['partition'] {
  if (runs.length === 0) return null
  const phaseOf = (phase: Phase) => {
    const each = runs.map(run => run.phases[phase])
    const total = (of: 'correct' | 'incorrect' | 'failed') => sum(each.map(one => one[of]))
    const [correct, incorrect, failed] = [total('correct'), total('incorrect'), total('failed')]
    const issued = correct + incorrect + failed
    return {
      issued,
      correct,
      incorrect,
      failed,
      success: issued === 0 ? null : correct / issued,
      recall: recallOf(each.map(({ searches }) => searches))
    }
  }
  const looked = runs.filter(({ healedUs }) => healedUs !== null)
  const took = looked.flatMap(({ healedUs }) => (typeof healedUs === 'number' ? healedUs / US_PER_S : []))
  return {
    apart: mean(runs.map(({ apart }) => apart)),
    before: phaseOf('before'),
    during: phaseOf('during'),
    after: phaseOf('after'),
    healing_s:
      looked.length === 0
        ? null
        : {
            mean: took.length === 0 ? null : mean(took),
            max: took.length === 0 ? null : Math.max(...took),
            healed: took.length,
            unhealed: looked.length - took.length
          }
  }
}

function faultsOf(runs: readonly FaultSamples[]): OverlayResults['faults'] {
  if (runs.length === 0) return null
  return { broken: sum(runs.map(run => run.broken)), refused: sum(runs.map(run => run.refused)) }
}

function rolesOf(runs: readonly RoleSamples[]): OverlayResults['roles'] {
  if (runs.length === 0) return null
  const ratios = pooled(runs.map(run => run.ordinariesPerSupernode))
  const ordinaries = sum(runs.map(run => run.ordinaries))
  const counts = (of: keyof RoleSamples['counts']) => runs.flatMap(run => run.counts[of] ?? [])
  const count = (of: keyof RoleSamples['counts']) => (counts(of).length === 0 ? null : mean(counts(of)))
  return {
    supernodes: mean(runs.map(run => mean(run.supernodes))),
    ordinaries_per_supernode:
      ratios.length === 0 ? null : { min: ratios[0]!, mean: mean(ratios), max: ratios.at(-1)! },
    users_per_supernode: spread(runs.map(run => run.users)),
    supernode_bytes_per_s: spread(runs.map(run => run.bytesPerS)),
    supernode_queries_per_s: spread(runs.map(run => run.queriesPerS)),
    promotions: count('promotions'),
    demotions: count('demotions'),
    handovers: count('handovers'),
    cut_off: count('cutOff'),
    supernodes_lost: mean(counts('supernodesLost')),
    spares_taken: count('sparesTaken'),
    homeless: ordinaries === 0 ? null : sum(runs.map(run => run.homeless)) / ordinaries
  }
}

function censusOf(each: readonly Census[]): OverlayResults['population']['start'] {
  return { live: mean(each.map(one => one.live)), members: mean(each.map(one => one.members)) }
}

function scaled(summary: Summary | null, by: number): Summary | null {
  if (summary === null) return null
  const { mean: average, p1, p50, p95, p99, ci95 } = summary
  return {
    mean: average / by,
    p1: p1 / by,
    p50: p50 / by,
    p95: p95 / by,
    p99: p99 / by,
    ci95: ci95 === null ? null : [ci95[0] / by, ci95[1] / by]
  }
}
