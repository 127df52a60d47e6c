/** Numbers of the record store: bounds on what remote peers control, and times. Each says its unit. */
import { PEER_ID_BYTES_MAX } from '@servent/overlay/machine'

/** Of a value that a user puts. */
export const VALUE_BYTES_MAX = 8192
/** Of the key, as the user writes it, of a value. */
export const VALUE_KEY_BYTES_MAX = 256
/** Of a record's signed part: a value of `VALUE_BYTES_MAX` with its key, its fields and its envelope. */
export const RECORD_BODY_BYTES_MAX = VALUE_BYTES_MAX + VALUE_KEY_BYTES_MAX + PEER_ID_BYTES_MAX + 470
/** Of a record's subject: a digest. */
export const SUBJECT_BYTES = 32
/** Records in one `store` or one page. */
export const STORE_RECORDS_MAX = 64
/** Bytes of all records in one `store` or one page, as they are encoded. */
export const STORE_BYTES_MAX = 48 * 1024
export const PAGE_RECORDS_MAX = STORE_RECORDS_MAX
/** Digits by which a node of the tree of fingerprints is named. A fingerprint has 13. */
export const DIGEST_DEPTH_MAX = 12
/** Branches of a node of the tree of fingerprints. */
export const DIGEST_BRANCHES = 16
/** Fingerprints in one answer: with as many or fewer under a node, it answers with them. */
export const FINGERPRINTS_MAX = 128

/** How long a record may be valid: seven days, as `RECORD_LIFETIME_MS_MAX` of file records. */
export const STORED_LIFETIME_MS_MAX = 7 * 24 * 60 * 60 * 1000
/**
 * How far the sequence of a value under a key without a namespace may be ahead of the clock, since sequences
 * are milliseconds since 1970 there: whoever overwrites such a key can lock it for so long and no longer.
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

/** Copies beside the root's: with these a key survives three holders that die between two repairs. */
export const REPLICAS_DEFAULT = 3
/** Half the time in which a replica that is gone should be noticed and replaced. */
export const REPAIR_MS = 60_000
export const REPAIR_BYTES_PER_S = 64 * 1024
