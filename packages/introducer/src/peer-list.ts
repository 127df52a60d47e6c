/**
 * The peers that an introducer knows. Pure: the caller says what time it is and brings the chance.
 *
 * The list cannot be filled by one network: there are at most two peers of each /24 or /48 in it, and when it is full,
 * a newcomer takes the place of the youngest peer of the most crowded provider (a /16 or a /32), if that is more
 * crowded than its own would be; else there is no place for it. Who has been there for a day gives its place to nobody.
 */
import { type RandomSource, randomBelow } from '@servent/overlay/machine'
import type { Place } from './addresses.ts'
import type { OverlayRole } from './announcement.ts'
import { ANSWER_PEERS_MAX, type PeerListLimits } from './limits.ts'

export interface ListedAddress extends Place {
  /** A multiaddr in text form. */
  readonly text: string
  /** Milliseconds since 1970: when it was last called. */
  readonly provenMs: number
}

export interface ListedPeer {
  /** In text form. */
  readonly peerId: string
  readonly overlays: readonly OverlayRole[]
  /** One at least; only proven ones. */
  readonly addresses: readonly ListedAddress[]
  /** Since when it is listed, without a gap. */
  readonly firstMs: number
  /** Its last announcement, and that one's own time. */
  readonly seenMs: number
  readonly issuedMs: number
  /** Its last announcement. */
  readonly sealed: Uint8Array
}

/** Why there is no place: its network has as many as it may, or the list is full. */
export type NoPlace = 'network-full' | 'full'

export interface Wanted {
  /** In any of these; none is in any. */
  readonly overlays: readonly string[]
  readonly role?: string | undefined
  readonly limit: number
}

export class PeerList {
  readonly #limits: PeerListLimits
  readonly #onForgotten: (peerId: string) => void
  readonly #peers = new Map<string, ListedPeer>()

  /** `onForgotten` is told of each peer that is stale or evicted, and not of one that is removed or replaced. */
  constructor(limits: PeerListLimits, onForgotten: (peerId: string) => void = () => {}) {
    this.#limits = limits
    this.#onForgotten = onForgotten
  }

  get size(): number {
    return this.#peers.size
  }

  /** Nothing where it is not listed, or stale. */
  get(peerId: string, nowMs: number): ListedPeer | undefined {
    this.expire(nowMs)
    return this.#peers.get(peerId)
  }

  /** Takes a peer in, or in place of what was known of it. */
  put(peer: ListedPeer, nowMs: number): NoPlace | undefined {
    const evicted = this.#placeFor(peer, nowMs)
    if (typeof evicted === 'string') return evicted
    for (const other of evicted) this.#forget(other)
    this.#peers.set(peer.peerId, peer)
    return undefined
  }

  /** Why `put` would refuse it now. */
  refusal(peer: Pick<ListedPeer, 'peerId' | 'addresses' | 'overlays'>, nowMs: number): NoPlace | undefined {
    const evicted = this.#placeFor(peer, nowMs)
    return typeof evicted === 'string' ? evicted : undefined
  }

  remove(peerId: string): boolean {
    return this.#peers.delete(peerId)
  }

  /** Forgets addresses that were proven too long ago, and peers that have none or were not heard of. */
  expire(nowMs: number): void {
    const { seenMs, provenMs } = this.#limits
    for (const [peerId, peer] of this.#peers) {
      const addresses = peer.addresses.filter(address => nowMs - address.provenMs < provenMs)
      if (addresses.length === 0 || nowMs - peer.seenMs >= seenMs) this.#forget(peerId)
      else if (addresses.length < peer.addresses.length) this.#peers.set(peerId, { ...peer, addresses })
    }
  }

  /**
   * Peers by chance, at most `ANSWER_PEERS_MAX`: first one of each provider, then a second of each, and so on, so that
   * whoever asks gets as many networks as there are.
   */
  sample({ overlays, role, limit }: Wanted, nowMs: number, random: RandomSource): ListedPeer[] {
    this.expire(nowMs)
    const fits = (peer: ListedPeer) =>
      peer.overlays.some(
        one =>
          (overlays.length === 0 || overlays.includes(one.name)) && (role === undefined || one.role === role)
      )
    let left = shuffled([...this.#peers.values()].filter(fits), random)
    const most = Math.min(limit, ANSWER_PEERS_MAX)
    const chosen: ListedPeer[] = []
    while (left.length > 0 && chosen.length < most) {
      const inThisRound = new Set<string>()
      const later: ListedPeer[] = []
      for (const peer of left) {
        const isMore = peer.addresses.some(({ wide }) => inThisRound.has(wide))
        if (isMore || chosen.length === most) {
          later.push(peer)
          continue
        }
        for (const { wide } of peer.addresses) inThisRound.add(wide)
        chosen.push(peer)
      }
      left = later
    }
    return chosen
  }

  #forget(peerId: string): void {
    this.#peers.delete(peerId)
    this.#onForgotten(peerId)
  }

  /** PeerIds that go for it, or why there is no place. */
  #placeFor(
    peer: Pick<ListedPeer, 'peerId' | 'addresses' | 'overlays'>,
    nowMs: number
  ): Set<string> | NoPlace {
    this.expire(nowMs)
    const { perNetworkMax, perPrivateHostMax, peersMax, perOverlayMax } = this.#limits
    const others = [...this.#peers.values()].filter(({ peerId }) => peerId !== peer.peerId)
    for (const { network, isPrivate } of peer.addresses) {
      const most = isPrivate ? perPrivateHostMax : perNetworkMax
      const there = others.filter(({ addresses }) => addresses.some(other => other.network === network))
      if (there.length >= most) return 'network-full'
    }
    const evicted = new Set<string>()
    const makeRoom = (full: ListedPeer[], most: number) => {
      const left = full.filter(({ peerId }) => !evicted.has(peerId))
      if (left.length < most) return true
      const victim = this.#victim(left, peer, nowMs)
      if (victim !== undefined) evicted.add(victim.peerId)
      return victim !== undefined
    }
    for (const name of new Set(peer.overlays.map(overlay => overlay.name))) {
      const inIt = others.filter(({ overlays }) => overlays.some(overlay => overlay.name === name))
      if (!makeRoom(inIt, perOverlayMax)) return 'full'
    }
    return makeRoom(others, peersMax) ? evicted : 'full'
  }

  #victim(
    among: readonly ListedPeer[],
    newcomer: Pick<ListedPeer, 'addresses'>,
    nowMs: number
  ): ListedPeer | undefined {
    const crowds = new Map<string, number>()
    for (const peer of among) for (const wide of widesOf(peer)) crowds.set(wide, (crowds.get(wide) ?? 0) + 1)
    const crowdOf = (peer: Pick<ListedPeer, 'addresses'>) =>
      Math.max(...widesOf(peer).map(wide => crowds.get(wide) ?? 0))
    // It would be one more.
    let most = crowdOf(newcomer) + 1
    let victim: ListedPeer | undefined
    for (const peer of among) {
      if (nowMs - peer.firstMs >= this.#limits.establishedMs) continue
      const crowd = crowdOf(peer)
      const isBetter = victim !== undefined && crowd === most && peer.firstMs > victim.firstMs
      if (crowd > most || isBetter) {
        most = crowd
        victim = peer
      }
    }
    return victim
  }
}

const widesOf = ({ addresses }: Pick<ListedPeer, 'addresses'>): string[] => [
  ...new Set(addresses.map(({ wide }) => wide))
]

/** Fisher and Yates. */
export function shuffled<T>(items: readonly T[], random: RandomSource): T[] {
  const mixed = [...items]
  for (let last = mixed.length - 1; last > 0; last -= 1) {
    const other = randomBelow(random, last + 1)
    ;[mixed[last], mixed[other]] = [mixed[other]!, mixed[last]!]
  }
  return mixed
}
