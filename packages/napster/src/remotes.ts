/** Peers at the other end of links: newcomers, users of this server, other servers, and this user's own server. */
import type { IndexedFile } from '@servent/keyword-index'
import { type Link, type LinkOrigin, type Peer, peerIdText, TokenBucket } from '@servent/overlay/machine'
import {
  MESH_QUERIES_BURST,
  MESH_QUERIES_PER_SECOND,
  MESH_RELAYS_BURST,
  MESH_RELAYS_PER_SECOND,
  QUESTIONS_BURST,
  QUESTIONS_PER_SECOND,
  RELAYED_BURST,
  RELAYED_PER_SECOND,
  RELAYS_BURST,
  RELAYS_PER_SECOND,
  SHARES_BURST,
  SHARES_PER_SECOND
} from './constants.ts'
import type { HelloMessage } from './messages.ts'

/** The link of a server's own user to it, which never leaves the machine. */
export const LOCAL_LINK: Link = -1

export class Remote {
  readonly link: Link
  readonly peer: Peer
  /** The PeerId that Noise has proven, in bytes and as text. */
  readonly id: Uint8Array
  readonly peerId: string
  readonly inbound: boolean
  /** Where it is, by its connection. */
  readonly origin: LinkOrigin | undefined
  readonly upMs: number
  heardMs: number
  hello: HelloMessage | undefined
  /** Set once it has logged in here. */
  user: User | undefined
  /** Set once it is a server that this one is linked with. */
  mesh: MeshPeer | undefined
  /** Its queue is over the high mark: nothing long is added. */
  isFull = false
  /** Messages that broke the rules since `offencesMs`. */
  offences = 0
  offencesMs = 0
  /** It is being closed: nothing more is sent, and nothing that it brings counts. */
  leaving = false

  constructor(link: Link, peer: Peer, id: Uint8Array, inbound: boolean, nowMs: number, origin?: LinkOrigin) {
    this.link = link
    this.peer = peer
    this.id = id
    this.peerId = peerIdText(id)
    this.inbound = inbound
    this.origin = origin
    this.upMs = nowMs
    this.heardMs = nowMs
  }
}

/** What is kept of one shared file beside the index. */
export interface KeptFile {
  readonly size: number
  /** What it costs the index. */
  readonly bodyBytes: number
  readonly words: number
  /** Of programs of other makers. */
  readonly md5: string
}

/** Somebody who is logged in here. */
export class User {
  readonly remote: Remote
  /** Under which the index keeps what they share. */
  readonly owner: string
  readonly nick: string
  readonly client: string
  readonly loggedMs: number
  linkSpeed: number
  /** Of OpenNap's transfers; 0 says that nobody can call this user. */
  port: number
  /** By their keys in the index. */
  readonly files = new Map<string, KeptFile>()
  bytes = 0
  bodyBytes = 0
  words = 0
  /** Files of message 100 that wait to go to the index together. */
  readonly plain = new Map<string, { readonly file: IndexedFile; readonly md5: string }>()
  downloads = 0
  uploads = 0
  readonly hotlist = new Set<string>()
  readonly questions: TokenBucket
  readonly shares: TokenBucket
  readonly relays: TokenBucket
  readonly relayed: TokenBucket
  searches = 0
  /** Downloads that this user was asked for: by the nick of who asked, and the name; by whom, and when. */
  readonly asked = new Map<string, { readonly by: User; readonly atMs: number }>()

  constructor(
    remote: Remote,
    login: { owner: string; nick: string; client: string; linkSpeed: number; port: number },
    nowMs: number
  ) {
    this.remote = remote
    this.owner = login.owner
    this.nick = login.nick
    this.client = login.client
    this.linkSpeed = login.linkSpeed
    this.port = login.port
    this.loggedMs = nowMs
    this.questions = new TokenBucket(QUESTIONS_BURST, QUESTIONS_PER_SECOND, nowMs)
    this.shares = new TokenBucket(SHARES_BURST, SHARES_PER_SECOND, nowMs)
    this.relays = new TokenBucket(RELAYS_BURST, RELAYS_PER_SECOND, nowMs)
    this.relayed = new TokenBucket(RELAYED_BURST, RELAYED_PER_SECOND, nowMs)
  }
}

/** Another server. */
export class MeshPeer {
  readonly queries: TokenBucket
  readonly relays: TokenBucket
  /** Results that have not the words that were asked for. */
  junk = 0
  /** Queries that it has not ended since it ended one. */
  unended = 0

  constructor(nowMs: number) {
    this.queries = new TokenBucket(MESH_QUERIES_BURST, MESH_QUERIES_PER_SECOND, nowMs)
    this.relays = new TokenBucket(MESH_RELAYS_BURST, MESH_RELAYS_PER_SECOND, nowMs)
  }
}
