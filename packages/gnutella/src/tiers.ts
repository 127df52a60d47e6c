/** What a servent of the two tiers knows: what it is, its words and tables, and the queries that it asks for others. */
import { AgingMap, clamp, type RequestId, TokenBucket } from '@servent/overlay/machine'
import { NEIGHBOURS_MAX, PUSH_ROUTE_MS } from './constants.ts'
import { DynamicQuery } from './dynamic-query.ts'
import type { Guid, QueryMessage } from './messages.ts'
import type { Neighbour } from './neighbours.ts'
import type { QueryHashes } from './qrp-hash.ts'
import type { PatchPart } from './qrp-patch.ts'
import type { QueryRoutingTable } from './query-routing-table.ts'
import {
  DEGREE_DEFAULT,
  DYNAMIC_LEAVES_MAX,
  DYNAMIC_MAX,
  DYNAMIC_PER_LEAF_MAX,
  LEAVES_DEFAULT,
  LEAVES_MAX,
  LONELY_MS,
  PUSH_PROXY_ROUTES_MAX,
  TABLE_UPDATE_MS,
  TABLE_UPDATES_BURST
} from './tier-constants.ts'
import type { GnutellaSettings, Role, Tier } from './types.ts'

/** A query that this ultrapeer asks step by step. */
export interface RunningQuery {
  readonly number: number
  /** As it is sent, but for the TTL. */
  readonly message: QueryMessage
  readonly hashes: QueryHashes
  readonly query: DynamicQuery
  /** The leaf, or this servent's own search. */
  readonly leaf: Neighbour | undefined
  /** The most that a link is asked with, if the asker wants less than goes. */
  readonly ttlMax: number
  readonly search: RequestId | undefined
  /** Neighbours that were probed, and those that were asked as far as they are going to be. */
  readonly probed: Set<Neighbour>
  readonly asked: Set<Neighbour>
  /** And leaves that it was handed to. */
  readonly askedLeaves: Set<Neighbour>
}

/** A patch that was made last: many links are told the same. */
interface MadePatch {
  readonly from: QueryRoutingTable | undefined
  readonly to: QueryRoutingTable
  readonly entryBits: 1 | 4
  readonly parts: readonly PatchPart[]
}

export class Tiers {
  readonly role: Role
  tier: Tier
  readonly queryRouting: boolean
  readonly leafPlaces: number
  /** Places for links between ultrapeers, which the user may change. */
  degree: number

  // Election.
  /** Since when it may become an ultrapeer again. */
  restedMs = 0
  /** Since when it has had no link to any ultrapeer; nothing while it has one. */
  lonelySinceMs: number | undefined = 0
  lonelyMsMax = LONELY_MS
  /** When it last had enough leaves. */
  busyMs = 0
  bandwidth: { down: number | undefined; up: number | undefined } = { down: undefined, up: undefined }

  // Tables.
  /** Of what is shared here; nothing before the host told its words. */
  own: QueryRoutingTable | undefined
  /** As it is told to others: own words, and those of the leaves. It is never changed, only replaced. */
  current: QueryRoutingTable | undefined
  /** How often it is made anew by an ultrapeer. */
  renewals = new TokenBucket(TABLE_UPDATES_BURST, 1000 / TABLE_UPDATE_MS, 0)
  /** Something changed that is not in it. */
  stale = false
  made: MadePatch | undefined
  /** Whose turn it was last to be told. */
  toldLast = 0

  /** PeerIds, in hexadecimal, of those that hand pushes on to a servent. */
  readonly proxies = new AgingMap<readonly string[]>(PUSH_PROXY_ROUTES_MAX, PUSH_ROUTE_MS)

  readonly #running = new Map<number, RunningQuery>()
  readonly #byGuid = new Map<Guid, RunningQuery>()
  #numbers = 0

  constructor(settings: Partial<GnutellaSettings>) {
    this.role = settings.role ?? 'flat'
    this.tier = this.role === 'auto' ? 'leaf' : this.role
    this.queryRouting = settings.queryRouting ?? true
    this.leafPlaces = clamp(settings.leaves ?? LEAVES_DEFAULT, 1, LEAVES_MAX)
    this.degree = clamp(settings.degree ?? DEGREE_DEFAULT, 1, NEIGHBOURS_MAX)
  }

  get flat(): boolean {
    return this.tier === 'flat'
  }

  get running(): number {
    return this.#running.size
  }

  byNumber(number: number): RunningQuery | undefined {
    return this.#running.get(number)
  }

  all(): IterableIterator<RunningQuery> {
    return this.#running.values()
  }

  /** A link is gone: what is known of each query is of links that there are, so that it has their bounds. */
  forget(neighbour: Neighbour): void {
    for (const { probed, asked, askedLeaves } of this.#running.values())
      for (const some of [probed, asked, askedLeaves]) some.delete(neighbour)
  }

  byGuid(guid: Guid): RunningQuery | undefined {
    return this.#byGuid.get(guid)
  }

  /** Nothing where it runs already, or too many do, of this leaf or in all. */
  begin(
    init: Pick<RunningQuery, 'message' | 'hashes' | 'leaf' | 'ttlMax' | 'search' | 'askedLeaves'>,
    { wanted, guided }: { readonly wanted: number; readonly guided: boolean },
    nowMs: number
  ): RunningQuery | undefined {
    const { leaf, message } = init
    // Results are counted by the GUID, and nobody takes those of another's query.
    if (this.#byGuid.has(message.guid)) return undefined
    if (this.#running.size >= DYNAMIC_MAX || (leaf !== undefined && !this.#hasRoomFor(leaf))) return undefined
    this.#numbers += 1
    const query = new DynamicQuery(wanted, guided, nowMs)
    const running = {
      ...init,
      number: this.#numbers,
      query,
      probed: new Set<Neighbour>(),
      asked: new Set<Neighbour>()
    }
    this.#running.set(running.number, running)
    this.#byGuid.set(message.guid, running)
    return running
  }

  #hasRoomFor(leaf: Neighbour): boolean {
    let ofLeaves = 0
    let ofLeaf = 0
    for (const one of this.#running.values()) {
      if (one.leaf !== undefined) ofLeaves += 1
      if (one.leaf === leaf) ofLeaf += 1
    }
    return ofLeaves < DYNAMIC_LEAVES_MAX && ofLeaf < DYNAMIC_PER_LEAF_MAX
  }

  end({ number, message }: RunningQuery): void {
    this.#running.delete(number)
    this.#byGuid.delete(message.guid)
  }

  /** All of them: the servent is no ultrapeer any more. */
  endAll(): RunningQuery[] {
    const running = [...this.#running.values()]
    for (const one of running) this.end(one)
    return running
  }
}
