/** Bounds of the path of one lookup, as it is kept and drawn. What is beyond them is counted. */

/** Messages of one lookup while it is under way: a flood among some thousands of peers. */
export const TRACED_MESSAGES_MAX = 8_000
/** Of a path in results. */
export const PATH_EVENTS_MAX = 500
/** Peers that a path is drawn among. */
export const PATH_PEERS_MAX = 192
/** Links between these that are drawn. */
export const PATH_LINKS_MAX = 1_000
