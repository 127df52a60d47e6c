/** What every overlay gives to a node, a program that embeds it, and the lab. */
import type { Catalogue } from './catalogue.ts'
import type { ContentId } from './content-id.ts'
import type { Query } from './query.ts'
import type { FileRecord } from './record.ts'

export type OverlayName =
  | 'napster'
  | 'gnutella'
  | 'fasttrack'
  | 'bittorrent'
  | 'chord'
  | 'pastry'
  | 'kelips'
  | 'kademlia'

export interface Provider {
  /** PeerId in its text form. */
  readonly peerId: string
  /** Multiaddrs in text form, with or without `/p2p`. */
  readonly addresses: readonly string[]
  readonly overlay?: OverlayName
  /** How to reach a peer that cannot be dialled: its overlay asks it, along the path of its hit, to call. */
  readonly push?: PushRoute
}

/** Gnutella's Push: the servent's GUID in hexadecimal and its index of the file. */
export interface PushRoute {
  readonly overlay: OverlayName
  readonly servent: string
  readonly index: number
}

/** A file that somebody has. `record` was verified: its provider signed it, and it has not expired. */
export interface Hit {
  readonly record: FileRecord
  readonly provider: Provider
  readonly overlay: OverlayName
  readonly hops: number
  readonly elapsedMs: number
}

/** Filled in while a search runs: what this node itself sent and received for it. */
export interface SearchTraffic {
  messages: number
  bytes: number
}

export interface SearchOptions {
  readonly signal?: AbortSignal
  readonly timeoutMs?: number
  /** How far a flooded query goes. */
  readonly ttl?: number
  readonly traffic?: SearchTraffic
}

export interface NeighbourSnapshot {
  readonly peerId: string
  readonly inbound: boolean
  readonly connectedMs: number
  readonly [detail: string]: unknown
}

/** How far an overlay is with announcing what is shared. */
export interface AnnouncedSnapshot {
  readonly files: number
  readonly of: number
  /** Files that whoever keeps the index would not take, and why, in words. */
  readonly refused?: number
  readonly why?: string
  /** Of `files`, those that some of their words do not find, because others fill those words. */
  readonly partly?: number
  /** While files are left, where it is known: how many are done with of late, announced or refused, and how long it takes yet. */
  readonly filesPerS?: number
  readonly leftMs?: number
  /** While files are left: what holds them back. */
  readonly limit?: AnnouncingLimit
}

/**
 * `publishRate`: the setting of that name, in bytes a second. `providesPerSecond`: keys of Kademlia's a second.
 * `answers`: whoever is told takes his time. `nobody`: there is nobody yet who could be told.
 */
export interface AnnouncingLimit {
  readonly name: 'publishRate' | 'providesPerSecond' | 'answers' | 'nobody'
  readonly perS?: number
}

/** What status, page and lab show. Plain data. */
export interface OverlaySnapshot {
  readonly name: OverlayName
  readonly state: 'starting' | 'running' | 'stopped' | 'failed'
  /** Why it failed. */
  readonly reason?: string
  readonly neighbours: readonly NeighbourSnapshot[]
  readonly counters: Readonly<Record<string, number>>
  /** Files announced of files shared, where the overlay announces. */
  readonly announced?: AnnouncedSnapshot
  /** Tables of this overlay. */
  readonly [table: string]: unknown
}

export interface Overlay {
  readonly name: OverlayName
  attach(catalogue: Catalogue): void
  /** Files whose names, or tags, hold all words of the query. Ends at the query's limit or its time. */
  search(query: Query, options?: SearchOptions): AsyncIterable<Hit>
  findProviders(id: ContentId, options?: SearchOptions): AsyncIterable<Provider>
  snapshot(): OverlaySnapshot
}
