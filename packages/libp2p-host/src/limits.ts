/** Bounds of a host: what one overlay may hold for, take from and wait for its peers. */
import { LinkQueue, type LinkQueueLimits } from '@servent/overlay/machine'

export interface HostLimits extends LinkQueueLimits {
  /** Links up at a time. Inbound ones beyond it are refused, an `open` beyond it is `unreachable`. */
  readonly linksMax: number
  /** Inbound links up at a time, so that strangers never take every place. */
  readonly inboundLinksMax: number
  /** Links that one peer may open in the long run, so that it cannot wear a machine out by coming and going. */
  readonly inboundLinksPerMinute: number
  readonly inboundLinksBurst: number
  /** Dials and stream negotiations at a time; further ones wait. */
  readonly opensMax: number
  /** Opens that may wait for a place; one past it is `unreachable`. */
  readonly opensWaitingMax: number
  /** From `open` to `link-up` or `unreachable`, without the time spent waiting for a place. */
  readonly openTimeoutMs: number
  /** Messages a second that one link may bring in the long run; over it the host stops reading. */
  readonly inboundMessagesPerSecond: number
  readonly inboundMessagesBurst: number
  readonly inboundBytesPerSecond: number
  readonly inboundBytesBurst: number
  /** A link on which nothing came or went for this long ends. */
  readonly idleMs: number
  /** From the first byte of a message to its last. */
  readonly assemblyMs: number
  /** How long a second link to a peer waits for the first one to prove dead, before it takes its place. */
  readonly duplicateGraceMs: number
  /** How long `stop`, or the end of one link, may spend on sending what waits. */
  readonly stopFlushMs: number
  /** Questions answered at a time; further ones wait. */
  readonly asksMax: number
  /** Questions that may wait; one past it is answered with an error. */
  readonly asksWaitingMax: number
  /** Saves that may wait for the store; one past it is dropped and counted, or answered with an error. */
  readonly savesWaitingMax: number
}

/** Defaults for an unstructured overlay with tens of neighbours. 1 KiB = 1024 bytes. */
export const HOST_LIMITS: HostLimits = {
  linksMax: 128,
  inboundLinksMax: 96,
  inboundLinksPerMinute: 20,
  inboundLinksBurst: 8,
  opensMax: 8,
  opensWaitingMax: 256,
  openTimeoutMs: 15_000,
  queueBytesMax: 512 * 1024,
  queueBytesHigh: 256 * 1024,
  queueBytesLow: 64 * 1024,
  inboundMessagesPerSecond: 500,
  inboundMessagesBurst: 1_000,
  inboundBytesPerSecond: 512 * 1024,
  inboundBytesBurst: 1024 * 1024,
  idleMs: 300_000,
  assemblyMs: 30_000,
  duplicateGraceMs: 3_000,
  stopFlushMs: 1_000,
  asksMax: 32,
  asksWaitingMax: 1_024,
  savesWaitingMax: 4_096
}

/** Those that may be 0: then nothing is let in, or nothing waits. */
const MAY_BE_ZERO: ReadonlySet<string> = new Set<keyof HostLimits>([
  'inboundLinksMax',
  'opensWaitingMax',
  'asksWaitingMax',
  'savesWaitingMax',
  'duplicateGraceMs',
  'stopFlushMs'
])

/**
 * The defaults with what a service sets of its own.
 *
 * @throws RangeError  a limit with which no host can work, by its name
 */
export function hostLimits(own: Partial<HostLimits> = {}): HostLimits {
  const limits: HostLimits = { ...HOST_LIMITS, ...own }
  for (const [name, value] of Object.entries(limits)) {
    const least = MAY_BE_ZERO.has(name) ? 0 : 1
    if (!(value >= least))
      throw new RangeError(`The limit ${name} is ${value}; it must be at least ${least}.`)
  }
  // A queue checks its marks: better now than with the first link.
  new LinkQueue(limits)
  return limits
}
