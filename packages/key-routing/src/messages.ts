/**
 * Messages of lookups and of records, which every structured overlay carries beside its own. `routing.proto`
 * is their form on the wire. Ids are whole numbers of 32 bits, unique among the requests that their sender has
 * not had answered; an answer repeats the id of its request.
 */
import type { Contact, Key } from '@servent/overlay/machine'
import type { StoreAnswer, StoreRequest } from './store-messages.ts'

/** Where the answer goes: straight to whoever asks, or back along the path of the lookup. */
export type ReplyBy = 'direct' | 'path'

/** `table`: maintenance of an overlay's own tables, so that its cost is counted apart. */
export type LookupPurpose = 'user' | 'table'

export interface Lookup {
  readonly type: 'lookup'
  /** Chosen by the origin: it and the origin's PeerId name the lookup. */
  readonly id: number
  readonly origin: Contact
  readonly key: Key
  readonly purpose: LookupPurpose
  readonly replyBy: ReplyBy
  /** Steps so far: 1 in the message that the origin sends. */
  readonly hops: number
  /** Peers so far that were asked and did not answer in time. */
  readonly timeouts: number
  /** Milliseconds that are left of the lookup's budget. */
  readonly budgetMs: number
  /** Whoever forwards takes the receiver for the root. */
  readonly root: boolean
  /** PeerIds' multihashes of peers nearer to the key that were found silent, at most `SILENT_MAX`. */
  readonly silent: readonly Uint8Array[]
}

/** Per-hop acknowledgement: the receiver has the lookup and takes it on. Answers the link, not the origin. */
export interface HopAck {
  readonly type: 'hop-ack'
  readonly origin: Contact['id']
  readonly id: number
}

export interface Found {
  readonly type: 'found'
  /** PeerId's multihash of the origin, for the way back along the path. */
  readonly origin: Contact['id']
  readonly id: number
  readonly root: Contact
  /** Keys that the root answers for: (from, to]. */
  readonly from: Key
  readonly to: Key
  /** Peers that hold copies, the nearest first, at most `REPLICAS_MAX`; none in a lookup for a table. */
  readonly replicas: readonly Contact[]
  readonly hops: number
  readonly timeouts: number
}

export interface LookupFailed {
  readonly type: 'lookup-failed'
  readonly origin: Contact['id']
  readonly id: number
  readonly reason: LookupFailure
  readonly hops: number
  readonly timeouts: number
}

/** `no-route`: nobody nearer answers. `budget`: time or steps are used up. `not-ready`: the peer has not joined. */
export type LookupFailure = 'no-route' | 'budget' | 'not-ready' | 'busy'

/** One step of an iterative lookup. */
export interface NextHopsRequest {
  readonly type: 'next-hops-request'
  readonly id: number
  readonly key: Key
  readonly purpose: LookupPurpose
  readonly root: boolean
  readonly silent: readonly Uint8Array[]
}

export interface NextHopsAnswer {
  readonly type: 'next-hops-answer'
  readonly id: number
  /** Set where the one who was asked is the root. */
  readonly range?: { readonly from: Key; readonly to: Key }
  /** As in `Found`. */
  readonly replicas: readonly Contact[]
  /** At most `NEXT_HOPS_MAX`, the best first. */
  readonly hops: readonly { readonly contact: Contact; readonly root: boolean }[]
}

export interface Ping {
  readonly type: 'ping'
  readonly id: number
}

export interface Pong {
  readonly type: 'pong'
  readonly id: number
}

export type LookupMessage =
  | Lookup
  | HopAck
  | Found
  | LookupFailed
  | NextHopsRequest
  | NextHopsAnswer
  | Ping
  | Pong

export type RoutingMessage = LookupMessage | StoreRequest | StoreAnswer
