/**
 * First contacts from what several introducers say. Pure.
 *
 * They are taken in turns, so that none gives more than its share of the first neighbour table, also where others do
 * not answer: a single liar among three has a third of it at most. And as in an introducer's own list there are at most
 * two of one network. An introducer on the Internet leads nobody to addresses of private networks.
 */
import { isCallable, isWithin, placeOf, readMultiaddr, type Scope } from './addresses.ts'
import type { Announcement, OverlayRole } from './announcement.ts'
import { CONTACTS_MAX, CONTACTS_PER_NETWORK_MAX, CONTACTS_PER_PRIVATE_HOST_MAX } from './limits.ts'

/** A peer that an introducer named, whose announcement was verified. */
export interface Introduced {
  readonly announcement: Announcement
  /** At which the introducer says that it called the peer. */
  readonly addresses: readonly string[]
}

export interface Introduction {
  readonly introducer: string
  /** Of the introducer: how near the addresses may be. */
  readonly scope: Scope
  /** In the order in which it gave them. */
  readonly peers: readonly Introduced[]
}

/** A peer to meet first. */
export interface FirstContact {
  /** In text form. */
  readonly peerId: string
  /** Multiaddrs in text form. */
  readonly addresses: readonly string[]
  readonly overlays: readonly OverlayRole[]
  /** The introducer whose share it is of. */
  readonly introducer: string
}

/** @param asked  how many introducers were asked, whether they answered or not */
export function mergeIntroductions(
  introductions: readonly Introduction[],
  asked: number,
  self: string
): FirstContact[] {
  const share = Math.ceil(CONTACTS_MAX / Math.max(1, asked))
  const chosen = new Map<string, FirstContact>()
  const perNetwork = new Map<string, number>()
  const shares = introductions.map(introduction => ({ introduction, next: 0, given: 0 }))
  for (let isMore = true; isMore; ) {
    isMore = false
    for (const one of shares) {
      const { introduction } = one
      while (one.given < share && one.next < introduction.peers.length && chosen.size < CONTACTS_MAX) {
        const peer = introduction.peers[one.next]!
        one.next += 1
        const { peerId, overlays } = peer.announcement
        if (peerId === self || chosen.has(peerId)) continue
        const addresses = takeAddresses(peer, introduction.scope, perNetwork)
        if (addresses.length === 0) continue
        chosen.set(peerId, { peerId, addresses, overlays, introducer: introduction.introducer })
        one.given += 1
        isMore = true
        break
      }
    }
  }
  return [...chosen.values()]
}

/** Those that the peer signed itself, that may be called, and whose networks have a place left: they take it. */
function takeAddresses(
  { announcement, addresses }: Introduced,
  scope: Scope,
  perNetwork: Map<string, number>
): string[] {
  const fit = announcement.addresses.filter(text => addresses.includes(text))
  const places = new Map<string, string>()
  for (const text of fit) {
    const address = readMultiaddr(text)
    if (address === undefined || !isCallable(address) || !isWithin(address, scope)) continue
    const { network, isPrivate } = placeOf(address)
    const most = isPrivate ? CONTACTS_PER_PRIVATE_HOST_MAX : CONTACTS_PER_NETWORK_MAX
    if ((perNetwork.get(network) ?? 0) < most) places.set(text, network)
  }
  for (const network of new Set(places.values())) perNetwork.set(network, (perNetwork.get(network) ?? 0) + 1)
  return [...places.keys()]
}
