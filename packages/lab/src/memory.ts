/**
 * Whether a plan fits into memory, asked before hours have gone into it. Figures are those of processes that were
 * measured: what lives, what is dead and not yet found, and what tables grow into.
 */
import { totalmem } from 'node:os'
import { LINKS_MAX } from '@servent/simulator'
import { PlanError } from './errors.ts'
import type { OverlayId, Settings } from './overlays/settings.ts'
import { overlaySettings, type Plan } from './plan.ts'

const KIB = 2 ** 10
const GIB = 2 ** 30
/** Of the machine's memory, the part that all runs together may take. */
const MEMORY_PART = 0.75
/** Of a run without peers. */
const BASE_BYTES = 150 * 2 ** 20
/** A lookup or search, from its drawing to its outcome. */
const ASK_BYTES = 2 * KIB
/** Of a peer with its share of links and messages on their way, at default settings. */
const NODE_BYTES: Readonly<Record<OverlayId, (settings: Settings) => number>> = {
  // 100,000 peers: 3.4 GiB. Each place of a peer has tables and links of its own.
  chord: settings => 36 * KIB * (settings['virtual-nodes'] as number),
  // 6000 peers: 0.46 GiB, most of it caches of hosts and routes of queries.
  gnutella: () => 96 * KIB
}
/** Links of a peer, each shared by two, in a network of so many. */
const NODE_LINKS: Readonly<Record<OverlayId, (settings: Settings, nodes: number) => number>> = {
  // A finger for each doubling, and some that answers come by.
  chord: (settings, nodes) => (8 + Math.log2(nodes)) * (settings['virtual-nodes'] as number),
  gnutella: ({ neighbours }) => (neighbours as number) / 2
}

/** Bytes that runs may take: of the machine, or of the container that this is in. */
export function memoryForRuns(): number {
  // 0 where nothing bounds the process.
  const bound = process.constrainedMemory()
  return MEMORY_PART * (bound > 0 ? Math.min(bound, totalmem()) : totalmem())
}

/**
 * How many runs at a time fit, those of the plan's workers at most.
 *
 * @throws PlanError  not even one does, or it needs more links than a simulation has
 */
export function runsAtATime(plan: Plan, memoryBytes = memoryForRuns()): number {
  for (const overlay of plan.overlays) checkLinks(plan, overlay)
  const runs = plan.overlays.map(overlay => ({ overlay, ...bytesOfRun(plan, overlay) }))
  const largest = runs.reduce((a, b) => (b.bytes > a.bytes ? b : a))
  if (largest.bytes <= memoryBytes) return Math.min(plan.workers, Math.floor(memoryBytes / largest.bytes))
  const { overlay, bytes, ofNode, ofAsks } = largest
  const fit = Math.floor((memoryBytes - BASE_BYTES - ofAsks) / ofNode)
  const instead = fit >= 2 ? `--nodes ${roundedDown(fit)}` : 'fewer --lookups and --searches'
  throw new PlanError(
    `A run of ${overlay} with ${plan.nodes} peers and ${plan.lookups + plan.searches} lookups and searches takes ` +
      `about ${inGib(bytes)}, and runs may take ${inGib(memoryBytes)} here, three quarters of the memory. ` +
      `Try ${instead}, or a machine with more.`
  )
}

function checkLinks(plan: Plan, overlay: OverlayId): void {
  const ofNode = NODE_LINKS[overlay](overlaySettings(plan, overlay), plan.nodes)
  if (ofNode * plan.nodes <= LINKS_MAX) return
  throw new PlanError(
    `${plan.nodes} peers of ${overlay} have about ${roundedDown(ofNode * plan.nodes)} links, and a simulation holds ` +
      `${LINKS_MAX}. Try --nodes ${roundedDown(LINKS_MAX / ofNode)}.`
  )
}

function bytesOfRun(plan: Plan, overlay: OverlayId): { bytes: number; ofNode: number; ofAsks: number } {
  const ofNode = NODE_BYTES[overlay](overlaySettings(plan, overlay))
  const ofAsks = ASK_BYTES * (plan.lookups + plan.searches)
  return { bytes: BASE_BYTES + plan.nodes * ofNode + ofAsks, ofNode, ofAsks }
}

/** Two digits, for more are not known. */
function roundedDown(count: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(count)) - 1)
  return Math.floor(count / unit) * unit
}

function inGib(bytes: number): string {
  return `${(bytes / GIB).toFixed(1)} GiB`
}
