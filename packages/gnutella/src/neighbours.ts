/**
 * The links of this servent: where each stands in its life, and what it may still do.
 *
 * A link takes a place from the moment on which both sides could come to terms: an own one once it is up, a
 * stranger's once it is accepted. One that claims the place of another takes it with the last word of its handshake. There
 * are never more than the user's number of places.
 */
import {
  type Link,
  type LinkOrigin,
  type Peer,
  peerIdText,
  type Reach,
  TokenBucket
} from '@servent/overlay/machine'
import {
  HITS_BURST,
  HITS_PER_SECOND,
  ORIGINAL_BURST,
  ORIGINAL_PER_SECOND,
  PUSHES_BURST,
  PUSHES_PER_SECOND,
  QUERIES_BURST,
  QUERIES_PER_SECOND,
  TTL_MAX
} from './constants.ts'
import type { Guid } from './messages.ts'
import { PongBudget } from './pong-budget.ts'
import type { TierLink } from './tier-link.ts'

/** A PeerId whose text is made once, when somebody wants to read it. */
export class PeerName {
  readonly id: Uint8Array
  #text: string | undefined

  constructor(id: Uint8Array) {
    this.id = id
  }

  get text(): string {
    this.#text ??= peerIdText(this.id)
    return this.#text
  }
}

/**
 * `calling`: opened here, CONNECT is sent. `called`: opened there, nothing was heard. `accepted`: our 200 is
 * sent, theirs is due. `up`: descriptors flow. `leaving`: a Bye was said or heard; only hits and pushes of
 * it are handed on, and nothing is sent to it.
 */
export type Phase = 'calling' | 'called' | 'accepted' | 'up' | 'leaving'

/** Kinds of what a peer that keeps the rules does not do, or seldom. */
export type Offence = 'malformed' | 'duplicates' | 'bad-queries' | 'bad-ttl'

/** The last ping of a link that was listened to: what pongs that come later may still be handed to it. */
export interface LastPing {
  readonly guid: Guid
  readonly hops: number
  readonly atMs: number
  /** Pongs wanted of each distance, 0 this peer itself. */
  readonly needed: number[]
}

export class Neighbour {
  readonly link: Link
  readonly peer: Peer
  readonly name: PeerName
  readonly inbound: boolean
  /** From where it is reached, where that is known. */
  readonly reach: Reach | undefined
  readonly startedMs: number
  phase: Phase
  /** Where it is, where that is known. */
  readonly origin: LinkOrigin | undefined
  /** When it came up, if it did. */
  upMs: number | undefined

  /** It is ended because this servent changed its tier, by no fault of the peer. */
  outgrown = false
  /** It was lost, and no place is free for it: it takes one with the last word of its handshake, and none before. */
  claims = false
  /** It had been lost. Others that were lost do not take its place. */
  isBack = false
  /** It said Bye, and its hits and pushes are still handed on. */
  draining = false

  // What it said of itself in the handshake.
  agent = ''
  hearsBye = false
  cachesPongs = false
  /** It hands a walker on to one neighbour. */
  walks = false
  /** TTL of fresh queries that it takes. */
  maxTtl = TTL_MAX

  /** What it is in the two tiers: `leaf`, of which this servent is an ultrapeer; or `flat`, which knows none. */
  kind: 'flat' | 'ultrapeer' | 'leaf' = 'flat'
  /** What the tiers have to know of it; absent where this servent is none of them. */
  tiered: TierLink | undefined

  // Whether it is alive, and keeps up.
  heardMs: number
  /** When it was asked whether it is alive. */
  alivePingMs: number | undefined
  /** Since when its send queue has been over the high mark. */
  fullSinceMs: number | undefined

  // Pings and pongs.
  lastPing: LastPing | undefined
  /** Id of our last ping to it, when it left, and pongs that it may still bring. */
  pinged: { guid: Guid; atMs: number; pongsLeft: number } | undefined
  readonly pongs = new PongBudget()

  // What it may bring.
  readonly queries: TokenBucket
  readonly originals: TokenBucket
  readonly hits: TokenBucket
  readonly pushes: TokenBucket
  /** Its own share of what is handed on. */
  relayed: TokenBucket
  /** Its own share of the calls that this servent lets itself be told to make. */
  calls: TokenBucket
  readonly #offences = new Map<Offence, number>()
  #offencesSinceMs: number

  constructor(init: {
    link: Link
    peer: Peer
    id: Uint8Array
    inbound: boolean
    origin?: LinkOrigin | undefined
    nowMs: number
    relayed: TokenBucket
    calls: TokenBucket
  }) {
    const { nowMs } = init
    this.link = init.link
    this.peer = init.peer
    this.name = new PeerName(init.id)
    this.inbound = init.inbound
    this.reach = init.origin?.reach
    this.phase = init.inbound ? 'called' : 'calling'
    this.startedMs = nowMs
    this.heardMs = nowMs
    this.origin = init.origin
    this.queries = new TokenBucket(QUERIES_BURST, QUERIES_PER_SECOND, nowMs)
    this.originals = new TokenBucket(ORIGINAL_BURST, ORIGINAL_PER_SECOND, nowMs)
    this.hits = new TokenBucket(HITS_BURST, HITS_PER_SECOND, nowMs)
    this.pushes = new TokenBucket(PUSHES_BURST, PUSHES_PER_SECOND, nowMs)
    this.relayed = init.relayed
    this.calls = init.calls
    this.#offencesSinceMs = nowMs
  }

  /** The network that it comes from, of those that are counted: public ones. */
  get network(): string | undefined {
    return this.origin?.reach === 'public' ? this.origin.network : undefined
  }

  /** Counts an offence, and gives how many of its kind there were in this minute. */
  offend(kind: Offence, nowMs: number, windowMs: number): number {
    if (nowMs - this.#offencesSinceMs >= windowMs) {
      this.#offences.clear()
      this.#offencesSinceMs = nowMs
    }
    const count = (this.#offences.get(kind) ?? 0) + 1
    this.#offences.set(kind, count)
    return count
  }
}

export class Neighbours {
  readonly #links = new Map<Link, Neighbour>()
  #up: readonly Neighbour[] = []
  #leaves: readonly Neighbour[] = []
  #peers: readonly Neighbour[] = []

  add(neighbour: Neighbour): void {
    this.#links.set(neighbour.link, neighbour)
  }

  get(link: Link): Neighbour | undefined {
    return this.#links.get(link)
  }

  /** The link that descriptors flow on to and from this neighbour, if it is one. */
  upLink(link: Link): Neighbour | undefined {
    const neighbour = this.#links.get(link)
    return neighbour?.phase === 'up' ? neighbour : undefined
  }

  delete(link: Link): void {
    this.#links.delete(link)
    this.#refresh()
  }

  setPhase(neighbour: Neighbour, phase: Phase): void {
    neighbour.phase = phase
    this.#refresh()
  }

  /** Those that descriptors flow to, the oldest first. */
  get up(): readonly Neighbour[] {
    return this.#up
  }

  /** Of those, the leaves of this servent. */
  get leaves(): readonly Neighbour[] {
    return this.#leaves
  }

  /** And the others, which queries and pings are handed on to. */
  get peers(): readonly Neighbour[] {
    return this.#peers
  }

  get all(): IterableIterator<Neighbour> {
    return this.#links.values()
  }

  /** Links that take a place. Leaves have places of their own. */
  get places(): number {
    return this.#count(neighbour => neighbour.kind !== 'leaf' && takesPlace(neighbour))
  }

  get leafPlaces(): number {
    return this.#count(neighbour => neighbour.kind === 'leaf' && takesPlace(neighbour))
  }

  /** Of those, the ones that were opened here. */
  get ownPlaces(): number {
    return this.#count(neighbour => !neighbour.inbound && neighbour.kind !== 'leaf' && takesPlace(neighbour))
  }

  get handshakes(): number {
    return this.#count(({ phase }) => phase === 'calling' || phase === 'called' || phase === 'accepted')
  }

  /** Links to other peers of this one's network, leaves aside. */
  ofNetwork({ network, peer }: Neighbour): number {
    if (network === undefined) return 0
    return this.#count(
      other =>
        other.network === network &&
        other.peer !== peer &&
        other.kind !== 'leaf' &&
        other.phase !== 'leaving' &&
        other.phase !== 'called'
    )
  }

  isLinked(peer: Peer): boolean {
    for (const neighbour of this.#links.values()) if (neighbour.peer === peer) return true
    return false
  }

  #count(which: (neighbour: Neighbour) => boolean): number {
    let count = 0
    for (const neighbour of this.#links.values()) if (which(neighbour)) count += 1
    return count
  }

  #refresh(): void {
    this.#up = Array.from(this.#links.values()).filter(({ phase }) => phase === 'up')
    this.#leaves = this.#up.filter(({ kind }) => kind === 'leaf')
    this.#peers = this.#leaves.length === 0 ? this.#up : this.#up.filter(({ kind }) => kind !== 'leaf')
  }
}

function takesPlace({ phase, claims }: Neighbour): boolean {
  return !claims && (phase === 'up' || phase === 'calling' || phase === 'accepted')
}
