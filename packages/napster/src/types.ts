/**
 * What Napster's machine and its service say to each other.
 *
 * Searches, browses and questions are commands whose ids name them. Whatever a server hands on is verified by
 * the service before it is told of, so that nothing unsigned, expired or beside the point is ever shown.
 */
import type { IndexAnswer, IndexQuestion } from '@servent/keyword-index'
import type { Contact, FileRecord, MachineTypes, RequestId } from '@servent/overlay/machine'
import type { Found, NapsterMessage, SharedRecord, Wanted } from './messages.ts'

export interface NapsterTypes extends MachineTypes {
  message: NapsterMessage
  command: NapsterCommand
  notice: NapsterNotice
  question: NapsterQuestion
  answer: NapsterAnswer
  snapshot: NapsterTables
}

/** What the operator of a server chooses. */
export interface ServerSettings {
  /** Users logged in at a time, 1 to `USERS_MAX`. */
  readonly usersMax: number
  /** Users logged in at a time from one address of the Internet, 1 to `USERS_MAX`. */
  readonly usersPerAddressMax: number
  /** Files of one user, 1 to `SHARED_MAX`. */
  readonly sharedMax: number
  /** Message of the day, line by line, at most `MOTD_LINES_MAX`. */
  readonly motd: readonly string[]
}

export interface NapsterSettings {
  /** Where it is not given a nick is made of the PeerId. */
  readonly nick?: string
  /** 0 to `LINK_SPEED_MAX`, as message 2 has it. */
  readonly linkSpeed: number
  /** The program, as it names itself. */
  readonly agent: string
  /** Set where this peer is a server. Its own user is a user of it, and of no other. */
  readonly server?: Partial<ServerSettings>
}

export type NapsterCommand =
  /** Servers that the user named: to log in at, or, for a server, to link with. */
  | { readonly type: 'servers'; readonly contacts: readonly Contact[] }
  /** What this peer shares in all, and whether others cannot dial it. */
  | { readonly type: 'sharing'; readonly files: number; readonly firewalled: boolean }
  /** The catalogue changed: numbers of files. */
  | { readonly type: 'changed'; readonly added: readonly number[]; readonly removed: readonly number[] }
  /** The whole catalogue is announced again: there is a new one, or records near their end. */
  | { readonly type: 'announce' }
  /** Its id names the search. Ends by `search-ended`, or by `end-search`. */
  | { readonly type: 'search'; readonly wanted: Wanted }
  | { readonly type: 'end-search'; readonly search: RequestId }
  /** One page of what a user shares: `found` with its id, then `browsed`. */
  | { readonly type: 'browse'; readonly user: string; readonly after: string }
  | { readonly type: 'whois'; readonly nick: string }
  | { readonly type: 'hotlist'; readonly action: 'add' | 'remove'; readonly nick: string }
  /** Pings peers through the servers; each is answered by `pinged`, at most `PINGS_MAX` at a time. */
  | { readonly type: 'ping'; readonly peers: readonly Uint8Array[] }
  /** Asks a peer to call this one and show the nonce. Answered by `call-sent` or `call-refused`. */
  | { readonly type: 'call'; readonly to: Uint8Array; readonly index: number; readonly nonce: Uint8Array }
  /** A transfer of a file began or ended: the server counts them. */
  | { readonly type: 'transfer'; readonly direction: 'down' | 'up'; readonly begun: boolean }
  /** As a server: whether the index answers is found out, again and again until it does. */
  | { readonly type: 'index-check' }
  /** As a server: the index lost what it had, and everybody is asked to announce again. */
  | { readonly type: 'index-lost' }

export interface WhoisReply {
  readonly nick: string
  readonly online: boolean
  /** Of a user who is online. */
  readonly seconds?: number
  readonly shared?: number
  readonly downloads?: number
  readonly uploads?: number
  readonly linkSpeed?: number
  readonly client?: string
  /** Of one who is not: seconds since 1970. */
  readonly seenAt?: number
}

/** A result whose record was opened, and found to be what was searched for. */
export interface VerifiedFile {
  readonly index: number
  readonly record: FileRecord
  readonly nick: string
  readonly link: number
  readonly firewalled: boolean
  readonly contact: Contact
  readonly hops: number
}

export type NapsterNotice =
  | { readonly type: 'found'; readonly search: RequestId; readonly files: readonly VerifiedFile[] }
  | {
      readonly type: 'search-ended'
      readonly search: RequestId
      /** PeerIds of servers that did not answer. */
      readonly unanswered: readonly string[]
      readonly reason: string
      /** There was no server to ask. */
      readonly nobody?: true
    }
  /** Messages of a search that went out or came in, so that their bytes can be counted. */
  | { readonly type: 'search-traffic'; readonly search: RequestId; readonly message: NapsterMessage }
  | {
      readonly type: 'browsed'
      readonly browse: RequestId
      readonly next: string
      readonly reason: string
    }
  | { readonly type: 'whois'; readonly whois: RequestId; readonly reply: WhoisReply | undefined }
  | {
      readonly type: 'hotlist'
      readonly event: 'on' | 'off' | 'refused'
      readonly nick: string
      readonly linkSpeed: number
    }
  | {
      readonly type: 'pinged'
      readonly ping: RequestId
      readonly peerId: string
      readonly rttMs: number | undefined
    }
  | { readonly type: 'call-sent'; readonly call: RequestId }
  | { readonly type: 'call-refused'; readonly call: RequestId; readonly reason: string }
  /** Somebody asked this peer to call and serve a file; within the limits on calls. */
  | {
      readonly type: 'call-asked'
      readonly contact: Contact
      readonly index: number
      readonly nonce: Uint8Array
      /** PeerId of the server that handed it on. */
      readonly via: string
    }
  /** Logged in, or not any more. */
  | { readonly type: 'session'; readonly server: string | undefined }

/** A result as it came, with what the verification must hold it against. */
export interface Claim {
  readonly found: Found
  readonly hops: number
}

export type NapsterQuestion =
  | IndexQuestion
  /** Which of these are signed by this provider and not expired. */
  | { readonly type: 'verify-shares'; readonly provider: string; readonly files: readonly SharedRecord[] }
  /** The same of results, each of the contact that it names, and whether they are what is searched for. */
  | { readonly type: 'verify-found'; readonly search: RequestId; readonly claims: readonly Claim[] }
  /** The next files of the catalogue with their records. A new pass begins at the first file. */
  | { readonly type: 'next-files'; readonly pass: number; readonly limit: number }
  | { readonly type: 'files'; readonly indexes: readonly number[] }

export type NapsterAnswer =
  | IndexAnswer
  /** In the order of the question; nothing where one is not sound. */
  | { readonly type: 'shares'; readonly records: readonly (FileRecord | undefined)[] }
  | { readonly type: 'verified'; readonly files: readonly VerifiedFile[] }
  | { readonly type: 'files'; readonly files: readonly SharedRecord[]; readonly isLast: boolean }

export interface SeenServer {
  readonly peerId: string
  readonly inbound: boolean
  readonly connectedMs: number
  readonly agent: string
  /** The server of this user, one that this server is linked with, or a user of this server. */
  readonly role: 'home' | 'mesh' | 'user'
  /** What the host knows of the link. */
  readonly [detail: string]: unknown
}

/** Tables for people. */
export interface NapsterTables {
  readonly role: 'client' | 'server'
  readonly nick: string
  /** PeerId of the server that this user is logged in at. */
  readonly server: string | null
  readonly motd: readonly string[]
  /** As the server last told. */
  readonly stats: { readonly users: number; readonly files: number; readonly gigabytes: number } | null
  readonly hotlist: readonly string[]
  readonly announced: { readonly files: number; readonly of: number }
  /** The server says that this user may share no more. */
  readonly quotaReached: boolean
  readonly neighbours: readonly SeenServer[]
  readonly serversKnown: number
  /** Of a server. */
  readonly users: number
  readonly files: number
  readonly bytes: number
  readonly nicks: number
  readonly searches: number
  /** The index answered the last question. Where it did not, it is asked again and again whether it is back. */
  readonly indexReachable: boolean
  readonly counters: Readonly<Record<string, number>>
}
