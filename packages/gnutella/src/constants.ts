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
/** Bytes of our nonce in a Push. */
export const PUSH_NONCE_BYTES = 16

// The wire: names of ours.

/** Our vendor code in hits, and what the ids of our extensions begin with (GGEP, appendix A). */
export const VENDOR = 'SVNT'

// The wire: flags of a Query's first two bytes (MinSpeed proposal), read as one big-endian number.

/** The others mean something; without it the two bytes are a speed. */
export const QUERY_MARKED = 0x8000
/** Who asks cannot be dialled. */
export const QUERY_FIREWALLED = 0x4000

// The rules.
