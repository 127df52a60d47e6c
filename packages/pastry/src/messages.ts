/**
 * What Pastry's nodes say to each other beside lookups and records (`@servent/key-routing`). A nodeId is the key of
 * the peer's PeerId, so nobody can claim another: whoever receives a contact computes it, and with it the place where
 * it belongs. That is why rows and sets travel as plain lists.
 *
 * Ids are those of `Calls`: whole numbers of 32 bits, unique among the requests that their sender has not had
 * answered; an answer repeats the id of its request. Messages without an id ask for nothing back.
 */
import type { RoutingMessage } from '@servent/key-routing/machine'
import type { Contact } from '@servent/overlay/machine'

/**
 * `member`: its whole leaf set has answered, so it delivers. `joining`: not yet; it takes its place in the leaf sets of
 * others and keeps what comes. `out`: neither, so that whoever has it in a table must drop it.
 */
export type Standing = 'member' | 'joining' | 'out'

/** Sizes that must be alike in all of a network: what the sender has. */
export interface Sizes {
  /** |L|. */
  readonly leafSet: number
  /** b. */
  readonly digitBits: number
}

/**
 * A joiner asks node after node on the way to the one that is closest to its id (Rowstron section 2.4). Who asks is
 * left out of all that is answered, so that a ring can be asked for its neighbours by one that it knows already.
 */
export interface JoinRequest {
  readonly type: 'join-request'
  readonly id: number
  /** The first row that it has not been given yet. */
  readonly row: number
  /** Whether it wants the neighbourhood set: of the first node, which is near. */
  readonly neighbours: boolean
  /** PeerIds' multihashes of nodes that were silent, at most `SILENT_MAX`. */
  readonly silent: readonly Uint8Array[]
}

export interface JoinAnswer extends Sizes {
  readonly type: 'join-answer'
  readonly id: number
  readonly standing: Standing
  /** The sender is the closest that it knows: `leaves` is its leaf set. */
  readonly root: boolean
  /** Of the rows from the one that was asked for to the last that they share, at most `JOIN_ENTRIES_MAX`. */
  readonly entries: readonly Contact[]
  /** At most `NEIGHBOURHOOD_MAX`. */
  readonly neighbours: readonly Contact[]
  /** At most `LEAF_SET_MAX`. */
  readonly leaves: readonly Contact[]
  /** Whom to ask next, the best first, at most `NEXT_HOPS_MAX`. */
  readonly hops: readonly Contact[]
}

/** What two nodes tell each other when one takes the other for a leaf (Castro figure 2, LS-PROBE and its reply). */
export interface LeafState extends Sizes {
  readonly standing: Standing
  /** At most `LEAF_SET_MAX`. */
  readonly leaves: readonly Contact[]
  /** PeerIds' multihashes of nodes that it found failed lately, at most `FAILED_TOLD_MAX`. */
  readonly failed: readonly Uint8Array[]
  /** The period of its table probes as it tuned it, for the median of others; 0: it has none. */
  readonly probePeriodMs: number
}

export interface LeafProbe extends LeafState {
  readonly type: 'leaf-probe'
  readonly id: number
}

export interface LeafProbeAnswer extends LeafState {
  readonly type: 'leaf-probe-answer'
  readonly id: number
}

/** To the left neighbour, every `heartbeatMs` (Castro section 4.1). */
export interface Heartbeat {
  readonly type: 'heartbeat'
}

/** Asks for a row of the receiver's table, for a repair or for nearer entries. */
export interface RowRequest {
  readonly type: 'row-request'
  readonly id: number
  readonly row: number
  /** One column of it, or `COLUMNS_MAX` for all. */
  readonly column: number
}

export interface Row {
  readonly type: 'row'
  readonly id: number
  /** At most `COLUMNS_MAX`. */
  readonly entries: readonly Contact[]
}

/** A node that became active sends each row to the nodes in it (Rowstron section 2.4, Castro section 4.2). */
export interface Announce {
  readonly type: 'announce'
  /** At most `COLUMNS_MAX`. */
  readonly entries: readonly Contact[]
}

export interface NeighboursRequest {
  readonly type: 'neighbours-request'
  readonly id: number
}

export interface Neighbours {
  readonly type: 'neighbours'
  readonly id: number
  /** At most `NEIGHBOURHOOD_MAX`. */
  readonly neighbours: readonly Contact[]
}

/** How far the receiver is, as the sender measured it: the way back is as long (Castro section 4.2). */
export interface Distance {
  readonly type: 'distance'
  /** Microseconds of a round trip, at most `DISTANCE_MS_MAX` thousand. */
  readonly distanceUs: number
}

/** The sender leaves of its own accord. */
export interface Leave {
  readonly type: 'leave'
  /** Who may take its place: its leaf set, at most `LEAF_SET_MAX`. */
  readonly leaves: readonly Contact[]
}

export type NodeRequest = JoinRequest | LeafProbe | RowRequest | NeighboursRequest
export type NodeAnswer = JoinAnswer | LeafProbeAnswer | Row | Neighbours
export type NodeMessage = NodeRequest | NodeAnswer | Heartbeat | Announce | Distance | Leave

export type PastryMessage = RoutingMessage | NodeMessage
