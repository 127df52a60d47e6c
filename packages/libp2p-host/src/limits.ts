/** Bounds of a host: what one overlay may hold for, take from and wait for its peers. */
import type { LinkQueueLimits } from '@servent/overlay/machine'

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
