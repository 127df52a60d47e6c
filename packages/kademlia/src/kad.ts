/** What the parts of Kademlia's machine share: settings, buckets, calls, and who takes part. */
import {
  type Calls,
  type LinkNetworks,
  LOOKUP_BUDGET_MS_MAX,
  PeerCache,
  RecordTable
} from '@servent/key-routing/machine'
import { type Effects, type Key, type Peer, type PeerTable, SELF } from '@servent/overlay/machine'
import { Buckets } from './buckets.ts'
import type { LookupRun } from './lookup-run.ts'
import type { KademliaRules } from './rules.ts'
import type { KademliaMode, KademliaSettings, KademliaTypes } from './types.ts'

export type Fx = Effects<KademliaTypes>

/** What the table says of itself to who looks after membership. */
export interface TableEvents {
  /** The first peer has answered. */
  onFilled(fx: Fx): void
  /** The last one is gone. */
  onEmpty(fx: Fx): void
}

export class Kad {
  readonly settings: KademliaSettings
  readonly rules: KademliaRules
  readonly cache = new PeerCache()
  readonly records: RecordTable
  readonly lookups = new Set<LookupRun>()
  /** Who is asked whether it lives, and the newcomer that enters a bucket by that: often it itself. */
  readonly pinged = new Map<Peer, Peer>()
  /** When a key of each bucket was last looked up, by `nowMs`. */
  readonly refreshedMs: (number | undefined)[] = []
  readonly counters = { lookups: 0, failed: 0, refused: 0, entered: 0, left: 0 }
  calls!: Calls<KademliaTypes>
  networks!: LinkNetworks<KademliaTypes>
  events!: TableEvents
  peers!: PeerTable
  self!: Key
  buckets!: Buckets
  mode: KademliaMode = 'idle'
  maintenance = true
  stopped = false
  /** A lookup of the own key is under way. */
  lookingForSelf = false

  constructor(settings: KademliaSettings, rules: KademliaRules) {
    this.settings = settings
    this.rules = rules
    this.records = new RecordTable(settings.limits)
  }

  begin(fx: Fx): void {
    this.peers = fx.peers
    this.self = fx.peers.key(SELF)
    this.buckets = new Buckets(this.self, this.settings.k)
  }

  /** What every request bears that comes from a peer which answers none. */
  get mark(): { readonly client?: true } {
    return this.settings.mode === 'client' ? { client: true } : {}
  }

  /** That one bucket takes in (`RouterSettings`). */
  get peersPerNetwork(): number {
    return this.settings.routing.peersPerNetwork ?? 0
  }

  get serves(): boolean {
    return this.settings.mode === 'server'
  }

  setMode(mode: KademliaMode, fx: Fx): void {
    if (this.mode === mode) return
    this.mode = mode
    fx.notify({ type: 'mode', mode })
  }

  heldPeers(hold: (peer: Peer) => void): void {
    this.cache.heldPeers(hold)
    for (const { peer } of this.buckets?.all() ?? []) hold(peer)
    for (const peers of this.pinged) for (const peer of peers) hold(peer)
    for (const lookup of this.lookups) lookup.heldPeers(hold)
  }
}

/** A lookup of a table may take as long as anybody's: js gives it 30 s. */
export const TABLE_LOOKUP_MS = Math.min(30_000, LOOKUP_BUDGET_MS_MAX)
