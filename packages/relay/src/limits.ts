/** What a relay gives to strangers, and what a peer that uses relays lets them cost it. */

export interface RelayLimits {
  /** Peers that may be called over this relay, at a time. */
  readonly reservationsMax: number
  /** Of them, peers that called from one host: an address of IPv4, or a /64 of IPv6. */
  readonly reservationsPerHostMax: number
  /** After which a reservation must be asked for again. */
  readonly reservationMs: number
  /** Connections through this relay at a time. */
  readonly circuitsMax: number
  /** Of them, those that one peer opened. */
  readonly circuitsPerPeerMax: number
  /** Of them, those that were opened from one host. */
  readonly circuitsPerHostMax: number
  /** Of them, those that lead to one peer, in all and from one host. */
  readonly circuitsToPeerMax: number
  readonly circuitsHostToPeerMax: number
  /** Connections that one host may ask for: as many at once, then so many a minute. */
  readonly connectsPerHostBurst: number
  readonly connectsPerHostPerMinute: number
  /** After which a connection is cut. Who was sending opens another and goes on. */
  readonly circuitMs: number
  /** Bytes that a peer's connections may bring at once, in both directions together: a whole film. */
  readonly peerBurstBytes: number
  /** Bytes a second of a peer's connections when those are used up: slow, and never cut for it. */
  readonly peerBytesPerSecond: number
  /** The same of all peers of one host together: a new PeerId is no new budget. */
  readonly hostBurstBytes: number
  readonly hostBytesPerSecond: number
  /** Bytes a second of all connections together; no cap where it is 0. */
  readonly bytesPerSecond: number
  /** From a request to the agreed connection. */
  readonly hopMs: number
}

/** 1 MiB = 1024 * 1024 bytes. */
export const RELAY_LIMITS: RelayLimits = {
  reservationsMax: 128,
  reservationsPerHostMax: 32,
  reservationMs: 3_600_000,
  circuitsMax: 128,
  circuitsPerPeerMax: 16,
  circuitsPerHostMax: 32,
  circuitsToPeerMax: 32,
  circuitsHostToPeerMax: 8,
  connectsPerHostBurst: 32,
  connectsPerHostPerMinute: 60,
  circuitMs: 2 * 3_600_000,
  peerBurstBytes: 4 * 1024 * 1024 * 1024,
  peerBytesPerSecond: 1024 * 1024,
  hostBurstBytes: 16 * 1024 * 1024 * 1024,
  hostBytesPerSecond: 4 * 1024 * 1024,
  bytesPerSecond: 0,
  hopMs: 15_000
}

/** A message of the relay protocol in bytes: it names one peer, and a reservation a few addresses. */
export const RELAY_MESSAGE_BYTES_MAX = 4 * 1024
/** Own addresses that go into a reservation. */
export const RESERVATION_ADDRESSES_MAX = 8
/** Requests to this relay that one connection may have open at a time, circuits among them. */
export const HOP_STREAMS_PER_CONNECTION_MAX = 32
/** Peers and hosts whose use is remembered when they have no connection: the latest. */
export const BUDGETS_MAX = 4_096
/** Held of one circuit in each direction, beside what its two streams hold: a window each. */
export const CIRCUIT_BUFFER_BYTES = 64 * 1024

/** Relays that a peer has its calls taken by. Two: while one starts anew the other is there. */
export const RELAYS_MAX = 2
/** Calls over relays that a peer takes at a time. */
export const RELAYED_CALLS_MAX = 64
/** Before a lost relay is called again; doubled up to `RELAY_RETRY_LAST_MS`. */
export const RELAY_RETRY_MS = 1_000
export const RELAY_RETRY_LAST_MS = 60_000
/** After which a lost relay is forgotten. */
export const RELAY_LOST_MS = 30 * 60_000
/** Lost relays that are called again: the latest. */
export const RELAYS_LOST_MAX = 4

/** From asking a peer to call back to its call. */
export const CALL_BACK_MS = 5_000
/** Addresses of the peer that asked which are tried. */
export const CALL_BACK_ADDRESSES_MAX = 4
/** Calls back under way at a time; further ones are refused. */
export const CALL_BACKS_MAX = 8
/** Of them, those that peers over one relay asked for. */
export const CALL_BACKS_PER_RELAY_MAX = 4
/** Calls back to one peer in a minute, and to one host; further ones are refused. */
export const CALL_BACKS_PER_MINUTE = 6
/** Calls back to all peers together in a minute. */
export const CALL_BACKS_TOTAL_PER_MINUTE = 60
/** Peers and hosts whose calls are counted, the latest. */
export const CALL_BACK_ASKERS_MAX = 1_024
