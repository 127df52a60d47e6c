/** Bounds that hold for every overlay. Each is tested at the limit and one past it. */

/** Lowest urgency of a message; 0 is the highest. */
export const PRIORITY_MAX = 31
/** An Ed25519 PeerId has 38 bytes, one with a SHA-256 of its key 34. */
export const PEER_ID_BYTES_MAX = 42
export const CONTACT_ADDRESSES_MAX = 8
export const ADDRESS_BYTES_MAX = 256
/** 4 TiB: the layer of 1 MiB hashes of the largest file has 128 MiB. */
export const CONTENT_SIZE_BYTES_MAX = 2 ** 42
/** Of a file's name in UTF-8: what common file systems hold. */
export const NAME_BYTES_MAX = 255
export const TAGS_MAX = 16
export const TAG_NAME_BYTES_MAX = 32
export const TAG_VALUE_BYTES_MAX = 255
export const MEDIA_TYPE_BYTES_MAX = 127
/** Of a file record without its envelope. */
export const RECORD_BYTES_MAX = 4096
/** Of a signed file record in its libp2p envelope. */
export const SEALED_RECORD_BYTES_MAX = RECORD_BYTES_MAX + 256
/** Of an abridged one: it has the signature, and not the provider and the names of fields, so that it is 32 less at least. */
export const ABRIDGED_RECORD_BYTES_MAX = RECORD_BYTES_MAX - 32
/** A record may be valid for this long at most: seven days. */
export const RECORD_LIFETIME_MS_MAX = 7 * 24 * 60 * 60 * 1000
export const QUERY_TEXT_BYTES_MAX = 256
/** Enough for a whole file name that was pasted in. */
export const QUERY_WORDS_MAX = 32
export const QUERY_RESULTS_MAX = 1000
/** Hits wanted where nobody says how many. */
export const QUERY_RESULTS_DEFAULT = 200
/** Of what a peer shows that was asked to call: it went with the request, and is good once. */
export const PUSH_NONCE_BYTES = 16
export const TICKET_PROVIDERS_MAX = 8
export const TICKET_CHARACTERS_MAX = 8192
/** Of one multiaddr in its text form. */
export const TICKET_ADDRESS_CHARACTERS_MAX = 512
/** Peers that a host knows for one overlay at a time. */
export const PEERS_INTERNED_MAX = 65_536
/** Files in one folder listing. */
export const FOLDER_ENTRIES_MAX = 20_000
/** Of an encoded folder listing: 20,000 entries with paths of 150 bytes. It is decoded in memory. */
export const FOLDER_LISTING_BYTES_MAX = 4 * 2 ** 20
/** Components of one path in a listing, the file's name among them. */
export const FOLDER_DEPTH_MAX = 32
/** Of one path in a listing, its separators among them: with a folder above it, what common systems open. */
export const FOLDER_PATH_BYTES_MAX = 2048
/** Of all files of a listing together: 64 TiB. */
export const FOLDER_BYTES_MAX = 2 ** 46
