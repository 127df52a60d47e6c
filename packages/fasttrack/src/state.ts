/** What a peer knows: every table that its rules share, each with its bound. */
import {
  AgingMap,
  type Contact,
  clamp,
  type Effects,
  type Link,
  type Peer,
  peerIdText,
  type RequestId,
  SELF,
  TokenBucket
} from '@servent/overlay/machine'
import { Admission } from './admission.ts'
import {
  ASKS_MAX,
  CALLS_BURST,
  CALLS_PER_SECOND,
  DIAL_BACKS_BURST,
  DIAL_BACKS_PER_SECOND,
  HAND_OVER_PLACES_MS,
  HANDED_PEERS_MAX,
  ORDINARIES_PER_SUPERNODE,
  ORDINARIES_PER_SUPERNODE_MAX,
  ORDINARIES_PER_SUPERNODE_MIN,
  PROMOTION_DELAY_MS,
  PROMOTION_DELAY_MS_MAX,
  PUSH_ROUTE_MS,
  PUSH_ROUTES_MAX,
  SEEN_QUERIES_MAX,
  SEEN_QUERY_MS,
  TTL_DEFAULT,
  TTL_MAX,
  UPLOAD_BYTES_PER_SECOND,
  USERS_HARD_PART,
  USERS_PER_ADDRESS_PART,
  USERS_PER_NETWORK_PART,
  USERS_SOFT_PART
} from './constants.ts'
import type { Wanting } from './messages.ts'
import { type Neighbour, Neighbours } from './neighbours.ts'
import type { RunningQuery } from './query-rules.ts'
import type { Search } from './search-rules.ts'
import { SupernodeList } from './supernode-list.ts'
import type {
  FastTrackAnswer,
  FastTrackQuestion,
  FastTrackSettings,
  FastTrackTables,
  FastTrackTypes,
  Role
} from './types.ts'
import { Upload } from './upload.ts'

export type Fx = Effects<FastTrackTypes>

/** What happened, counted since the start. */
const COUNTERS = [
  'promotions',
  'promotionsAsked',
  'promotionsDeclined',
  'demotions',
  'usersTaken',
  'usersRefused',
  'usersLost',
  'usersHandedOver',
  'usersCutOff',
  'supernodesLost',
  'supernodesFound',
  'sparesTaken',
  'moves',
  'filesIndexed',
  'filesRefused',
  'filesWithoutRoom',
  'queriesReceived',
  'queriesAnswered',
  'queriesDuplicate',
  'queriesRefused',
  'queriesOverRate',
  'queriesRelayed',
  'queriesTimedOut',
  'resultsReceived',
  'resultsWithoutQuery',
  'resultsRelayed',
  'resultsOverShare',
  'resultsRefused',
  'resultsStray',
  'resultsNotVerified',
  'pushesReceived',
  'pushesForwarded',
  'pushesDropped',
  'callsAsked',
  'dialBacks',
  'opens',
  'unreachable',
  'offences',
  'asksFailed'
] as const

export type Counter = (typeof COUNTERS)[number]

/** A peer of which only this is known. */
export interface Contacted {
  failures: number
  retryMs: number
  /** It came by itself: whoever knows only such peers is the first of its network. */
  readonly isComer: boolean
}

/** Users of a supernode, with those that were handed to it since then counted as if they had all come. */
export interface Handed {
  readonly sinceMs: number
  readonly load: number
}

export class FastTrackState {
  readonly settings: FastTrackSettings
  role: Role = 'ordinary'
  /** Since when this supernode hands its users over, to be ordinary. */
  steppingDownMs: number | undefined
  roleSinceMs = 0
  startedMs = 0
  /** Of earlier runs. */
  earlierUptimeMs = 0
  nowMs = 0
  stopped = false
  circumstances = { isReachable: false, uploadKbps: 0 }

  readonly neighbours: Neighbours
  readonly list = new SupernodeList()
  /** Peers that speak the protocol and of which nothing else is known. */
  readonly contacts = new Map<Peer, Contacted>()
  /** Links that are being opened, what for, and since when. */
  readonly opening = new Map<Peer, { readonly wants: Wanting; readonly atMs: number }>()
  savedMs = Number.NEGATIVE_INFINITY
  /** When a second peer had told all of its list that can be used, soon after another. */
  listedMs = Number.NEGATIVE_INFINITY
  /** Who told it last, and when. */
  lister: { readonly peer: Peer; readonly atMs: number } | undefined

  // Of an ordinary node, and of a supernode that steps down.
  supernode: Link | undefined
  spare: Link | undefined
  /** Moved away from, until all is uploaded to the new one. */
  former: { readonly link: Link; readonly sinceMs: number } | undefined
  /** Links that were asked to be supernode and spare, and have not answered. */
  pendingSession: Link | undefined
  pendingSpare: Link | undefined
  /** Where to move, in this order, while a supernode is there. */
  moving: Peer[] = []
  /** Since when there is no supernode, and how patient this peer is, drawn each time from [0, 1). */
  seekingMs = 0
  patience = 0
  retrySeekMs = 0
  retrySpareMs = 0
  /** When the first of the running probes answered, and when a supernode last said that it is full. */
  probedMs: number | undefined
  crowdedMs = Number.NEGATIVE_INFINITY
  heirs: Peer[] = []
  /** Those that whoever was asked to be the supernode has named: the heirs once it takes this peer. */
  offeredHeirs: Peer[] = []
  retryHeirsMs = 0
  /** It is no newcomer: whoever turns to it as an heir may be right. */
  hadSupernode = false
  readonly upload: Upload
  readonly searches = new Map<RequestId, Search>()
  /** Own queries under way by their ids. */
  readonly ownQueries = new Map<string, Search>()
  verifying = 0
  readonly waitingResults: ((fx: Fx) => void)[] = []

  // Of a supernode.
  readonly running = new Map<string, RunningQuery>()
  /** The longest way, in links, that each may still have gone when it came. */
  readonly seen = new AgingMap<number>(SEEN_QUERIES_MAX, SEEN_QUERY_MS)
  readonly pushRoutes = new AgingMap<Link>(PUSH_ROUTES_MAX, PUSH_ROUTE_MS)
  readonly admission = new Admission()
  /** By PeerId as text: whoever ends its link and comes back is handed no more for it. */
  readonly handed = new AgingMap<Handed>(HANDED_PEERS_MAX, HAND_OVER_PLACES_MS)
  /** Owners whose files are to be taken out of the index, where that failed. */
  readonly removals = new Set<string>()
  /** Removals that are asked, the last of each owner by its number. */
  readonly removing = new Map<string, number>()
  lastRemoval = 0
  readonly dialBacks = new TokenBucket(DIAL_BACKS_BURST, DIAL_BACKS_PER_SECOND, 0)
  readonly calls = new TokenBucket(CALLS_BURST, CALLS_PER_SECOND, 0)
  balancedMs = 0
  /** When a contact was last asked for supernodes. */
  contactedMs = 0
  promotingMs = Number.NEGATIVE_INFINITY
  /** Since when another supernode has been needed and nobody was asked. */
  promotionDueMs: number | undefined
  /** Since when it might step down, and since when it has been the emptiest besides. */
  lowMs: number | undefined
  emptyMs: number | undefined
  lastRefreshMs = 0
  indexedFiles = 0
  /** Of the records of all users. */
  indexedBytes = 0

  readonly counters = Object.fromEntries(COUNTERS.map(name => [name, 0])) as Record<Counter, number>
  readonly #asks = new Map<RequestId, (fx: Fx, answer: FastTrackAnswer | undefined) => void>()
  #nextAsk = 1

  constructor(settings: Partial<FastTrackSettings>) {
    this.settings = {
      role: settings.role ?? 'auto',
      ordinariesPerSupernode: clamp(
        settings.ordinariesPerSupernode ?? ORDINARIES_PER_SUPERNODE,
        ORDINARIES_PER_SUPERNODE_MIN,
        ORDINARIES_PER_SUPERNODE_MAX
      ),
      ttl: clamp(settings.ttl ?? TTL_DEFAULT, 0, TTL_MAX),
      uploadBytesPerSecond: Math.max(1, settings.uploadBytesPerSecond ?? UPLOAD_BYTES_PER_SECOND),
      promotionDelayMs: clamp(settings.promotionDelayMs ?? PROMOTION_DELAY_MS, 0, PROMOTION_DELAY_MS_MAX)
    }
    const target = this.settings.ordinariesPerSupernode
    this.neighbours = new Neighbours(
      Math.ceil(USERS_PER_ADDRESS_PART * target),
      Math.ceil(USERS_PER_NETWORK_PART * target)
    )
    this.upload = new Upload(this.settings.uploadBytesPerSecond)
  }

  get isSupernode(): boolean {
    return this.role === 'supernode'
  }

  get users(): number {
    return this.neighbours.count('user')
  }

  /** Users taken of whoever comes, and of those for whom this supernode is the spare. */
  get usersSoft(): number {
    return Math.ceil(USERS_SOFT_PART * this.settings.ordinariesPerSupernode)
  }

  get usersHard(): number {
    return Math.ceil(USERS_HARD_PART * this.settings.ordinariesPerSupernode)
  }

  get uptimeS(): number {
    return Math.floor((this.earlierUptimeMs + this.nowMs - this.startedMs) / 1000)
  }

  count(counter: Counter, by = 1): void {
    this.counters[counter] += by
  }

  /** The name of this peer as an owner in its own index. */
  selfName(fx: Fx): string {
    return peerIdText(fx.peers.contact(SELF).id)
  }

  /** Where too much is asked already, it fails at once. */
  ask(
    fx: Fx,
    question: FastTrackQuestion,
    then: (fx: Fx, answer: FastTrackAnswer | undefined) => void
  ): void {
    if (this.#asks.size >= ASKS_MAX) {
      this.count('asksFailed')
      then(fx, undefined)
      return
    }
    const id = this.#nextAsk
    this.#nextAsk += 1
    this.#asks.set(id, then)
    fx.ask(id, question)
  }

  answered(fx: Fx, id: RequestId, answer: FastTrackAnswer | undefined): void {
    const then = this.#asks.get(id)
    this.#asks.delete(id)
    if (answer === undefined) this.count('asksFailed')
    then?.(fx, answer)
  }

  /** A number in [0, 1). */
  unit(fx: Fx): number {
    return fx.random() / 2 ** 32
  }

  peers(hold: (peer: Peer) => void): void {
    this.list.peers(hold)
    for (const peer of this.contacts.keys()) hold(peer)
    for (const peer of this.opening.keys()) hold(peer)
    for (const peer of this.moving) hold(peer)
    for (const peer of this.heirs) hold(peer)
    for (const peer of this.offeredHeirs) hold(peer)
    if (this.lister !== undefined) hold(this.lister.peer)
    for (const { used } of this.searches.values()) for (const peer of used) hold(peer)
  }

  /** How many are in each collection; tests hold them against their bounds. */
  sizes(): Readonly<Record<string, number>> {
    return {
      supernodes: this.list.size,
      contacts: this.contacts.size,
      opening: this.opening.size,
      searches: this.searches.size,
      running: this.running.size,
      seen: this.seen.size,
      pushRoutes: this.pushRoutes.size,
      asks: this.#asks.size,
      handed: this.handed.size,
      admissions: this.admission.waiting,
      waitingResults: this.waitingResults.length,
      peerings: this.neighbours.count('peering'),
      users: this.users,
      standbys: this.neighbours.count('standby'),
      places: this.neighbours.places,
      guests: this.neighbours.count('guest') + this.neighbours.count('new')
    }
  }

  snapshot(): FastTrackTables {
    const { neighbours, nowMs, upload } = this
    const nameOf = (link: Link | undefined) => neighbours.get(link)?.name ?? null
    return {
      role: this.role,
      steppingDown: this.steppingDownMs !== undefined,
      supernode: nameOf(this.supernode),
      spare: nameOf(this.spare),
      neighbours: Array.from(neighbours.all, neighbour => seen(neighbour, nowMs)),
      users: this.users,
      indexedFiles: this.indexedFiles,
      knownSupernodes: this.list.size,
      announced: {
        files: upload.kept.size,
        refused: upload.refused.size,
        reasons: upload.reasons,
        isComplete: upload.isComplete
      },
      searches: this.searches.size,
      queries: this.running.size,
      counters: { ...this.counters }
    }
  }
}

function seen({ name, inbound, upMs, bond, users }: Neighbour, nowMs: number) {
  return { peerId: name, inbound, connectedMs: nowMs - upMs, bond, users }
}

/** A contact to tell others: the table's own may change after it was told. */
export function contactOf(fx: Fx, peer: Peer): Contact {
  const { id, addresses } = fx.peers.contact(peer)
  return { id, addresses }
}
