/**
 * What FastTrack's peers say to each other. The published packets that each stands for are named with it (giFT-FastTrack,
 * PROTOCOL 1.19); the cipher around them was obfuscation with its keys in clear, and is left out.
 */
import type { Contact } from '@servent/overlay/machine'

/**
 * What a link is wanted for. `probe`: the list and the load. `session`: be my supernode. `spare`: be it later, should
 * mine go. `peering`: supernode to supernode. A peer may say another one later.
 */
export type Wanting = 'probe' | 'session' | 'spare' | 'peering'

/** First on each link, by who wants something of the other (02, user info, and the handshake before it). */
export interface HelloMessage {
  readonly type: 'hello'
  readonly wants: Wanting
  readonly isSupernode: boolean
  /** What this peer believes of itself; a supernode tests it before it builds on it. */
  readonly isReachable: boolean
  /** Measured by itself; 0 where it was not. */
  readonly uploadKbps: number
  /** Of all its runs. */
  readonly uptimeS: number
  /** Its own multiaddrs; whose they are its link proves. */
  readonly addresses: readonly Uint8Array[]
  /** Supernodes that it would be told of: all that it can use, a few, or none. */
  readonly supernodesWanted: number
}

/** Answers a hello (01, supernode info; 09, stats). */
export interface WelcomeMessage {
  readonly type: 'welcome'
  /** The hello's. */
  readonly wants: Wanting
  readonly isAccepted: boolean
  readonly isSupernode: boolean
  readonly users: number
  /** Users that it has room for. */
  readonly usersMax: number
}

export interface SupernodeEntry {
  readonly contact: Contact
  readonly users: number
  /** Seconds since it was last seen. */
  readonly seenS: number
}

/** 00, the supernode list: as much as was asked for before a welcome, and what is new every two hours. */
export interface SupernodesMessage {
  readonly type: 'supernodes'
  readonly entries: readonly SupernodeEntry[]
  /** Users to turn to when this supernode dies and no other is left: told where it knows few others. */
  readonly heirs: readonly Contact[]
}

export interface UploadedFile {
  /** The sharer's number of the file. */
  readonly index: number
  /** Its record in a signed envelope. */
  readonly record: Uint8Array
}

/** 22, share. */
export interface ShareMessage {
  readonly type: 'share'
  readonly batch: number
  readonly files: readonly UploadedFile[]
}

/** 05, unshare. */
export interface UnshareMessage {
  readonly type: 'unshare'
  readonly batch: number
  readonly indices: readonly number[]
}

/**
 * Why a file is not in a supernode's index. `unsound`: its record is not signed by who brought it, or expired. `files`, `bytes`,
 * `words`: one user may have no more. `index`: all users together have what the supernode keeps. `other`: not said.
 */
export const REFUSALS = ['other', 'unsound', 'files', 'bytes', 'words', 'index'] as const
export type Refusal = (typeof REFUSALS)[number]

/** A batch is in the index, but for what was refused. FastTrack had none, and lost what it lost. */
export interface SharedMessage {
  readonly type: 'shared'
  readonly batch: number
  readonly refused: readonly number[]
  /** In the order of those that were refused; what is missing is `other`. */
  readonly reasons: readonly Refusal[]
}

/** The published comparisons. */
export type Compare = 'equal' | 'at-most' | 'near' | 'at-least' | 'substring'

/** A condition on a tag. Texts are compared by `near`, `equal` and `substring`, numbers by the others and `equal`. */
export interface Term {
  readonly compare: Compare
  readonly tag: string
  readonly value: string | number
}

/** What a query looks for. */
export interface Wanted {
  /** Tokens that name and tags together must have all. */
  readonly words: readonly string[]
  readonly without: readonly string[]
  /** A media type or its first half: what a published query calls its realm. Empty: any. */
  readonly mediaType: string
  readonly terms: readonly Term[]
  /** Of a content's id, where who has it is asked for: 32 bytes, or none. */
  readonly content: Uint8Array
  /** Results wanted. */
  readonly limit: number
}

/** 06, query, of a user; and 0A, forwarded query, between supernodes. */
export interface QueryMessage {
  readonly type: 'query'
  /** 32 hexadecimal digits. */
  readonly id: string
  /** Links between supernodes that it may still go over, and those that it has. */
  readonly ttl: number
  readonly hops: number
  readonly wanted: Wanted
}

export interface Result extends UploadedFile {
  readonly contact: Contact
}

/** 07, reply, along the path of the query. */
export interface ResultsMessage {
  readonly type: 'results'
  readonly id: string
  /** Links from the sharer to who gets this. */
  readonly hops: number
  readonly results: readonly Result[]
}

/** 08, end: no more comes for this query from here. */
export interface QueryEndMessage {
  readonly type: 'query-end'
  readonly id: string
}

/** Of a supernode to the user whose merit is best: be a supernode. Said yes to by a hello, no by `decline`. */
export interface PromoteMessage {
  readonly type: 'promote'
}

export interface DeclineMessage {
  readonly type: 'decline'
}

/** Of a supernode to a user: move to one of these; the records stay here until the link ends. */
export interface HandOverMessage {
  readonly type: 'hand-over'
  readonly to: readonly Contact[]
}

/** 50 and 52. */
export interface PingMessage {
  readonly type: 'ping'
}

export interface PongMessage {
  readonly type: 'pong'
  readonly users: number
  readonly usersMax: number
}

/** 0D, push: `target` is asked to call `contact` and show the nonce. */
export interface PushMessage {
  readonly type: 'push'
  /** The multihash of a PeerId. */
  readonly target: Uint8Array
  readonly index: number
  readonly contact: Contact
  readonly nonce: Uint8Array
  readonly ttl: number
}

export type FastTrackMessage =
  | HelloMessage
  | WelcomeMessage
  | SupernodesMessage
  | ShareMessage
  | UnshareMessage
  | SharedMessage
  | QueryMessage
  | ResultsMessage
  | QueryEndMessage
  | PromoteMessage
  | DeclineMessage
  | HandOverMessage
  | PingMessage
  | PongMessage
  | PushMessage
