/**
 * Numbers of the two tiers, with their units and their sources. "QRP" is Rohrs' Query Routing for the Gnutella
 * Network 1.0; "Ultrapeers" is Singla and Rohrs, Ultrapeers: Another Step Towards Gnutella Scalability; "UQR" is
 * Fisk's Gnutella Ultrapeer Query Routing 0.1, "DQ" his Gnutella Dynamic Query Protocol 0.1, both of 2003;
 * "practice" is what gtk-gnutella does by default.
 */

import { NEIGHBOURS_MAX, SEARCHES_MAX, SENDS_PER_MESSAGE_MAX } from './constants.ts'

// The wire: route table updates (QRP, "Gnutella Protocol Changes").

export const ROUTE_TABLE = 0x30
export const ROUTE_TABLE_RESET = 0
export const ROUTE_TABLE_PATCH = 1
/** Slots of a table, as powers of two. Practice: up to 2^21. A table under 2^10 says next to nothing, and counts as none. */
export const TABLE_BITS_MIN = 10
export const TABLE_BITS_MAX = 21
/** Slots of a table that is made here, where they are enough (QRP, conclusion; UQR 2.5: 65,536). */
export const TABLE_BITS_DEFAULT = 16
/** The distance that stands for "not here". Tables say 1 or this (Ultrapeers, note 1). */
export const TABLE_INFINITY = 7
/** Messages of one patch: they are counted in a byte. */
export const PATCH_MESSAGES_MAX = 255
/** Bytes of a patch in one message, where 255 such messages are enough (QRP: "1KB might be a good choice"). */
export const PATCH_DATA_BYTES = 1024
/** Before the data of a patch: variant, number, count, compressor, bits of an entry. */
export const PATCH_HEADER_BYTES = 5
/**
 * Payload bytes of a route table update: the largest table with the widest entries, not compressible, is 2 MiB
 * in 255 messages, and zlib adds to that less than a thousandth.
 */
export const ROUTE_TABLE_BYTES_MAX = 8_448
/** A patch is inflated by so many bytes at a time: deflate makes at most 1,032 of one, so 264 KiB at a time. */
export const INFLATE_STEP_BYTES = 256

// The rules: tiers (Ultrapeers; DQ 2.3).

/** Ultrapeers that a leaf keeps. Practice: 3. */
export const LEAF_ULTRAPEERS = 3
/** Of them, those that may have come by themselves while the leaf knows hosts to call: more could be all that it hears. */
export const LEAF_STRANGERS_MAX = 1
/** Places for leaves (Ultrapeers 2: 10 to 100), where the user does not say how many. */
export const LEAVES_DEFAULT = 30
export const LEAVES_MAX = 100
/** Of those places: leaves from one address, and from one network or relay. */
export const LEAVES_PER_ADDRESS_PART = 0.2
export const LEAVES_PER_NETWORK_PART = 0.5
/** Messages that one may cause in an ultrapeer: as in every servent, and the query itself for all leaves. */
export const SENDS_PER_MESSAGE_TIERS_MAX = SENDS_PER_MESSAGE_MAX + LEAVES_MAX
/** Links to other ultrapeers: at least 15, better 30 or more (DQ 2.3). */
export const DEGREE_DEFAULT = 32
/** TTL of a fresh query between ultrapeers; `X-Max-TTL` must not be over it (DQ 2.5.3.2.1). */
export const ULTRAPEER_TTL_MAX = 4
/** `X-Degree` of a peer that does not say it: that of the first servents, 4 to 8. */
export const DEGREE_UNSAID = 6
/** More is not believed: the horizon of one link would be out of all proportion. */
export const DEGREE_MAX = 200
/** Versions of what the headers name. `X-Query-Routing` 0.2 says that entries of one bit are read, too. */
export const QUERY_ROUTING_VERSION = '0.2'
export const TIER_VERSION = '0.1'

// The rules: election (Ultrapeers 3).

/** "Several minutes" of uptime before a servent may become an ultrapeer. */
export const ELECTION_UPTIME_MS = 300_000
/** Without any ultrapeer for this long, up to twice it by chance, it may at once: a network has to begin. */
export const LONELY_MS = 8_000
/** Recommended bandwidth, where it is known. */
export const ELECTION_DOWN_BYTES_PER_S = 15 * 1024
export const ELECTION_UP_BYTES_PER_S = 10 * 1024
/** A leaf that may become an ultrapeer, and is needed, does so in one of so many rounds of upkeep. */
export const PROMOTION_ODDS = 20
/** An ultrapeer with fewer leaves than this part of its places, for so long, becomes a leaf again. */
export const LEAVES_FEW_PART = 10
export const DEMOTION_MS = 600_000
/** And in one of so many rounds, so that two of them do not go at once. */
export const DEMOTION_ODDS = 20

// The rules: route tables.

/**
 * A table with more of its slots set claims everything. A tenth is what gtk-gnutella and LimeWire hold a table to
 * before they double it; half as much again is left for those who do not double theirs. At this ratio a query of
 * one word passes by chance once in seven, one of two words once in 44: more says nothing about its owner.
 */
export const TABLE_FILL_CLAIMED = 0.15
/**
 * A table of the largest size cannot be doubled any more, so that it is judged less strictly: as many hashes as a table
 * is made of here (`WORDS_MAX`) fill 39 % of it. A query of two words still passes by chance but once in six.
 */
export const TABLE_FILL_CLAIMED_LARGEST = 0.4
/** A table that is made here is doubled while it is fuller than this, up to `TABLE_BITS_OWN`. */
export const TABLE_FILL_WANTED = 0.1
export const TABLE_BITS_OWN = 21
/** Hashes of what is shared here of which a table is made: as many fill the largest one by two fifths. */
export const WORDS_MAX = 2 ** 20
/** Between two updates of what an ultrapeer tells of itself and its leaves; practice, and UQR 2.2, is a minute. */
export const TABLE_UPDATE_MS = 60_000
/** Updates that may come at once before that holds, and before what holds for a leaf. */
export const TABLE_UPDATES_BURST = 4
/**
 * Between two updates of a leaf's table of `TABLE_BITS_DEFAULT`; a larger one waits as much longer as it has more slots,
 * the largest a minute. Where files come one by one, each is a change, and what was added last must not be the one that
 * nobody finds for a minute; a patch of a few words is some dozens of bytes. It is half of `TABLE_SLOTS_PER_SECOND`.
 */
export const LEAF_TABLE_UPDATE_MS = 2_000
/** A table for other ultrapeers waits so long after their link came up: leaves that came just before are in it. */
export const TABLE_SETTLE_MS = 10_000
/** An ultrapeer whose table is fuller is not probed: it would match whatever is asked. Thirty honest tables are not. */
export const TABLE_FILL_AGGREGATE = 0.5
/** Messages of a table by one link in one round of upkeep, so that tables never fill a send queue, and in all. */
export const TABLE_MESSAGES_PER_LINK = 16
export const TABLE_MESSAGES_PER_ROUND = 128
/** Slots that one link may have patched: eight of the largest tables, then one of the usual ones each second. */
export const TABLE_SLOTS_BURST = 8 * 2 ** TABLE_BITS_MAX
export const TABLE_SLOTS_PER_SECOND = 2 ** TABLE_BITS_DEFAULT
/** Queries for a leaf whose table says nothing: not yet there, or claiming everything. Burst, and a second. */
export const UNROUTED_BURST = 40
export const UNROUTED_PER_SECOND = 2

// The rules: dynamic queries (DQ 2.5).

/** Results wanted for an own query, and for one of a leaf, which asks three ultrapeers (DQ 2.5.3.1). */
export const RESULTS_WANTED = 150
export const RESULTS_WANTED_FOR_LEAF = 50
/** Of the results wanted, the part that one link may count for: hits that come by are not verified. */
export const LINK_RESULTS_PART = 4
/** Links whose results are counted for one query: all that there may be at a time. */
export const COUNTED_LINKS_MAX = NEIGHBOURS_MAX + LEAVES_MAX
/** To wait for each hop (DQ 2.5.2.3). */
export const WAIT_PER_HOP_MS = 2_400
/** Ultrapeers that a probe goes to where tables say that they match (DQ 2.5.1), and where there are no tables. */
export const PROBES = 5
export const BLIND_PROBES = 3
export const BLIND_PROBE_TTL = 2
/** Ultrapeers that one query may reach in theory (DQ 2.4). */
export const HORIZON_MAX = 200_000
/** What is rare by then is asked for faster: after so many ultrapeers with fewer results, each time this less. */
export const RARE_HORIZON = 3_000
export const RARE_RESULTS = 10
export const RARE_WAIT_LESS_MS = 100
export const RARE_WAIT_MS_MIN = 1_000
/** A dynamic query ends after this (DQ 2.5.2.4: "say 3 minutes"). */
export const DYNAMIC_MS_MAX = 200_000
/** Dynamic queries at a time; those of all leaves, so that there is room for every own search; and those of one leaf. */
export const DYNAMIC_MAX = 256
export const DYNAMIC_LEAVES_MAX = DYNAMIC_MAX - SEARCHES_MAX
export const DYNAMIC_PER_LEAF_MAX = 8
/** Queries under way that a link which came up, or a table that came, is asked with. */
export const QUERIES_EXTENDED_MAX = 64
/** Times that queries under way are looked through for one leaf: burst, and a second. A leaf tells a table more seldom. */
export const EXTENSIONS_BURST = 8
export const EXTENSIONS_PER_SECOND = 1
/** Own searches that a leaf is asked with as it comes up, while no table says what it has. */
export const SEARCHES_UNROUTED_MAX = 8
/** Queries of one leaf: burst, and a second. */
export const LEAF_QUERIES_BURST = 20
export const LEAF_QUERIES_PER_SECOND = 1

// The rules: leaf guidance (Solares).

/** Instead of a number of results: no more are wanted. */
export const GUIDANCE_OVER = 0xffff
/** Results that a leaf keeps at most from one word to its ultrapeers to the next. */
export const GUIDANCE_RESULTS = 10

// The rules: push proxies.

/** Ultrapeers that a hit of a firewalled leaf names. */
export const PUSH_PROXIES_MAX = 4
/** Servents whose push proxies are remembered. */
export const PUSH_PROXY_ROUTES_MAX = 4_096

// The service.

/** From a change of the catalogue to new words for the machine. */
export const WORDS_DEBOUNCE_MS = 2_000
