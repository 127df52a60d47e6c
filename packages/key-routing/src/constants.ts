/**
 * Numbers of calls and lookups: bounds on what remote peers control, times, priorities. Each says its unit. The
 * bounds of records stand in `store-constants.ts`.
 */

/** PeerIds of silent peers that travel with a lookup: the latest, for those are the nearest to the receiver. */
export const SILENT_MAX = 16
/** Hops in one answer to a step of an iterative lookup. Whoever answered is asked again when all were silent. */
export const NEXT_HOPS_MAX = 8
/** Holders of copies in one answer. */
export const REPLICAS_MAX = 16
/** Steps of one lookup. A ring whose fingers are all lost is walked by its successors, and not for ever. */
export const HOPS_MAX = 128
/** Silent peers that a lookup counts; it counts no further. */
export const TIMEOUTS_MAX = 65_535
/** Hops that one peer tries for one lookup: twice Chord's longest successor list. */
export const TRIES_MAX = 64

/** Lookups of others that this peer remembers: those under way, and those done, for duplicates and the way back. */
export const RELAYS_MAX = 4096
/** Of these, lookups under way that came from one peer: one past it is refused as `busy`. */
export const RELAYS_PER_PEER_MAX = 256
/** Of these, lookups of several origins with one id: by chance hardly two, and one past it is refused as `busy`. */
export const SAME_ID_MAX = 8
/** Answers that go again where their link to the origin was being closed: of the latest so many. */
export const STRAIGHT_ANSWERS_MAX = 256
/** Lookups of this peer itself at a time: one past it fails as `busy`. */
export const OWN_LOOKUPS_MAX = 1024
/** Times that a lookup starts anew at its origin, when nothing came of it. */
export const ATTEMPTS_MAX = 8
/** Ways by which one lookup goes at one time. */
export const LOOKUP_PATHS_MAX = 16
/** Of one /24 of IPv4, or /48 of IPv6, that a table takes in where nobody says. */
export const NETWORK_PEERS_DEFAULT = 2
/** Of one network, that a table may be told to take in: as many as most tables have entries. */
export const NETWORK_PEERS_MAX = 256
/** Peers that an iterative lookup may know and has not asked yet. */
export const CANDIDATES_MAX = 256
/** Steps of an iterative lookup at a time. */
export const ALPHA_MAX = 8
/** A budget that comes in from a remote peer is cut to this. */
export const LOOKUP_BUDGET_MS_MAX = 180_000

/** Ids that this peer chooses. Those of others may have 32 bits. */
export const ID_MAX = 0x7fff_ffff

/** Requests under way or waiting for a link, to all peers: one past it fails as `busy`. */
export const CALLS_MAX = 4096
/** To one peer. */
export const CALLS_PER_PEER_MAX = 512
/** Links that this peer opened, at a time: the longest unused that nobody holds makes room for another. */
export const OWN_LINKS_MAX = 1024
/** Names under which tables hold peers. */
export const HOLDERS_MAX = 30

/** p2psim's 4 s are for simulations; a real lookup may have to dial on its way. */
export const LOOKUP_BUDGET_MS = 10_000
export const LOOKUP_ATTEMPTS = 3
/** p2psim's Chord waits for three round trips. */
export const ROUND_TRIPS_BEFORE_SILENT = 3
/** Of a peer whose round trip is not known yet (RFC 6298, 2.1). */
export const CALL_TIMEOUT_FIRST_MS = 1000
/** A busy peer is not a silent one. */
export const CALL_TIMEOUT_LOW_MS = 200
export const CALL_TIMEOUT_HIGH_MS = 5000
/** Times that the timeout doubles while a peer stays silent (RFC 6298, 5.5). */
export const BACKOFF_MAX = 3
/** From an `open` until a request gives up on its link. */
export const OPEN_TIMEOUT_MS = 3000
/** A link that this peer opened, that no table holds, and on which nothing came or went for so long is closed. */
export const LINGER_MS = 10_000
/** How often in that time idle links are looked for: they linger up to so much of it longer. */
export const LOOKS_PER_LINGER = 4
/** Links that this peer opens on its own where nobody says how many. */
export const OWN_LINKS_DEFAULT = 128
/** Times in a row that a peer may have no room for a connection before it counts as one that nobody reaches. */
export const TURNED_AWAY_MAX = 7
/** A clock may be read a little early: nothing is due sooner than this. */
export const CLOCK_GRAIN_MS = 0.5

/** Acknowledgements and pings: what others wait for with a clock in hand. */
export const PRIORITY_URGENT = 2
export const PRIORITY_LOOKUP = 6
/** Maintenance of tables. */
export const PRIORITY_TABLE = 8
