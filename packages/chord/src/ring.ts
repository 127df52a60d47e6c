/** What Chord's machine remembers: its places on the ring, whom it knows beside, and what is in hand. */
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
  type Peer,
  type PeerTable,
  SELF
} from '@servent/overlay/machine'
import type { Asked } from './asked-list.ts'
import { FOUNDERS_KEPT_MS } from './constants.ts'
import { FingerTable } from './finger-table.ts'
import type { FormingTable } from './forming-table.ts'
import type { RingNode } from './messages.ts'
import { indexOfRef, keyOfPlace, NOBODY, peerOfRef, refOf, TOP_EXPONENT } from './ring-key.ts'
import type { ChordRules } from './ring-rules.ts'
import type { ChordMode, ChordSettings, ChordTypes, RingRef } from './types.ts'
import { VirtualKeys } from './virtual-keys.ts'

export type Fx = Effects<ChordTypes>

const NO_KEY: Key = new Uint8Array(0)
export const NO_REFS: readonly RingRef[] = []

/** One place on the ring: the state of one of Chord's nodes. */
export class Place {
  readonly index: number
  readonly timers: { readonly stabilise: string; readonly fingers: string; readonly predecessor: string }
  key: Key = NO_KEY
  /** Others may have this place in their lists: it answers for itself. */
  member = false
  /** Kept after its death until somebody takes its place, as in Zave's model. */
  predecessor: RingRef = NOBODY
  predecessorHeardMs = 0
  /** Of its tables when it was asked last, so that they need not be said again. */
  predecessorVersion = 0
  /** It did not answer: the next who claims its place has it. */
  predecessorLost = false
  /** Who preceded this place before, further back each. Replaced, never changed. */
  former: readonly RingRef[] = NO_REFS
  askingFormer = false
  /** The nearest of these, once it said that it is a member: it precedes the one that is lost. */
  livingFormer: RingRef = NOBODY
  /** Replaced, never changed: an answer that is on its way may hold it. */
  successors: readonly RingRef[] = []
  /** The list goes once around: there are no more members than r + 1. */
  wrapped = false
  readonly fingers = new FingerTable()
  /** Of predecessor and list; 0 while it is no member. */
  version = 0
  /** Whose tables, and which of their versions, the list was made of, with everything settled. */
  settledHead: RingRef = NOBODY
  settledVersion = 0
  /** Rounds after which lists that differ are compared anew, and how many of them are left. 0: they do not differ. */
  unlikeRounds = 0
  unlikeLeft = 0
  /** Counts memberships: an answer that belongs to an earlier one is nothing any more. */
  term = 0
  joining = false
  /** Since when it finds a root whose predecessor is not to be had. */
  joinWaitsMs: number | undefined
  /** The first successor, where it forms a ring, and since when. */
  formingHead: RingRef = NOBODY
  formingSinceMs = 0
  /** Who has yet to come into the list, or may have to go: handles that are good while it is so. */
  readonly asked = new Map<RingRef, Asked>()
  /** What the own list and the head's have behind the head, in order, as they were compared last. */
  compared: readonly RingRef[] = []
  stabilising = false
  rectifying = false
  fixing = false
  /** Exponent from which the finger that is looked after next is sought, downwards. */
  cursor = TOP_EXPONENT
  /** Exponents below this were found to be empty intervals, or could not be filled. */
  gapsFrom = 0

  constructor(index: number) {
    this.index = index
    this.timers = {
      stabilise: `stabilise-${index}`,
      fingers: `fingers-${index}`,
      predecessor: `predecessor-${index}`
    }
  }
}

/** What somebody told one place of: one node is looked at, and the latest other one waits. */
export interface CandidateTurn {
  waiting: { readonly node: RingRef; readonly steps: number } | undefined
}

export class Ring {
  readonly settings: ChordSettings
  readonly rules: ChordRules
  readonly places: readonly Place[]
  readonly cache = new PeerCache()
  readonly bootstrap = this.cache.bootstrap
  readonly lost = this.cache.lost
  /** Peers with another r. */
  readonly unlike = new PeerMemory(LOST_PEERS_MAX)
  readonly counters: Record<string, number> = {}
  mode: ChordMode = 'idle'
  maintenance = true
  stopped = false
  /** There only while a ring forms. */
  forming: FormingTable | undefined
  /** Peers whose links the tables want kept. */
  linked: readonly Peer[] = []
  /** When it had others in its tables, who knew of it, for the first time since it was in no ring. */
  metMs: number | undefined
  /** Its records are being handed over. */
  leaving = false
  /** Nodes that steps in progress speak of, so that their handles stay good. */
  readonly inHand = new Set<readonly RingRef[]>()
  /** Candidates that are looked at, by who told of them and which place. */
  candidates: Map<RingRef, CandidateTurn> | undefined
  /** Since when it looks for a ring without an answer, and when and how seldom it asks its contacts. */
  gatheringSinceMs = 0
  contactsDueMs = 0
  gatherMs = 0
  /** Who began this ring with it; forgotten after a while. */
  founders: readonly Peer[] = []
  foundedMs = 0
  nowMs = 0
  /** Probes for a foreign ring so far. */
  probes = 0
  /** One is under way. */
  probing = false
  /** Before this no exchange among members of a ring that forms is brought forward. */
  exchangeDueMs = 0
  /** Set before anything else runs. */
  peers!: PeerTable
  router!: KeyRouter<ChordTypes>
  keeper!: RecordKeeper
  readonly #virtualKeys = new VirtualKeys()

  constructor(settings: ChordSettings, rules: ChordRules) {
    this.settings = settings
    this.rules = rules
    this.places = Array.from({ length: settings.virtualNodes }, (_, index) => new Place(index))
  }

  /** Whether it began this ring together with this peer, so short a time ago that it may not know of it yet. */
  isFounder(peer: Peer): boolean {
    return this.nowMs - this.foundedMs <= FOUNDERS_KEPT_MS && this.founders.includes(peer)
  }

  key(ref: RingRef): Key {
    const index = indexOfRef(ref)
    const key = this.peers.key(peerOfRef(ref))
    return index === 0 ? key : this.#virtualKeys.of(key, ref)
  }

  /** As it goes on the wire. */
  node(ref: RingRef): RingNode {
    return { contact: this.peers.contact(peerOfRef(ref)), index: indexOfRef(ref) }
  }

  nodes(refs: readonly RingRef[]): RingNode[] {
    return refs.map(ref => this.node(ref))
  }

  /** From the wire; `NOBODY` where the host has no room for the peer. */
  ref(node: RingNode): RingRef {
    const peer = this.peers.intern(node.contact)
    return peer < SELF ? NOBODY : refOf(peer, node.index)
  }

  /** The refs of nodes up to the first that the host has no room for. */
  refs(nodes: readonly RingNode[]): RingRef[] {
    const refs: RingRef[] = []
    for (const node of nodes) {
      const ref = this.ref(node)
      if (ref === NOBODY) break
      refs.push(ref)
    }
    return refs
  }

  /** The place of a peer that has this key, as a lookup's answer names it; `NOBODY` where it has none. */
  placeOf(peer: Peer, key: Key): RingRef {
    const own = this.peers.key(peer)
    return this.#virtualKeys.find(own, peer, key)
  }

  ownRef(place: Place): RingRef {
    return refOf(SELF, place.index)
  }

  /** The node that a lookup found. */
  rootOfAnswer(root: Contact, to: Key): RingRef {
    const peer = this.peers.intern(root)
    return peer < SELF ? NOBODY : this.placeOf(peer, to)
  }

  count(what: string): void {
    this.counters[what] = (this.counters[what] ?? 0) + 1
  }

  /** Keys of this peer's places are known once the host says who it is. */
  begin(fx: Fx): void {
    this.peers = fx.peers
    for (const place of this.places) place.key = keyOfPlace(fx.peers.key(SELF), place.index)
  }

  get members(): readonly Place[] {
    return this.places.filter(({ member }) => member)
  }
}
