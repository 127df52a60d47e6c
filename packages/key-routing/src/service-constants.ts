/** Numbers of the service of a key-routed overlay: how long what is announced lives, and how fast it goes out. */
import { FULL_REMEMBERED_MS } from './store-constants.ts'

/** What announcing may send, bytes a second, where nobody says otherwise: 100,000 files in about four hours. */
export const PUBLISH_BYTES_PER_S = 32 * 1024
/**
 * Bytes of records in one command to publish, about: what the budget allows in `PUBLISH_BATCH_S`, and no less and no more
 * than this. In a larger batch more records have the same root, and go to it in one message.
 */
export const PUBLISH_BATCH_BYTES = 64 * 1024
export const PUBLISH_BATCH_BYTES_MOST = 1024 * 1024
export const PUBLISH_BATCH_S = 2
/** Between two looks at whether the network still has a record: from the beginning of one pass over all to the next. */
export const AUDIT_PASS_MS = 60_000
/** Records that are looked after, bytes a second, and at once: some 400 files an hour. */
export const AUDIT_BYTES_PER_S = 256
export const AUDIT_BURST_BYTES = 4096
/** By how much a record that is looked after is older than what was announced, of which whole seconds are remembered. */
export const AUDIT_OLDER_MS = 2000
/** Files in one command to publish, for each `PUBLISH_BATCH_BYTES`: they may be of few words. */
export const PUBLISH_BATCH_FILES = 32
/** How long a record of a file, a provider or a value lives, and how long before its end it is made anew. */
export const PUBLISHED_LIFETIME_MS = 24 * 60 * 60 * 1000
export const PUBLISHED_RENEW_MS = 12 * 60 * 60 * 1000
/** From a change of the catalogue until it is looked through: changes come in crowds. */
export const CATALOGUE_SETTLE_MS = 500
/** Between two looks through the catalogue when nothing has changed, and after one that did not reach the overlay. */
export const CATALOGUE_PASS_MS = 10 * 60 * 1000
export const CATALOGUE_RETRY_MS = 2000
/** Until records are tried again that no root said yes or no to: by then the ring has healed, or is less busy. */
export const LOST_RETRY_MS = 30_000
/** Files of which such records are remembered; one past it is announced again as a whole. */
export const LOST_FILES_MAX = 1024
/** Until a file that nobody had room for is tried again, and a key that was full: as long as holders remember it. */
export const REFUSED_RETRY_MS = FULL_REMEMBERED_MS
/** Keys that are known to be full; of more the one that was known longest is tried again. */
export const FULL_KEYS_MAX = 8192
/** Batches of late, and how late, by which the pace of announcing is told. */
export const PACE_BATCHES_MAX = 64
export const PACE_MS = 5 * 60 * 1000
/** Until a value or a provided content is renewed again that could not be. */
export const RENEWAL_RETRY_MS = 5 * 60 * 1000
/** Files that are not shared any more and whose records are still to be withdrawn: others expire. */
export const WITHDRAWALS_MAX = 10_000
/** Contents that `provide` keeps announced, and values that `put` keeps alive. */
export const PROVIDED_MAX = 65_536
export const OWN_VALUES_MAX = 1024
/** Files whose records are looked for at the start: where one is gone, the network has forgotten this peer. */
export const SAMPLE_FILES = 4
/** Files whose announcement is saved together. */
export const ANNOUNCED_CHUNK = 1024

/** A search, a read or a write ends after this where nobody says how long. */
export const SEARCH_MS = 10_000
export const VALUE_MS = 20_000
/**
 * Times that a search is begun of which nothing came but that nobody responsible was reached, or a value is read that too
 * few answered: a busy peer may answer yet.
 */
export const READ_TRIES_MAX = 3
/** Until the second of them; each further pause is twice as long. */
export const READ_RETRY_MS = 250
/** Times that a value or a provider record is brought to its root while nobody takes it for a passing reason. */
export const STORE_TRIES_MAX = 5
/** Until the second of them; each further pause is twice as long. */
export const STORE_RETRY_MS = 500
/** Lookups of an overlay's own budget are shorter than this. */
export const LOOKUP_WAIT_MS = 30_000
/** How long `ready` waits where no signal ends it. */
export const READY_MS = 60_000
/** Calls that wait at a time until the overlay is ready: one past it is refused. Each may hold a value. */
export const CALLS_WAITING_MAX = 1024
/** Between two looks at the tables while calls wait, and between two times that the contacts are asked again. */
export const LOOK_MS = 20
export const SEEK_MS = 1000
/** Records that a search looks through for those that match. */
export const SEARCH_RECORDS_MAX = 2048
/** Providers of one content that are looked for. */
export const PROVIDERS_MAX = 256
