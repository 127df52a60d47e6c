/**
 * Every number of this package, with its unit and its source. "napster.txt" is drscholl's "napster messages"
 * (2000), "opennap" the defaults of the server opennap 0.36 to 0.44.
 *
 * The first part holds the wire's numbers, which the codec enforces; the others the rules' numbers of the
 * server, the mesh of servers and the client.
 */

// The wire.

/** Bytes of the header: length and type, 16 bits each, little-endian (napster.txt, 2). */
export const HEADER_BYTES = 4
/** Bytes of the text of a published message (opennap: a longer command ends the connection). */
export const COMMAND_BYTES_MAX = 2048
/** The first type that is ours: what OpenNap has no place for. */
export const EXTENSION_TYPE_MIN = 20_000
/** Bytes of the body of a message of ours: several signed records. */
export const EXTENSION_BYTES_MAX = 32 * 1024
/** Parts of a search of type 200 beside its words. */
export const SEARCH_PARTS_MAX = 16
/** Files of one message of ours that shares or unshares them. */
export const BATCH_FILES_MAX = 64
/** Servers that one message of ours names. */
export const SERVERS_NAMED_MAX = 16
/** Bytes of the random number that names a query between servers, and of one that names a call. */
export const QUERY_ID_BYTES = 16
/** Bytes of a name of ours in UTF-8: a server's, a program's, a reason. */
export const TEXT_BYTES_MAX = 255
/** Bytes of one word of a search, in UTF-8: what an index takes (`WORD_BYTES_MAX` of keyword-index). */
export const WORD_BYTES_MAX = 256
/** Link speed 10 is T3 or more (napster.txt, 2: message 2). */
export const LINK_SPEED_MAX = 10
/** Bytes of the name of a shared file: of a path as Windows clients wrote it, or of a record. */
export const FILE_NAME_BYTES_MAX = 480

// The server (opennap's defaults where they are named).

/** Users logged in at a time, where its operator says nothing. */
export const USERS_DEFAULT = 1_000
/** Users logged in at a time, whatever its operator says. */
export const USERS_MAX = 20_000
/** Users logged in from one address of IPv4 or one /48 of IPv6, where the operator says nothing: a household, a dormitory. */
export const USERS_PER_ADDRESS_DEFAULT = 16
/** From one /24 of IPv4, and over one relay, as many come as from so many addresses. */
export const NETWORK_ADDRESSES = 8
/** Files that one user shares (opennap: max_shared 5000). */
export const SHARED_MAX = 5_000
/** Files that one server keeps for all its users: their keys and sizes stand in memory. */
export const FILES_MAX = 4_000_000
/** Bytes that the index keeps of one user's files: their bodies, which hold a signed record each. */
export const USER_BYTES_MAX = 6 * 1024 * 1024
/** Words that the index keeps of one user's files. */
export const USER_WORDS_MAX = 200_000
/** Bytes of bodies that one server keeps for all its users. */
export const BODIES_BYTES_MAX = 4 * 1024 * 1024 * 1024
/** Results of one search of type 200 (opennap: max_results 100). */
export const PLAIN_RESULTS_MAX = 100
/** Files of one answer to a browse (opennap: max_browse_result 500); a browse of ours goes on page by page. */
export const BROWSE_FILES_MAX = 500
/** Characters of a nick (opennap: max_nick_length 19). */
export const NICK_CHARACTERS_MAX = 19
/** Nicks on one hotlist (opennap: max_hotlist 32). */
export const HOTLIST_MAX = 32
/** Users who wait for one nick to come: a login is told to so many. */
export const WATCHERS_MAX = 512
/** From a link to its login (opennap: login_timeout 60 s). */
export const LOGIN_MS = 60_000
/** A nick that nobody used for this long is free (opennap: nick_expire 31 days). */
export const NICK_EXPIRY_MS = 31 * 24 * 60 * 60 * 1000
/** Nicks that are bound to PeerIds: the longest unused goes first. */
export const NICKS_MAX = 20_000
/** Nicks that are bound to one PeerId: its longest unused goes first. */
export const NICKS_PER_PEER_MAX = 4
/** Between two saves of the nicks. */
export const NICKS_SAVE_MS = 60_000
/** Between two tellings of the statistics, which come unasked (napster.txt, 2: message 214). */
export const STATS_MS = 60_000
/** Lines of the message of the day (each is a message of type 621). */
export const MOTD_LINES_MAX = 64
/** Bytes of the send queue of a user's link (opennap: client queue 100 KiB; ours carries records). */
export const QUEUE_BYTES_MAX = 1024 * 1024
/** Over this a user's answers wait. */
export const QUEUE_BYTES_HIGH = 256 * 1024
export const QUEUE_BYTES_LOW = 64 * 1024
/** Searches, browses and questions about people of one user: a second, and at once. */
export const QUESTIONS_PER_SECOND = 5
export const QUESTIONS_BURST = 20
/** Files that one user shares or takes back: a second, and at once. */
export const SHARES_PER_SECOND = 200
export const SHARES_BURST = 1_000
/** Messages that one user has handed to others (pings, calls, counters of queues): a second, and at once. */
export const RELAYS_PER_SECOND = 10
export const RELAYS_BURST = 40
/** Messages of this kind that one user is handed from all others, a second and at once. */
export const RELAYED_PER_SECOND = 20
export const RELAYED_BURST = 80
/** Pieces of work of one kind, for the index or for verification, that one user may have waiting. */
export const JOBS_PER_USER_MAX = 8
/** Pieces of work under way at a time, one of each user and kind. */
export const JOBS_AT_A_TIME_MAX = 24
/** Of those, the ones that share and take back: when a lost server's users all announce, searches go on. */
export const SHARE_JOBS_AT_A_TIME_MAX = 16
/** The same of another server, which asks for all of its users. */
export const MESH_JOBS_WAITING_MAX = 256
export const MESH_JOBS_AT_A_TIME_MAX = 4
/** Pieces of work of one kind that wait, of all users and servers. */
export const JOBS_WAITING_MAX = 4_608
/** Users whose files are being taken out of the index. A login beyond it waits for better times. */
export const REMOVALS_MAX = 4_096
/** Between two attempts to take a user's files out of an index that cannot be reached. */
export const REMOVAL_RETRY_MS = 5_000
/** Files that a search takes from the own index. */
export const INDEX_RESULTS_MAX = 500
/** Bytes of results of one search, or of one page of a browse: what a queue has room for. */
export const ANSWER_BYTES_MAX = 384 * 1024
/** Files of other makers' programs that wait for the index, of one user. */
export const PLAIN_WAITING_MAX = 1_000
/** Downloads of other makers' programs that one user was asked for and has not answered. */
export const DOWNLOADS_ASKED_MAX = 32
/** After this long a download that was asked for and not answered counts no more. */
export const DOWNLOAD_ASKED_MS = 60_000
/** Messages of one link that break the rules, in a minute; past it the link ends. */
export const OFFENCES_PER_MINUTE_MAX = 100
/** Messages that one message causes at most: a login, with its message of the day and all who waited for it. */
export const SENDS_PER_MESSAGE_MAX = WATCHERS_MAX + MOTD_LINES_MAX + 8
/** How often a machine looks after what is due. */
export const UPKEEP_MS = 5_000
/** Uploads or downloads that a user says are under way: a counter that goes no further. */
export const TRANSFERS_COUNTED_MAX = 10_000

// The mesh of servers.

/** Links to other servers. */
export const MESH_LINKS_MAX = 16
/** Links of servers that the operator did not name: half, so that strangers never take every place. */
export const MESH_STRANGERS_MAX = 8
/** How far a query goes from server to server. */
export const MESH_TTL_MAX = 2
/** How long the answers of other servers are waited for (opennap: search_timeout 180 s). */
export const MESH_DEADLINE_MS = 3_000
/** By so much a server that asks further servers ends earlier than the one that asked it. */
export const MESH_MARGIN_MS = 500
/** Queries of users and other servers under way at a time. */
export const SEARCHES_MAX = 1_024
/** Searches of one user under way at a time. */
export const SEARCHES_PER_USER_MAX = 8
/** Results of one other server for one query. */
export const MESH_RESULTS_PER_SERVER_MAX = 500
/** Bytes of results of all searches that came over their server's share, and wait for what others leave. */
export const HELD_BYTES_MAX = 8 * 2 ** 20
/** Results of one other server that have not the words that were asked for; past it the link ends. */
export const MESH_JUNK_MAX = 100
/** Queries in turn that one other server never ends; past it the link ends. */
export const MESH_UNENDED_MAX = 64
/** Ids of queries and calls that were seen, and for how long at least. */
export const SEEN_MAX = 65_536
export const SEEN_MS = 60_000
/** Queries of one other server: a second, and at once. */
export const MESH_QUERIES_PER_SECOND = 200
export const MESH_QUERIES_BURST = 400
/** Calls and pings of one other server's users: a second, and at once. */
export const MESH_RELAYS_PER_SECOND = 100
export const MESH_RELAYS_BURST = 400
/** Between two attempts to link with a server: the least, and the most, with chance over it. */
export const MESH_RETRY_MS = 2_000
export const MESH_RETRY_MS_MAX = 60_000

// The client.

/** Servers that a client knows. */
export const SERVERS_MAX = 64
/** Attempts in turn that fail with a server that was told of and never met; with the last it is forgotten. */
export const HEARSAY_FAILURES_MAX = 3
/** Between two attempts to log in: the least, and the most, with chance over it. */
export const LOGIN_RETRY_MS = 1_000
export const LOGIN_RETRY_MS_MAX = 60_000
/** So long a user stays at a server that they did not name before one that they did is tried again. */
export const RETURN_AFTER_MS = 60_000
/** So long it has to answer before they go back, so many times; a server waits `LOGIN_MS` for a login. */
export const RETURN_STEADY_MS = 30_000
export const RETURN_PINGS = 3
/** Between two attempts to go back: the least, and the most, with chance over it. */
export const RETURN_RETRY_MS = 60_000
export const RETURN_RETRY_MS_MAX = 30 * 60_000
/** Whoever stays for so long after they came back is at a server that can be trusted again. */
export const RETURN_PROVEN_MS = 10 * 60_000
/** How long an answer to the login is waited for. */
export const LOGIN_ANSWER_MS = 15_000
/** Bytes of announcements a second, and at once. */
export const ANNOUNCE_BYTES_PER_SECOND = 128 * 1024
export const ANNOUNCE_BYTES_BURST = 256 * 1024
/** Bytes of records in one message. */
export const ANNOUNCE_BATCH_BYTES = 24 * 1024
/** How long the answer to an announcement is waited for before it is made again. */
export const ANNOUNCE_ANSWER_MS = 30_000
/** After a server said "later". */
export const ANNOUNCE_LATER_MS = 2_000
/** After a server said that a user may share no more. */
export const ANNOUNCE_FULL_MS = 10 * 60_000
/** Changes of the catalogue that wait; past it everything is announced again. */
export const CHANGES_WAITING_MAX = 10_000
/** Own searches, browses and questions under way at a time. */
export const QUESTIONS_MAX = 64
/** How long an own search waits for its end, longer than a server waits for others. */
export const SEARCH_MS = MESH_DEADLINE_MS + 2_000
/** How long an answer about a person, or a page of a browse, is waited for. */
export const ANSWER_MS = 10_000
/** Candidates that are pinged at a time, and how long their pongs are waited for. */
export const PINGS_MAX = 8
export const PING_MS = 1_000
/** Verifications of results under way at a time, and results that wait for theirs. */
export const VERIFIES_MAX = 8
export const VERIFIES_WAITING_MAX = 4_096
/** Logins with another nick at one server, where the first is another peer's. */
export const NICK_TRIES_MAX = 4
/** Calls that others ask of this peer: a second, and at once. */
export const CALLS_PER_SECOND = 2
export const CALLS_BURST = 16
/** Results of one verification. */
export const VERIFY_RESULTS_MAX = 32

// The service.

/**
 * Everything is announced anew after this long: a record is valid for a day and signed anew in its last quarter, so
 * that no record in an index ever expires.
 */
export const RENEW_MS = 5 * 60 * 60 * 1000
/** Link speeds of sharers that are remembered, to rank hosts. */
export const LINK_SPEEDS_KEPT = 1_000
/** Links over those of users and servers, for those that come and are refused with a reason. */
export const LINKS_SPARE = 16
/** A link on which nothing came or went for this long ends. */
export const IDLE_MS = 10 * 60_000
/** Between two signs of life on a link that is silent. */
export const KEEP_ALIVE_MS = 60_000
