/**
 * What a structured overlay must say of its tables, so that lookups, replicas and adapters need know nothing
 * else of it. The names are those of the common API of Dabek et al. (IPTPS 2003): a key's root is the peer that
 * is responsible for it, its replica set the peers that hold copies.
 */
import type { Key, Peer } from '@servent/overlay/machine'
import type { RoutingEffects } from './types.ts'

export interface NextHop {
  readonly peer: Peer
  /** By the tables of whoever forwards, this peer is the key's root: the lookup ends there. */
  readonly root: boolean
}

/** Keys that one peer is responsible for: clockwise from `from` (left out) to `to` (in it). */
export interface KeyRange {
  readonly from: Key
  readonly to: Key
}

/** Whether an overlay can answer, and with whom. */
export interface Membership {
  /** It has tables to answer from, if only of this peer alone. */
  readonly isMember: boolean
  /** Peers in these tables, without this one. */
  readonly others: number
  /** By the clock of the machine: from when on what it has heard of others can be relied on. Nothing: it met none. */
  readonly sinceMs: number | undefined
}

/**
 * What the tables say of an answer that names the root of a key. `doubtful`: by chance roots seldom lie so far
 * behind their key. `impossible`: that peer has no such place, or nobody's root lies so far away.
 */
export type RootBelief = 'sound' | 'doubtful' | 'impossible'

export interface KeyRouting {
  /** Whether the tables can serve lookups; before, they are refused with a reason. */
  readonly ready: boolean
  /**
   * The keys around this one that this peer is the root of, or nothing where it is not. `silent` tells of
   * peers that were taken for the root before this one, and found silent: their claim to the key does not count.
   * `asRoot`: whoever forwarded took this peer for the root, all before it in its tables being silent.
   */
  rootOf(key: Key, silent: (peer: Peer) => boolean, asRoot?: boolean): KeyRange | undefined
  /**
   * Peers to ask next, the best first, at most `limit`, each nearer to the key than this one, or its root.
   * Peers that `silent` names are left out. Empty where nobody nearer is known. `asRoot`: as for `rootOf`. This peer
   * itself may stand behind the others where it is the root once all of these are silent.
   */
  nextHops(key: Key, limit: number, silent: (peer: Peer) => boolean, asRoot?: boolean): readonly NextHop[]
  /** What this peer is the root of, a range for each of its places. Left out: it has one, at its own key. */
  ownRanges?(): readonly KeyRange[]
  /** Who holds copies of a key that this peer is the root of: distinct peers, the nearest first, without this one. */
  replicas(key: Key, count: number): readonly Peer[]
  /**
   * Whether this peer can be the root of that range, by what the tables know of ranges. Any hop may claim any;
   * where it cannot be, no more is believed than the root of the key that was looked up. Left out: all is.
   */
  isPlausibleRange?(root: Peer, range: KeyRange): boolean
  /**
   * Whether a peer can be the root of a key by a place of its own that is `to`, the end of the range that the
   * answer to a lookup names. Any hop may claim any key. Left out: whoever claims it is believed.
   */
  believeRoot?(root: Peer, key: Key, to: Key): RootBelief
  /** Negative where `a` lies nearer to the key than `b`, by whose roots are chosen. Left out: by where ranges end. */
  compareRoots?(key: Key, a: Peer, b: Peer): number
  /**
   * Of peers that were found silent, one that the tables still take for the root of a key: a peer that is late is not
   * a dead one, and nobody answers in its place, or is asked to, before `KeyRouter.settled` says that it is known
   * which. Left out, and nothing where the tables will not find out: whoever is silent is passed over at once.
   */
  doubted?(
    key: Key,
    silent: (peer: Peer) => boolean,
    asRoot: boolean,
    effects: RoutingEffects
  ): Peer | undefined
  /** A request to this peer was not answered in time, or it could not be reached. */
  onSilent(peer: Peer, effects: RoutingEffects): void
}
