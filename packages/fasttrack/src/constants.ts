/**
 * Every number of this package, with its unit and its source. "giFT" is giFT-FastTrack's PROTOCOL 1.19, what people
 * found out about the wire that Sharman never published; "Liang" is Liang, Kumar and Ross, "Understanding KaZaA" and
 * "The FastTrack overlay" (2004-2006), what they measured of it. What has no source is ours.
 */

// The wire: bounds of frames and of what stands in them (`wire.ts`).

/** Of one frame without its length. What could be longer is cut in several messages by who sends it. */
export const FRAME_BYTES_MAX = 64 * 1024
/** Of a frame's length: three bytes hold two million. */
export const FRAME_LENGTH_BYTES_MAX = 3
/** Of a query's id, made at random by whoever asks. */
export const QUERY_ID_BYTES = 16
/** Of the nonce in a Push. */
export { PUSH_NONCE_BYTES } from '@servent/overlay/machine'
/** Supernodes in one message: eight messages hold a list of 200. */
export const SUPERNODES_PER_MESSAGE_MAX = 25
/** Files in one upload; bytes bound it as well. */
export const SHARE_FILES_MAX = 200
/** Of the signed records in one upload: what leaves room in a frame for what stands beside them. */
export const SHARE_BYTES_MAX = 48 * 1024
/** Files in one results message; bytes bound it as well. */
export const RESULTS_PER_MESSAGE_MAX = 100
/** Of the records and contacts in one results message. */
export const RESULTS_BYTES_MAX = 56 * 1024
/** Conditions in one query: two bounds on each of sixteen tags, and two on the size. */
export const TERMS_MAX = 34
/** Of a text that a condition compares with, in UTF-8. */
export const TERM_TEXT_BYTES_MAX = 255
/** Of one word in a query, in UTF-8: a token of 64 code points. */
export const QUERY_WORD_BYTES_MAX = 256
/** Supernodes or heirs named to a peer that has to move. */
export const TARGETS_MAX = 8
/** Whom the users of a supernode turn to when it dies and no other is known. */
export const HEIRS_MAX = 3
/** Users that a peer may say it has. */
export const LOAD_MAX = 65_535
/** kbit/s and seconds that a peer may say of itself. */
export const SAID_MAX = 2 ** 31 - 1

// The rules: queries (giFT, "signed config": the values that the network's own operators set).

/** giFT: SearchResultsMax. Results that one search brings back from the network. */
export const SEARCH_RESULTS_MAX = 200
/** giFT: SearchIndirectNodesMin. Supernodes that a query is relayed to at first. */
export const INDIRECT_NODES_MIN = 6
/** giFT: SearchIndirectNodesMax. Supernodes that it is relayed to in all. */
export const INDIRECT_NODES_MAX = 10
/** giFT: SearchIndirectEndResults. So many results of others, and no further one is asked. */
export const INDIRECT_END_RESULTS = 10
/** giFT: a packet that has gone over more links between supernodes is dropped. */
export const HOPS_MAX = 6
/** Links between supernodes that a query goes over, where the user does not say; giFT knows only that it is bounded. */
export const TTL_DEFAULT = 2
/** Further than this no query is relayed, whatever it says: each step makes six of one. */
export const TTL_MAX = 3
/** From a query that is relayed until its end is no longer waited for: for each step that it may still go. */
export const RELAY_STEP_MS = 1_500
/** Queries that a supernode works on at a time, those of others counted. */
export const RUNNING_QUERIES_MAX = 2_048
/** Ids of queries that came by, and how long each is known at least. */
export const SEEN_QUERIES_MAX = 65_536
export const SEEN_QUERY_MS = 60_000
/** Searches of the index at a time; further ones wait, by level and then in their order. */
export const INDEX_SEARCHES_MAX = 8
export const INDEX_SEARCHES_WAITING_MAX = 512
export const INDEX_SEARCHES_WAITING_PER_LINK_MAX = 32
/** Own searches at a time. */
export const SEARCHES_MAX = 64
/** A search that began before there was a supernode is sent to the first that takes this peer, for so long. */
export const SEARCH_SPREAD_MS = 30_000
/** Rounds of one search ("search more"), each through another supernode. */
export const ROUNDS_MAX = 8
/** Results that wait to be verified, in messages: of one link, and in all; and those verified at a time. */
export const VERIFIES_MAX = 8
export const VERIFIES_WAITING_MAX = 128
/** A user's own queries: burst, and a second. */
export const QUERIES_BURST = 20
export const QUERIES_PER_SECOND = 2
/** Queries that another supernode relays: burst, and a second. */
export const RELAYED_BURST = 400
export const RELAYED_PER_SECOND = 100

/** Results of one supernode that are not what was asked for: burst, and a second; with more its link ends. */
export const STRAYS_BURST = 20
export const STRAYS_PER_SECOND = 0.1

// The rules: supernodes and their users.

/** Ordinary nodes to one supernode that the network aims at (giFT; Liang saw 100 to 160 on a campus). */
export const ORDINARIES_PER_SUPERNODE = 100
export const ORDINARIES_PER_SUPERNODE_MIN = 2
export const ORDINARIES_PER_SUPERNODE_MAX = 1_000
/** Of the target: the part that a supernode takes of whoever comes, and of those for whom it is the spare. */
export const USERS_SOFT_PART = 1.5
export const USERS_HARD_PART = 2
/** Of the target: users from one address, and from one network or relay, of whoever holds it as the spare as many again. */
export const USERS_PER_ADDRESS_PART = 0.15
export const USERS_PER_NETWORK_PART = 0.6
/** Users that hold a supernode as their spare, to each place for a user. */
export const STANDBYS_PART = 2
/** Links between supernodes: looked for, and taken (Liang: 40 to 60). */
export const PEERINGS_SOUGHT = 40
export const PEERINGS_MAX = 60
/** Links of peers that only ask, or have not yet said what they want. */
export const GUESTS_MAX = 64
/** From a link's start until it is known what it is for; a guest has had its answer by then. */
export const HELLO_MS = 10_000
/** Links opened at a time. */
export const OPENS_MAX = 5
/** An open that neither came up nor failed is forgotten after this; hosts end theirs much earlier. */
export const OPEN_MS_MAX = 60_000

/** Of one user: files, bytes of their records, and words that they are found by, all files together. */
export const USER_FILES_MAX = 10_000
export const USER_BYTES_MAX = 6 * 1024 * 1024
export const USER_WORDS_MAX = 200_000
/** Of the records of all users of a supernode together. Who comes when there are as many is sent on. */
export const INDEX_BYTES_MAX = 512 * 1024 * 1024
/** Uploads and withdrawals of one user: messages in a burst, and a second; what is over is left unread by closing. */
export const UPLOADS_BURST = 60
export const UPLOADS_PER_SECOND = 5
/** Words of one file; `FILE_WORDS_MAX` of the keyword index. */
export const RECORD_WORDS_MAX = 128
/** Of one such word in UTF-8; `WORD_BYTES_MAX` of the keyword index. */
export const RECORD_WORD_BYTES_MAX = 256

// The rules: the list of other supernodes.

/** giFT: 200 entries, at connect and every two hours. */
export const SUPERNODES_MAX = 200
export const SUPERNODES_REFRESH_MS = 2 * 60 * 60 * 1000
/** Of them, those that one peer told of and that were never linked, so that no one fills the list. */
export const SUPERNODES_PER_TELLER_MAX = 60
/** Of them, those that came by themselves and were not reached yet, all together. */
export const SUPERNODES_OF_COMERS_MAX = 20
/** Told to one that links and has a list already: what it had is replaced little by little. */
export const SUPERNODES_SAMPLE = 8
/** One that nobody has seen for so long is not told to others, and goes first where there is no room. */
export const SUPERNODE_STALE_MS = 3 * 60 * 60 * 1000
/** Wait before a supernode is tried again after its first failure, doubled by each further one up to the most. */
export const RETRY_MS = 5_000
export const RETRY_MS_MAX = 600_000
/** One that was named and never linked is forgotten after as many failures. */
export const RETRIES_MAX = 3
/** One that this peer has reached itself, after as many: with the waits between them that is some three hours. */
export const SEEN_RETRIES_MAX = 24
/** Peers that speak the protocol and of which nothing else is known. */
export const CONTACTS_MAX = 256
/** A contact is tried again after this at most: it may be all that leads to the others. */
export const CONTACT_RETRY_MS_MAX = 60_000
/** A supernode asks a contact for other supernodes this often, also where it has some: two networks may not know of each other. */
export const CONTACT_MS = 20_000
/** Supernodes that one user tells its own of, and that are not told on before they were seen. */
export const SUPERNODES_PER_USER_MAX = 4
/** Between two saves of the list while it changes. */
export const SAVE_MS = 60_000
/** Of what is read at a start. */
export const SAVED_BYTES_MAX = 512 * 1024

// The rules: ordinary nodes.

/** Liang: supernodes that a comer probes. */
export const PROBES = 5
/** From the first answer to the choice, where not all have answered. */
export const PROBE_MS = 1_500
/** Between two rounds of upkeep: of who looks for a supernode, who has all it needs, and a supernode. */
export const UPKEEP_SEEKING_MS = 500
export const UPKEEP_MS = 5_000
export const UPKEEP_SUPERNODE_MS = 1_000
/** Between two rounds of looking for a spare, or for a supernode where all were tried. */
export const SPARE_RETRY_MS = 30_000
export const SEEK_RETRY_MS = 2_000
/** Without a supernode for so long, a peer that others can reach becomes one: who knows nobody, and who knows others. */
export const ALONE_MS = 3_000
export const HOMELESS_MS = 15_000
/** And where all that are known are full. */
export const CROWDED_MS = 20_000
/** To each such wait up to so many parts more, by chance, and few with little: the first is found by the others in time. */
export const WAIT_SPREAD_PART = 3
/** Where there are few supernodes, their users are told this often who would take their place. */
export const HEIRS_REFRESH_MS = 5 * 60 * 1000
/** Without a supernode, whoever may take this peer and does not come up for so long is not waited for: the next is opened, too. */
export const NEXT_PLACE_MS = 3_000
/** Moving to another supernode ends after this, done or not. */
export const MOVE_MS_MAX = 120_000

// The rules: upload of records.

/** Bytes of records a second that an ordinary node uploads, where the user does not say. */
export const UPLOAD_BYTES_PER_SECOND = 64 * 1024
/** An upload that is not acknowledged for so long tells that the supernode is dead. */
export const UPLOAD_ACK_MS = 30_000
/** Changes of the catalogue that wait; with one more, all is uploaded again. */
export const CHANGES_WAITING_MAX = 1_000
/** Records are made and uploaded anew: half of the day that they are valid for. */
export const RENEW_MS = 12 * 60 * 60 * 1000

// The rules: links.

/** Nothing came from a link for this long: it is pinged; links between supernodes tell their load as often. */
export const PING_MS = 60_000
export const PEERING_PING_MS = 30_000
/** And when this long afterwards still nothing came, it is closed. */
export const PONG_MS = 20_000
/** A user of whom nothing was heard for so long is gone: it pings, its supernode does not. */
export const USER_SILENT_MS = PING_MS + 2 * PONG_MS + UPKEEP_MS

// The rules: promotion, demotion, hand-over.

/** Between two looks at the load. */
export const BALANCE_MS = 10_000
/** Of the target: with more users a supernode has one of them made a supernode, or hands some over. */
export const CROWDED_PART = 1.25
/** Of the target, on average over those that a supernode is linked with: over it one more is made, under it one less. */
export const AVERAGE_HIGH_PART = 1.15
export const AVERAGE_LOW_PART = 0.6
/** Under this average users are handed to others rather than to a new one. */
export const AVERAGE_ROOM_PART = 0.9
/** The average must have been low, and this supernode the emptiest, for so long. */
export const DEMOTE_MS = 60_000
/** What a supernode says of its load counts for that once its link has been up for so long. */
export const PEERING_KNOWN_MS = 60_000
/** An emptier supernode that stays for so long is passed over, and after as long again the next. */
export const EMPTIER_WAIT_MS = 300_000
/** Nobody is demoted so soon after it began. */
export const SETTLED_MS = 120_000
/** Where more supernodes are needed, the turn of one to make one comes by chance, and after this at the latest. */
export const PROMOTION_DELAY_MS = 120_000
export const PROMOTION_DELAY_MS_MAX = 600_000
/** Of that delay: what a supernode waits at the latest that is not among the fullest. */
export const FULLER_WAIT_PART = 2
/** From a request to be a supernode until the next user is asked. */
export const PROMOTION_MS = 20_000
/** Best users whose reachability is tested for one promotion. */
export const CANDIDATES_MAX = 4
/** A user's reachability is believed for so long. */
export const DIAL_BACK_MS = 30 * 60 * 1000
/** Dials back a second, and in a burst. */
export const DIAL_BACKS_BURST = 8
export const DIAL_BACKS_PER_SECOND = 0.2
/** Users told to move at a time: each uploads all its records elsewhere. */
export const HAND_OVER_USERS_MAX = 64
/** Users handed to a supernode are counted as its own for so long, whatever it says: nobody's word brings it more of one than an empty one takes. */
export const HAND_OVER_PLACES_MS = 600_000
/** Supernodes of which that is known, linked or not: many times as many as are linked. */
export const HANDED_PEERS_MAX = 1_024
/** Hand-overs that one session may bring: burst, and a second. Each may have this peer dial eight others. */
export const HAND_OVERS_BURST = 3
export const HAND_OVERS_PER_SECOND = 1 / 30
/** A user that was told to move and did not is told again after so long. */
export const HAND_OVER_RETRY_MS = 30_000
/** A supernode that steps down serves those that have not moved for so long at most. */
export const STEP_DOWN_MS_MAX = 180_000
/** kbit/s under which a peer that knows its rate is not made a supernode. */
export const SUPERNODE_KBPS_MIN = 256
/** Participation levels go from 0 to this (kazaaplatinum, as the reference has it). */
export const LEVEL_MAX = 1_000

// The rules: push.

/** Ways to providers whose results came by, and how long each is known at least. */
export const PUSH_ROUTES_MAX = 16_384
export const PUSH_ROUTE_MS = 1_800_000
/** Pushes that one link may bring: burst, and a second. */
export const PUSHES_BURST = 40
export const PUSHES_PER_SECOND = 5
/** Calls that this peer makes because others asked: burst, and a second. */
export const CALLS_BURST = 20
export const CALLS_PER_SECOND = 2

// What one input may cause.

/** Questions that are open at a time. */
export const ASKS_MAX = 4_096
/**
 * Messages that one message causes at most: the hello of a user that was made a supernode is answered with the list, and has
 * half of the users move.
 */
export const SENDS_PER_MESSAGE_MAX = 128

// The service.

/** A search ends after this where its user does not say when. */
export const SEARCH_MS = 10_000
/** Files found, or sharers of one, with which a search wants no further round ("search more"): each moves this peer and its records. */
export const SEARCH_ENOUGH = 50
/** After a round, what is being verified has so long before it is decided on the next. */
export const ROUND_SETTLE_MS = 250
/** When the supernodes have no more, what is being verified has so long. */
export const SEARCH_SETTLE_MS = 1_000
/** Between two times that the machine is told what its host knows of reachability and rate. */
export const CIRCUMSTANCES_MS = 15_000
/** Users whose level is told anew each time, in turn. */
export const LEVELS_TOLD_MAX = 64
/** A link on which nothing came or went for this long ends; a live one is pinged long before. */
export const IDLE_MS = 2 * (PING_MS + PONG_MS)
/** A dial that tests whether a user can be reached. */
export const DIAL_BACK_TIMEOUT_MS = 8_000
