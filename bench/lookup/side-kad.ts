/**
 * js-libp2p's Kademlia as its documentation sets it up for a network whose addresses are not public: in server
 * mode, with addresses on loopback let through; all else as it comes.
 */
import { type KadDHT, kadDHT, passthroughMapper, type SingleKadDHT } from '@libp2p/kad-dht'
import { multiaddr } from '@multiformats/multiaddr'
import type { Side } from './sides.ts'

const PROTOCOL = '/servent-bench/kad/1.0.0'

export const kad: Side = {
  protocol: PROTOCOL,
  // Among the components are libp2p's own ping and identify, which its type for services does not say.
  service: () =>
    kadDHT({
      protocol: PROTOCOL,
      clientMode: false,
      peerInfoMapper: passthroughMapper
    }) as unknown as ReturnType<Side['service']>,
  async meet(node, bootstrap) {
    await Promise.allSettled(bootstrap.map(address => node.dial(multiaddr(address))))
  },
  refresh: service => (service as KadDHT).refreshRoutingTable(),
  tables: service => ({ entries: (service as SingleKadDHT).routingTable.size, successors: [] })
}
