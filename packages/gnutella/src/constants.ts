/**
 * Every number of this package, with its unit and its source. "Draft 0.6" is the Gnutella Protocol
 * Development's draft of the protocol 0.6; "GGEP" is the Generic Extension Protocol 0.51; "HUGE" is the
 * Hash/URN Gnutella Extensions 0.94; "practice" is what gtk-gnutella 1.2.3 does by default.
 *
 * The first half holds the wire's numbers, which the codec enforces; the second the rules' numbers, which
 * the machine and its service keep.
 */

// The wire: handshake.

/** Bytes of one line of the handshake, its end included. Practice: lines of 1 KiB; ours has room for contacts. */
export const HANDSHAKE_LINE_BYTES_MAX = 2048
/** Headers of one step of the handshake, repeated ones each counted. */
export const HANDSHAKE_HEADERS_MAX = 64
/** Bytes of one step of the handshake, from its first line to the blank one. */
export const HANDSHAKE_BYTES_MAX = 16_384
/** What the responder's and then the initiator's status says when all is well (draft 0.6, 2.1). */
export const STATUS_OK = 200

// The wire: descriptors (draft 0.6, 2.2).

export const PING = 0x00
export const PONG = 0x01
export const BYE = 0x02
export const VENDOR_MESSAGE = 0x31
/** Of a vendor message that is for a neighbour. */
export const VENDOR_MESSAGE_TTL = 1
export const PUSH = 0x40
export const QUERY = 0x80
export const QUERY_HIT = 0x81

/** Bytes of the header before each payload. */
export const HEADER_BYTES = 23
export const GUID_BYTES = 16
/** Payload bytes of Ping, Pong, Push and Bye. Draft 0.6, 2.2.1: no message should be larger than 4 KiB. */
export const CONTROL_BYTES_MAX = 4096
/** Payload bytes of a Query. Draft 0.6, 2.2.5: one over 4 KiB should be dropped; no servent sends one. */
export const QUERY_BYTES_MAX = 4096
/** Payload bytes of a QueryHit. Practice: none over 64 KiB is made, and a link that brings one is ended. */
export const QUERY_HIT_BYTES_MAX = 65_536
/** Payload bytes of a descriptor of another type. Practice: a link is ended over 40 KiB. */
export const OTHER_BYTES_MAX = 40_960
/** Results of one QueryHit: they are counted in one byte. */
export const HIT_RESULTS_MAX = 255
/** Bytes of the XML in the private area of a hit: its length has 16 bits. */
export const XML_BYTES_MAX = 0xffff
/** URNs of one query or of one result. */
export const URNS_MAX = 16
/** Bytes of one URN: a bitprint has 81, `urn:cid:` with a tree's id 70. */
export const URN_BYTES_MAX = 256

// The wire: GGEP.

/** Extensions of one block. */
export const GGEP_EXTENSIONS_MAX = 32
/** Bytes of one extension's data once COBS is undone; the format itself reaches 262,143. */
export const GGEP_DATA_BYTES_MAX = 8192
/** Bytes of an extension's id (GGEP, extension header). */
export const GGEP_ID_BYTES_MAX = 15
/** Bytes of `LF`, the size of a file of 4 GiB and more (gtk-gnutella, GGEP LF). */
export const LARGE_FILE_BYTES_MAX = 8
/** Bytes of our nonce in a Push. */
export { PUSH_NONCE_BYTES } from '@servent/overlay/machine'

// The wire: names of ours.

/** Our vendor code in hits, and what the ids of our extensions begin with (GGEP, appendix A). */
export const VENDOR = 'SVNT'

// The wire: flags of a Query's first two bytes (MinSpeed proposal), read as one big-endian number.

/** The others mean something; without it the two bytes are a speed. */
export const QUERY_MARKED = 0x8000
/** Who asks cannot be dialled. */
export const QUERY_FIREWALLED = 0x4000
/** A leaf that asks guides its ultrapeers (Solares, Leaf Guidance of Dynamic Queries). */
export const QUERY_GUIDED = 0x1000

// The rules.

// The rules: neighbours.

/** Places for neighbours, where the user does not say how many. Practice of the first servents: 4 to 8. */
export const NEIGHBOURS_DEFAULT = 6
export const NEIGHBOURS_MAX = 64
/** Of the places, the part that no stranger may take while hosts are known: a quarter, rounded down. */
export const OWN_PLACES_PART = 4
/** Links that shake hands at a time; one past it is ended unheard. */
export const HANDSHAKES_MAX = 10
/** From a link's start to the end of its handshake. */
export const HANDSHAKE_MS = 10_000
/** Links opened at a time. */
export const OPENS_MAX = 3
/** An open that neither came up nor failed is forgotten after this; hosts end theirs much earlier. */
export const OPEN_MS_MAX = 120_000
/** Contacts given to a peer in the handshake (draft 0.6, X-Try), and bytes that one of them may have. */
export const TRY_CONTACTS_MAX = 8
export const TRY_CONTACT_BYTES_MAX = 160
/** `Pong-Caching`, `GGEP` and `Bye-Packet`: the versions of each that exist. */
export const PONG_CACHING_VERSION = '0.1'
export const GGEP_VERSION = '0.5'
export const BYE_PACKET_VERSION = '0.1'
/** Characters of a `User-Agent` that are kept. */
export const AGENT_CHARACTERS_MAX = 64

// The rules: host cache.

export const HOSTS_MAX = 500
/** Hosts kept that one neighbour told of and that were never reached, so that no one fills the cache. */
export const HOSTS_PER_TELLER_MAX = 100
/** Hosts written down for the next start, and bytes of what is read at a start. */
export const HOSTS_SAVED_MAX = 200
export const HOSTS_BYTES_MAX = HOSTS_SAVED_MAX * (2 + 8 + 1 + 42 + 8 * (2 + 256))
/** Between two saves while hosts change. */
export const HOSTS_SAVE_MS = 60_000
/** Wait before a host is tried again after its first failure, doubled by each further one up to the most. */
export const RETRY_MS = 5_000
export const RETRY_MS_MAX = 600_000
/** A host that was never reached is forgotten after as many failures. */
export const RETRIES_MAX = 8
/** A link that lasted for less counts as a failure, so that nobody flaps. */
export const SETTLED_MS = 30_000

// The rules: lost neighbours.

/** Neighbours kept that went without a Bye, the last ones, and for how long. */
export const LOST_MAX = 8
export const LOST_KEPT_MS = 86_400_000
/** Of one network (a /24 of IPv4, a /48 of IPv6; private ones are not counted): lost ones that are kept, and neighbours with which no other claims a place. */
export const LOST_PER_NETWORK_MAX = 2
/** From a loss to the first call, and the most between two, each twice as late as the one before. */
export const LOST_CALL_MS = 30_000
export const LOST_CALL_MS_MAX = 600_000

// The rules: upkeep.

/** Between two rounds while neighbours are wanted, and while none are. */
export const UPKEEP_WANTING_MS = 1_000
export const UPKEEP_MS = 3_000
/** Nothing came from a link for this long: it is pinged with TTL 1. */
export const ALIVE_PING_MS = 30_000
/** And when this long afterwards still nothing came: Bye 406. */
export const ALIVE_REPLY_MS = 20_000

// The rules: pings and pongs (Rohrs and Falco, "Ping/Pong scheme": T, N and M are its names).

/** T: a pong is good for this long, and a link is pinged and listened to no more often. */
export const PONG_AGE_MS = 3_000
/** N: pongs that answer one ping, and at most as many leave by one link in T. */
export const PONGS_PER_PING = 10
/** M: how far pings go. A pong that is shown is at most M times T old. */
export const PING_TTL = 7
/** Pongs kept of each distance. */
export const PONGS_PER_DISTANCE_MAX = 20
/** Own pings for fresh hosts: this often while neighbours are wanted, doubled up to the most; else the most. */
export const PING_MS = 3_000
export const PING_MS_MAX = 60_000

// The rules: queries and hits.

/** TTL and hops together; draft 0.6 advises 7 of both, and 7 for own queries. */
export const TTL_MAX = 7
/** A broadcast with more is dropped; less is clamped. Practice: a hard limit of 15. */
export const TTL_HARD_MAX = 15
/** Payload bytes of a query that is answered and handed on. Practice: killed over 1024. */
export const QUERY_RELAYED_BYTES_MAX = 1024
/** Letters and digits of a query without URNs; one with fewer is ignored (draft 0.6: greedy queries). */
export const QUERY_CHARACTERS_MIN = 2
/** Route-table entries (two generations together), and the life of a generation. */
export const QUERY_ROUTES_MAX = 32_768
export const QUERY_ROUTE_MS = 600_000
export const PUSH_ROUTES_MAX = 8_192
export const PUSH_ROUTE_MS = 1_800_000
/** Ids of pushes that came by. */
export const PUSHES_SEEN_MAX = 8_192
export const PUSHES_SEEN_MS = 600_000
/** Payload bytes of a hit that is handed back: it fits above the high mark of the asker's send queue. */
export const HIT_RELAYED_BYTES_MAX = 32_768
/** Hits handed back for one query. */
export const HITS_PER_QUERY_MAX = 512
/** Queries kept for people to look at. */
export const QUERIES_SHOWN_MAX = 100

/**
 * Queries that all neighbours together may have handed on, a second, and the burst. Half is shared out
 * evenly among the places, and half is for whoever comes, so that a loud neighbour leaves the others theirs.
 */
export const RELAYED_PER_SECOND = 50
export const RELAYED_BURST = 200
/** Queries with no hops, the neighbour's own ones, a second and link. */
export const ORIGINAL_PER_SECOND = 10
export const ORIGINAL_BURST = 60
/** All queries a second and link: what a neighbour that keeps these bounds may send. */
export const QUERIES_PER_SECOND = RELAYED_PER_SECOND + ORIGINAL_PER_SECOND
export const QUERIES_BURST = RELAYED_BURST + ORIGINAL_BURST
/** Hits a second and link. */
export const HITS_PER_SECOND = 100
export const HITS_BURST = 600

// The rules: searches that do not flood at once (Lv, Cao, Cohen, Li, Shenker, ICS 2002).

/** Results after which such a search goes no further, where nobody says. Practice: 50 end a leaf's search. */
export const RESULTS_ENOUGH = 50
/** TTLs of the queries of an expanding ring, one after the other; the search's own TTL is the last of them. */
export const RING_TTLS: readonly number[] = [1, 2, 4, 7]
/** For each link that a ring's query goes: the wait for its hits before the next, wider one is sent. */
export const RING_MS_PER_HOP = 500
/** Walkers of one search. Lv et al., 5.2: 16 to 64 do as well as more. */
export const WALKERS_DEFAULT = 16
export const WALKERS_MAX = 64
/** Links that a walker goes at most, a byte of the wire. */
export const WALK_STEPS_MAX = 128
/** Steps before a walker asks its origin for the first time whether to go on (Lv et al., 5.2: each fourth step). */
export const WALK_CHECK_STEPS = 4
/** Walkers that wait here for word from their origin, and for how long one does at least (two generations). */
export const WALKS_WAITING_MAX = 512
export const WALK_WAIT_MS = 15_000
/** Walkers whose word comes by here, over two generations of the same time. */
export const WALK_ROUTES_MAX = 4_096

// The rules: answers.

/** Results for one query, over all its hits. Practice: 255, of which users see few. */
export const RESULTS_PER_QUERY = 64
/** A hit is closed once it has so many payload bytes: at most one result more (draft 0.6: under 4 KiB). */
export const HIT_PAYLOAD_BYTES = 4096
/**
 * Bytes of one answer, which leaves at once by one link: results that do not fit are left out. As much less
 * than the send queue holds above its high mark, so that no answer makes a queue overflow that was not full.
 */
export const ANSWER_BYTES_MAX = 24_576
/** Questions to the catalogue at a time, and those that wait: of one link, and in all. */
export const MATCHES_MAX = 16
export const MATCHES_WAITING_PER_LINK_MAX = 16
export const MATCHES_WAITING_MAX = 256
/** Hits that are verified at a time, and those that wait: from one link, and in all. */
export const VERIFIES_MAX = 8
export const VERIFIES_WAITING_PER_LINK_MAX = 128
export const VERIFIES_WAITING_MAX = 512
/** Own searches at a time. */
export const SEARCHES_MAX = 64
/** A search is sent to neighbours that come up within this time of its start. */
export const SEARCH_SPREAD_MS = 30_000

// The rules: query cache (Markatos, CCGRID 2002).

/** Cached hits answer for this long. */
export const CACHE_AGE_MS = 60_000
/** After a query was handed on, its hits are left to come in for this long before they answer others. */
export const CACHE_SETTLE_MS = 5_000
export const CACHE_QUERIES_MAX = 256
export const CACHE_BYTES_MAX = 2 * 1024 * 1024
/** Of one query. A branch that brings more is not answered for. */
export const CACHE_RESULTS_MAX = 64
export const CACHE_HITS_MAX = 32
/** Payload bytes of one query's hits, and of what one verdict sends by one link; see `ANSWER_BYTES_MAX`. */
export const CACHE_ENTRY_BYTES_MAX = 24_576
/** Hits of a query are vouched for before they answer: so many at a time, and so many a second. */
export const VOUCHES_MAX = 4
export const VOUCHES_PER_SECOND = 4
/** Repeated queries that wait for one verdict. */
export const CACHE_WAITING_MAX = 8

// The rules: pushes.

/** Calls that one peer, and one address, may be asked to take from here: burst, and a second. */
export const CALLS_PER_TARGET_BURST = 10
export const CALLS_PER_TARGET_PER_SECOND = 1
/**
 * Calls in all. Half is shared out evenly among the places, and half is for whoever comes, so that a neighbour
 * that hands on many pushes leaves the others theirs.
 */
export const CALLS_BURST = 40
export const CALLS_PER_SECOND = 5
/** Targets that are counted at a time, over two generations, each of which lives this long. */
export const CALL_TARGETS_MAX = 4_096
export const CALL_TARGET_MS = 60_000
/** Pushes that one link may have handed on: burst, and a second. */
export const PUSHES_BURST = 40
export const PUSHES_PER_SECOND = 5

// The rules: Bye and offences.

/** Of a Bye that is written here; what others wrote is cut for logs. */
export const BYE_REASON_CHARACTERS_MAX = 128
/** After a Bye, hits and pushes are still handed on for this long (Bye proposal: a few seconds). */
export const BYE_DRAIN_MS = 3_000
/** Full send queue without a break. Practice: 180 s. */
export const FLOW_CONTROL_MS_MAX = 180_000
/** Of one kind, a minute and link; one past it ends the link. */
export const OFFENCES_PER_MINUTE_MAX = 50
export const OFFENCES_MS = 60_000
/** Whoever was sent away for offences is refused for this long; so many are remembered. */
export const BANISHED_MS = 300_000
export const BANISHED_MAX = 1_024

/**
 * Messages that one input may cause. The most come of a verdict on cached hits: for each hit, each query that
 * waited for it gets the hit, or is handed to the neighbour that brought it.
 */
export const SENDS_PER_INPUT_MAX = CACHE_WAITING_MAX * CACHE_HITS_MAX
/** And a message: at most cached hits, and the query itself for all the other neighbours. */
export const SENDS_PER_MESSAGE_MAX = CACHE_HITS_MAX + NEIGHBOURS_MAX

// The service.

/** A search ends after this where its user does not say when. */
export const SEARCH_MS = 10_000
/** Links beside the places: handshakes, and links that say goodbye. */
export const LINKS_OVER_PLACES_MAX = HANDSHAKES_MAX + 6
/** A link on which nothing came or went for this long ends; a live one answers pings long before. */
export const IDLE_MS = 2 * (ALIVE_PING_MS + ALIVE_REPLY_MS)
/** A link's send queue. Practice: 96 KiB, flow control from a half of it down to a quarter. */
export const QUEUE_BYTES_MAX = 98_304
export const QUEUE_BYTES_HIGH = QUEUE_BYTES_MAX / 2
export const QUEUE_BYTES_LOW = QUEUE_BYTES_MAX / 4
