/**
 * Every number of Kelips's machine, with its unit and where it comes from. IPTPS: Gupta, Birman, Linga, Demers, van
 * Renesse, "Kelips: building an efficient and stable P2P DHT through increased memory and background overhead",
 * IPTPS 2003. Where nothing is named, the number is this house's.
 */

/** Of the key of a tuple and of a value of a chain: collisions of 2^64 work are nobody's gain there. */
export const PREFIX_BYTES = 16
/** By which a heartbeat names its peer to those who know it: the first bytes of its key. */
export const PEER_PREFIX_BYTES = 8
/** Of a signature by Ed25519 (64) or secp256k1 (up to 72, in DER). */
export const SIGNATURE_BYTES_MAX = 72

/** Groups are 2^level: with 4,096 the groups of 2^25 peers have 8,192 members, more than a view holds well. */
export const LEVEL_MAX = 12
/** A group that splits leaves halves of about so many at least: of fewer, one in a thousand would be empty by chance. */
export const GROUP_MEMBERS_LOG2_MIN = 4
/** Half the distance, in powers of two of peers, between where groups split and where they merge again. */
export const LEVEL_SLACK = 0.5
/** How far from what this peer counts itself somebody's estimate may be, in powers of two; more is cut to this. */
export const ESTIMATE_APART_MAX = 2
/** Estimates travel in so many parts of a power of two. */
export const ESTIMATE_PARTS = 256
/** Of an estimate that comes in. */
export const ESTIMATE_MAX = 64 * ESTIMATE_PARTS
/** Shortest time between two changes of the level, in rounds: views must have settled, and the other half have answered. */
export const EPOCH_ROUNDS = 30

/** Entries of a view, and of contacts together: a row's number has 16 bits. */
export const VIEW_MAX = 16_384
/** Contacts for each foreign group. IPTPS: 2. */
export const CONTACTS_DEFAULT = 2
export const CONTACTS_MAX = 8
/** Contacts of all groups together. */
export const CONTACTS_ALL_MAX = 16_384
/** Providers with tuples in this peer's group. */
export const ORIGINS_MAX = 60_000
/** IPTPS section 2: 31,546 tuples at each of 100,000 peers with 10,000,000 files. */
export const TUPLES_MAX = 60_000
/** Tuples of one kind under one key. */
export const TUPLES_PER_KEY_MAX = 1024
/** Quota of one provider in one group. */
export const TUPLES_PER_ORIGIN_MAX = 4096
/** Those that went silent or whose time is over, so that no copy of an old entry brings them back. */
export const DEAD_MAX = 4096
/** How long a tuple may be valid: as long as records. */
export const TUPLE_LIFETIME_MS_MAX = 7 * 24 * 60 * 60 * 1000

/** Heartbeats of one chain, which is signed once: 68 minutes where one beats every 4 s. Its last says farewell. */
export const CHAIN_LENGTH = 1024
/** Values of the own chain that are kept, of so many one; those between are hashed again. */
export const CHECKPOINT_EVERY = 32
/** A chain is replaced so many heartbeats before its end, so that the next one is known before. */
export const CHAIN_SPARE = 64
/** By how much clocks may differ where somebody unknown is heard of for the first time. */
export const CLOCK_SKEW_MS = 120_000
/** A machine that slept so long, or whose clock was set forward, begins a new chain: its heartbeats lag behind the day. */
export const SLEPT_MS = CLOCK_SKEW_MS / 2
/** Steps along chains that are hashed for others, a second and at once; what is over is not read. */
export const HASH_STEPS_PER_S = 50_000
export const HASH_STEPS_BURST = 200_000

/** A round of gossip. IPTPS section 3: 2 s. */
export const GOSSIP_MS = 2000
/** Between two heartbeats. The same at all peers of a network. */
export const HEARTBEAT_MS = 4000
/** Where links are scarce: of a table with so many linked peers for each target, the others are not drawn from. */
export const LINKED_TARGETS_MIN = 2
/** One round in so many draws its targets from all none the less. */
export const STRANGERS_EVERY_ROUNDS = 8
/** Members that a round tells. IPTPS: 6 targets, 3 of them contacts. */
export const TARGETS_DEFAULT = 3
export const CONTACT_TARGETS_DEFAULT = 1
export const TARGETS_MAX = 16
/** Entries of one message by what they are. */
export const MEMBER_RATION = 6
export const CONTACT_RATION = 2
export const ORIGIN_RATION = 4
export const TUPLE_RATION = 4
/** A ration that a setting may ask for. */
export const RATION_MAX = 16
/** An entry is fresh as long as it went into fewer messages than this. Infinit's Kelips: 5. */
export const FRESH_TOLD_MAX = 8
/** Of peers whose round trip is not known yet. */
export const RTT_UNKNOWN_MS = 100
/** A round trip that is kept. */
export const RTT_MS_MAX = 65_535
/** Contacts of which nothing was heard for longest that each round asks whether they live, which measures them, too. */
export const PINGS_PER_ROUND = 2
/** Members of which nothing was heard for this part of the time after which they are gone: so many a round are asked. */
export const DOUBT_PART = 1 / 3
export const DOUBTS_PER_ROUND = 4
/**
 * Longer than others a member that is asked whether it lives has for its answer, where its round trip is not known: what it
 * did not answer may have waited for a link alone, and no longer for it than for one that is near.
 */
export const DOUBT_PATIENCE_MS = 2000
/** Members that were silent and are asked once more, at a time; of more the next one is given up at once. */
export const DOUBTED_MAX = 256
/** Between two looks at which tuples are over, in rounds. */
export const SWEEP_ROUNDS = 16
/** Farewells that are news at a time; of more the oldest is not told on. */
export const FAREWELLS_MAX = 32
/** What news wait for others that come with them. */
export const NEWS_MS = 50
/** What gossip may send, bytes a second: a bound, not a mean. IPTPS: 816, without signatures. */
export const GOSSIP_BYTES_PER_S = 4096
/** Members nearest to a key that are told of a tuple by whoever has it from its provider. */
export const RENDEZVOUS_MEMBERS = 2
/** Members that one offer has told at most. */
export const RENDEZVOUS_PEERS_MAX = 32
/** Messages of this kind to one member in a round: it reads `GOSSIP_PER_PEER_MAX` of all kinds. */
export const RENDEZVOUS_PER_PEER_MAX = 8
/** What that may send beside gossip, bytes a second, and at once; what is over it is news like others. */
export const RENDEZVOUS_BYTES_PER_S = 4096
export const RENDEZVOUS_BURST_BYTES = 32_768
/** Below this no message of gossip would ever go. */
export const GOSSIP_BYTES_PER_S_LEAST = 256
export const GOSSIP_BYTES_PER_S_MOST = 2 ** 24
/** Gossip that was saved up may go out at once, in bytes. */
export const GOSSIP_BURST_BYTES = 16_384
/** Of what is saved up news leave so much to rounds: heartbeats must not wait where many announce at once. */
export const GOSSIP_FOR_ROUNDS_BYTES = GOSSIP_BURST_BYTES / 2
/** Of one message of gossip: some MTUs, and more than all rations with the longest PeerIds and two addresses each. */
export const GOSSIP_BYTES_MAX = 6144
/** Entries of one message of gossip, of each sort. */
export const GOSSIP_LIVES_MAX = 48
export const GOSSIP_BEATS_MAX = 64
export const GOSSIP_TUPLES_MAX = 32
/** Messages of gossip that one peer may send in one round; one past it is not read. */
export const GOSSIP_PER_PEER_MAX = 16

/** Rounds after which an entry is gone whatever its table's size. */
export const TIMEOUT_ROUNDS_MIN = 12
/** How many times the mean time for news of one entry to get round a table an entry may stay without. */
export const TIMEOUT_FACTOR = 1.5
/** A provider is not gone sooner than this: it says in every group where it has tuples that it lives. */
export const ORIGIN_TIMEOUT_MS_MIN = 120_000
/** A provider that nobody has heard of for so long is gone, at most: a tuple's own expiry comes after it. */
export const ORIGIN_TIMEOUT_MS_MAX = 24 * 60 * 60 * 1000
/** Times that a provider says that it lives in the time after which it would be gone. */
export const REFRESHES_PER_TIMEOUT = 3
/** Longest time between two refreshes of a provider in a group, and what it is before the group said so. */
export const REFRESH_MS_MAX = 2 * 60 * 60 * 1000
export const REFRESH_MS_FIRST = 40_000
/** Shortest time between them, whatever the group says: no group's need be shorter. */
export const REFRESH_MS_LEAST = ORIGIN_TIMEOUT_MS_MIN / REFRESHES_PER_TIMEOUT
/**
 * How many times as long as in the own group it may be in another: whoever asks for more would have the provider taken
 * for gone. Below `REFRESHES_PER_TIMEOUT`.
 */
export const REFRESH_FACTOR_MAX = 2
/** Tuples that are offered again where a group has lost some, bytes a second, and at once. */
export const REOFFER_BYTES_PER_S = 4096
export const REOFFER_BURST_BYTES = 262_144
/**
 * Groups in which a provider says that it lives, in so many rounds: with a quarter of a kilobyte each a bound of about
 * 250 bytes a second. A provider that has tuples in every group must be able to keep them all alive by it.
 */
export const REFRESHES_AT_ONCE = 8
export const REFRESH_ROUNDS = 4

/** Between two questions of a member that knows nobody of its group, in the end: half as many rounds. A power of two. */
export const LONE_ROUNDS_MAX = 32

/** Checks of signatures that wait at a time, each of one message's new entries; one past it is not read. */
export const INTAKES_MAX = 64
/** Entries of one page of state that a joiner pulls. */
export const STATE_LIVES_MAX = 128
export const STATE_TUPLES_MAX = 128
/** Tuples that are looked at for one page: after a split half of a member's are of the other group. */
export const STATE_ROWS_MAX = 4096
/** Bytes of one page of state. */
export const STATE_BYTES_MAX = 48 * 1024
/** Pages that a joiner pulls from one peer. */
export const PULL_PAGES_MAX = 1024
/** Members whom a joiner tries to pull from before it does without. */
export const PULL_TRIES = 4
/** Entries of a welcome. */
export const WELCOME_LIVES_MAX = 32
/** A peer that knows nobody who answers for so long is a network of its own, and merges later. */
export const JOIN_ALONE_MS = 10_000
/** After a join that came to nothing, until the next try. */
export const JOIN_RETRY_MS = 2000
/** Contacts that a peer outside asks at a time. */
export const CONTACTS_ASKED_MAX = 3
/** Between two probes for a foreign network. */
export const MERGE_MS = 60_000

/** IPTPS section 2.2, the retries of a lookup. Requests of one lookup. */
export const FIND_TRIES_MAX = 48
/** Whoever has not answered for so long may be gone: the next one is asked, too, as long as no more than this wait. */
export const HEDGE_MS = 400
export const HEDGES_MAX = 12
/** Steps of a random walk inside a group. */
export const WALK_TTL = 3
/** Steps that a lookup which comes in may still take; more than `WALK_TTL` are cut to that. */
export const TTL_MAX = 8
/** Of an answer: steps of all requests of a lookup, and those of them that were silent. */
export const STEPS_MAX = FIND_TRIES_MAX * (TTL_MAX + 1)
/** Members of the own group that are asked to try. */
export const VIA_MAX = 20
/** Of so many of these one passes the lookup on, and the others name their contacts. */
export const WALKS_OF_VIAS = 4
/** Second opinions where somebody in the group has no tuple. A walk that came to nobody else is none. */
export const DENIALS = 2
/** Others that a step is passed on to, where the one before cannot be reached. */
export const PASS_TRIES_MAX = 3
/** Lookups of others that this peer passes on at a time. */
export const RELAYS_MAX = 1024
/** Lookups of this peer itself at a time. */
export const FINDS_MAX = 1024
/** Longer than a round trip an answer may take, for each step that it may still be passed on. */
export const STEP_PATIENCE_MS = 1000
/** Tuples of one answer, and contacts beside them. */
export const FOUND_TUPLES_MAX = 64
export const FOUND_CONTACTS_MAX = 16
/** Times that a list of several pages is read anew, where whoever told of its first ones was silent. */
export const LISTS_AGAIN_MAX = 3
/** Providers that one command asks for records: half of them, where they give none, before another list is read. */
export const PROVIDERS_ASKED_MAX = 512
/** At a time, of those that answer within `HEDGE_MS`; and with those that take longer, of whom many may be dead. */
export const PROVIDERS_AT_ONCE = 8
export const PROVIDERS_WAITED_FOR_MAX = 64

/** Tuples in one offer. */
export const OFFER_TUPLES_MAX = 64
/** Members of a key's group that are told of a tuple at once. */
export const OFFER_HOLDERS = 2
/** Of its own group a provider tells so many itself: in a small one everybody has heard of it when it is acknowledged. */
export const OFFER_MEMBERS = 4
/** Tuples that are signed with one question. */
export const SIGN_MAX = 256
/** Records of this peer itself. */
export const OWN_RECORDS_MAX = 524_288

/** Homenodes of a value. */
export const REPLICAS_DEFAULT = 4
export const REPLICAS_MOST = 16
/** Members that are tried for each copy of a value. IPTPS section 4, figure 4: 4 tries. */
export const INSERT_TRIES = 4
/** Between two looks at whether values have enough homenodes, and values that one looks at. */
export const REPAIR_VALUES_MS = 60_000
export const REPAIRS_PER_ROUND = 16
/** Values whose homenodes one look asks for them, which is a proof that they have them. */
export const AUDITS_PER_ROUND = 4
/** What a homenode's group is no more since a split stays there so long after a member of the key's group has taken it. */
export const MOVED_VALUES_MS = 5 * REPAIR_VALUES_MS
/** Requests to keep values that wait at a time. */
export const INSERTS_MAX = 256
/** Values that one that leaves hands over at a time: all may go to one heir, and to that from several who leave. */
export const HAND_OVERS_AT_ONCE = INSERTS_MAX / 4
/** How long a value's homenode may take: signatures are checked; and whoever places it, who waits for several. */
export const KEEP_PATIENCE_MS = 2000
export const PLACE_PATIENCE_MS = 8000

/** Messages that one message causes at most: a welcome, and the introduction of a joiner to its group. */
export const SENDS_PER_MESSAGE_MAX = 2 * CONTACTS_MAX + TARGETS_MAX

export const PRIORITY_FIND = 6
export const PRIORITY_GOSSIP = 14
export const PRIORITY_STATE = 18
