/** Bounds of what is asked about people. */

/** Nicks on the hotlist: as many as Napster has; a test compares. */
export const HOTLIST_MAX = 32
/** Rows of one browse: as many files as a server takes of one user; a test compares. */
export const BROWSE_ROWS_MAX = 5_000
/** Providers of one file that are ranked before it is fetched: as many as are pinged at a time. */
export const RANKED_HOSTS_MAX = 8
/** A download does not wait longer for that. */
export const RANK_MS_MAX = 1_000
