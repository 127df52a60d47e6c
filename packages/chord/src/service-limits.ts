/**
 * Bounds and times of Chord's service. A place on the ring holds links to r successors, a predecessor and
 * log2 N fingers: 12 peers in a ring of 64 and 23 in one of 16,000, with r = 8. As many others hold one to it.
 */

/** Links that this peer opens for each of its places: those of its tables, and some to read and write records. */
export const OWN_LINKS_MAX = 32
/** Links that others open, for each of its places: popular ones have several times the average. */
export const INBOUND_LINKS_MAX = 64
