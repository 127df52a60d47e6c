/**
 * What a peer remembers of a lookup that it has a hand in: where it came from, whom it went to, and who was
 * silent. It stays for the lookup's budget, so that duplicates are known and an answer finds its way back.
 */
import {
  type Contact,
  type Key,
  NO_PEER,
  type Peer,
  type PeerTable,
  SELF,
  sameBytes
} from '@servent/overlay/machine'
import { Call, type CallFailure } from './calls-types.ts'
import { RELAYS_MAX, SAME_ID_MAX, SILENT_MAX } from './constants.ts'
import type { OwnLookup } from './lookup-own.ts'
import type { Lookup, LookupPurpose, ReplyBy } from './messages.ts'
import type { KeyRouting } from './routing.ts'
import type { RoutingEffects, RoutingTypes } from './types.ts'

/**
 * `asking`: the next hop has not acknowledged yet. `taken`: it has. `waiting`: a root is silent, and being probed.
 * `done`: the answer went its way. `failed`: nobody nearer was left.
 */
export type RelayState = 'asking' | 'taken' | 'waiting' | 'done' | 'failed'

/** What a relay tells when its call came to something or nothing. */
export interface RelayRules {
  onCallFailed(relay: Relay, why: CallFailure, effects: RoutingEffects): void
}

export interface RelayInit {
  readonly rules: RelayRules
  readonly id: number
  readonly origin: Contact
  readonly key: Key
  readonly purpose: LookupPurpose
  readonly replyBy: ReplyBy
  /** Whom it came from; `SELF` where it began here. */
  readonly from: Peer
  readonly hops: number
  readonly timeouts: number
  /** Whoever forwarded took this peer for the root, all before it in its tables being silent. */
  readonly asRoot: boolean
  readonly silentIds: readonly Uint8Array[]
  readonly endMs: number
}

const NO_IDS: readonly Uint8Array[] = []
const NO_PEERS: readonly Peer[] = []
/** What tables are asked with where nobody was silent. */
export const nobody = (): boolean => false

export class Relay extends Call<RoutingTypes> {
  readonly id: number
  readonly origin: Contact
  readonly key: Key
  readonly purpose: LookupPurpose
  readonly replyBy: ReplyBy
  readonly from: Peer
  readonly endMs: number
  /** Whoever forwarded took this peer for the root. */
  asRoot: boolean
  state: RelayState = 'asking'
  hops: number
  timeouts: number
  /** Of the root candidates that were silent, the latest last. */
  silentIds: readonly Uint8Array[]
  /** Whom it went to last, and whether that peer was taken for the root. */
  hop: Peer = NO_PEER
  hopIsRoot = false
  /** Peers that it was sent to. */
  tries = 0
  /** Under way: it is not forgotten to make room, and counts among those that came from `from`. */
  live = true
  /** Left out as long as there is another hop: earlier attempts went by these, and nothing good came back. */
  avoid: readonly Peer[] = NO_PEERS
  /** The lookup of this peer itself that it is an attempt of. */
  own: OwnLookup | undefined = undefined
  /** Timeouts of the attempts before this one. */
  timeoutsBefore = 0
  /** Another one with the same id, of another origin. */
  next: Relay | undefined = undefined
  #silent: Peer[] | undefined = undefined
  /** Those of the silent that this peer took for the root. */
  #silentRoots: Peer[] | undefined = undefined
  #refused: Peer[] | undefined = undefined
  readonly #rules: RelayRules

  constructor(init: RelayInit) {
    super()
    this.#rules = init.rules
    this.id = init.id
    this.origin = init.origin
    this.key = init.key
    this.purpose = init.purpose
    this.replyBy = init.replyBy
    this.from = init.from
    this.hops = init.hops
    this.timeouts = init.timeouts
    this.asRoot = init.asRoot
    this.silentIds = init.silentIds.length === 0 ? NO_IDS : init.silentIds.slice(-SILENT_MAX)
    this.endMs = init.endMs
  }

  override onFailed(why: CallFailure, effects: RoutingEffects): void {
    this.#rules.onCallFailed(this, why, effects)
  }

  /** The hop did not answer. Where it was taken for the root, the next one is told. */
  hopWasSilent(peers: PeerTable): void {
    this.#silent ??= []
    this.#silent.push(this.hop)
    if (!this.hopIsRoot) return
    this.#silentRoots ??= []
    this.#silentRoots.push(this.hop)
    const ids = [...this.silentIds, peers.contact(this.hop).id]
    this.silentIds = ids.slice(-SILENT_MAX)
  }

  /** It came round to this peer again, as to the root. */
  asRootNow({ hops, timeouts, silent }: Lookup): this {
    this.asRoot = true
    this.hops = hops
    this.timeouts = timeouts
    this.silentIds = silent.slice(-SILENT_MAX)
    return this
  }

  /** Whether anybody on the way was silent. */
  get someSilent(): boolean {
    return this.#silent !== undefined || this.silentIds.length > 0
  }

  /** A peer that was found silent turned out to live, or is in no table any more: it counts as any other. */
  notSilent(peer: Peer, peers: PeerTable): void {
    this.#silent = this.#silent?.filter(other => other !== peer)
    this.#silentRoots = this.#silentRoots?.filter(other => other !== peer)
    const { id } = peers.contact(peer)
    this.silentIds = this.silentIds.filter(named => !sameBytes(named, id))
  }

  /** A peer that is not asked (again), though it may live. */
  refuse(peer: Peer): void {
    this.#refused ??= []
    this.#refused.push(peer)
  }

  /** Whether the lookup was sent to this peer, now or before. */
  wentTo(peer: Peer): boolean {
    return (
      peer === this.hop || (this.#silent?.includes(peer) ?? false) || (this.#refused?.includes(peer) ?? false)
    )
  }

  /** Whether a peer was found silent, by this peer or by those before it. */
  silentTest(peers: PeerTable): (peer: Peer) => boolean {
    const silent = this.#silent ?? NO_PEERS
    if (this.silentIds.length === 0) return silent.length === 0 ? nobody : peer => silent.includes(peer)
    return peer => silent.includes(peer) || isNamed(this.silentIds, peer, peers)
  }

  /**
   * Whether a peer was taken for the root and found silent, by this peer or on the way by which it was taken for
   * the root itself. Who was silent on the way to the root says nothing of whose the key is, nor does who was
   * silent for somebody who goes round by this peer: a peer may stand in several places.
   */
  silentRootTest(peers: PeerTable): (peer: Peer) => boolean {
    const roots = this.#silentRoots ?? NO_PEERS
    const isNamed = this.asRoot ? namedTest(this.silentIds, peers) : nobody
    return roots.length === 0 ? isNamed : peer => roots.includes(peer) || isNamed(peer)
  }

  /** Whether a peer is left out of what comes next. */
  leftOutTest(peers: PeerTable): (peer: Peer) => boolean {
    const isSilent = this.silentTest(peers)
    const refused = this.#refused
    const { avoid } = this
    if (refused === undefined && avoid.length === 0) return isSilent
    return peer => avoid.includes(peer) || (refused?.includes(peer) ?? false) || isSilent(peer)
  }

  /** Whether somebody who is left out, but was not found silent, comes before a hop: the key may be that one's. */
  passesOver(hop: Peer, routing: KeyRouting, peers: PeerTable): boolean {
    if (this.#refused === undefined && this.avoid.length === 0) return false
    return routing.nextHops(this.key, 1, this.silentTest(peers), this.asRoot)[0]?.peer !== hop
  }

  heldPeers(hold: (peer: Peer) => void): void {
    if (this.from !== SELF) hold(this.from)
    if (this.hop !== NO_PEER) hold(this.hop)
    for (const peer of this.avoid) hold(peer)
    for (const peer of this.#silent ?? NO_PEERS) hold(peer)
    for (const peer of this.#refused ?? NO_PEERS) hold(peer)
  }
}

export function isUnderWay({ state }: Relay): boolean {
  return state === 'asking' || state === 'taken' || state === 'waiting'
}

/** A test of PeerIds that came with a message. */
export function namedTest(ids: readonly Uint8Array[], peers: PeerTable): (peer: Peer) => boolean {
  return ids.length === 0 ? nobody : peer => isNamed(ids, peer, peers)
}

function isNamed(ids: readonly Uint8Array[], peer: Peer, peers: PeerTable): boolean {
  const { id } = peers.contact(peer)
  return ids.some(named => sameBytes(named, id))
}

/** What is over is looked for once in so long, since a map's first entry is not found at once. */
const FORGET_EVERY_MS = 1000

/** Whether a relay without a call of its own is still of use. */
function isRemembered(relay: Relay, full: boolean, nowMs: number): boolean {
  return relay.endMs > nowMs && (relay.live || !full)
}

/** Entries that are looked at for one to forget, before a newcomer is refused. */
const EVICTION_LOOKS_MAX = 64

/**
 * Relays by id and origin. What is over is forgotten when something new comes, so that no timer is needed. Ids
 * are compared before origins, since an origin chooses them at random.
 */
export class RelayTable {
  #byId: Map<number, Relay> | undefined
  #size = 0
  #forgetAtMs = 0

  get size(): number {
    return this.#size
  }

  find(id: number, origin: Uint8Array): Relay | undefined {
    let relay = this.#byId?.get(id)
    while (relay !== undefined && !sameBytes(relay.origin.id, origin)) relay = relay.next
    return relay
  }

  has(id: number): boolean {
    return this.#byId?.has(id) ?? false
  }

  /** False where there is no place: every one of the oldest is under way, or too many have this id. */
  add(relay: Relay, nowMs: number): boolean {
    this.#byId ??= new Map()
    if (nowMs >= this.#forgetAtMs || this.#size >= RELAYS_MAX) {
      this.#forgetAtMs = nowMs + FORGET_EVERY_MS
      this.#forgetOld(this.#byId, nowMs)
    }
    if (this.#size >= RELAYS_MAX) return false
    const same = this.#byId.get(relay.id)
    let alike = 0
    for (let other = same; other !== undefined; other = other.next) alike += 1
    if (alike >= SAME_ID_MAX) return false
    relay.next = same?.next
    if (same === undefined) this.#byId.set(relay.id, relay)
    else same.next = relay
    this.#size += 1
    return true
  }

  remove(relay: Relay): void {
    const first = this.#byId?.get(relay.id)
    if (first === undefined) return
    if (first === relay) {
      if (relay.next === undefined) this.#byId!.delete(relay.id)
      else this.#byId!.set(relay.id, relay.next)
    } else {
      let before = first
      while (before.next !== undefined && before.next !== relay) before = before.next
      if (before.next === undefined) return
      before.next = relay.next
    }
    this.#size -= 1
  }

  *all(): Iterable<Relay> {
    for (const first of this.#byId?.values() ?? [])
      for (let relay: Relay | undefined = first; relay !== undefined; relay = relay.next) yield relay
  }

  /** Those at the front whose time is over, and where the table is full the first that is not under way. */
  #forgetOld(byId: Map<number, Relay>, nowMs: number): void {
    let looks = 0
    for (const first of byId.values()) {
      const full = this.#size >= RELAYS_MAX
      let keeps = false
      let count = 0
      for (let relay: Relay | undefined = first; relay !== undefined; relay = relay.next) {
        count += 1
        if (relay.at >= 0 || isRemembered(relay, full, nowMs)) keeps = true
      }
      looks += count
      if (!keeps) {
        byId.delete(first.id)
        this.#size -= count
      } else if (!full || looks >= EVICTION_LOOKS_MAX) return
    }
  }
}
