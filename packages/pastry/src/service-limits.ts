/**
 * Bounds of Pastry's service. A node holds links to |L| leaves and to the entries of its table: 16 and about 40 in a
 * network of 1,000 with b = 4, 16 and 75 in one of a million. As many others hold one to it.
 */

/** Links that this peer opens: those of its tables, those of nodes whose distance it measures, and for records. */
export const OWN_LINKS_MAX = 128
/** Links that others open: near ones have several times the average. */
export const INBOUND_LINKS_MAX = 256
