/**
 * Bounds of a simulated host: of those of `@servent/libp2p-host`, links, queues, and times of opens, ends and
 * unacknowledged bytes. It has no others: no link ends because it is idle, no codec refuses what comes in, the
 * table of peers is never full, and streams are not counted by second.
 */
import { LinkQueue } from '@servent/overlay/machine'
import type { SimulationLimits } from './types.ts'

export const SIMULATION_LIMITS: SimulationLimits = {
  linksMax: Number.POSITIVE_INFINITY,
  inboundLinksMax: Number.POSITIVE_INFINITY,
  openTimeoutUs: 15_000_000,
  stopFlushUs: 1_000_000,
  stallTimeoutUs: 30_000_000,
  queueBytesMax: 512 * 1024,
  queueBytesHigh: 256 * 1024,
  queueBytesLow: 64 * 1024,
  eventsMax: Number.POSITIVE_INFINITY
}

/**
 * The defaults with what a plan sets of its own.
 *
 * @throws RangeError  a limit with which nothing can run, by its name
 */
export function simulationLimits(own: Partial<SimulationLimits> = {}): SimulationLimits {
  const limits: SimulationLimits = { ...SIMULATION_LIMITS, ...own }
  for (const [name, value] of Object.entries(limits)) {
    const least = name === 'inboundLinksMax' || name === 'stopFlushUs' ? 0 : 1
    if (!(value >= least))
      throw new RangeError(`The limit ${name} is ${value}; it must be at least ${least}.`)
  }
  // A queue checks its marks: better now than with the first link.
  new LinkQueue(limits)
  return limits
}
