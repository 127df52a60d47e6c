/** Bounds and periods of Kademlia as an overlay. Those of its own wire are `@libp2p/kad-dht`'s. */

/** A network of its own: that of IPFS (`/ipfs/kad/1.0.0`) has other records, and millions of peers. */
export const KADEMLIA_PROTOCOL = '/servent/kad/1.0.0'
/** A peer is asked which of its files have some words. */
export const WORDS_PROTOCOL = '/servent/words/1.0.0'

// The words protocol.

/** Of an encoded question: words, tags and bounds of the longest query that is taken. */
export const QUESTION_BYTES_MAX = 16 * 1024
/** Of an encoded answer. */
export const ANSWER_BYTES_MAX = 256 * 1024
/** Files in one answer. */
export const ANSWER_RECORDS_MAX = 200
/** From the first byte of a question to the last of its answer, on either side. */
export const QUESTION_MS = 5_000
/** Until the last byte of a question, from the opening of its stream: who asks has it ready. */
export const QUESTION_ARRIVES_MS = 2_000
/** Questions that are answered at a time. */
export const SERVING_MAX = 32
/** Of one peer: as many as it has streams for on one connection. */
export const SERVING_PER_PEER_MAX = 8
/** Questions of one peer: a second, and at once. */
export const QUESTIONS_PER_SECOND = 5
export const QUESTIONS_BURST = 20
/** Peers whose questions are counted; of more the one that was silent longest is forgotten. */
export const QUESTIONERS_MAX = 2_048
/** Streams of this protocol on one connection at a time. */
export const STREAMS_PER_CONNECTION_MAX = 8

// Searches.

/** Words of a query whose keys are looked up. The files of those who are asked are held against all words. */
export const KEYS_PER_SEARCH_MAX = 8
/**
 * Peers that one search asks for their files, each perhaps dialled for it: as many as one answer tells of, and as in
 * Kelips. It asks no more once it has what it wants, so only who wants much of common words comes here.
 */
export const ASKED_PER_SEARCH_MAX = 512
/** Of those, at a time; whoever takes longer than `ASKED_SLOW_MS` does not count, for it may be dead. */
export const ASKED_AT_A_TIME = 8
export const ASKED_SLOW_MS = 400
/** At a time with those who take long. */
export const ASKED_WAITED_FOR_MAX = 64
/** Providers of one word that a search remembers. */
export const PROVIDERS_PER_WORD_MAX = 1_024
/** Searches and lookups of this node under way at a time. */
export const SEARCHES_MAX = 64
/** How long a search lasts where nobody says: as other structured overlays. */
export const SEARCH_MS = 10_000

// Announcing.

/** Keys that this peer provides: those of its files, and of all of their words. */
export const KEYS_PROVIDED_MAX = 500_000
/** Keys provided a second: each is a lookup of its own, and a message to 20 peers. */
export const PROVIDES_PER_SECOND = 20
/** Of them under way at a time. */
export const PROVIDES_AT_A_TIME = 8
/** How long providing one key may last. */
export const PROVIDE_MS = 30_000
/** After one that nobody took. */
export const PROVIDE_RETRY_MS = 30_000
/**
 * A key is provided again after this long: records and their addresses are kept for 48 hours, peers come and go, and all
 * `KEYS_PROVIDED_MAX` take 7 hours.
 */
export const PROVIDE_AGAIN_MS = 12 * 60 * 60 * 1000
/** Between two looks at what is due. */
export const LOOK_MS = 1_000

// Provider records of others, which kad-dht keeps.

/** How long a provider's addresses are kept after it provided anything: as long as its record. */
export const PROVIDER_ADDRESSES_MS = 48 * 60 * 60 * 1000
/** Providers whose addresses are kept. */
export const PROVIDERS_KEPT_MAX = 16_384

// Values.

/** How long a value is good, by its signature. kad-dht keeps records for 48 hours, and those that are over nobody believes. */
export const VALUE_LIFETIME_MS = 24 * 60 * 60 * 1000
/** How long a put or a get lasts where nobody says. */
export const VALUE_MS = 20_000
