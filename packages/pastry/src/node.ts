/** What Pastry's machine remembers: its three tables, whom it knows beside, and what is in hand. */
import {
  type KeyRouter,
  LOST_PEERS_MAX,
  PeerCache,
  PeerMemory,
  type RecordKeeper
} from '@servent/key-routing/machine'
import {
  type Contact,
  type Effects,
  type Key,
  NO_PEER,
  type Peer,
  type PeerTable,
  SELF
} from '@servent/overlay/machine'
import {
  ANNOUNCED_MAX,
  CANDIDATES_MAX,
  DISTANCES_MAX,
  FAILED_KEPT_MS,
  FAILED_MAX,
  FAILURES_REMEMBERED_MAX,
  HEARSAY_MAX,
  HELD_LOOKUPS_MAX,
  LEAF_PROBES_MAX,
  LEAF_SET_MAX,
  MEASURES_AT_ONCE,
  PERIODS_HEARD_MAX,
  REPAIRS_MAX,
  SUITORS_MAX
} from './constants.ts'
import { Periods } from './failure-rate.ts'
import { Hearsay } from './hearsay.ts'
import type { HeldLookup } from './held-lookups.ts'
import { LeafSet } from './leaf-set.ts'
import type { PastryMessage } from './messages.ts'
import { NeighbourhoodSet } from './neighbourhood-set.ts'
import { RoutingTable } from './routing-table.ts'
import type { PastryRules } from './rules.ts'
import type { PastryMode, PastrySettings, PastryTypes } from './types.ts'

export type Fx = Effects<PastryTypes>

/** The latest last; of more than `most` the oldest is forgotten. */
function remember(memory: Map<Peer, number>, peer: Peer, value: number, most: number): void {
  memory.delete(peer)
  memory.set(peer, value)
  const [first] = memory.keys()
  if (memory.size > most) memory.delete(first!)
}

export class PastryNode {
  readonly settings: PastrySettings
  readonly rules: PastryRules
  readonly leaves: LeafSet
  readonly table: RoutingTable
  readonly neighbourhood: NeighbourhoodSet
  readonly cache = new PeerCache()
  /** Peers with another |L| or b, and when they said so last. */
  readonly unlike = new Map<Peer, number>()
  /** Who asked for a ring while this node had none either. */
  readonly callers = new PeerMemory(LOST_PEERS_MAX)
  readonly counters: Record<string, number> = {}
  readonly periods = new Periods()
  mode: PastryMode = 'idle'
  maintenance = true
  stopped = false
  /** Counts memberships: an answer that belongs to an earlier one is nothing any more. */
  term = 0
  /** Its records are being handed over. */
  leaving = false
  /** When something last came from each peer of leaf set and table: their links are kept. */
  readonly heard = new Map<Peer, number>()
  /** Leaves and would-be leaves that were probed and have not answered yet. */
  readonly probing = new Set<Peer>()
  /** Who took this node for a leaf and had no place in its leaf set, and when. */
  readonly suitors = new Map<Peer, number>()
  /** Of those that are probed since somebody told of their failure: who did, and its leaves. */
  readonly named = new Map<Peer, { readonly by: Peer; readonly leaves: readonly Peer[] }>()
  readonly hearsay = new Hearsay()
  /** Others that are probed: whether they live is asked once at a time. */
  readonly asking = new Set<Peer>()
  /** Whose distance is to be measured, and whose is. */
  readonly candidates = new Set<Peer>()
  readonly measuring = new Set<Peer>()
  /** When each node announced itself last, of those whose row was looked at. */
  readonly announced = new Map<Peer, number>()
  /** How far away peers were measured to be, in milliseconds, the latest last. */
  readonly distances = new Map<Peer, number>()
  /** Peers that steps in progress speak of, so that their handles stay good. */
  readonly inHand = new Set<readonly Peer[]>()
  repairs = 0
  /** It became active, and tells its table when what it knows was measured. */
  announces = false
  /** Since when the right neighbour is the one that it is. */
  right: Peer = NO_PEER
  rightSinceMs = 0
  /** Its turn among the leaves for an exchange of leaf sets, and among the neighbourhood. */
  leafTurn = 0
  neighbourTurn = 0
  /** A joiner: a walk is under way; and whether it has begun to take its place in the leaf sets of others. */
  walking = false
  entering = false
  enteringSinceMs = 0
  /** Of those that it probed, whom it waits for before it is active. */
  readonly awaited = new Set<Peer>()
  readonly held: HeldLookup[] = []
  /** Since when it looks for a ring, and how seldom it asks. */
  gatheringSinceMs = 0
  gatherMs = 0
  /** When it had others in its tables for the first time since it was in no ring. */
  metMs: number | undefined
  nowMs = 0
  /** Set before anything else runs. */
  key!: Key
  peers!: PeerTable
  router!: KeyRouter<PastryTypes>
  keeper!: RecordKeeper
  /** Gives a message to the router as if it came now. */
  deliver!: (link: number, message: PastryMessage, fx: Fx) => void
  /** Until when a peer that was found failed is not believed to live on anybody's word. */
  readonly #failed = new Map<Peer, number>()
  /** The same of those that only others spoke of: of these is told where there is room. */
  readonly #unheard = new Map<Peer, number>()

  constructor(settings: PastrySettings, rules: PastryRules) {
    this.settings = settings
    this.rules = rules
    this.leaves = new LeafSet(settings.leafSet, peer => this.keyOf(peer))
    this.table = new RoutingTable(settings.digitBits)
    this.neighbourhood = new NeighbourhoodSet(settings.neighbourhood)
  }

  keyOf(peer: Peer): Key {
    return this.peers.key(peer)
  }

  slotOf(peer: Peer): number {
    return this.rules.slotOf(this.key, this.keyOf(peer), this.settings.digitBits)
  }

  contacts(peers: readonly Peer[]): Contact[] {
    return peers.map(peer => this.peers.contact(peer))
  }

  /** Handles of others, each once, as far as the host has room. */
  intern(contacts: readonly Contact[], most: number): Peer[] {
    const peers = new Set<Peer>()
    for (const contact of contacts.slice(0, most)) {
      const peer = this.peers.intern(contact)
      if (peer !== NO_PEER && peer !== SELF) peers.add(peer)
    }
    return [...peers]
  }

  hasFailed(peer: Peer): boolean {
    const untilMs = this.#failed.get(peer) ?? this.#unheard.get(peer)
    return untilMs !== undefined && untilMs > this.nowMs
  }

  /** Those that are remembered as failed, the latest of the own tables last. */
  get failed(): Peer[] {
    return [...this.#unheard.keys(), ...this.#failed.keys()].filter(peer => this.hasFailed(peer))
  }

  rememberFailed(peer: Peer): void {
    this.distances.delete(peer)
    remember(this.#failed, peer, this.nowMs + FAILED_KEPT_MS, FAILED_MAX)
    if (this.heard.has(peer)) this.cache.lost.add(peer)
  }

  /** It did not answer. Whether it ever was there nobody knows who has not heard it. */
  rememberSilent(peer: Peer): void {
    if (this.heard.has(peer)) this.rememberFailed(peer)
    else {
      this.distances.delete(peer)
      this.#failed.delete(peer)
      remember(this.#unheard, peer, this.nowMs + FAILED_KEPT_MS, FAILED_MAX)
    }
  }

  rememberSuitor(peer: Peer): void {
    remember(this.suitors, peer, this.nowMs, SUITORS_MAX)
  }

  rememberAnnounced(peer: Peer): void {
    remember(this.announced, peer, this.nowMs, ANNOUNCED_MAX)
  }

  rememberUnlike(peer: Peer): void {
    remember(this.unlike, peer, this.nowMs, LOST_PEERS_MAX)
  }

  rememberDistance(peer: Peer, ms: number): void {
    remember(this.distances, peer, ms, DISTANCES_MAX)
  }

  lives(peer: Peer): void {
    this.#failed.delete(peer)
    this.#unheard.delete(peer)
    this.hearsay.answered(peer)
  }

  /** Links to leaves and entries are kept, and no others. Called when one may have come or gone. */
  sync(peer: Peer, fx: Fx): void {
    const { calls } = this.router
    const wanted = this.leaves.has(peer) || this.table.has(peer)
    if (wanted === this.heard.has(peer)) return
    if (wanted) {
      this.heard.set(peer, this.nowMs)
      calls.hold(peer, 'pastry')
    } else {
      this.heard.delete(peer)
      calls.release(peer, 'pastry', fx)
    }
  }

  /** What the node is the root of, or a replica set, may have changed. */
  leavesChanged(fx: Fx): void {
    const right = this.leaves.larger[0] ?? NO_PEER
    if (right !== this.right) {
      this.right = right
      this.rightSinceMs = this.nowMs
    }
    if (this.mode !== 'member') return
    if (!this.leaves.isEmpty) this.metMs ??= this.nowMs
    this.router.tablesChanged(fx)
  }

  setMode(mode: PastryMode, fx: Fx): void {
    if (this.mode === mode) return
    this.mode = mode
    fx.notify({ type: 'mode', mode })
  }

  count(what: string): void {
    this.counters[what] = (this.counters[what] ?? 0) + 1
  }

  begin(fx: Fx): void {
    this.peers = fx.peers
    this.key = fx.peers.key(SELF)
  }

  /** Collections by name: how many are in each, and its bound. */
  sizes(): Readonly<Record<string, readonly [size: number, max: number]>> {
    const { failures, heard } = this.periods.sizes
    return {
      leaves: [this.leaves.members.length, this.settings.leafSet],
      neighbourhood: [this.neighbourhood.peers.length, this.settings.neighbourhood],
      probing: [this.probing.size, LEAF_PROBES_MAX + LEAF_SET_MAX],
      hearsay: [this.hearsay.size, HEARSAY_MAX],
      candidates: [this.candidates.size, CANDIDATES_MAX],
      measuring: [this.measuring.size, MEASURES_AT_ONCE],
      suitors: [this.suitors.size, SUITORS_MAX],
      repairs: [this.repairs, REPAIRS_MAX],
      held: [this.held.length, HELD_LOOKUPS_MAX],
      failed: [this.#failed.size, FAILED_MAX],
      unheard: [this.#unheard.size, FAILED_MAX],
      announced: [this.announced.size, ANNOUNCED_MAX],
      unlike: [this.unlike.size, LOST_PEERS_MAX],
      distances: [this.distances.size, DISTANCES_MAX],
      failures: [failures, FAILURES_REMEMBERED_MAX],
      periods: [heard, PERIODS_HEARD_MAX]
    }
  }

  heldPeers(hold: (peer: Peer) => void): void {
    const all = [
      this.unlike.keys(),
      this.callers.peers,
      this.leaves.members,
      this.table.peers(),
      this.neighbourhood.peers,
      this.probing,
      this.suitors.keys(),
      ...[...this.named.values()].map(({ by, leaves }) => [by, ...leaves]),
      this.hearsay.peers(),
      this.asking,
      this.candidates,
      this.measuring,
      this.announced.keys(),
      this.distances.keys(),
      this.#failed.keys(),
      this.#unheard.keys(),
      this.periods.peers(),
      ...this.inHand
    ]
    this.cache.heldPeers(hold)
    for (const peers of all) for (const peer of peers) hold(peer)
    for (const { peer } of this.held) hold(peer)
    if (this.right !== NO_PEER) hold(this.right)
  }
}
