/** The links of this peer, what each is for, and what it may still bring. */
import {
  type Link,
  type LinkOrigin,
  OriginPlaces,
  type Peer,
  peerIdText,
  TokenBucket
} from '@servent/overlay/machine'
import {
  HAND_OVERS_BURST,
  HAND_OVERS_PER_SECOND,
  PUSHES_BURST,
  PUSHES_PER_SECOND,
  QUERIES_BURST,
  QUERIES_PER_SECOND,
  RELAYED_BURST,
  RELAYED_PER_SECOND,
  STRAYS_BURST,
  STRAYS_PER_SECOND,
  UPLOADS_BURST,
  UPLOADS_PER_SECOND
} from './constants.ts'
import type { Wanting } from './messages.ts'

/**
 * What the other side is to this peer. `new`: nothing was agreed on. `probed`: a supernode that was asked for its load.
 * `supernode`, `former`, `spare`: of an ordinary node, its own, the one that it moves away from, and the other one.
 * `user`, `standby`, `guest`: of a supernode, who searches through it, who may one day, and who only asks.
 * `peering`: both are supernodes.
 */
export type Bond =
  | 'new'
  | 'probed'
  | 'supernode'
  | 'former'
  | 'spare'
  | 'user'
  | 'standby'
  | 'guest'
  | 'peering'

/** What a supernode holds of a user beside the index. */
export class User {
  readonly sinceMs: number
  /** Bytes and words of each file that is indexed, by its number. */
  readonly files = new Map<number, { readonly bytes: number; readonly words: number }>()
  bytes = 0
  words = 0
  uploadKbps = 0
  uptimeS = 0
  saysReachable = false
  /** What dialling back said, and when. */
  dialled: { readonly isReachable: boolean; readonly atMs: number } | undefined
  /** When it was told to move. */
  movingMs: number | undefined
  /** When it was asked to be a supernode. */
  promotedMs: number | undefined
  /** It has not said no to that yet. */
  mayDecline = false
  level = 0

  constructor(nowMs: number) {
    this.sinceMs = nowMs
  }

  put(index: number, bytes: number, words: number): void {
    this.remove(index)
    this.files.set(index, { bytes, words })
    this.bytes += bytes
    this.words += words
  }

  remove(index: number): void {
    const file = this.files.get(index)
    if (file === undefined) return
    this.files.delete(index)
    this.bytes -= file.bytes
    this.words -= file.words
  }

  clear(): void {
    this.files.clear()
    this.bytes = 0
    this.words = 0
  }
}

export class Neighbour {
  readonly link: Link
  readonly peer: Peer
  /** The multihash of its PeerId. */
  readonly id: Uint8Array
  readonly inbound: boolean
  readonly origin: LinkOrigin | undefined
  readonly upMs: number
  bond: Bond = 'new'
  /** What it was last asked for, when, and whether with all of its list that can be used. */
  asked: { readonly wants: Wanting; readonly atMs: number; readonly isWhole: boolean } | undefined
  /** It answered a probe, and would take one more. */
  wouldTake = false
  /** Its link is closed for want of room, and not yet down. */
  isLeaving = false
  isSupernode = false
  /** This peer has reached it itself: it opened the link, or a dial back came through. */
  isReached: boolean
  /** A dial back was tried since it is linked as a supernode. */
  isReachTested = false
  /** What it says of itself. */
  users = 0
  usersMax = 0
  /** From a hello to its answer. */
  rttMs: number | undefined
  heardMs: number
  pingedMs: number | undefined
  /** Since when its send queue is over the high mark. */
  isFull = false
  /** There while it is a user. */
  user: User | undefined
  listedMs = Number.NEGATIVE_INFINITY
  readonly queries: TokenBucket
  readonly relayed: TokenBucket
  readonly uploads: TokenBucket
  readonly pushes: TokenBucket
  readonly handOvers: TokenBucket
  readonly strays: TokenBucket
  #name: string | undefined

  constructor(init: {
    link: Link
    peer: Peer
    id: Uint8Array
    inbound: boolean
    origin?: LinkOrigin | undefined
    nowMs: number
  }) {
    const { nowMs } = init
    this.link = init.link
    this.peer = init.peer
    this.id = init.id
    this.inbound = init.inbound
    this.origin = init.origin
    this.isReached = !init.inbound
    this.upMs = nowMs
    this.heardMs = nowMs
    this.queries = new TokenBucket(QUERIES_BURST, QUERIES_PER_SECOND, nowMs)
    this.relayed = new TokenBucket(RELAYED_BURST, RELAYED_PER_SECOND, nowMs)
    this.uploads = new TokenBucket(UPLOADS_BURST, UPLOADS_PER_SECOND, nowMs)
    this.handOvers = new TokenBucket(HAND_OVERS_BURST, HAND_OVERS_PER_SECOND, nowMs)
    this.strays = new TokenBucket(STRAYS_BURST, STRAYS_PER_SECOND, nowMs)
    this.pushes = new TokenBucket(PUSHES_BURST, PUSHES_PER_SECOND, nowMs)
  }

  /** PeerId as text, made once, when it is needed. */
  get name(): string {
    this.#name ??= peerIdText(this.id)
    return this.#name
  }
}

export class Neighbours {
  readonly #links = new Map<Link, Neighbour>()
  readonly #byPeer = new Map<Peer, Neighbour>()
  /** By PeerId as text: whose records are in the index. */
  readonly #users = new Map<string, Neighbour>()
  readonly #counts = new Map<Bond, number>()
  /** From where users are, and those for whom this peer is the spare. */
  readonly #places: Readonly<Partial<Record<Bond, OriginPlaces>>>

  constructor(perAddressMax: number, perNetworkMax: number) {
    this.#places = {
      user: new OriginPlaces(perAddressMax, perNetworkMax),
      standby: new OriginPlaces(perAddressMax, perNetworkMax)
    }
  }

  /** Whether from where it is there are as many users already, or standbys. */
  isPlaceFull(bond: 'user' | 'standby', { origin }: Neighbour): boolean {
    return this.#places[bond]!.full(origin) !== undefined
  }

  /** Places from which users and standbys are. */
  get places(): number {
    return this.#places.user!.size + this.#places.standby!.size
  }

  get size(): number {
    return this.#links.size
  }

  get all(): IterableIterator<Neighbour> {
    return this.#links.values()
  }

  add(neighbour: Neighbour): void {
    this.#links.set(neighbour.link, neighbour)
    this.#byPeer.set(neighbour.peer, neighbour)
    this.#count(neighbour.bond, 1)
  }

  get(link: Link | undefined): Neighbour | undefined {
    return link === undefined ? undefined : this.#links.get(link)
  }

  ofPeer(peer: Peer): Neighbour | undefined {
    return this.#byPeer.get(peer)
  }

  user(name: string): Neighbour | undefined {
    return this.#users.get(name)
  }

  delete(neighbour: Neighbour): void {
    this.setBond(neighbour, 'new', 0)
    this.#links.delete(neighbour.link)
    if (this.#byPeer.get(neighbour.peer) === neighbour) this.#byPeer.delete(neighbour.peer)
    this.#count('new', -1)
  }

  setBond(neighbour: Neighbour, bond: Bond, nowMs: number): void {
    if (neighbour.bond === bond) return
    this.#count(neighbour.bond, -1)
    this.#count(bond, 1)
    this.#places[neighbour.bond]?.remove(neighbour.origin)
    this.#places[bond]?.add(neighbour.origin)
    if (neighbour.bond === 'user' && this.#users.get(neighbour.name) === neighbour)
      this.#users.delete(neighbour.name)
    neighbour.bond = bond
    neighbour.user = bond === 'user' ? new User(nowMs) : undefined
    if (bond === 'user') this.#users.set(neighbour.name, neighbour)
  }

  count(bond: Bond): number {
    return this.#counts.get(bond) ?? 0
  }

  with(bond: Bond): Neighbour[] {
    if (this.count(bond) === 0) return []
    return Array.from(this.#links.values()).filter(neighbour => neighbour.bond === bond)
  }

  #count(bond: Bond, by: number): void {
    this.#counts.set(bond, this.count(bond) + by)
  }
}
