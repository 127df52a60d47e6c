/** Kelips's own messages. `kelips.proto` is their form on the wire. Ids are as in key-routing's messages. */
import type { RecordKind, RoutingMessage, StoreOutcome } from '@servent/key-routing/machine'
import type { Contact, Key } from '@servent/overlay/machine'
import type { Life } from './life-table.ts'
import type { Tuple } from './tuple-table.ts'

/** Everything that there is to know of a peer's life: whoever has never heard of it can check it. */
export interface PeerLife extends Life {
  readonly contact: Contact
}

/** A heartbeat of somebody who is known. */
export interface Beat {
  /** The first `PEER_PREFIX_BYTES` of the peer's key. */
  readonly peer: Uint8Array
  readonly beat: number
  readonly value: Uint8Array
}

export interface PeerTuple extends Tuple {
  readonly provider: Contact
}

/** One round's entries, or news. It wants no answer. */
export interface Gossip {
  readonly type: 'gossip'
  /** log2 of the number of groups, at the sender. */
  readonly level: number
  /** log2 of the number of peers as the sender takes it, in parts of `ESTIMATE_PARTS`. */
  readonly estimate: number
  readonly lives: readonly PeerLife[]
  readonly beats: readonly Beat[]
  readonly tuples: readonly PeerTuple[]
}

/** Asks to be introduced. Members of two networks that meet do so as well. */
export interface Join {
  readonly type: 'join'
  readonly id: number
  readonly level: number
  /** Networks of unlike heartbeats do not mix. */
  readonly heartbeatMs: number
  readonly life: PeerLife
}

export interface Welcome {
  readonly type: 'welcome'
  readonly id: number
  readonly level: number
  readonly estimate: number
  readonly heartbeatMs: number
  /** Members of the joiner's group first, and the sender itself. */
  readonly lives: readonly PeerLife[]
}

export type Part = 'members' | 'contacts' | 'tuples'

/** One page of what a member of the joiner's group knows. */
export interface StateRequest {
  readonly type: 'state-request'
  readonly id: number
  readonly part: Part
  /** A row of the asked one's table: where the last page ended. */
  readonly from: number
  readonly level: number
}

export interface State {
  readonly type: 'state'
  readonly id: number
  readonly lives: readonly PeerLife[]
  readonly tuples: readonly PeerTuple[]
  /** Where the next page begins; 0 where this one is the last. */
  readonly next: number
}

/** `peer`: the peers of the key's group that are nearest to the key. */
export type Want = RecordKind | 'peer'

/** Who has something under a key. Whoever cannot say passes it on, as long as `ttl` is not used up. */
export interface Find {
  readonly type: 'find'
  readonly id: number
  readonly key: Key
  readonly want: Want
  /** Tuples that the asker has already. */
  readonly after: number
  readonly ttl: number
}

export interface Providers {
  readonly type: 'providers'
  readonly id: number
  /** Whoever answers is of the key's group: that it has nothing means something. */
  readonly covers: boolean
  /** Steps from whoever was asked to whoever answers. */
  readonly hops: number
  readonly timeouts: number
  /** How many there are. */
  readonly total: number
  readonly tuples: readonly PeerTuple[]
  /** Of the group the nearest to the key; from outside, whom to ask instead. */
  readonly nearest: readonly Contact[]
}

/** A provider's tuples for the group of whoever is asked; none is a sign of life alone. */
export interface Offer {
  readonly type: 'offer'
  readonly id: number
  readonly life: PeerLife
  readonly tuples: readonly PeerTuple[]
}

export interface Offered {
  readonly type: 'offered'
  readonly id: number
  /** One for each tuple, in its order. */
  readonly outcomes: readonly StoreOutcome[]
  /** Tuples of this provider that it has. */
  readonly known: number
  /** When to say again that one lives, in seconds. */
  readonly refreshS: number
}

export type GroupMessage = Gossip | Join | Welcome | StateRequest | State | Find | Providers | Offer | Offered

export type KelipsMessage = RoutingMessage | GroupMessage
