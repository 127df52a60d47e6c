/**
 * What an introducer does with announcements and questions; HTTP is its server's matter.
 *
 * A peer is called back before it is listed, and only at addresses of the very host that the announcement came from: so
 * nobody makes an introducer call anybody but himself. A host is an address of IPv4, or a /64 of IPv6, where a
 * machine's calls may come from another address than it is called at. A peer with both families announces itself over
 * each, and has both listed. One behind a NAT is listed where its port is forwarded, by the address of the NAT.
 */
import type { PrivateKey } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { type Clock, hostOf } from '@servent/libp2p-host'
import { peerIdText, type RandomSource } from '@servent/overlay'
import { isCallable, isWithin, placeOf, readMultiaddr, type Scope, scopeOf } from './addresses.ts'
import { type Announcement, openAnnouncement } from './announcement.ts'
import { type AnnounceAnswer, type AnswerHead, base64url, type PeersAnswer, type Question } from './answer.ts'
import { RefusedError } from './errors.ts'
import {
  ANNOUNCE_AGAIN_MS,
  ANNOUNCEMENT_SKEW_MS_MAX,
  type PeerListLimits,
  PROVE_AGAIN_MS,
  PROVEN_ADDRESSES_MAX,
  type ServerLimits
} from './limits.ts'
import { type ListStore, listedAddress } from './list-store.ts'
import { type ListedAddress, type NoPlace, PeerList } from './peer-list.ts'
import type { Prove } from './prover.ts'
import { Withdrawals } from './withdrawals.ts'

/** Until somebody who found no place or no time may ask again. */
const BUSY_MS = 5_000
const FULL_MS = 10 * 60_000

export interface IntroducerInit {
  readonly privateKey: PrivateKey
  readonly prove: Prove
  readonly store: ListStore
  /** Whose announcements are taken. */
  readonly scope: Scope
  readonly listLimits: PeerListLimits
  readonly serverLimits: ServerLimits
  readonly clock: Clock
  readonly random: RandomSource
}

export class Introducer {
  /** PeerId in text form. */
  readonly peerId: string
  readonly #init: IntroducerInit
  readonly #list: PeerList
  /** Peers that are called back now, each with its network. */
  readonly #proving = new Map<string, string>()
  readonly #withdrawals = new Withdrawals()
  #stopped = false

  constructor(init: IntroducerInit) {
    this.#init = init
    this.#list = new PeerList(init.listLimits, peerId => init.store.remove(peerId))
    this.peerId = peerIdText(init.privateKey.publicKey.toMultihash().bytes)
  }

  /** Takes up the list as it was. */
  async load(): Promise<void> {
    const { clock, store } = this.#init
    const nowMs = clock.wallMs()
    for (const peer of await store.load())
      if (this.#list.put(peer, nowMs) !== undefined) store.remove(peer.peerId)
    this.#list.expire(nowMs)
  }

  /** Calls that are cut short from now on prove nothing, and cost nobody its place. */
  stop(): void {
    this.#stopped = true
  }

  size(): number {
    this.#list.expire(this.#init.clock.wallMs())
    return this.#list.size
  }

  peers(question: Question, from: Multiaddr): PeersAnswer {
    const nowMs = this.#init.clock.wallMs()
    // Who asks from the Internet can call nobody on a private network, and is not told of it.
    const isReached = ({ text }: ListedAddress) => isWithin(readMultiaddr(text)!, scopeOf(from))
    const found = this.#list.sample(question, nowMs, this.#init.random).flatMap(peer => {
      const addresses = peer.addresses.filter(isReached)
      const [first] = addresses
      if (first === undefined) return []
      return [
        {
          announcement: base64url(peer.sealed),
          addresses: addresses.map(({ text }) => text),
          provenMs: addresses.reduce((latest, { provenMs }) => Math.max(latest, provenMs), first.provenMs)
        }
      ]
    })
    return { ...this.#head(from), question, peers: found }
  }

  /**
   * Lists a peer, renews it, or takes it off the list.
   *
   * @throws RefusedError
   */
  async announce(sealed: Uint8Array, from: Multiaddr): Promise<AnnounceAnswer> {
    const { clock, store } = this.#init
    const announcement = await this.#read(sealed)
    const { peerId, overlays, issuedMs } = announcement
    const known = this.#list.get(peerId, clock.wallMs())
    this.#checkLatest(announcement)
    const answer = { ...this.#head(from), peerId, overlays, againMs: ANNOUNCE_AGAIN_MS }
    if (overlays.length === 0) {
      this.#forget(peerId)
      this.#withdrawals.add(peerId, issuedMs, clock.wallMs())
      return { ...answer, addresses: [] }
    }
    const wanted = this.#own(announcement, from)
    this.#checkPlace(announcement, wanted)
    const here = hostOf(from)
    // What was proven from elsewhere, over the other family, stays while the peer still says that it is there.
    const kept = (known?.addresses ?? []).filter(({ text }) => announcement.addresses.includes(text))
    const elsewhere = kept.filter(({ text }) => hostOf(readMultiaddr(text)!) !== here)
    const nowMs = clock.wallMs()
    const fresh = kept.filter(
      address =>
        nowMs - address.provenMs < PROVE_AGAIN_MS && wanted.some(one => one.toString() === address.text)
    )
    const proven = fresh.length === wanted.length ? fresh : await this.#prove(peerId, wanted)
    // It may have withdrawn, or said something later, while it was called.
    this.#checkLatest(announcement)
    const addresses = [...proven, ...elsewhere]
    if (proven.length === 0) {
      this.#drop(peerId, here)
      throw new RefusedError(
        422,
        'unreachable',
        `Nobody with the key of this peer answered at ${wanted.join(' or ')}.`,
        'forward the port in the router, and allow it in the firewall',
        FULL_MS
      )
    }
    const peer = {
      ...{ peerId, overlays, issuedMs, sealed, addresses },
      seenMs: clock.wallMs(),
      // It may have become stale while it was called.
      firstMs: this.#list.get(peerId, clock.wallMs())?.firstMs ?? clock.wallMs()
    }
    const noPlace = this.#list.put(peer, clock.wallMs())
    if (noPlace !== undefined) throw noPlaceError(noPlace)
    store.save(peer)
    return { ...answer, addresses: addresses.map(({ text }) => text) }
  }

  #head(from: Multiaddr): AnswerHead {
    return {
      introducer: this.peerId,
      issuedMs: Math.round(this.#init.clock.wallMs()),
      seen: from.toString()
    }
  }

  async #read(sealed: Uint8Array): Promise<Announcement> {
    let announcement: Announcement
    try {
      announcement = await openAnnouncement(sealed)
    } catch (error) {
      throw new RefusedError(
        400,
        'malformed',
        (error as Error).message,
        'announce yourself by servent start --introducer URL'
      )
    }
    if (Math.abs(announcement.issuedMs - this.#init.clock.wallMs()) <= ANNOUNCEMENT_SKEW_MS_MAX)
      return announcement
    throw new RefusedError(
      403,
      'clock',
      `The announcement is not of now: more than ${ANNOUNCEMENT_SKEW_MS_MAX / 60_000} minutes lie between its time and this introducer's.`,
      'set the clock of your machine'
    )
  }

  /** Its addresses that may be called: they are of the host that asks. */
  #own({ addresses }: Announcement, from: Multiaddr): Multiaddr[] {
    const { scope } = this.#init
    const host = hostOf(from)
    if (!isWithin(from, scope)) {
      throw new RefusedError(
        403,
        'private-address',
        `You come from ${from}, where others cannot call you.`,
        'run an introducer on your own network: servent introducer --private'
      )
    }
    const own = addresses
      .flatMap(text => readMultiaddr(text) ?? [])
      .filter(address => isCallable(address) && hostOf(address) === host && isWithin(address, scope))
    if (own.length > 0) return own.slice(0, PROVEN_ADDRESSES_MAX)
    throw new RefusedError(
      403,
      'no-address',
      `You come from ${from}, and announce no address of TCP there: a peer is listed at the host that it asks from.`,
      `forward a port to your node, and start it with --announce ${from}/tcp/PORT`
    )
  }

  #checkPlace({ peerId, overlays }: Announcement, wanted: readonly Multiaddr[]): void {
    const nowMs = this.#init.clock.wallMs()
    const addresses = wanted.map(address => listedAddress(address, nowMs))
    const noPlace = this.#list.refusal({ peerId, overlays, addresses }, nowMs)
    if (noPlace !== undefined) throw noPlaceError(noPlace)
  }

  async #prove(peerId: string, wanted: readonly Multiaddr[]): Promise<ListedAddress[]> {
    const { prove, clock, serverLimits } = this.#init
    const { network } = placeOf(wanted[0]!)
    const there = [...this.#proving.values()].filter(other => other === network).length
    if (
      this.#proving.has(peerId) ||
      this.#proving.size >= serverLimits.proofsMax ||
      there >= serverLimits.proofsPerNetworkMax
    ) {
      throw new RefusedError(
        503,
        'busy',
        'As many peers are called back now as may be, or this one is.',
        'the same request again in a few seconds',
        BUSY_MS
      )
    }
    this.#proving.set(peerId, network)
    try {
      const answered = await prove(peerId, wanted, serverLimits.proofMs)
      if (this.#stopped)
        throw new RefusedError(503, 'stopping', 'This introducer stops.', 'the same request later', BUSY_MS)
      return answered.map(address => listedAddress(address, clock.wallMs()))
    } finally {
      this.#proving.delete(peerId)
    }
  }

  /** One announcement is taken once, and none that is older than what the peer said since. */
  #checkLatest({ peerId, issuedMs }: Announcement): void {
    const nowMs = this.#init.clock.wallMs()
    const last = this.#list.get(peerId, nowMs)?.issuedMs ?? this.#withdrawals.of(peerId, nowMs)
    if (last === undefined || issuedMs > last) return
    throw new RefusedError(
      403,
      'replayed',
      'A later announcement of this peer was taken already.',
      'make a new announcement for each request'
    )
  }

  /** Nobody answered at a host: what was listed there goes, and what was proven over the other family stays. */
  #drop(peerId: string, host: string): void {
    const known = this.#list.get(peerId, this.#init.clock.wallMs())
    if (known === undefined) return
    const addresses = known.addresses.filter(({ text }) => hostOf(readMultiaddr(text)!) !== host)
    if (addresses.length === known.addresses.length) return
    if (addresses.length === 0) {
      this.#forget(peerId)
      return
    }
    const left = { ...known, addresses }
    if (this.#list.put(left, this.#init.clock.wallMs()) === undefined) this.#init.store.save(left)
    else this.#forget(peerId)
  }

  #forget(peerId: string): void {
    this.#list.remove(peerId)
    this.#init.store.remove(peerId)
  }
}

function noPlaceError(why: NoPlace): RefusedError {
  const message =
    why === 'full'
      ? 'The list is full, and peers of your network are not rare in it.'
      : 'As many peers of your network are listed as may be.'
  return new RefusedError(503, why, message, 'nothing: you can join without being listed', FULL_MS)
}
