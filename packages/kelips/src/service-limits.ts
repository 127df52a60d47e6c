/**
 * Bounds of Kelips's service. A group of 32 has 31 others and 62 contacts: as many links as may well be held; in a
 * larger network those that were used longest ago make room.
 */

/** Links that this peer opens. */
export const OWN_LINKS_MAX = 64
/** Links that others open. */
export const INBOUND_LINKS_MAX = 128
