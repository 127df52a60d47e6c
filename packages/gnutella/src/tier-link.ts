/** What the two tiers know of one link: what its peer said of itself, the table that it told, and the one it was told. */
import { TokenBucket } from '@servent/overlay/machine'
import type { Guid } from './messages.ts'
import type { QueryHashes } from './qrp-hash.ts'
import type { PatchPart, ToldTable } from './qrp-patch.ts'
import type { QueryRoutingTable } from './query-routing-table.ts'
import {
  DEGREE_UNSAID,
  EXTENSIONS_BURST,
  EXTENSIONS_PER_SECOND,
  LEAF_QUERIES_BURST,
  LEAF_QUERIES_PER_SECOND,
  LEAF_TABLE_UPDATE_MS,
  TABLE_BITS_MAX,
  TABLE_BITS_MIN,
  TABLE_FILL_CLAIMED,
  TABLE_FILL_CLAIMED_LARGEST,
  TABLE_SLOTS_BURST,
  TABLE_SLOTS_PER_SECOND,
  TABLE_UPDATES_BURST,
  UNROUTED_BURST,
  UNROUTED_PER_SECOND
} from './tier-constants.ts'

/** What waits to be told of a table: a RESET to so many bits, or a part of a patch. */
export type TableMessage = { readonly bits: number } | PatchPart

export class TierLink {
  // What it said in the handshake.
  /** Reads route tables of this servent's tier, and entries of how many bits. */
  readsTables = false
  entryBits: 1 | 4 = 4
  degree = DEGREE_UNSAID
  /** Does not take a query for a duplicate that came as a probe before. */
  extendsProbes = false
  /** Asks step by step for its leaves, which may guide it. */
  queriesDynamically = false
  servent: Guid | undefined
  /** A leaf that called and named its ultrapeers. */
  namesOthers = false
  /** Whether it has no places for leaves: of its handshake, and of its pongs since. */
  placesFull: boolean | undefined
  /** Places for leaves that it says it has left. */
  leafPlacesLeft = 0

  /** The table that it told. */
  told: ToldTable | undefined
  readonly patched: TokenBucket
  /** Queries that reach it though no table asks for them. */
  readonly unrouted: TokenBucket
  /** How often its tables have the queries under way looked through. */
  readonly extensions: TokenBucket
  /** Own queries of a leaf. */
  readonly queries: TokenBucket

  /** The table that it was told last; what of it has not left yet, and how often a leaf tells it. */
  said: QueryRoutingTable | undefined
  readonly updates: TokenBucket
  outbox: TableMessage[] = []

  constructor(nowMs: number) {
    this.patched = new TokenBucket(TABLE_SLOTS_BURST, TABLE_SLOTS_PER_SECOND, nowMs)
    this.unrouted = new TokenBucket(UNROUTED_BURST, UNROUTED_PER_SECOND, nowMs)
    this.extensions = new TokenBucket(EXTENSIONS_BURST, EXTENSIONS_PER_SECOND, nowMs)
    this.queries = new TokenBucket(LEAF_QUERIES_BURST, LEAF_QUERIES_PER_SECOND, nowMs)
    this.updates = new TokenBucket(TABLE_UPDATES_BURST, 1000 / LEAF_TABLE_UPDATE_MS, nowMs)
  }

  /** Its table, once it is whole. */
  get table(): QueryRoutingTable | undefined {
    return this.told?.complete === true ? this.told.table : undefined
  }

  /** The table of a leaf, where it says something: it is whole, and does not claim everything. */
  get soundTable(): QueryRoutingTable | undefined {
    const { table } = this
    if (table === undefined || table.bits < TABLE_BITS_MIN) return undefined
    const most = table.bits === TABLE_BITS_MAX ? TABLE_FILL_CLAIMED_LARGEST : TABLE_FILL_CLAIMED
    return table.fill <= most ? table : undefined
  }

  /** Whether a query on its last hop is for this ultrapeer: it is where there is no table (UQR 2.3). */
  mayMatch(hashes: QueryHashes): boolean {
    return this.table?.mayMatch(hashes) ?? true
  }
}
