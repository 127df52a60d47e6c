/** What strangers may make an introducer do and keep, and what an introducer may make a newcomer do. */

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** Of the list of peers. */
export interface PeerListLimits {
  readonly peersMax: number
  /** Of them, those that take part in one overlay. */
  readonly perOverlayMax: number
  /** Of them, those of one network: a /24 of IPv4, a /48 of IPv6. */
  readonly perNetworkMax: number
  /** Of them, those of one host with a private address, where such are taken: a machine may run several nodes. */
  readonly perPrivateHostMax: number
  /** Since its last announcement, after which a peer is forgotten. */
  readonly seenMs: number
  /** Since an address was last proven, after which it is forgotten. */
  readonly provenMs: number
  /** A peer that was listed for so long is evicted for nobody. */
  readonly establishedMs: number
}

export const PEER_LIST_LIMITS: PeerListLimits = {
  peersMax: 4_096,
  perOverlayMax: 1_024,
  perNetworkMax: 2,
  perPrivateHostMax: 32,
  seenMs: 30 * MINUTE_MS,
  provenMs: HOUR_MS,
  establishedMs: 24 * HOUR_MS
}

/** Of the HTTP server. One network is a /24 of IPv4, a /48 of IPv6; of private addresses, one host. */
export interface ServerLimits {
  /** Connections at a time, and of them those of one network and of one private host. */
  readonly connectionsMax: number
  readonly connectionsPerNetworkMax: number
  readonly connectionsPerPrivateHostMax: number
  /** Requests of one network: as many at once, then so many a minute. */
  readonly requestsBurst: number
  readonly requestsPerMinute: number
  /** Of them, announcements. */
  readonly announcementsBurst: number
  readonly announcementsPerMinute: number
  /** Requests of one network that are refused with the reason: as many at once, then so many a minute. Over it nothing is read. */
  readonly refusalsBurst: number
  readonly refusalsPerMinute: number
  /** A private host gets so many times as much: it is trusted more, and may be many nodes. */
  readonly privateFactor: number
  /** Requests of all together: as many at once, then so many a second. */
  readonly totalBurst: number
  readonly totalPerSecond: number
  /** Peers that are called back at a time, and of them those of one network. */
  readonly proofsMax: number
  readonly proofsPerNetworkMax: number
  /** From calling a peer back to its proof, for each address. */
  readonly proofMs: number
  /** From a connection to the whole of its headers, and to the whole of its request. */
  readonly headersMs: number
  readonly requestMs: number
  /** Silence on a connection, also while an answer waits to be read. */
  readonly idleMs: number
}

export const SERVER_LIMITS: ServerLimits = {
  connectionsMax: 512,
  connectionsPerNetworkMax: 16,
  connectionsPerPrivateHostMax: 128,
  requestsBurst: 30,
  requestsPerMinute: 30,
  announcementsBurst: 6,
  announcementsPerMinute: 6,
  refusalsBurst: 10,
  refusalsPerMinute: 10,
  privateFactor: 16,
  totalBurst: 400,
  totalPerSecond: 200,
  proofsMax: 32,
  proofsPerNetworkMax: 4,
  proofMs: 5_000,
  headersMs: 5_000,
  requestMs: 10_000,
  idleMs: 15_000
}

/** Peers in one answer. */
export const ANSWER_PEERS_MAX = 20
/** Overlays that one request asks for. */
export const QUERY_OVERLAYS_MAX = 16
/** Of the text by which a client knows its answer from an older one. */
export const NONCE_CHARACTERS_MAX = 64
/** Of a request's target: sixteen overlays, a role, a number and a nonce. */
export const TARGET_CHARACTERS_MAX = 1_024
/** Of a request's body: an announcement in base64url, in JSON. */
export const REQUEST_BODY_BYTES_MAX = 8 * 1024
/** Of a request's headers. */
export const REQUEST_HEADER_BYTES_MAX = 8 * 1024
/** Requests over one connection. */
export const REQUESTS_PER_CONNECTION_MAX = 32
/** Networks and hosts whose rate is remembered: the latest. */
export const RATES_REMEMBERED_MAX = 16_384

/** Of a signed announcement: its addresses and overlays, a key and a signature. */
export const ANNOUNCEMENT_BYTES_MAX = 4 * 1024
/** Overlays that one peer announces. */
export const ANNOUNCED_OVERLAYS_MAX = 16
/** Of the name of an overlay or of a role. */
export const NAME_CHARACTERS_MAX = 32
/** Of one peer, addresses that are called back. */
export const PROVEN_ADDRESSES_MAX = 2
/** Between the clock of a peer and the introducer's. */
export const ANNOUNCEMENT_SKEW_MS_MAX = 5 * MINUTE_MS
/** Peers that withdrew and whose older announcements are refused: the latest. */
export const WITHDRAWALS_REMEMBERED_MAX = 16_384
/** A peer that announces itself again is called back again after this. */
export const PROVE_AGAIN_MS = 30 * MINUTE_MS
/** After which a listed peer is to announce itself again. */
export const ANNOUNCE_AGAIN_MS = 10 * MINUTE_MS

/** Of an answer: twenty announcements in base64url, in JSON within JSON. */
export const ANSWER_BYTES_MAX = 256 * 1024
/** Between the introducer's clock and the client's. */
export const ANSWER_SKEW_MS_MAX = 10 * MINUTE_MS
/** From a question to its whole answer. */
export const ASK_MS = 8_000
/** From an announcement to its answer: the introducer calls back meanwhile, at two addresses perhaps. */
export const ANNOUNCE_MS = 15_000
/** Introducers that a node asks. */
export const INTRODUCERS_MAX = 16
/** First contacts that a newcomer takes from all introducers together. */
export const CONTACTS_MAX = 24
/** Of them, those of one network, and of one host where private addresses are taken. */
export const CONTACTS_PER_NETWORK_MAX = 2
export const CONTACTS_PER_PRIVATE_HOST_MAX = 16
/** After which a remembered answer is no help any more: seven days. */
export const REMEMBERED_MS = 7 * 24 * HOUR_MS
/** Of what an introducer says of a mistake, and of what it advises. */
export const WHY_CHARACTERS_MAX = 300
