/** Real libp2p nodes on loopback that speak Kademlia, and what they share. */
import { identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { boundedYamux } from '@servent/libp2p-host'
import type { Hit, Query } from '@servent/overlay'
import { parseQuery } from '@servent/overlay'
import { MemoryCatalogue } from '@servent/overlay/testing'
import { createLibp2p, type Libp2pOptions } from 'libp2p'
import { type KademliaComponents, type KademliaInit, type KademliaService, kademlia } from '../src/index.ts'

export type HostOptions = Pick<Libp2pOptions, 'peerStore' | 'datastore'>

export async function createPeer(init: KademliaInit = {}, host: HostOptions = {}) {
  let datastore: KademliaComponents['datastore'] | undefined
  const node = await createLibp2p({
    ...host,
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [boundedYamux()],
    services: {
      identify: identify(),
      ping: ping(),
      kademlia: ((components: KademliaComponents) => {
        datastore = components.datastore
        return kademlia(init)(components)
      }) as never
    }
  })
  const { kademlia: service } = node.services as unknown as { kademlia: KademliaService }
  const catalogue = new MemoryCatalogue()
  service.attach(catalogue)
  return { node, service, catalogue, peerId: `${node.peerId}`, datastore: datastore! }
}

export type Peer = Awaited<ReturnType<typeof createPeer>>

/** Peers that all know the first, which is one of them. */
export async function startNetwork(count: number, init: KademliaInit = {}): Promise<Peer[]> {
  const first = await createPeer(init)
  const bootstrap = first.node.getMultiaddrs().map(String)
  const others = await Promise.all(
    Array.from({ length: count - 1 }, () => createPeer({ ...init, bootstrap }))
  )
  return [first, ...others]
}

export async function hitsOf(
  { service }: Peer,
  text: string | Query,
  options: Parameters<KademliaService['search']>[1] = {}
): Promise<Hit[]> {
  const hits: Hit[] = []
  const query = typeof text === 'string' ? parseQuery(text) : text
  for await (const hit of service.search(query, { timeoutMs: 8_000, ...options })) hits.push(hit)
  return hits
}

export const isAnnounced = ({ service }: Peer): boolean => {
  const { announced } = service.snapshot()
  return announced !== undefined && announced.files === announced.of
}
