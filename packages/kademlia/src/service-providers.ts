/**
 * Addresses of providers, kept for as long as the records that name them. kad-dht keeps who provides a key for 48 hours
 * and reads the addresses from libp2p's peer store, which forgets an address after an hour, though it be told again, and
 * a peer after six (`maxAddressAge`, `maxPeerAge`). kad-dht leaves out a provider without an address, and fails for the
 * whole key where one is forgotten. So what of kad-dht deals in providers is given a peer store that remembers more. All
 * else in it (`findPeer`, the routing table) keeps libp2p's own, whose gaps make it ask the network.
 */
import type { Peer, PeerId, PeerStore } from '@libp2p/interface'
import type { KadDHT } from '@libp2p/kad-dht'
import type { Multiaddr } from '@multiformats/multiaddr'
import { type Clock, contactOf, multiaddrsOfContact } from '@servent/libp2p-host'
import type { Contact } from '@servent/overlay'
import { PROVIDER_ADDRESSES_MS, PROVIDERS_KEPT_MAX } from './constants.ts'

/** At most `PROVIDERS_KEPT_MAX` providers, each with the addresses that a contact holds, for `PROVIDER_ADDRESSES_MS`. */
export class ProviderAddresses {
  /** By PeerId, in the order of their last word. */
  readonly #kept = new Map<string, { readonly contact: Contact; readonly untilMs: number }>()

  get size(): number {
    return this.#kept.size
  }

  /** In place of those that were kept. Of too many providers the one that was silent longest is forgotten. */
  keep(provider: PeerId, addresses: readonly Multiaddr[], nowMs: number): void {
    const { id, addresses: some } = contactOf(provider, addresses)
    // Copies: the bytes may be a part of a larger buffer.
    const contact = { id, addresses: some.map(bytes => Uint8Array.from(bytes)) }
    this.#kept.delete(`${provider}`)
    this.#kept.set(`${provider}`, { contact, untilMs: nowMs + PROVIDER_ADDRESSES_MS })
    for (const [name, { untilMs }] of this.#kept) {
      if (untilMs > nowMs && this.#kept.size <= PROVIDERS_KEPT_MAX) break
      this.#kept.delete(name)
    }
  }

  /** None where it is not known, or was silent for too long. */
  of(provider: PeerId, nowMs: number): Multiaddr[] {
    const kept = this.#kept.get(`${provider}`)
    return kept === undefined || kept.untilMs <= nowMs ? [] : multiaddrsOfContact(kept.contact)
  }
}

/** What kad-dht's types do not say: who in it takes and tells of provider records, and by which peer store. */
interface Insides {
  readonly rpc: {
    readonly handlers: Record<'ADD_PROVIDER' | 'GET_PROVIDERS', { peerStore: ProviderStore }>
  }
  /** Reads its components when it is asked. */
  readonly contentRouting: { components: { readonly peerStore: ProviderStore } }
}

type ProviderStore = Pick<PeerStore, 'get' | 'merge'>

/** From now on kad-dht tells of providers with the addresses that they gave, and fails for none that is forgotten. */
export function rememberProviders(dht: KadDHT, store: PeerStore, clock: Clock): void {
  const kept = new ProviderAddresses()
  const peerStore: ProviderStore = {
    merge: (peer, data, options) => {
      if (data.multiaddrs !== undefined) kept.keep(peer, data.multiaddrs, clock.nowMs())
      return store.merge(peer, data, options)
    },
    get: async (peer, options) => {
      const known = await store.get(peer, options).catch(error => unknownPeer(peer, error as Error))
      const seen = new Set(known.addresses.map(({ multiaddr }) => `${multiaddr}`))
      const more = kept.of(peer, clock.nowMs()).filter(multiaddr => !seen.has(`${multiaddr}`))
      const addresses = more.map(multiaddr => ({ multiaddr, isCertified: false }))
      return { ...known, addresses: [...known.addresses, ...addresses] }
    }
  }
  const { rpc, contentRouting } = dht as unknown as Insides
  rpc.handlers.ADD_PROVIDER.peerStore = peerStore
  rpc.handlers.GET_PROVIDERS.peerStore = peerStore
  contentRouting.components = Object.create(contentRouting.components, { peerStore: { value: peerStore } })
}

/** @throws Error  the store failed otherwise than by not having the peer */
function unknownPeer(id: PeerId, error: Error): Peer {
  if (error.name !== 'NotFoundError') throw error
  return { id, addresses: [], protocols: [], metadata: new Map(), tags: new Map() }
}
