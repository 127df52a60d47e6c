/**
 * Whether a plan fits into memory, asked before hours have gone into it. Figures are those of processes that were
 * measured, and rough: what lives, what is dead and not yet forgotten, what tables grow into, and what the collector
 * has not come to yet.
 */
import { totalmem } from 'node:os'
import { PEERINGS_SOUGHT } from '@servent/fasttrack/machine'
import { levelFor, levelOf, OWN_LINKS_MAX } from '@servent/kelips/machine'
import { type ChurnProcess, LINKS_MAX } from '@servent/simulator'
import { PlanError } from './errors.ts'
import type { OverlayId, Settings } from './overlays/settings.ts'
import { overlaySettings, type Plan } from './plan.ts'
import { type Population, populationOf } from './population.ts'

const KIB = 2 ** 10
const GIB = 2 ** 30
/** Of the machine's memory, the part that all runs together may take. */
const MEMORY_PART = 0.75
/** Of a run without peers. */
const BASE_BYTES = 150 * 2 ** 20
/** A lookup, search, put or get, from its drawing to its outcome. */
const ASK_BYTES = 2 * KIB
/** What is left of a peer that came and went: 14,000 of them took 120 MiB. */
const ARRIVAL_BYTES = 8 * KIB
/** An entry of a successor list beyond the default's, with its link: 5,000 peers with 32 took 180 MiB more than with 8. */
const SUCCESSOR_BYTES = 1.5 * KIB
const SUCCESSORS_MEASURED = 8
/** An entry of Kelips's tables, a packed row with its place in an index and what a table has room for beside. */
const KELIPS_ENTRY_BYTES = 48
/** Links of a peer of Kademlia, each shared by two: 2,000 peers had 24 at a time, and a twentieth of them 137. */
const KADEMLIA_LINKS = 12

/** Of a peer with its share of links and messages on their way. */
interface NodeBytes {
  readonly ideal: number
  /** Of one that joined: it knows more, and others came and went. */
  readonly joined: number
}
const NODE_BYTES: Readonly<Record<OverlayId, NodeBytes>> = {
  // 100,000 ideal peers: 3.4 GiB. 5,000 that joined: 310 MiB.
  chord: { ideal: 36 * KIB, joined: 60 * KIB },
  // 50,000 ideal users: 1,034 MiB, with what servers know of them; 10,000: 407 MiB. As many in two hours of churn: 636 MiB.
  napster: { ideal: 22 * KIB, joined: 41 * KIB },
  // 3,000 ideal peers: 345 MiB, most of it caches of hosts and routes of queries. 1,500 that joined: 405 MiB.
  gnutella: { ideal: 116 * KIB, joined: 270 * KIB },
  // 10,000 ideal peers: 705 MiB, most of it lists of supernodes. As many in an hour of churn: 1,166 MiB.
  fasttrack: { ideal: 58 * KIB, joined: 94 * KIB },
  // 1,000 ideal peers: 238 MiB, most of it tables and links. 200 that joined, and 160 that went: 254 MiB, of which a
  // part is what the collector has not come to.
  pastry: { ideal: 100 * KIB, joined: 300 * KIB },
  // 100,000 ideal peers: 7.2 GiB after 14 seconds, with the entries of their tables. They had 28 links each after eight;
  // up to 128 are reckoned in. Joined ones are taken for as much more as Chord's.
  kelips: { ideal: 50 * KIB, joined: 83 * KIB },
  // 2,000 ideal peers: 314 MiB, most of it their buckets. Of peers that joined it is taken for half as much again.
  kademlia: { ideal: 92 * KIB, joined: 138 * KIB }
}
/** Samples of one lookup that a run gives back: hops, twice; latency, messages, timeouts, stretch. */
const LOOKUP_SAMPLES = 6
/** Of one search: messages, bytes, the first hit. */
const SEARCH_SAMPLES = 3
/** Of one peer: bytes, messages, entries and bytes of tables, links. */
const NODE_SAMPLES = 5
const SAMPLE_BYTES = 8

/** Bytes that runs may take: of the machine, or of the container that this is in. */
export function memoryForRuns(): number {
  // 0 where nothing bounds the process.
  const bound = process.constrainedMemory()
  return MEMORY_PART * (bound > 0 ? Math.min(bound, totalmem()) : totalmem())
}

/**
 * How many runs at a time fit beside the samples of all, those of the plan's workers at most.
 *
 * @throws PlanError  not even one does, or it needs more links than a simulation has
 */
export function runsAtATime(
  plan: Plan,
  churn: ChurnProcess | undefined,
  memoryBytes = memoryForRuns()
): number {
  const population = populationOf(plan, churn)
  for (const overlay of plan.overlays) checkLinks(plan, overlay, population)
  const samples = bytesOfSamples(plan, population)
  const runs = plan.overlays.map(overlay => ({ overlay, ...bytesOfRun(plan, overlay, population) }))
  const largest = runs.reduce((a, b) => (b.bytes > a.bytes ? b : a))
  const left = memoryBytes - samples
  if (largest.bytes <= left) return Math.min(plan.workers, Math.floor(left / largest.bytes))
  const { overlay, bytes, ofNode } = largest
  const { peak, arrivals } = population
  const fit = Math.floor((left - (bytes - peak * ofNode)) / ofNode)
  const [instead, field]: [string, keyof Plan] =
    samples > memoryBytes / 2
      ? ['fewer --seeds', 'seeds']
      : fit >= 2 && churn?.type !== 'trace'
        ? [`--nodes ${roundedDown(fit)}`, 'nodes']
        : ['fewer lookups, searches, puts and gets, or fewer peers that come', mostOf(plan)]
  const coming = arrivals === 0 ? '' : `, ${arrivals} more that come,`
  throw new PlanError(
    `A run of ${overlay} with ${peak} peers${coming} and ${asksOf(plan)} lookups and searches takes about ` +
      `${inGib(bytes)}, the samples of all runs ${inGib(samples)}, and there may be ${inGib(memoryBytes)} here, three ` +
      `quarters of the memory. Try ${instead}, or a machine with more.`,
    field
  )
}

function checkLinks(plan: Plan, overlay: OverlayId, { peak }: Population): void {
  const ofNode = linksOfNode(plan, overlay, peak)
  if (ofNode * peak <= LINKS_MAX) return
  throw new PlanError(
    `${peak} peers of ${overlay} have about ${roundedDown(ofNode * peak)} links, and a simulation holds ` +
      `${LINKS_MAX}. Try --nodes ${roundedDown(LINKS_MAX / ofNode)}.`,
    'nodes'
  )
}

/** Links of a peer, each shared by two. */
function linksOfNode(plan: Plan, overlay: OverlayId, peers: number): number {
  const settings = overlaySettings(plan, overlay)
  const number = (key: string) => settings[key] as number
  if (overlay === 'gnutella') return number('neighbours') / 2
  // That to its server; servers have few with each other.
  if (overlay === 'napster') return 1
  // Two of each ordinary peer; those between supernodes, and as many again of peers that ask or move.
  if (overlay === 'fasttrack') return 2 + (2 * PEERINGS_SOUGHT) / number('ordinaries-per-supernode')
  // Leaves have each other; an entry need not have whose entry it is.
  if (overlay === 'pastry') {
    const bits = number('digit-bits')
    return number('leaf-set') / 2 + ((2 ** bits - 1) * Math.log2(Math.max(2, peers))) / bits
  }
  // Gossip keeps as many as it may open, or one to everybody that is known.
  if (overlay === 'kelips') return Math.min(OWN_LINKS_MAX, peers)
  // Dialled for each lookup, and closed when they were not used for ten seconds.
  if (overlay === 'kademlia') return KADEMLIA_LINKS
  // A finger for each doubling, and some that answers come by; where peers will die, the whole list.
  const listed = plan.failures === null ? 0 : number('successors')
  return (8 + Math.log2(Math.max(2, peers)) + listed) * number('virtual-nodes')
}

function bytesOfRun(
  plan: Plan,
  overlay: OverlayId,
  { peak, arrivals }: Population
): { bytes: number; ofNode: number } {
  const ofNode = bytesOfNode(plan, overlay, overlaySettings(plan, overlay), peak)
  const bytes = BASE_BYTES + peak * ofNode + arrivals * ARRIVAL_BYTES + ASK_BYTES * asksOf(plan)
  return { bytes, ofNode }
}

function bytesOfNode({ start, churn }: Plan, overlay: OverlayId, settings: Settings, peers: number): number {
  const { ideal, joined } = NODE_BYTES[overlay]
  const bytes = start === 'joined' || churn !== null ? joined : ideal
  if (overlay === 'kelips') return bytes + KELIPS_ENTRY_BYTES * entriesOfKelips(settings, peers)
  if (overlay !== 'chord') return bytes
  // Each place of a peer has tables and links of its own.
  const longer = Math.max(0, (settings.successors as number) - SUCCESSORS_MEASURED)
  return (bytes + longer * SUCCESSOR_BYTES) * (settings['virtual-nodes'] as number)
}

/** Members of the own group, and contacts in all others. */
function entriesOfKelips(settings: Settings, peers: number): number {
  const set = settings.groups as number
  const groups = 2 ** (set > 0 ? levelOf(set) : levelFor(Math.log2(peers)))
  return peers / groups + (settings.contacts as number) * (groups - 1)
}

/** What the main thread holds in the end, with one of its columns once more, in rising order. */
function bytesOfSamples(
  { overlays, seeds, lookups, searches, puts, gets }: Plan,
  { peak }: Population
): number {
  const ofRun = LOOKUP_SAMPLES * lookups + SEARCH_SAMPLES * searches + puts + gets + NODE_SAMPLES * peak
  const column = Math.max(lookups, searches, peak)
  return SAMPLE_BYTES * seeds * (overlays.length * ofRun + column)
}

const asksOf = ({ lookups, searches, puts, gets }: Plan) => lookups + searches + puts + gets

/** Whatever brings most: what is asked, or peers that come. */
function mostOf(plan: Plan): keyof Plan {
  if (plan.churn !== null) return 'churn'
  const asked = ['lookups', 'searches', 'puts', 'gets'] as const
  return asked.toSorted((a, b) => plan[b] - plan[a])[0]!
}

/** Two digits, for more are not known. */
function roundedDown(count: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(count)) - 1)
  return Math.floor(count / unit) * unit
}

function inGib(bytes: number): string {
  return `${(bytes / GIB).toFixed(1)} GiB`
}
