/** Providers are told of for as long as their records live, however soon libp2p's peer store forgets them. */
import { contentRoutingSymbol, type PeerId, peerRoutingSymbol } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { ADDRESS_BYTES_MAX, CONTACT_ADDRESSES_MAX, type ContentId } from '@servent/overlay'
import { afterEach, expect, it } from 'vitest'
import { PROVIDER_ADDRESSES_MS, PROVIDERS_KEPT_MAX } from '../src/constants.ts'
import { ProviderAddresses } from '../src/service-providers.ts'
import { cidOfMultihash } from '../src/service-search.ts'
import { createPeer, type HostOptions, isAnnounced, type Peer } from './peers.ts'

/** libp2p has 1 h and 6 h. */
const AGES = { maxAddressAge: 150, maxPeerAge: 300 }
const FILE = 'shared song.mp3'

const peers: Peer[] = []

afterEach(async () => {
  await Promise.all(peers.splice(0).map(({ node }) => node.stop()))
})

/** The one peer that answers: all others are its clients, so that it alone keeps and tells. */
async function startHolder(host: HostOptions = {}): Promise<Peer> {
  const holder = await createPeer({}, { ...host, peerStore: AGES })
  peers.push(holder)
  return holder
}

async function startClient(holder: Peer): Promise<Peer> {
  const bootstrap = holder.node.getMultiaddrs().map(String)
  const client = await createPeer({ clientMode: true, bootstrap })
  peers.push(client)
  return client
}

async function startProvider(holder: Peer) {
  const provider = await startClient(holder)
  const { id } = provider.catalogue.add(FILE)
  await expect.poll(() => isAnnounced(provider), { timeout: 20_000 }).toBe(true)
  return { ...provider, id }
}

/** Until the peer store of one has forgotten the other. */
const forgotten = (holder: Peer, { node }: Peer) =>
  expect
    .poll(
      () =>
        holder.node.peerStore.get(node.peerId).then(
          () => false,
          ({ name }) => name === 'NotFoundError'
        ),
      { timeout: 20_000 }
    )
    .toBe(true)

/** Who provides the file, by PeerId, with as many addresses as are told. */
async function providersOf({ service }: Peer, id: ContentId): Promise<Map<string, number>> {
  const found = new Map<string, number>()
  for await (const { peerId, addresses } of service.findProviders(id, { timeoutMs: 5_000 }))
    found.set(peerId, addresses.length)
  return found
}

it('a holder tells of providers, and finds them itself, after its peer store has forgotten them', async () => {
  const holder = await startHolder()
  const [gone, alive] = [await startProvider(holder), await startProvider(holder)]
  await gone.node.stop()
  await alive.node.hangUp(holder.node.peerId)
  await forgotten(holder, gone)
  await forgotten(holder, alive)
  const both = new Map([
    [gone.peerId, 1],
    [alive.peerId, 1]
  ])
  expect(await providersOf(await startClient(holder), alive.id)).toEqual(both)
  expect(await providersOf(holder, alive.id)).toEqual(both)
  // All else in kad-dht has libp2p's own: where that has nothing, the network is asked.
  const { [peerRoutingSymbol]: routing } = holder.service
  const until = { signal: AbortSignal.timeout(2_000) }
  await expect(routing.findPeer(gone.node.peerId, until)).rejects.toThrow()
}, 60_000)

it('a provider of whom no address is known does not silence the others of its key', async () => {
  const before = await startHolder()
  const [gone, alive] = [await startProvider(before), await startProvider(before)]
  await Promise.all([before.node.stop(), gone.node.stop()])
  // A node that starts again has the records that it kept, and no addresses.
  const holder = await startHolder({ datastore: before.datastore })
  await forgotten(holder, gone)
  await alive.node.dial(holder.node.getMultiaddrs())
  const seeker = await startClient(holder)
  expect(await providersOf(seeker, alive.id)).toEqual(new Map())
  await alive.service[contentRoutingSymbol].provide(cidOfMultihash(alive.id.multihash))
  expect(await providersOf(seeker, alive.id)).toEqual(new Map([[alive.peerId, 1]]))
}, 60_000)

/** No more of a PeerId is needed here, and thousands of real ones take seconds. */
const fakePeer = (name: string) =>
  ({ toString: () => name, toMultihash: () => ({ bytes: new Uint8Array(38) }) }) as unknown as PeerId

it('addresses are kept for PROVIDER_ADDRESSES_MS after the last word, which is the one that counts', () => {
  const kept = new ProviderAddresses()
  const [one, two] = [fakePeer('one'), fakePeer('two')]
  const [old, fresh] = [multiaddr('/ip4/192.0.2.1/tcp/1'), multiaddr('/ip4/192.0.2.2/tcp/2')]
  kept.keep(one, [old], 0)
  kept.keep(two, [old], 0)
  kept.keep(one, [fresh], 1_000)
  expect(kept.of(two, PROVIDER_ADDRESSES_MS - 1).map(String)).toEqual([`${old}`])
  expect(kept.of(two, PROVIDER_ADDRESSES_MS)).toEqual([])
  expect(kept.of(one, PROVIDER_ADDRESSES_MS + 999).map(String)).toEqual([`${fresh}`])
  expect(kept.of(one, PROVIDER_ADDRESSES_MS + 1_000)).toEqual([])
  kept.keep(fakePeer('three'), [old], PROVIDER_ADDRESSES_MS + 1_000)
  expect(kept.size).toBe(1)
})

it('a provider has CONTACT_ADDRESSES_MAX addresses of ADDRESS_BYTES_MAX bytes, and PROVIDERS_KEPT_MAX are kept', () => {
  const kept = new ProviderAddresses()
  const peer = fakePeer('first')
  const ports = Array.from({ length: CONTACT_ADDRESSES_MAX + 1 }, (_, at) => `/ip4/192.0.2.1/tcp/${at + 1}`)
  kept.keep(peer, ports.map(multiaddr), 0)
  expect(kept.of(peer, 0).map(String)).toEqual(ports.slice(0, CONTACT_ADDRESSES_MAX))
  // Of the bytes six are not the name's.
  const named = (bytes: number) => multiaddr(`/dns4/${'n'.repeat(bytes - 6)}/tcp/1`)
  const longest = named(ADDRESS_BYTES_MAX)
  expect(longest.bytes).toHaveLength(ADDRESS_BYTES_MAX)
  kept.keep(peer, [named(ADDRESS_BYTES_MAX + 1), longest], 0)
  expect(kept.of(peer, 0).map(String)).toEqual([`${longest}`])

  const second = fakePeer('second')
  kept.keep(second, [longest], 0)
  for (let at = 2; at < PROVIDERS_KEPT_MAX; at += 1) kept.keep(fakePeer(`${at}`), [], 0)
  kept.keep(peer, [longest], 1)
  expect([kept.size, kept.of(second, 1).length]).toEqual([PROVIDERS_KEPT_MAX, 1])
  kept.keep(fakePeer('one more'), [], 1)
  expect([kept.size, kept.of(second, 1).length, kept.of(peer, 1).length]).toEqual([PROVIDERS_KEPT_MAX, 0, 1])
})
