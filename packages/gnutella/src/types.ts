/**
 * What Gnutella's machine and its service say to each other.
 *
 * A search is a command whose id names it. Hits come as `found` until `end-search`; the machine asks the
 * service to check each one before, so that nothing unsigned, expired or beside the point is ever shown.
 */
import type { Contact, FileRecord, MachineTypes, RequestId } from '@servent/overlay/machine'
import type { GnutellaMessage, Guid, HitResult } from './messages.ts'

export interface GnutellaTypes extends MachineTypes {
  message: GnutellaMessage
  command: GnutellaCommand
  notice: GnutellaNotice
  question: GnutellaQuestion
  answer: GnutellaAnswer
  snapshot: GnutellaTables
}

/** What the user of a node chooses. */
export interface GnutellaSettings {
  /**
   * Places for neighbours, 1 to `NEIGHBOURS_MAX`. There are never more links than this, whoever opened them.
   * A node itself looks for half as many, rounded up, and leaves the other places to those who come.
   */
  readonly neighbours: number
  /** TTL of own queries, 1 to `TTL_MAX`; in the two tiers the most that one goes between ultrapeers. */
  readonly ttl: number
  /** `User-Agent` of the handshake. */
  readonly agent: string
  /**
   * `flat`: all servents are alike, as the first ones were. `leaf` and `ultrapeer`: of the two tiers, that one.
   * `auto`: a leaf that becomes an ultrapeer where one is needed, and a leaf again where it is not.
   */
  readonly role: Role
  /** Whether route tables are told to ultrapeers, so that only queries that may match come. */
  readonly queryRouting: boolean
  /** Places for leaves of an ultrapeer, 1 to `LEAVES_MAX`. */
  readonly leaves: number
  /** Places for links between ultrapeers, 1 to `NEIGHBOURS_MAX`; half as many are looked for. */
  readonly degree: number
  /** How own searches are spread, and by an ultrapeer those of its leaves. */
  readonly search: SearchStyle
  /** Walkers of an own search of the style `random-walk`, 1 to `WALKERS_MAX`. */
  readonly walkers: number
  /** Whether queries of others that come again are answered from the cache; without it each is flooded anew. */
  readonly queryCache: boolean
}

export type Role = 'flat' | 'auto' | 'leaf' | 'ultrapeer'

/** What a servent is at a time. */
export type Tier = 'flat' | 'leaf' | 'ultrapeer'

/**
 * `flood`: one query to all neighbours at once, with the whole TTL. `dynamic`: by an ultrapeer to one neighbour after
 * another, as far as it takes; elsewhere as `flood`. Where all servents are alike, and else as `flood`:
 * `expanding-ring`, queries with a growing TTL, until enough was found (`expanding-ring-rules.ts`); `random-walk`,
 * walkers that each go to one neighbour at a time (`random-walk-rules.ts`).
 */
export type SearchStyle = 'flood' | 'dynamic' | 'expanding-ring' | 'random-walk'

/** What a query looks for, as it stands on the wire. */
export interface Wanted {
  readonly text: string
  readonly urns: readonly string[]
}

export type GnutellaCommand =
  /**
   * Its id names the search. Ends in `end-search` only; a search that found no place is told by `search-refused`.
   * `enough`: results, a file of one provider each, after which a search goes no further, if its style lets it:
   * `RESULTS_ENOUGH` where it is not said.
   */
  | ({ readonly type: 'search'; readonly ttl?: number; readonly enough?: number } & Wanted)
  | { readonly type: 'end-search'; readonly search: RequestId }
  /** Asks the servent to call this peer and show the nonce. Answered by `push-sent` or `push-refused`. */
  | { readonly type: 'push'; readonly servent: Guid; readonly index: number; readonly nonce: Uint8Array }
  /** What this peer shares in all, and whether others cannot dial it: said in pongs and pushes. */
  | {
      readonly type: 'sharing'
      readonly files: number
      readonly kibibytes: number
      readonly firewalled: boolean
      /** Bytes a second that this peer can take and give, where that is known: who has few becomes no ultrapeer. */
      readonly downBytesPerS?: number
      readonly upBytesPerS?: number
    }
  /**
   * Hashes of all that queries for what is shared here may name (`addHashes`), each of 32 bits. More than `WORDS_MAX`
   * are more than a table can tell, so that it claims everything. Until they are told this servent tells others no route table, and is asked everything.
   */
  | { readonly type: 'words'; readonly hashes: Uint32Array }
  /** Hashes that came to those since, so that what is new is found at once; all of them are told again a moment later. */
  | { readonly type: 'words-added'; readonly hashes: Uint32Array }
  /** The user changed the number of places; links over it get Bye 503, the youngest first. */
  | { readonly type: 'resize'; readonly neighbours: number }

export type GnutellaNotice =
  | { readonly type: 'search-refused'; readonly search: RequestId; readonly reason: string }
  /** Messages of a search that went out or came in, so that their bytes can be counted. */
  | {
      readonly type: 'search-traffic'
      readonly search: RequestId
      readonly message: GnutellaMessage
      readonly copies: number
    }
  | {
      readonly type: 'found'
      readonly search: RequestId
      /** Links from here to the peer that has the files. */
      readonly hops: number
      readonly contact: Contact
      readonly servent: Guid
      readonly files: readonly VerifiedFile[]
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

/** A result whose record was opened, and found to be what was searched for. */
export interface VerifiedFile {
  readonly index: number
  readonly record: FileRecord
}

/** The contact that a hit names, and what it says that it has. */
export interface Claim {
  readonly contact: Contact
  readonly results: readonly HitResult[]
}

export type GnutellaQuestion =
  /** What this peer shares of it: at most `limit` results, each with its signed record. */
  | ({ readonly type: 'match'; readonly limit: number } & Wanted)
  /** Which results are signed by the contact, not expired, within the size rule, and what the search is for. */
  | { readonly type: 'verify'; readonly search: RequestId; readonly claim: Claim }
  /** The same of hits that are to be answered from the cache, one verdict for each claim. */
  | ({ readonly type: 'vouch'; readonly claims: readonly Claim[] } & Wanted)

export type GnutellaAnswer =
  | { readonly type: 'match'; readonly results: readonly HitResult[] }
  | { readonly type: 'verify'; readonly files: readonly VerifiedFile[] }
  /** When the first of a claim's records expires, in milliseconds since 1970; 0 where one is not sound. */
  | { readonly type: 'vouch'; readonly expiresMs: readonly number[] }

/** One of the last queries that came by. Peers are PeerIds as text. */
export interface SeenQuery {
  readonly queryId: Guid
  /** As it came in; of own queries, as they went out. */
  readonly ttl: number
  readonly hops: number
  /** Nothing: asked by this peer. */
  readonly from: string | null
  readonly forwardedTo: readonly string[]
}

export interface SeenNeighbour {
  readonly peerId: string
  readonly inbound: boolean
  readonly connectedMs: number
  /** Its `User-Agent`, as it wrote it. */
  readonly agent: string
  /** In the two tiers: what it is to this servent. */
  readonly kind?: 'flat' | 'ultrapeer' | 'leaf'
  /** Its queue is too full for the queries that it sends to be taken. */
  readonly flowControlled: boolean
  /** What the host knows of the link. */
  readonly [detail: string]: unknown
}

/** Tables for people. */
export interface GnutellaTables {
  readonly servent: Guid
  readonly places: number
  readonly neighbours: readonly SeenNeighbour[]
  /** Links that are being opened or still shake hands. */
  readonly pending: number
  readonly hostCache: number
  /** The last ones, the oldest first. */
  readonly queries: readonly SeenQuery[]
  readonly searches: number
  readonly routes: { readonly queries: number; readonly pushes: number }
  readonly pongs: number
  readonly queryCache: { readonly queries: number; readonly hits: number; readonly bytes: number }
  readonly counters: Readonly<Record<string, number>>
  /** Of the two tiers; absent where the role is `flat`. */
  readonly tiers?: SeenTiers
}

export interface SeenTiers {
  readonly tier: Tier
  readonly ultrapeers: number
  readonly leaves: number
  readonly leafPlaces: number
  /** Leaves whose tables claim everything, or are not there yet. */
  readonly leavesUnrouted: number
  /** Of the table that is told to others: slots, and the part of them that is set. */
  readonly table: { readonly slots: number; readonly fill: number } | null
  readonly dynamicQueries: number
}
