/** Bounds of the wishlist: what searches that run by themselves may cost this node and others. */

const MINUTE_MS = 60_000
const GiB = 2 ** 30

/** Saved searches. */
export const WISHES_MAX = 100
/** A wish is searched for this often where the configuration says nothing, and never more often than the least. */
export const WISH_MINUTES_DEFAULT = 30
export const WISH_MINUTES_MIN = 10
export const WISH_MINUTES_MAX = 7 * 24 * 60
/** Between the searches of two wishes: a hundred wishes have their turn in less than the usual period. */
export const WISH_SPACING_MS = 15_000
/** After the start of the node: it meets others first. */
export const WISH_START_MS = MINUTE_MS
/** How often it is looked whether a wish is due: more often than one may be, for timers come late and early. */
export const WISH_LOOK_MS = 5_000
/** Of one search for a wish. */
export const WISH_SEARCH_MS = 10_000
/** Hits that one search for a wish takes. */
export const WISH_RESULTS_MAX = 100
/** Files that are remembered of one wish; those that were not found for longest go first. */
export const WISH_ROWS_MAX = 250
/** Providers that are remembered of one such file: a download looks for others. */
export const WISH_ROW_PROVIDERS_MAX = 4
/** Files that one wish fetches by itself in 24 hours: where the user says nothing, and at most. */
export const WISH_FILES_A_DAY_DEFAULT = 5
export const WISH_FILES_A_DAY_MAX = 100
/** Of these, the part of which one provider has the files, and one file at least. */
export const WISH_PROVIDER_SHARE_MAX = 0.5
/** Largest file that a wish fetches by itself where the user names no size. */
export const WISH_GET_BYTES_DEFAULT = GiB
