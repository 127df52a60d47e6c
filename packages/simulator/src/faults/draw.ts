/**
 * Swarm testing (Groce, Zhang, Eide, Chen, Regehr, ISSTA 2012): a run does not draw from all faults at once but
 * from a subset of its own, in which each has an even chance to be. Runs with few kinds of faults reach states
 * that runs with all of them never do, since some faults hide others.
 */
import { ModelError, type NetworkConditions } from '../network/index.ts'
import type { Random } from '../random.ts'
import type { Fault, FaultPlan, FaultType } from './plan.ts'

export interface FaultBounds {
  /** Faults befall nodes 0 to `nodes` - 1. */
  readonly nodes: number
  readonly fromUs: number
  /** Pauses, restarts and partitions are over by then. */
  readonly untilUs: number
  /** Default 16. */
  readonly faultsMax?: number
  /** Nodes that crash or fall silent in all, restarts and mass crashes counted. Default: half of them. */
  readonly goneMost?: number
  /** Those that may be drawn. Default: all. */
  readonly types?: readonly FaultType[]
  /** Whether the run also draws conditions of its network. Default true. */
  readonly conditions?: boolean
}

export const FAULT_TYPES: readonly FaultType[] = [
  'crash',
  'silence',
  'restart',
  'pause',
  'skew',
  'jump',
  'partition',
  'mass-crash'
]
const FAULTS_MAX_DEFAULT = 16
export const FAULTS_MAX = 10_000
/** Quartz is off by a hundred millionths at worst; a virtual machine's clock by more. */
const SKEW_PPM_MAX = 1_000
const JUMP_MS_MAX = 86_400_000
const PAUSE_US_MAX = 60_000_000
const PARTITION_US_MAX = 300_000_000
const MASS_SHARE_MAX = 0.5

/** @throws ModelError  the bounds allow no plan */
export function drawFaultPlan(random: Random, bounds: FaultBounds): FaultPlan {
  const { nodes, fromUs, untilUs } = bounds
  const faultsMax = bounds.faultsMax ?? FAULTS_MAX_DEFAULT
  if (!(nodes >= 1) || !(untilUs > fromUs) || !(faultsMax >= 0 && faultsMax <= FAULTS_MAX))
    throw new ModelError(
      `A plan of faults has nodes, a time that passes and 0 to ${FAULTS_MAX} faults, not ${JSON.stringify(bounds)}.`
    )
  const conditions = bounds.conditions === false ? {} : drawConditions(random.fork('conditions'))
  const draw = random.fork('faults')
  const types = (bounds.types ?? FAULT_TYPES).filter(() => coin(draw))
  const count = types.length === 0 ? 0 : draw.below(faultsMax + 1)
  let goneLeft = bounds.goneMost ?? Math.floor(nodes / 2)
  const faults: Fault[] = []
  for (let drawn = 0; drawn < count; drawn += 1) {
    const fault = drawFault(types[draw.below(types.length)]!, bounds, draw)
    const gone = goneBy(fault, nodes)
    if (gone > goneLeft) continue
    goneLeft -= gone
    faults.push(fault)
  }
  faults.sort((a, b) => a.atUs - b.atUs)
  return { conditions, faults }
}

function drawFault(type: FaultType, { nodes, fromUs, untilUs }: FaultBounds, draw: Random): Fault {
  const atUs = fromUs + Math.floor(draw.unit() * (untilUs - fromUs))
  const node = draw.below(nodes)
  const passing = (mostUs: number) => 1 + Math.floor(draw.unit() * Math.min(mostUs, untilUs - atUs - 1))
  switch (type) {
    case 'crash':
    case 'silence':
      return { atUs, type, node }
    case 'restart':
      return { atUs, type, node, afterUs: passing(PAUSE_US_MAX), keepSaved: coin(draw) }
    case 'pause':
      return { atUs, type, node, forUs: passing(PAUSE_US_MAX) }
    case 'skew':
      return { atUs, type, node, ppm: draw.below(2 * SKEW_PPM_MAX + 1) - SKEW_PPM_MAX }
    case 'jump':
      return { atUs, type, node, byMs: draw.below(2 * JUMP_MS_MAX + 1) - JUMP_MS_MAX }
    case 'partition':
      return { atUs, type, share: percents(draw, 50), salt: draw.u32(), forUs: passing(PARTITION_US_MAX) }
    case 'mass-crash':
      return { atUs, type, share: percents(draw, 100 * MASS_SHARE_MAX) }
  }
}

function goneBy(fault: Fault, nodes: number): number {
  if (fault.type === 'mass-crash') return Math.round(fault.share * nodes)
  return fault.type === 'crash' || fault.type === 'silence' || fault.type === 'restart' ? 1 : 0
}

function drawConditions(draw: Random): NetworkConditions {
  // Each is drawn whether it is taken or not, so that one coin shifts no other condition.
  const drawn: Required<NetworkConditions> = {
    jitter: percents(draw, 100),
    spikeShare: percents(draw, 5),
    spikeMeanUs: 100_000 * (1 + draw.below(50)),
    linkLifeMeanUs: 10_000_000 * (1 + draw.below(360)),
    undiallableShare: percents(draw, 30),
    deafPairShare: percents(draw, 5),
    dialRoundTrips: 1 + draw.below(5),
    dialSetupUs: 1_000 * draw.below(20),
    accessLinks: [{ share: percents(draw, 100), up: bandwidth(draw), down: bandwidth(draw) }]
  }
  return Object.fromEntries(Object.entries(drawn).filter(() => coin(draw)))
}

/** Bytes a second, from a modem's to a leased line's: each order of magnitude as likely as another. */
function bandwidth(draw: Random): number {
  return (1 + draw.below(9)) * [1_000, 10_000, 100_000][draw.below(3)]!
}

/** 0.01 to `most` hundredths. */
function percents(draw: Random, most: number): number {
  return (1 + draw.below(most)) / 100
}

function coin(draw: Random): boolean {
  return draw.u32() >= 2 ** 31
}
