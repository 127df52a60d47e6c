/**
 * Every number of participation levels: what was published of FastTrack's, and every bound on what remote peers can
 * make this part hold, wait for or do.
 */

const KiB = 1024
const MiB = 1024 * KiB
const MINUTE_MS = 60_000

/** Where everybody begins (KaZaA's help), */
export const NEWCOMER_LEVEL = 10
/** and the top of the scale. */
export const LEVEL_MAX = 1000
/** A peer that gave as much as it took stands here: uploaded / downloaded * 100. */
export const LEVEL_OF_EVEN = 100
/**
 * A newcomer is taken for one who gave and took so much, which is level 10. Beyond these the published ratio is exact;
 * below them a ratio of two small numbers, or of one and nothing, would make a god of whoever gave a byte.
 */
export const NEWCOMER_GIVEN_BYTES = 25 * MiB
export const NEWCOMER_TAKEN_BYTES = (NEWCOMER_GIVEN_BYTES * LEVEL_OF_EVEN) / NEWCOMER_LEVEL

/** What one receipt can speak of: 1 PiB. Sums of as many as are held stay exact in a number. */
export const RECEIPT_GIVEN_BYTES_MAX = 2 ** 50
/** Of what a receipt says without its signatures: two PeerIds and three numbers. */
export const RECEIPT_BYTES_MAX = 256
/** Of that in the taker's envelope, */
export const SEALED_STATEMENT_BYTES_MAX = 512
/** and of this in the giver's. */
export const SEALED_RECEIPT_BYTES_MAX = 768
/** Sequences follow the clock. One that is further ahead would keep every later receipt of the pair out. */
export const RECEIPT_AHEAD_MS_MAX = 24 * 60 * MINUTE_MS
/**
 * A giver signs what it counted itself, and so much more: its ledger loses a few seconds when the program is killed,
 * and the taker's does not.
 */
export const RECEIPT_TOLERANCE_BYTES = 64 * MiB

/** Peers whose statements are kept. One past it, who gave this peer least gives way. */
export const TAKERS_MAX = 512
/** Statements of one taker. One past it, the smallest gives way. In all 32,768 are held. */
export const RECEIPTS_PER_TAKER_MAX = 64
/** Edges on the way from this peer to whom it looks at: two were enough for BarterCast, */
export const CREDIT_HOPS = 2
/** and more than this may not be set: each multiplies the work. */
export const CREDIT_HOPS_MAX = 4
/** Edges that one flow is computed over. Those that are nearer come first, and what the others carry is not seen. */
export const FLOW_ARCS_MAX = 4096

/** Peers that credit is set aside for. One past it, who spent least is forgotten. */
export const CLAIMS_MAX = 4096
/** Credit stands behind a peer for so long after that peer last asked: as long as a wait for a promotion. */
export const CLAIM_LEASE_MS = 10 * MINUTE_MS
/** A level is computed again after so long: a queue asks for it with each of its places. */
export const LEVEL_KEPT_MS = 5_000
/** Levels that are remembered for so long, the latest. */
export const LEVELS_KEPT_MAX = 1024

/** Peers that a status shows with their levels, the latest. */
export const SHOWN_PEERS = 100

/** Own receipts that are kept in each direction, as giver and as taker: the largest. */
export const OWN_RECEIPTS_MAX = 1024
/** A receipt is asked for when so many bytes came since the last, */
export const SETTLE_BYTES = 64 * MiB
/** or so few after this time. */
export const SETTLE_BYTES_MIN = MiB
export const SETTLE_MS = 5 * MINUTE_MS

/** Receipts in one answer. */
export const RECEIPTS_ASKED_MAX = 50
/** Of a request, and of an answer. A longer frame is refused when its length has come. */
export const REQUEST_BYTES_MAX = KiB
export const ANSWER_BYTES_MAX = 40 * KiB
/** From the opening of a stream to its end. */
export const EXCHANGE_MS = 10_000
/** Streams of one connection: one for a statement and one for a question, while others are ending. */
export const STREAMS_PER_CONNECTION_MAX = 4
/** Requests that are answered at a time; further ones are cut. */
export const SERVING_MAX = 32
/** Requests of one peer: as many at once, then so many a minute. Further ones are cut. */
export const REQUESTS_BURST = 8
export const REQUESTS_PER_MINUTE = 12
/** Receipts whose two signatures are looked at, about a millisecond each: as many at once, then so many a second, in all */
export const VERIFICATIONS_BURST = 200
export const VERIFICATIONS_PER_SECOND = 50
/** and of one peer. Further ones are left out. */
export const PEER_VERIFICATIONS_BURST = 60
export const PEER_VERIFICATIONS_PER_SECOND = 1
/** Peers whose requests and verifications are counted, the latest. */
export const COUNTED_PEERS_MAX = 1024
/** Peers that this one asks at a time, */
export const ASKING_MAX = 4
/** and peers that wait to be asked; others are asked when they are met again. */
export const MEETINGS_WAITING_MAX = 64
/** Until a peer is asked again for its receipts. */
export const ASK_AGAIN_MS = 10 * MINUTE_MS
/** Between two writes to the database. */
export const WRITE_MS = 5_000
