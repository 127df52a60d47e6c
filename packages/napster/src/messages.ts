/** What clients and servers say to each other, decoded. Published messages are named in `formats.ts`. */
import type { Contact } from '@servent/overlay/machine'
import type { TextMessage } from './formats.ts'

export type { TextMessage } from './formats.ts'

export type Comparison = 'AT LEAST' | 'AT BEST' | 'EQUAL TO'

export interface Compared {
  readonly compare: Comparison
  readonly value: number
}

/** Type 200: files whose names contain all words of all parts. */
export interface PlainSearchMessage {
  readonly type: 'search'
  readonly contains: readonly string[]
  readonly limit?: number
  readonly link?: Compared
  readonly bitrate?: Compared
  readonly frequency?: Compared
  /** Linked servers are not asked. */
  readonly localOnly?: true
}

/** A published type that nothing here acts on, or one that is not known: kept as it came. */
export interface OtherMessage {
  readonly type: 'other'
  readonly code: number
  readonly body: Uint8Array
}

/** A sound frame whose text breaks the rules of its type. Never encoded. */
export interface MalformedMessage {
  readonly type: 'malformed'
  readonly code: number
  readonly reason: string
  /** As it came, for its price. */
  readonly body: Uint8Array
}

/** Bounds of a number; both ends belong to it. */
export interface Bounds {
  readonly min?: number
  readonly max?: number
}

/** What a search of ours looks for: the words of a `Query` as they are, or a content by its digest. */
export interface Wanted {
  readonly words: readonly string[]
  readonly without: readonly string[]
  /** Empty: any. */
  readonly mediaType: string
  readonly size: Bounds
  readonly link: Bounds
  readonly bitrate: Bounds
  /** The 32 bytes of a content id; where it is set, words are not looked at. */
  readonly content?: Uint8Array
  readonly limit: number
}

/** A peer that is a client, a server, or both. */
export interface HelloMessage {
  readonly type: 'hello'
  readonly version: number
  readonly server: boolean
  /** The program, for people. */
  readonly agent: string
  readonly addresses: readonly Uint8Array[]
  /** Other servers: those that this one is linked with. */
  readonly servers: readonly Contact[]
}

/** One file: the sharer's number of it, its length in plain numbers, and its signed record. */
export interface SharedRecord {
  readonly index: number
  readonly record: Uint8Array
}

export interface ShareRecordsMessage {
  readonly type: 'share-records'
  readonly batch: number
  readonly files: readonly SharedRecord[]
}

export interface UnshareRecordsMessage {
  readonly type: 'unshare-records'
  readonly batch: number
  readonly indexes: readonly number[]
}

/**
 * Why a file is not in the index. `later`: the server is too busy, or its index away, and it was not verified or not
 * stored yet. `unsound`: it is not signed by the peer at the other end, or expired. `full`: the user's quota is used up.
 */
export type ShareRefusal = 'later' | 'unsound' | 'full'

export interface RefusedFile {
  /** Of the file in its batch, from 0. */
  readonly place: number
  readonly reason: ShareRefusal
}

export interface ShareAckMessage {
  readonly type: 'share-ack'
  readonly batch: number
  /**
   * Files with which it was not done, in the order of their places. All others of the batch are in the index now, or
   * were taken out of it.
   */
  readonly refused: readonly RefusedFile[]
}

export interface AnnounceAgainMessage {
  readonly type: 'announce-again'
}

export interface FindMessage {
  readonly type: 'find'
  readonly query: number
  readonly wanted: Wanted
}

/** A file as an index keeps it; `record` is empty where its sharer signs none. */
export interface Entry {
  readonly index: number
  readonly name: string
  readonly size: number
  readonly md5: string
  readonly bitrate: number
  readonly frequency: number
  readonly seconds: number
  readonly record: Uint8Array
}

export interface Found {
  readonly nick: string
  readonly link: number
  /** Nobody can call this sharer. */
  readonly firewalled: boolean
  readonly contact: Contact
  /** An `Entry` in bytes: who only hands it on does not read it. */
  readonly entry: Uint8Array
}

export interface FoundMessage {
  readonly type: 'found'
  readonly query: number
  /** From server to server. */
  readonly hops: number
  readonly found: Found
}

export interface FoundEndMessage {
  readonly type: 'found-end'
  readonly query: number
  /** PeerIds of servers that did not answer in time, in bytes. */
  readonly unanswered: readonly Uint8Array[]
  /** Why there is nothing, or not all: empty where all is well. */
  readonly reason: string
}

/** A page of what a user shares. `user` is a nick, or a PeerId in text form. */
export interface BrowsePageMessage {
  readonly type: 'browse-page'
  readonly query: number
  readonly user: string
  /** The key of the last file of the page before; empty for the first. */
  readonly after: string
}

export interface BrowsePageEndMessage {
  readonly type: 'browse-page-end'
  readonly query: number
  /** Empty: there is no further page. */
  readonly next: string
  readonly reason: string
}

/** Something for one other user, by PeerId, whichever server they are at. */
export interface RelayMessage {
  readonly type: 'relay'
  readonly kind: RelayKind
  /** Servers that it may still pass. */
  readonly ttl: number
  readonly to: Uint8Array
  /** Who sent it: written by the server that they are logged in at. */
  readonly from: Contact
  /** 16 random bytes: the nonce of a call, or the name of a ping that its pong repeats. */
  readonly token: Uint8Array
  /** Of a call: the sharer's number of the file. */
  readonly index: number
}

export type RelayKind = 'ping' | 'pong' | 'call'

export interface MeshFindMessage {
  readonly type: 'mesh-find'
  readonly id: Uint8Array
  readonly ttl: number
  /** How long the answer is waited for. */
  readonly waitMs: number
  /** PeerIds of servers that were asked already. */
  readonly asked: readonly Uint8Array[]
  readonly wanted: Wanted
}

export interface MeshFoundMessage {
  readonly type: 'mesh-found'
  readonly id: Uint8Array
  readonly hops: number
  readonly found: Found
}

export interface MeshEndMessage {
  readonly type: 'mesh-end'
  readonly id: Uint8Array
  readonly unanswered: readonly Uint8Array[]
}

export type ExtensionMessage =
  | HelloMessage
  | ShareRecordsMessage
  | UnshareRecordsMessage
  | ShareAckMessage
  | AnnounceAgainMessage
  | FindMessage
  | FoundMessage
  | FoundEndMessage
  | BrowsePageMessage
  | BrowsePageEndMessage
  | RelayMessage
  | MeshFindMessage
  | MeshFoundMessage
  | MeshEndMessage

export type NapsterMessage =
  | TextMessage
  | PlainSearchMessage
  | ExtensionMessage
  | OtherMessage
  | MalformedMessage
