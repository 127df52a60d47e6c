/** Messages about records: stored at a key's root, copied to its replica set, read by page. */
import type { Contact, Key } from '@servent/overlay/machine'

/**
 * `provider`: who has a content, under the content's key. `word`: who has a file whose name holds a word, under
 * the word's key. `value`: bytes under a key of the user's choice.
 */
export type RecordKind = 'provider' | 'word' | 'value'

/**
 * What is kept under a key. One publisher has one record of a kind and subject under one key; of a value there
 * is one under one key, whoever published it.
 */
export interface StoredRecord {
  readonly kind: RecordKind
  readonly key: Key
  /** Whose record it is, with addresses: what `findProviders` gives. For a value, who wrote it. */
  readonly publisher: Contact
  /** Of two records of one publisher, kind, key and subject, the larger number is the newer one. */
  readonly sequence: number
  /** Milliseconds since 1970. */
  readonly expiresMs: number
  /** Tells records of one publisher under one key apart: the digest of the content, 32 bytes; of a value, empty. */
  readonly subject: Uint8Array
  /** Signed by the publisher: a sealed file record, provider record or value, at most `RECORD_BODY_BYTES_MAX`. */
  readonly body: Uint8Array
  /**
   * Its publisher has taken it back: it is kept, copied and handed over like any other, so that no older one
   * comes back from a peer that did not hear of it, but it is neither counted nor read.
   */
  readonly withdrawn?: true
}

/** Keep these. A replica or a hand-over is not spread further by whoever takes it. */
export interface StoreRecords {
  readonly type: 'store'
  readonly id: number
  readonly as: 'root' | 'replica' | 'hand-over'
  /** At most `STORE_RECORDS_MAX` records and `STORE_BYTES_MAX` bytes. */
  readonly records: readonly StoredRecord[]
}

/** One word for each record of the request, in its order. A hand-over is deleted at its sender only after `kept`. */
export interface RecordsStored {
  readonly type: 'stored'
  readonly id: number
  readonly outcomes: readonly StoreOutcome[]
  /** Holders known to have each record, whoever answers among them: 1 where none was asked for copies. */
  readonly copies: readonly number[]
}

/**
 * `kept`: the root and as many copies as the write quorum asks for hold it. `few-copies`: the root holds it and
 * will copy it, but too few copies were acknowledged in time. `older`: a newer one is kept. `refused`:
 * signature, expiry or form. `busy`: try again later. `not-root`: look again.
 */
export type StoreOutcome = 'kept' | 'few-copies' | 'older' | 'refused' | Full | 'busy' | 'not-root'

/** Whose limit it is: of the holder as a whole, of the key, or of what the holder keeps of one publisher. */
export type Full = 'full' | 'full-key' | 'full-publisher'

export function isFull(outcome: string | undefined): outcome is Full {
  return outcome === 'full' || outcome === 'full-key' || outcome === 'full-publisher'
}

export interface GetRecords {
  readonly type: 'get'
  readonly id: number
  readonly kind: RecordKind
  readonly key: Key
  /** Where the last page ended: its `next`. 0 for the first page. */
  readonly after: number
  /** At most `PAGE_RECORDS_MAX`; 0 asks for the count alone. */
  readonly limit: number
}

export interface RecordsPage {
  readonly type: 'page'
  readonly id: number
  readonly records: readonly StoredRecord[]
  /** How many there are under the key; `COUNT_MAX` where more exist than one key may keep. */
  readonly total: number
  /** Where the next page begins; nothing where this one is the last. */
  readonly next?: number
}

/**
 * What a holder has of a range, so that two holders copy only what differs. Records are told apart by their
 * fingerprints (`records-digest.ts`), which form a tree of 16 branches; a request asks about one node of it.
 */
export interface DigestRequest {
  readonly type: 'digest-request'
  readonly id: number
  readonly from: Key
  readonly to: Key
  /** First hexadecimal digits of the fingerprints that are asked about, at most `DIGEST_DEPTH_MAX` digits. */
  readonly prefix: readonly number[]
  /** Of what the asker has there: where it is the same, one word answers. */
  readonly digest: number
}

/**
 * `same`: no more is needed. `branches`: 16 digests, one a branch of the node. `all`: the fingerprints of all
 * records there, for they are few, or the tree ends. `busy`: ask again later.
 */
export interface DigestAnswer {
  readonly type: 'digest-answer'
  readonly id: number
  readonly what: 'same' | 'branches' | 'all' | 'busy'
  /** At most `FINGERPRINTS_MAX`. */
  readonly hashes: readonly number[]
}

/** Asks for records by their fingerprints: answered by a page without `next`. */
export interface PullRecords {
  readonly type: 'pull'
  readonly id: number
  readonly from: Key
  readonly to: Key
  /** At most `STORE_RECORDS_MAX`. */
  readonly fingerprints: readonly number[]
}

export type StoreRequest = StoreRecords | GetRecords | DigestRequest | PullRecords
export type StoreAnswer = RecordsStored | RecordsPage | DigestAnswer
