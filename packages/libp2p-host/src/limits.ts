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

/** Contacts given before a host runs that are kept for it. */
export const EARLY_CONTACTS_MAX = 256
/** Peers whose comings are remembered, the latest: those before them begin with a full bucket again. */
export const COMERS_MAX = 1_024
/** A codec's words for its messages are few; past this many they are counted together. */
export const MESSAGE_TYPES_MAX = 64
/** Of an error's message that goes into a `LinkEnd` or the reason of an `unreachable`. */
export const REASON_CHARACTERS_MAX = 200
/** Dialled for one open. libp2p's own bound is 25, and one past it fails the dial as a whole. */
export const DIAL_ADDRESSES_MAX = 16
/**
 * After the last link over a connection that was dialled for it ended, until the connection is closed: longer than
 * the other side may take to close its half of the stream.
 */
export const DIALLED_UNUSED_MS = 6_000
/**
 * Of the connections that libp2p may have, one in so many is kept free for those who come, and no more than this: as
 * many may come at once before others have given way to them.
 */
export const CONNECTIONS_PER_FREE = 8
export const CONNECTIONS_KEPT_FREE_MAX = 8
/** What was used within so long does not give way: an answer may be on its way. */
export const ROOM_QUIET_MS = 1_000
/** Where nothing gave way, until it is looked for again; twice as long each time that nothing does, up to the most. */
export const ROOM_LOOK_MS = 250
export const ROOM_LOOK_MS_MAX = 8_000
/** How long the other side may take to read that a link gives way, before its connection is closed. */
export const ROOM_CLOSE_MS = 1_000
/** Dials of one open to a peer that is there and has no place, and the pause before the second; each is twice as long. */
export const DIAL_TRIES_MAX = 3
export const DIAL_AGAIN_MS = 300
/** Bytes given to a codec at a time: bounds how many messages one call can bring. */
export const DECODE_BYTES_MAX = 4 * 1024
/** Small pieces that wait to be decoded are merged up to this size. */
export const CHUNK_MERGE_BYTES_MAX = 4 * 1024
/** What a link does before others have their turn: messages handled, and calls of its codec. */
export const SLICE_MESSAGES_MAX = 32
export const SLICE_DECODES_MAX = 8
/**
 * Streams of one protocol on one connection. One link needs one; the others are those that wait, and those
 * that are closing. libp2p resets further ones, which their opener learns only afterwards.
 */
export const STREAMS_A_CONNECTION_MAX = 8

/** Of a stream of the multiplexer. A larger window cost memory and gained nothing measurable on fast links. */
export const WINDOW_BYTES_MAX = 1024 * 1024
/** Of a stream: what a reader that rests may leave unread. At least the window. */
export const READ_BUFFER_BYTES_MAX = 4 * 1024 * 1024
/** Of a stream: what waits for the remote peer's window. */
export const WRITE_BUFFER_BYTES_MAX = 4 * 1024 * 1024
/** Of a whole connection: a frame of the largest write beside answers to pings and window updates. */
export const CONNECTION_WRITE_BUFFER_BYTES_MAX = 8 * 1024 * 1024
/** Streams that a remote peer may hold open on one connection. */
export const INBOUND_STREAMS_MAX = 256

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
