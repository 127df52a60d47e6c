/** Numbers that structured overlays have in common: defaults of their settings, and bounds of whom they remember. */
import { REPLICAS_DEFAULT } from './store-constants.ts'

/** Holders of a record, its root among them. */
export const HOLDERS_DEFAULT = 1 + REPLICAS_DEFAULT
/** Between two saves of the peer cache. */
export const SAVE_MS = 300_000
/** Shortest period that a setting may ask for. */
export const PERIOD_MS_MIN = 100
/** Longest period that a setting may ask for. */
export const PERIOD_MS_MAX = 24 * 60 * 60 * 1000

/** Contacts that are asked again when nobody else answers: those that the user chose, and the latest others. */
export const BOOTSTRAP_PEERS_MAX = 8
/** Peers of the tables that went silent: who tells of the other side when a partition heals. */
export const LOST_PEERS_MAX = 16
/** Contacts that the saved peer cache holds: as many as are remembered beside the tables. */
export const SAVED_PEERS_MAX = BOOTSTRAP_PEERS_MAX + LOST_PEERS_MAX

/** How long leaving may take: others take records over, and are told who goes. */
export const LEAVE_MS = 1_500

/**
 * A root that lies so far from its key that by chance one answer in so many would name it is doubted: other ways
 * are tried, and of what they bring the nearest is taken. By a list of 8 alone that is 11 gaps, by one of 20 it is 8.
 */
export const ROOT_ODDS_DOUBTED = 1_000
/** One in so many is not believed at all, as far as the ring is no smaller than `RING_SHRINK_MAX` says. */
export const ROOT_ODDS_REFUSED = 1_000_000
/** A ring may have shrunk to one in so many since the own list was made: most of it died, or was cut off. */
export const RING_SHRINK_MAX = 2

/** Of libp2p's connections, those that this peer's overlays together open before a call needs them. */
export const HELD_SHARE = 3 / 8
