/**
 * Every number of Kademlia's machine, with its unit and where it comes from. Paper: Maymounkov, Mazières, "Kademlia",
 * IPTPS 2002. Spec: libp2p's kad-dht, revision 2. js: `@libp2p/kad-dht`. Where nothing is named, the number is this
 * house's.
 */

/** k: peers of a bucket, of an answer, and holders of a record (paper section 2.2; spec). */
export const K_DEFAULT = 20
export const BUCKET_PEERS_MAX = 32
/** alpha: requests of one path under way (spec; js has as many on every path). */
export const ALPHA_DEFAULT = 10
export const PATH_REQUESTS_MAX = 32
/** d: paths that have no peer in common (S/Kademlia section 4.4; js: as many as alpha). */
export const DISJOINT_PATHS_DEFAULT = 10
export const DISJOINT_PATHS_MAX = 32

/** Between two refreshes of the table, and between two lookups of the own key (js). */
export const REFRESH_MS = 300_000
export const SELF_LOOKUP_MS = 300_000
/** After a peer has joined and found nobody, or a contact was silent: it is asked again. */
export const JOIN_AGAIN_MS = 10_000
/** A peer of a full bucket that was heard of within this time is not asked whether it lives (js). */
export const PING_AGAIN_MS = 600_000
/** Longest common prefix whose bucket is refreshed (js): nobody shares more in a network of less than 2^15 buckets. */
export const REFRESHED_PREFIX_BITS_MAX = 15

/** How long a provider record is kept (spec, js). */
export const PROVIDER_VALIDITY_MS = 48 * 60 * 60 * 1000
/** After so long whoever provides a key says so again (js: when half of the validity is left). */
export const REPUBLISH_MS = 24 * 60 * 60 * 1000
/** Between two looks at what has expired, and at what is to be said again (js). */
export const SWEEP_RECORDS_MS = 60 * 60 * 1000
/** Before a key that nobody took is provided again. */
export const REPUBLISH_RETRY_MS = 30_000

/**
 * How long a request waits: a peer that is slow must not be passed over for one that is further away. js waits 5 s at
 * least; to dial one address it takes 6 s.
 */
export const ANSWER_FIRST_MS = 5000
export const ANSWER_LOW_MS = 5000
export const ANSWER_HIGH_MS = 5000
export const DIAL_MS = 6000

// Bounds on what remote peers control.

/** Peers that one lookup remembers; what is named beyond them is passed over. */
export const LOOKUP_PEERS_MAX = 1024
/** Requests of one lookup, of which ten paths need some 250: who is led astray by made-up peers ends here. */
export const LOOKUP_REQUESTS_MAX = 512
/** Lookups of this peer at a time: one past it fails as `busy`. */
export const KAD_LOOKUPS_MAX = 256
/** Newcomers that are asked whether they answer before they enter a bucket, at a time (js). */
export const NEWCOMERS_MAX = 100
/** Requests in a row without an answer after which a peer leaves its bucket. */
export const SILENCES_MAX = 2
/** Keys that this peer provides. */
export const KEYS_PROVIDED_BY_MACHINE_MAX = 65_536
/** Values that wait for the word of the world before they are kept, and those of one sender. */
export const VALUES_WAITING_MAX = 512
export const VALUES_WAITING_PER_PEER_MAX = 64
/** Messages that one message causes at most: an answer that ends a lookup of k holders, and begins what waited. */
export const KAD_SENDS_PER_MESSAGE_MAX = 1024

export const KAD_PRIORITY_ANSWER = 2
export const KAD_PRIORITY_LOOKUP = 6
export const KAD_PRIORITY_TABLE = 8
export const KAD_PRIORITY_STORE = 12
