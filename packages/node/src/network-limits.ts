/** Bounds on what strangers can make libp2p hold, and on what this node does at once. */

/** Connections that one host may open in a second. libp2p's default of 5 refuses a classroom behind one NAT. */
export const INBOUND_PER_HOST_PER_SECOND_MAX = 32
/** From accepting a socket to an authenticated connection. */
export const INBOUND_UPGRADE_MS = 7_000
/**
 * Connections that are not authenticated yet. One host can hold 32 a second for 7 s, which is 224: alone it
 * never fills all places, so others still come in.
 */
export const INBOUND_PENDING_MAX = 256
/** Dials at a time. */
export const DIALS_MAX = 32
/** Dials that wait. */
export const DIALS_WAITING_MAX = 256
/** From dialling a peer to a connection, over all of its addresses. */
export const DIAL_MS = 10_000
/** For each address, so that one that leads nowhere does not use up the peer's time. */
export const DIAL_ADDRESS_MS = 4_000
/** Addresses of one peer that are tried. */
export const DIAL_ADDRESSES_MAX = 16
/** From opening a stream to an agreed protocol. */
export const NEGOTIATION_MS = 10_000
/** Streams of HTTP on one connection: as many as the file server holds of one peer. */
export const HTTP_STREAMS_PER_CONNECTION_MAX = 8
/** Between two pings on each connection. */
const PING_INTERVAL_MS = 20_000
/** A ping shares its connection with bulk transfers, and its peer's processor with all else. */
const PING_TIMEOUT_MS = 20_000

export const CONNECTION_MANAGER = {
  inboundConnectionThreshold: INBOUND_PER_HOST_PER_SECOND_MAX,
  maxIncomingPendingConnections: INBOUND_PENDING_MAX,
  inboundUpgradeTimeout: INBOUND_UPGRADE_MS,
  maxParallelDials: DIALS_MAX,
  maxDialQueueLength: DIALS_WAITING_MAX,
  dialTimeout: DIAL_MS,
  addressDialTimeout: DIAL_ADDRESS_MS,
  maxPeerAddrsToDial: DIAL_ADDRESSES_MAX,
  outboundStreamProtocolNegotiationTimeout: NEGOTIATION_MS,
  inboundStreamProtocolNegotiationTimeout: NEGOTIATION_MS
} as const

export const CONNECTION_MONITOR = {
  pingInterval: PING_INTERVAL_MS,
  pingTimeout: { minTimeout: PING_TIMEOUT_MS, maxTimeout: 2 * PING_TIMEOUT_MS }
} as const
