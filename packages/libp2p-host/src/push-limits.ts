/** Bounds of calls that were asked for: what a peer waits for, makes and takes. The same for every overlay. */

/** How long a peer that was asked is waited for; its nonce is good for as long. */
export const PUSH_WAIT_MS = 20_000
/** Peers waited for at a time; one more is refused. */
export const PUSHES_WAITING_MAX = 64
/** Streams of calls on one connection, in each direction. */
export const PUSH_STREAMS_MAX = 16
/** Calls that this peer makes at a time; one more is left out. */
export const CALLS_AT_A_TIME_MAX = 8
/** Of those, how many one peer may have had it make. */
export const CALLS_PER_PEER_AT_A_TIME_MAX = 2
/** From the dial to the stream. */
export const CALL_MS = 10_000
/** Of a caller's first words, without what ends them. */
export const CALL_HEAD_BYTES_MAX = 1_024
/** Within which a caller says them. */
export const CALL_HEAD_MS = 10_000
