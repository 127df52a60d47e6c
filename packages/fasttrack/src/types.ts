/**
 * What FastTrack's machine and its service say to each other.
 *
 * A search is a command whose id names it. Results come as `found` until `end-search`, each verified before, so that
 * nothing unsigned, expired or beside the point is ever shown. `more` takes the same search to another supernode.
 */
import type { IndexAnswer, IndexQuestion } from '@servent/keyword-index'
import type { Contact, FileRecord, MachineTypes, RequestId } from '@servent/overlay/machine'
import type { IdealPlace } from './ideal.ts'
import type { FastTrackMessage, Refusal, UploadedFile, Wanted } from './messages.ts'

export interface FastTrackTypes extends MachineTypes {
  message: FastTrackMessage
  command: FastTrackCommand
  notice: FastTrackNotice
  question: FastTrackQuestion
  answer: FastTrackAnswer
  snapshot: FastTrackTables
}

export type Role = 'ordinary' | 'supernode'

/** What the user of a node chooses. */
export interface FastTrackSettings {
  /** `auto`: by merit and need. A peer that is told to be a supernode never steps down. */
  readonly role: 'auto' | Role
  /** Ordinary nodes to one supernode that the network aims at. Peers of one network should agree on it. */
  readonly ordinariesPerSupernode: number
  /** Links between supernodes that a query goes over, 0 to `TTL_MAX`. */
  readonly ttl: number
  /** Bytes of records a second that are uploaded to a supernode. */
  readonly uploadBytesPerSecond: number
  /** Where a supernode has too many users, milliseconds until it asks one to be a supernode, at most `PROMOTION_DELAY_MS_MAX`. */
  readonly promotionDelayMs: number
}

export type FastTrackCommand =
  /** Its id names the search. A search that found no place is told by `search-refused`. */
  | { readonly type: 'search'; readonly wanted: Wanted; readonly ttl?: number }
  /** "Search more": the same search through another supernode, or of a supernode by others of its neighbours. */
  | { readonly type: 'more'; readonly search: RequestId }
  | { readonly type: 'end-search'; readonly search: RequestId }
  /** Asks a sharer, by way of its supernode, to call this peer and show the nonce. */
  | {
      readonly type: 'push'
      /** The multihash of its PeerId. */
      readonly target: Uint8Array
      readonly index: number
      readonly nonce: Uint8Array
    }
  /** What its host and its user know of this peer: whether others can dial it, and the rate it was measured at. */
  | { readonly type: 'circumstances'; readonly isReachable: boolean; readonly uploadKbps: number }
  /** For simulations: a place in a network that has been there for long. */
  | { readonly type: 'adopt'; readonly place: IdealPlace }
  /** What is shared has changed as a whole: all of it is uploaded, or uploaded anew. */
  | { readonly type: 'reshare' }
  /** Files that are shared since, and those that are not any more. */
  | {
      readonly type: 'changed'
      readonly added: readonly UploadedFile[]
      readonly removed: readonly number[]
    }
  /** Participation level of a user, 0 to `LEVEL_MAX`: in which order searches that wait have their turn. */
  | { readonly type: 'level'; readonly peerId: string; readonly level: number }

export type FastTrackNotice =
  | { readonly type: 'search-refused'; readonly search: RequestId; readonly reason: string }
  | {
      readonly type: 'found'
      readonly search: RequestId
      /** Links from here to the peer that has the files. */
      readonly hops: number
      readonly contact: Contact
      readonly files: readonly VerifiedFile[]
    }
  /** A round of a search is over: nothing more comes unless `more` is said. `isMore`: whether that may bring something. */
  | { readonly type: 'searched'; readonly search: RequestId; readonly isMore: boolean }
  /** Messages of a search that went out or came in, so that their bytes can be counted. */
  | {
      readonly type: 'search-traffic'
      readonly search: RequestId
      readonly message: FastTrackMessage
      readonly copies: number
    }
  | { readonly type: 'push-sent'; readonly push: RequestId }
  | { readonly type: 'push-refused'; readonly push: RequestId; readonly reason: string }
  /** Somebody asked this peer to call and serve a file; within the limits on calls. */
  | {
      readonly type: 'push-asked'
      readonly contact: Contact
      readonly index: number
      readonly nonce: Uint8Array
      /** PeerId of the neighbour that handed it on. */
      readonly via: string
    }
  | { readonly type: 'role'; readonly role: Role; readonly reason: string }
  /** A peer is this supernode's user now: who keeps levels tells its. */
  | { readonly type: 'user'; readonly peerId: string }

export interface VerifiedFile {
  readonly index: number
  readonly record: FileRecord
}

/** A record as it came, and the PeerId that must have signed it: of the link, or of the contact in a result. */
export interface Claim {
  readonly provider: Uint8Array
  readonly record: Uint8Array
}

export type FastTrackQuestion =
  | IndexQuestion
  /** Which records are signed by their providers and have not expired. */
  | { readonly type: 'verify'; readonly claims: readonly Claim[] }
  /** Own records of what is shared, in the order of their indices, after one: as many as fit, one at least. */
  | { readonly type: 'records'; readonly after: number; readonly bytesMax: number; readonly filesMax: number }
  /** Whether a peer can be dialled by a new connection. */
  | { readonly type: 'dial-back'; readonly contact: Contact }

export type FastTrackAnswer =
  | IndexAnswer
  /** In the order of the claims; nothing where one is not sound. */
  | { readonly type: 'verified'; readonly records: readonly (FileRecord | undefined)[] }
  | { readonly type: 'records'; readonly files: readonly UploadedFile[]; readonly isLast: boolean }
  | { readonly type: 'dialled'; readonly isReachable: boolean }

export interface SeenNeighbour {
  readonly peerId: string
  readonly inbound: boolean
  readonly connectedMs: number
  /** What it is to this peer: `supernode`, `spare`, `user`, `standby`, `peering`, `guest`, … */
  readonly bond: string
  /** Users that it said it has. */
  readonly users: number
  /** What the host knows of the link. */
  readonly [detail: string]: unknown
}

/** Tables for people. */
export interface FastTrackTables {
  readonly role: Role
  /** It hands its users over and will be ordinary. */
  readonly steppingDown: boolean
  readonly supernode: string | null
  readonly spare: string | null
  readonly neighbours: readonly SeenNeighbour[]
  /** Of a supernode. */
  readonly users: number
  readonly indexedFiles: number
  /** Supernodes that are known, at most `SUPERNODES_MAX`. */
  readonly knownSupernodes: number
  readonly announced: {
    readonly files: number
    readonly refused: number
    /** Of those that were refused, how many for which reason. */
    readonly reasons: Readonly<Partial<Record<Refusal, number>>>
    readonly isComplete: boolean
  }
  readonly searches: number
  readonly queries: number
  readonly counters: Readonly<Record<string, number>>
}
