/** What a servent knows: every table that its rules share, each with its bound. */
import {
  AgingMap,
  clamp,
  type Effects,
  type Link,
  type Peer,
  type RequestId,
  TokenBucket
} from '@servent/overlay/machine'
import { Answering } from './answering.ts'
import { CallLimits } from './call-limits.ts'
import {
  AGENT_CHARACTERS_MAX,
  BANISHED_MAX,
  BANISHED_MS,
  CALLS_BURST,
  CALLS_PER_SECOND,
  NEIGHBOURS_DEFAULT,
  NEIGHBOURS_MAX,
  OWN_PLACES_PART,
  PING_MS,
  PUSH_ROUTE_MS,
  PUSH_ROUTES_MAX,
  PUSHES_SEEN_MAX,
  PUSHES_SEEN_MS,
  QUERY_ROUTE_MS,
  QUERY_ROUTES_MAX,
  RELAYED_BURST,
  RELAYED_PER_SECOND,
  TTL_MAX,
  VOUCHES_PER_SECOND,
  WALK_ROUTES_MAX,
  WALK_WAIT_MS,
  WALKERS_DEFAULT,
  WALKERS_MAX,
  WALKS_WAITING_MAX
} from './constants.ts'
import { HostCache } from './host-cache.ts'
import { LostNeighbours } from './lost-neighbours.ts'
import type { Guid, QueryMessage } from './messages.ts'
import { Neighbours } from './neighbours.ts'
import { PongCache } from './pong-cache.ts'
import { QueryCache } from './query-cache.ts'
import { RecentQueries } from './recent-queries.ts'
import type { QueryRoute } from './route-table.ts'
import type { Search } from './search-rules.ts'
import { LEAF_STRANGERS_MAX, LEAF_ULTRAPEERS } from './tier-constants.ts'
import { Tiers } from './tiers.ts'
import type { GnutellaSettings, GnutellaTables, GnutellaTypes, SearchStyle, SeenTiers } from './types.ts'

export type Fx = Effects<GnutellaTypes>

/** What happened, counted since the start. */
const COUNTERS = [
  'queriesAnswered',
  'queriesAnsweredFromCache',
  'queriesDuplicate',
  'queriesForwarded',
  'queriesIgnored',
  'queriesOverRate',
  'queriesNotRelayed',
  'queriesNotMatched',
  'queriesFlowControlled',
  'queriesReceived',
  'walkersReceived',
  'walkersHandedOn',
  'walkersWithoutWay',
  'walkWordsDropped',
  'descriptorsBadTtl',
  'descriptorsMalformed',
  'descriptorsOutOfPlace',
  'descriptorsUnknown',
  'hitsReceived',
  'hitsForwarded',
  'hitsWithoutQuery',
  'hitsOverRate',
  'hitsExpired',
  'hitsDroppedInFlowControl',
  'hitsTooLarge',
  'hitsNotVerified',
  'resultsRefused',
  'pingsReceived',
  'pingsThrottled',
  'pongsReceived',
  'pongsUnasked',
  'pongsSent',
  'pushesReceived',
  'pushesForwarded',
  'pushesDropped',
  'pushesOverRate',
  'callsAsked',
  'callsRefused',
  'byesSent',
  'byesReceived',
  'handshakesRefused',
  'handshakesFailed',
  'opens',
  'unreachable',
  'leafQueriesSent',
  'leafQueriesCapped',
  'extensionsCapped',
  'lastHopsSpared',
  'dynamicQueries',
  'dynamicQueriesRefused',
  'guidanceDropped',
  'guidsRefused',
  'tablesReceived',
  'tablesRefused',
  'tableMessagesSent',
  'promotions',
  'demotions'
] as const

export type Counter = (typeof COUNTERS)[number]

export class GnutellaState {
  readonly agent: string
  readonly ttl: number
  /** How searches are spread: own ones, and by an ultrapeer those of its leaves. */
  readonly style: SearchStyle
  readonly walkers: number
  readonly queryCache: boolean
  /** Places in a network where all are alike. */
  flatPlaces: number
  readonly tiers: Tiers
  servent: Guid = ''
  /** Said by the service. */
  sharing = { files: 0, kibibytes: 0, firewalled: false }
  nowMs = 0
  stopped = false

  readonly neighbours = new Neighbours()
  readonly hosts = new HostCache()
  /** Peers that a link is being opened to, and since when. */
  readonly opening = new Map<Peer, number>()
  readonly lost = new LostNeighbours()
  /** Links that this servent opened itself at its best, at most half of the places: it replaces what it loses. */
  ownWanted = 0
  /** Whoever was sent away for offences, by PeerId. */
  readonly banished = new AgingMap<true>(BANISHED_MAX, BANISHED_MS)

  readonly pongs = new PongCache()
  /** When fresh hosts were last asked for here, how often that is done, and whether neighbours were missing. */
  pingedMs = Number.NEGATIVE_INFINITY
  pingEveryMs = PING_MS
  wasMissing = false
  savedMs = Number.NEGATIVE_INFINITY

  readonly routes = new AgingMap<QueryRoute>(QUERY_ROUTES_MAX, QUERY_ROUTE_MS)
  readonly pushRoutes = new AgingMap<number>(PUSH_ROUTES_MAX, PUSH_ROUTE_MS)
  readonly pushesSeen = new AgingMap<true>(PUSHES_SEEN_MAX, PUSHES_SEEN_MS)
  readonly recent = new RecentQueries()
  readonly cache = new QueryCache()
  readonly searches = new Map<RequestId, Search>()
  /** By query and walker: those that wait here, and the neighbours that brought them. */
  readonly walksWaiting = new AgingMap<{ readonly link: Link; readonly query: QueryMessage }>(
    WALKS_WAITING_MAX,
    WALK_WAIT_MS
  )
  /** Likewise: the link that a walker's question came by, which the word for it goes back on. */
  readonly walkRoutes = new AgingMap<Link>(WALK_ROUTES_MAX, WALK_WAIT_MS)
  readonly answering = new Answering()
  readonly calls = new CallLimits()
  /** The half of what may be handed on that is for whoever comes. */
  readonly spare = new TokenBucket(RELAYED_BURST / 2, RELAYED_PER_SECOND / 2, 0)

  /** Verdicts on cached hits, a second. */
  readonly vouches = new TokenBucket(VOUCHES_PER_SECOND, VOUCHES_PER_SECOND, 0)

  readonly counters = Object.fromEntries(COUNTERS.map(name => [name, 0])) as Record<Counter, number>

  constructor(settings: Partial<GnutellaSettings>) {
    this.agent = (settings.agent ?? 'Servent').slice(0, AGENT_CHARACTERS_MAX)
    this.ttl = clamp(settings.ttl ?? TTL_MAX, 1, TTL_MAX)
    this.style = settings.search ?? 'dynamic'
    this.walkers = clamp(settings.walkers ?? WALKERS_DEFAULT, 1, WALKERS_MAX)
    this.queryCache = settings.queryCache ?? true
    this.flatPlaces = clamp(settings.neighbours ?? NEIGHBOURS_DEFAULT, 1, NEIGHBOURS_MAX)
    this.tiers = new Tiers(settings)
  }

  /** Places for neighbours; those for leaves are apart. */
  get places(): number {
    const { tier, degree } = this.tiers
    return tier === 'flat' ? this.flatPlaces : tier === 'leaf' ? LEAF_ULTRAPEERS : degree
  }

  /**
   * Links that this servent looks for itself: half of its places, so that those who come find the others free. Nobody
   * comes to a leaf, which looks for all of them.
   */
  get sought(): number {
    if (this.tiers.tier === 'leaf') return this.places
    return Math.ceil(this.places / 2)
  }

  /**
   * Places for links that this servent opens itself, which those who come cannot fill: whoever sends enough of
   * them would otherwise be all that a fresh servent ever hears of (eclipse). With few places there are none.
   */
  get reserved(): number {
    if (this.tiers.tier === 'leaf') return LEAF_ULTRAPEERS - LEAF_STRANGERS_MAX
    return Math.floor(this.places / OWN_PLACES_PART)
  }

  /** Whether a stranger may have a place: not a reserved one, while there is somebody to open a link to. */
  get roomForStranger(): boolean {
    const { places, ownPlaces, all } = this.neighbours
    let kept = Math.max(0, this.reserved - ownPlaces)
    if (kept > 0) {
      const linked = new Set<Peer>()
      for (const { peer } of all) linked.add(peer)
      kept = Math.min(kept, this.hosts.countOthers(linked, kept))
    }
    return places < this.places - kept
  }

  /** Links that are missing. */
  get missing(): number {
    const opening = this.opening.size
    const { places, ownPlaces } = this.neighbours
    const missing = Math.max(this.sought - places, Math.max(this.ownWanted, this.reserved) - ownPlaces)
    return Math.min(missing, this.places - places) - opening
  }

  /** A neighbour's own share of what is handed on. */
  relayShare(nowMs: number): TokenBucket {
    return this.#share(RELAYED_BURST, RELAYED_PER_SECOND, nowMs)
  }

  /** A neighbour's own share of the calls that its pushes ask for. */
  callShare(nowMs: number): TokenBucket {
    return this.#share(CALLS_BURST, CALLS_PER_SECOND, nowMs)
  }

  /** A place's part of one half. */
  #share(burst: number, perSecond: number, nowMs: number): TokenBucket {
    const shares = 2 * this.places
    return new TokenBucket(Math.max(1, burst / shares), perSecond / shares, nowMs)
  }

  count(counter: Counter, by = 1): void {
    this.counters[counter] += by
  }

  /** How many are in each collection that `snapshot` does not show; tests hold them against their bounds. */
  sizes(): Readonly<Record<string, number>> {
    const { answering, banished, pushesSeen, calls, hosts, cache, walksWaiting, walkRoutes, lost } = this
    return {
      ...answering.sizes,
      banished: banished.size,
      pushesSeen: pushesSeen.size,
      callTargets: calls.size,
      tellers: hosts.tellers,
      lost: lost.size,
      repeatsWaiting: cache.waiting,
      walksWaiting: walksWaiting.size,
      walkRoutes: walkRoutes.size,
      dynamicQueries: this.tiers.running,
      pushProxies: this.tiers.proxies.size
    }
  }

  snapshot(): GnutellaTables {
    const { neighbours, opening, routes, pushRoutes, nowMs } = this
    return {
      servent: this.servent,
      places: this.places,
      neighbours: neighbours.up.map(({ name, inbound, upMs, agent, fullSinceMs, kind }) => ({
        ...(this.tiers.flat ? {} : { kind }),
        peerId: name.text,
        inbound,
        connectedMs: nowMs - upMs!,
        agent,
        flowControlled: fullSinceMs !== undefined
      })),
      pending: opening.size + neighbours.handshakes,
      hostCache: this.hosts.size,
      queries: this.recent.list(),
      searches: this.searches.size,
      routes: { queries: routes.size, pushes: pushRoutes.size },
      pongs: this.pongs.size,
      queryCache: this.cache.size,
      counters: { ...this.counters },
      ...(this.tiers.flat ? {} : { tiers: this.#seenTiers() })
    }
  }

  #seenTiers(): SeenTiers {
    const { tier, leafPlaces, current, running } = this.tiers
    const { leaves, peers } = this.neighbours
    return {
      tier,
      ultrapeers: peers.filter(({ kind }) => kind === 'ultrapeer').length,
      leaves: leaves.length,
      leafPlaces,
      leavesUnrouted: leaves.filter(({ tiered }) => tiered?.soundTable === undefined).length,
      table: current === undefined ? null : { slots: current.slots, fill: current.fill },
      dynamicQueries: running
    }
  }
}
