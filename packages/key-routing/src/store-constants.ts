/** Numbers of the record store: bounds on what remote peers control, and times. Each says its unit. */
import { PEER_ID_BYTES_MAX } from '@servent/overlay/machine'

/** Of a value that a user puts. */
export const VALUE_BYTES_MAX = 8192
/** Of the key, as the user writes it, of a value. */
export const VALUE_KEY_BYTES_MAX = 256
/** Of a content's multihash: a digest of 64 bytes with room for its code and length. */
export const MULTIHASH_BYTES_MAX = 128
/** Words under which one file is announced: those of its name first. */
export const FILE_WORDS_MAX = 32
/** Of a record's signed part: a value of `VALUE_BYTES_MAX` with its key, its fields and its envelope. */
export const RECORD_BODY_BYTES_MAX = VALUE_BYTES_MAX + VALUE_KEY_BYTES_MAX + PEER_ID_BYTES_MAX + 470
/** Of a record's subject: a digest. */
export const SUBJECT_BYTES = 32
/** Records in one `store` or one page. */
export const STORE_RECORDS_MAX = 64
/** Bytes of all records in one `store` or one page, as they are encoded. */
export const STORE_BYTES_MAX = 48 * 1024
export const PAGE_RECORDS_MAX = 64
/** Digits by which a node of the tree of fingerprints is named. A fingerprint has 13. */
export const DIGEST_DEPTH_MAX = 12
/** Branches of a node of the tree of fingerprints. */
export const DIGEST_BRANCHES = 16
/** Fingerprints in one answer: with as many or fewer under a node, it answers with them. */
export const FINGERPRINTS_MAX = 128

/** How long a record may be valid: seven days, as `RECORD_LIFETIME_MS_MAX` of file records. */
export const STORED_LIFETIME_MS_MAX = 7 * 24 * 60 * 60 * 1000
/**
 * How far the sequence of a value may be ahead of the clock, since sequences of values are milliseconds since 1970:
 * whoever overwrites a key without a namespace can lock it for so long and no longer.
 */
export const SEQUENCE_AHEAD_MS_MAX = 10 * 60 * 1000

/** What one peer keeps for others. A setting: each has a default here. */
export interface StoreLimits {
  readonly recordsMax: number
  readonly bytesMax: number
  /** Under one key, of one kind. */
  readonly keyRecordsMax: number
  readonly keyBytesMax: number
  /** Of one publisher under all keys. */
  readonly publisherRecordsMax: number
  readonly publisherBytesMax: number
  /** Of each kind under all keys. */
  readonly providerBytesMax: number
  readonly wordBytesMax: number
  readonly valueBytesMax: number
}

const MEBIBYTE = 1024 * 1024

/** A record of a word takes about half a KiB: this is a hundred thousand of them in 64 MiB. */
export const STORE_LIMITS: StoreLimits = {
  recordsMax: 131_072,
  bytesMax: 64 * MEBIBYTE,
  keyRecordsMax: 1024,
  keyBytesMax: MEBIBYTE,
  publisherRecordsMax: 65_536,
  publisherBytesMax: 24 * MEBIBYTE,
  providerBytesMax: 32 * MEBIBYTE,
  wordBytesMax: 48 * MEBIBYTE,
  valueBytesMax: 16 * MEBIBYTE
}

/** The total of a key that was full: more exist than the holder may keep. No holder keeps so many. */
export const COUNT_MAX = 65_536

/** How long a key that has refused a record says that more exist. */
export const FULL_REMEMBERED_MS = 60 * 60 * 1000
/** Expired records are unreadable at once; so often they are also forgotten. */
export const SWEEP_MS = 60_000
/** A peer that is full looks for expired records at once, but not more often than this. */
export const SWEEP_EAGER_MS = 1000

/** Requests to store that wait for signatures or for copies: one past it is answered `busy`. */
export const STORES_WAITING_MAX = 512
/** Of these, from one peer. */
export const STORES_WAITING_PER_PEER_MAX = 64
/** Rounds in which a root looks for replicas that acknowledge: the second asks those that stand in for silent ones. */
export const COPY_ROUNDS_MAX = 2
/** Times that a value is held against the one that is there, which may change while its validator is asked. */
export const SELECTIONS_MAX = 3

/** Records that one command may publish. */
export const PUBLISH_RECORDS_MAX = 4096
/** Commands to publish at a time: one past it is told `busy`. */
export const PUBLISHES_MAX = 64
/** Lookups of one command to publish at a time. */
export const PUBLISH_LOOKUPS = 8
/** Requests to store of one command at a time. */
export const PUBLISH_STORES = 16
/** Times that a record is tried: its root may have changed, or be busy. */
export const PUBLISH_ATTEMPTS_MAX = 4
/** Before a record is tried again. */
export const PUBLISH_RETRY_MS = 1000
/** Key ranges whose roots are remembered. */
export const RANGES_MAX = 1024
/** How long a root is believed: whoever is not the root any more says so. */
export const RANGE_MS = 60_000

/** Commands that read at a time: one past it fails as `busy`. */
export const READS_MAX = 256
/** Words of one search. */
export const FETCH_KEYS_MAX = 32
/** Records that one command may ask for. */
export const FETCH_RECORDS_MAX = 4096
/** Pages that one command reads: a holder may give small ones, and the same ones again. */
export const FETCH_PAGES_MAX = 256
/** Holders of copies that are asked after a root that is silent or has nothing. */
export const FALL_BACKS_MAX = 3
/** Holders that one command asks for a value. */
export const VALUE_HOLDERS_MAX = 16

/** From a change of tables to what is handed over: several changes come together. */
export const SETTLE_MS = 2000
/** A replica that no root has asked about for this many repairs looks for the root itself. */
export const LEASE_REPAIRS = 3
/** Comparisons with other holders at a time. */
export const SYNCS_AT_ONCE = 4
/** Nodes of the tree that one comparison asks about: four times what two full stores without a record in common need. */
export const SYNC_NODES_MAX = 8192
/** Fingerprints of what one comparison still wants, before it asks on. */
export const SYNC_WANTED_MAX = 8192
/** Requests of one comparison at a time. */
export const SYNC_REQUESTS = 4
/** The same of a leave, which keeps to no budget of bytes: all its comparisons together fit in one link's queue. */
export const LEAVE_SYNC_REQUESTS = 2
/** Lookups of one round of hand-over, and of a leave. */
export const HAND_OVER_LOOKUPS_MAX = 64
/** How long one that leaves looks for the roots of its copies: whose are not found by then go by its own tables. */
export const LEAVE_LOOKUPS_MS = 500
/**
 * Peers that one that leaves tries to give the same records to: more than there are copies, for all who have one may
 * leave at the same time.
 */
export const HEIRS_MAX = 8
/** Rounds of a leave, and the pause between two of them. */
export const LEAVE_ROUNDS_MAX = 5
export const LEAVE_PAUSE_MS = 200
/** Ranges whose fingerprints are kept at hand for those who compare. */
export const DIGEST_RANGES_MAX = 8
/**
 * Keys and records that digests for others may look through, a second and at once: one past it is answered `busy`.
 * A full store with a key for each record takes about 400,000 for a comparison of all of it.
 */
export const DIGEST_RECORDS_PER_S = 500_000
export const DIGEST_RECORDS_BURST = 2_000_000
/** As many records are looked through in the time in which the tables tell the root of one key. */
export const DIGEST_ROOT_RECORDS = 8

/** Beyond a round trip, an answer to `store` may take so long: at a replica, and at a root, which asks replicas. */
export const REPLICA_PATIENCE_MS = 2000
export const ROOT_PATIENCE_MS = 8000

/** What users wait for. */
export const PRIORITY_READ = 10
export const PRIORITY_STORE = 12
/** Repair and hand-over, which give way to everything else. */
export const PRIORITY_COPY = 20

/** Copies beside the root's: with these a key survives three holders that die between two repairs. */
export const REPLICAS_DEFAULT = 3
/** Half the time in which a replica that is gone should be noticed and replaced. */
export const REPAIR_MS = 60_000
export const REPAIR_BYTES_PER_S = 64 * 1024
