/** Bounds and times of Chord's service, and of its links: what a node with 32 connections can do with. */

/** Links up at a time: tables, those who have this peer in theirs, and answers that go straight to their origin. */
export const LINKS_MAX = 96
/** Links up that others opened. */
export const INBOUND_LINKS_MAX = 64
/** How long leaving may take: neighbours take records over, and are told who follows whom. */
export const LEAVE_MS_MAX = 1_500
