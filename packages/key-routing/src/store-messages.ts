/** Messages about records: stored at a key's root, copied to its replica set, read by page. */
import type { Contact, Key } from '@servent/overlay/machine'

/**
 * `provider`: who has a content, under the content's key. `word`: who has a file whose name holds a word, under
 * the word's key. `value`: bytes under a key of the user's choice.
 */
export type RecordKind = 'provider' | 'word' | 'value'

/** What is kept under a key. One publisher has one record of a kind and subject under one key. */
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
}

/** `older`: a newer one is kept. `refused`: signature, expiry or form. `full`: a limit. `not-root`: look again. */
export type StoreOutcome = 'kept' | 'older' | 'refused' | 'full' | 'not-root'

export interface GetRecords {
  readonly type: 'get'
  readonly id: number
  readonly kind: RecordKind
  readonly key: Key
  /** Records to skip: where the last page ended. */
  readonly after: number
  /** At most `PAGE_RECORDS_MAX`; 0 asks for the count alone. */
  readonly limit: number
}

export interface RecordsPage {
  readonly type: 'page'
  readonly id: number
  readonly records: readonly StoredRecord[]
  /** How many there are under the key, capped at `COUNT_MAX`. */
  readonly total: number
  /** Where the next page begins; nothing where this one is the last. */
  readonly next?: number
}

/** What a holder has of a range, so that replicas copy only what differs. */
export interface DigestRequest {
  readonly type: 'digest-request'
  readonly id: number
  readonly from: Key
  readonly to: Key
}

/** One digest of all records in each of the range's parts, by which two holders find what differs. */
export interface DigestAnswer {
  readonly type: 'digest-answer'
  readonly id: number
  readonly digests: readonly Uint8Array[]
}

export type StoreRequest = StoreRecords | GetRecords | DigestRequest
export type StoreAnswer = RecordsStored | RecordsPage | DigestAnswer
