/**
 * Every number of Pastry's machine, with its unit and where it comes from. Rowstron: "Pastry: scalable, decentralized
 * object location and routing for large-scale peer-to-peer systems", Middleware 2001. Castro: "Performance and
 * dependability of structured peer-to-peer overlays", DSN 2004 (MSPastry). FreePastry: its `freepastry.params`. Where
 * nothing is named, the number is this house's.
 */

/** b, bits of a digit. Rowstron section 2: typically 4. */
export const DIGIT_BITS_DEFAULT = 4
/** Columns of a row, at most: 2^4. A digit of 8 bits would make rows of 255 links. */
export const COLUMNS_MAX = 16
/** Rows of a routing table, at most: digits of a key in base 2. */
export const ROWS_MAX = 256
/** |L|, peers in a leaf set, both sides together. Rowstron section 2: 2^b or twice that. */
export const LEAF_SET_DEFAULT = 16
export const LEAF_SET_MAX = 32
/** |M|, peers of the neighbourhood set. Rowstron section 3.1: 32 in all experiments. */
export const NEIGHBOURHOOD_DEFAULT = 32
export const NEIGHBOURHOOD_MAX = 32

/** T_ls, between two heartbeats to the left neighbour (Castro section 4.1). */
export const HEARTBEAT_MS = 30_000
/** T_o, how much later than that a heartbeat may come (Castro section 4.1). */
export const HEARTBEAT_GRACE_MS = 3_000
/** Times that a peer is probed before it counts as failed: once, and two more (Castro section 4.1). */
export const PROBE_TRIES = 3
/** Of these, those that are left where it did not answer a hop already. */
export const SILENT_PROBE_TRIES = 2
/** Whoever another node probed so often and told of, and an entry that did not answer a hop: a probe confirms it. */
export const CONFIRMING_PROBE_TRIES = 1
/** Who was heard within so long is not probed for having been found failed: that took longer than this. */
export const HEARD_LATELY_MS = 1_000
/** Between two exchanges of leaf sets with one leaf after the other (FreePastry: 60 s). */
export const LEAF_EXCHANGE_MS = 60_000
/** Between two looks at the rows of others for nearer entries (Castro section 4.2: 20 minutes). */
export const ROW_MS = 1_200_000
/** Between two visits to the neighbourhood set, one peer each. */
export const NEIGHBOURHOOD_MS = 300_000
/** Between two probes for a foreign ring. */
export const MERGE_MS = 120_000

/** L_r, share of lookups that may meet a dead entry on their way, before it is acknowledged (Castro section 4.1). */
export const RAW_LOSS_TARGET = 0.05
/** T_rt, between two probes of an entry, is tuned within these. */
export const TABLE_PROBE_MS_MIN = 10_000
export const TABLE_PROBE_MS_MAX = 3_600_000
/** Failures that are remembered for the estimate of their rate: of the latest so many (Castro section 4.1). */
export const FAILURES_REMEMBERED_MAX = 16
/** Periods of others that the median is taken of. */
export const PERIODS_HEARD_MAX = 32
/** Looks at which entries are due, in one period. */
export const LOOKS_PER_PERIOD = 8
/** Entries that are probed in one look. */
export const TABLE_PROBES_MAX = 16

/** Leaf probes under way, of others than leaves. More candidates are named again by a later exchange. */
export const LEAF_PROBES_MAX = 64
/** Those whom others named for leaves and who have not answered, of each that names as many as |L|. */
export const HEARSAY_MAX = 256
/** Whoever was named by one and lives answers within this time; after it others that another one named do not wait for it. */
export const HEARSAY_FRESH_MS = 500
/** For so long nobody who names a failed peer is believed: the others have found out by then. */
export const FAILED_KEPT_MS = 60_000
/** Peers that took this node for a leaf and had no place here: for so long they may have one without a probe. */
export const SUITORS_MAX = 32
export const SUITOR_KEPT_MS = 10_000
/** Failed peers that are remembered, and those that one message tells of. */
export const FAILED_MAX = 64
export const FAILED_TOLD_MAX = 16
/** Candidates for the routing table whose distance is to be measured, and how many are at a time. */
export const CANDIDATES_MAX = 128
export const MEASURES_AT_ONCE = 4
/** A node announces itself once, when it is active: of one that does so again within so long no row is looked at. */
export const ANNOUNCED_KEPT_MS = 60_000
/** Nodes of whom it is remembered that they announced themselves. */
export const ANNOUNCED_MAX = 64
/** Distances that are remembered, those of the tables among them. */
export const DISTANCES_MAX = 256
/** A distance that somebody claims is within this. */
export const DISTANCE_MS_MAX = 60_000
/** Peers that one repair of a table entry asks. */
export const REPAIR_ASKS_MAX = 4
/** Repairs of entries under way. */
export const REPAIRS_MAX = 16
/** Entries of the own tables that a joiner asks for their rows (Rowstron section 2.5, the second stage). */
export const SECOND_STAGE_ASKS_MAX = 32

/** A joiner waits for all that it is told of within so long of its leaf set's first probe; each answers or fails soon. */
export const ENTERING_MS_MAX = 30_000
/** Lookups that a joiner keeps until it is active. One more is refused, and its sender tries the next. */
export const HELD_LOOKUPS_MAX = 256
/** Whoever asked a joiner for hops has asked another by then. Lookups say themselves how long they may take. */
export const HELD_REQUEST_MS_MAX = 10_000
/** Steps of a joiner towards its key. A ring whose tables are lost is walked by its leaf sets, and not for ever. */
export const JOIN_STEPS_MAX = 64
/** Entries of rows in one answer to a joiner: two rows. */
export const JOIN_ENTRIES_MAX = 32
/** Times that a joiner looks for a nearer first contact. */
export const SEED_STEPS_MAX = 4
/** Peers whose distance it measures each time. */
export const SEED_SAMPLES_MAX = 8
/** A peer that knows nobody who answers for so long is a ring of its own, and merges later. */
export const JOIN_ALONE_MS = 10_000
/** At its start a peer that knows nobody waits for so long whether somebody comes to be known. */
export const FIRST_CONTACT_MS = 500
/** After a join that came to nothing, until the next try. */
export const JOIN_RETRY_MS = 2_000
/** Contacts that a peer without a ring asks at a time. */
export const CONTACTS_ASKED_MAX = 3

/** A peer with another |L| or b is not asked again for so long, however often this one is told of it. */
export const UNLIKE_KEPT_MS = 180_000

/** Mean gaps of the own leaf set that somebody else's range may be wide. */
export const RANGE_GAPS_MAX = 8
/** Messages that one message causes at most: a leaf set that is probed, and as many lookups as were held. */
export const SENDS_PER_MESSAGE_MAX = LEAF_PROBES_MAX + 2 * HELD_LOOKUPS_MAX + SECOND_STAGE_ASKS_MAX
