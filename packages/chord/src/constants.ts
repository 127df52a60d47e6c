/**
 * Every number of Chord's machine, with its unit and where it comes from. ToN: Stoica et al., "Chord", IEEE/ACM
 * Transactions on Networking 11(1), 2003. Zave: "Reasoning about identifier spaces: how to make Chord correct",
 * IEEE Transactions on Software Engineering 43(12), 2017. Where nothing is named, the number is this house's.
 */

/** Entries of a successor list, at most; a network fixes its own number up to this. ToN's experiments: 20. */
export const SUCCESSORS_MAX = 32
/** OverSim's default for Chord. */
export const SUCCESSORS_DEFAULT = 8
/** Places on the ring that one peer may take. ToN section VI-B goes to 20. A place's index is below this. */
export const VIRTUAL_NODES_MAX = 32
/**
 * Mean gaps of the own successor list that somebody else's range may be wide. Of random places one range in a few
 * hundred is wider; such a one costs a lookup for each of its keys.
 */
export const RANGE_GAPS_MAX = 8
/** Keys of virtual nodes that are kept; each is a hash that would else be made again. */
export const VIRTUAL_KEYS_MAX = 8192
/** Distinct fingers of one place: as many as there are powers of two, so log2 N with random keys. */
export const FINGERS_MAX = 64
/** Peers that take part while a ring forms; twice what the longest list needs, for two who meet half formed. */
export const FORMING_MEMBERS_MAX = 2 * (SUCCESSORS_MAX + 1)
/** Nodes that a finger is chosen from by its round trip; MIT's PNS takes as many as a successor list has. */
export const PROXIMITY_SAMPLES_MAX = 32

/** Between two rounds of stabilisation. A round comes after half to one and a half of it, as in ToN VI-D. */
export const STABILISE_MS = 30_000
/** Between two refreshed fingers. */
export const FIX_FINGERS_MS = 60_000
/** A predecessor that was silent for so long is asked whether it lives. */
export const CHECK_PREDECESSOR_MS = 60_000
/** Of one place, who are remembered of those that preceded it before its predecessor came. */
export const FORMER_PREDECESSORS_MAX = 4
/** Between two probes for a foreign ring. */
export const MERGE_MS = 120_000

/** A peer that knows nobody who answers for so long is a ring of its own, and merges later. */
export const JOIN_ALONE_MS = 10_000
/** After a join that came to nothing, until the next try. */
export const JOIN_RETRY_MS = 2_000
/** Between two exchanges of the members while a ring forms. */
export const FORMING_MS = 2_000
/**
 * From when a peer first meets others in a ring that forms until it has heard of those who came at the same time:
 * some exchanges, of which news bring one forward every `EXCHANGE_MS_MIN`.
 */
export const FORMING_SETTLE_MS = 500
/** Rounds without an answer after which a member of a ring that forms is given up. */
export const FORMING_SILENT_ROUNDS_MAX = 2
/** Names that one peer may bring up while a ring forms and that were not heard themselves, since it began. */
export const FORMING_NAMES_MAX = 8
/** For so long a ring that formed tells who founded it, so that founders who missed the moment follow. */
export const FOUNDERS_KEPT_MS = 60_000
/** Predecessors of predecessors that one round of stabilisation asks. */
export const STABILISE_STEPS_MAX = 16
/** Steps along the ring that a joiner takes to find the node that precedes it, before it looks up again. */
export const JOIN_STEPS_MAX = 16
/** Steps that a candidate for the place after somebody is passed on. */
export const CANDIDATE_STEPS_MAX = 32
/**
 * Periods of stabilisation for which a joiner waits until its root has a living predecessor: whoever lives before
 * the root says so within one and a half, when it has found its own successors dead.
 */
export const JOIN_PATIENT_ROUNDS = 3
/**
 * Candidates that are looked at at a time, one for each peer that tells of any; others come again with a later round.
 * More than there are links, by the limits of the service.
 */
export const CANDIDATES_MAX = 128

/** Finger guesses that wait for their pong at a time. */
export const FINGER_PROBES_MAX = 24
/** Nodes of unknown round trip that are measured in one round of one finger. */
export const PROXIMITY_PINGS_MAX = 4
/** Of so many visits to a finger that was compared with all of its samples, one looks for nearer ones again. */
export const PROXIMITY_SEARCH_ONE_IN = 8
/** Steps of a lookup in the ring of another peer. */
export const FOREIGN_STEPS_MAX = 64
/** Contacts that a peer without a ring asks at a time. */
export const CONTACTS_ASKED_MAX = 3
/** Shortest time between two exchanges that news bring forward while a ring forms. */
export const EXCHANGE_MS_MIN = 100
/** Messages that one message causes at most: the exchange while a ring forms, or a joiner's finger guesses. */
export const SENDS_PER_MESSAGE_MAX = FORMING_MEMBERS_MAX + FINGER_PROBES_MAX

/** Nodes that one place asks at a time whether they belong into its list: those of its own and of a head's, and no more. */
export const LIST_ASKS_MAX = 2 * SUCCESSORS_MAX
/** Rounds of stabilisation until lists that still differ are compared anew: half an hour with the default period. */
export const UNLIKE_ROUNDS_MAX = 64
