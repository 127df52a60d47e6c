/**
 * The libp2p node that every overlay and transfer shares: TCP, Noise, Yamux with bounded frames, identify,
 * ping, and the ways of finding peers that the configuration names. What is not named is not loaded.
 */
import { identify } from '@libp2p/identify'
import type { ComponentLogger, Ed25519PrivateKey, Libp2p, Metrics, ServiceMap } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { boundedYamux, isCircuit } from '@servent/libp2p-host'
import { createLibp2p, type ServiceFactoryMap } from 'libp2p'
import type { Config } from './config.ts'
import type { NodeDeps } from './deps.ts'
import { CONNECTION_MANAGER, CONNECTION_MONITOR } from './network-limits.ts'
import type { Ways } from './ways.ts'

/** The Kademlia table of this network, apart from IPFS's. */
const KAD_PROTOCOL = '/servent/kad/1.0.0'

type Components = Parameters<ServiceFactoryMap[string]>[0]
type Services = ServiceFactoryMap<ServiceMap>

export interface NetworkInit {
  readonly config: Config
  readonly privateKey: Ed25519PrivateKey
  /** As `servent/0.1.0`. */
  readonly agent: string
  readonly version: string
  readonly logger: ComponentLogger
  readonly metrics: (components: Components) => Metrics
  readonly ways: Ways
  readonly aroundTcp?: NodeDeps['aroundTcp']
  /** Overlays, by name. */
  readonly services: Services
}

/** Not started. */
export async function createNetwork(init: NetworkInit): Promise<Libp2p> {
  const { config, ways, aroundTcp = within => within } = init
  return createLibp2p({
    start: false,
    privateKey: init.privateKey,
    nodeInfo: { name: 'servent', version: init.version, userAgent: init.agent },
    logger: init.logger,
    metrics: init.metrics,
    // A peer that takes no calls listens at no address of its own, so that nobody is given one to try. What comes over
    // a relay came on a connection that this peer opened.
    addresses: {
      listen: [...(config.noInbound ? [] : config.listen), ...ways.listen],
      appendAnnounce: config.noInbound ? [] : config.announce
    },
    connectionGater: {
      denyInboundConnection: ({ remoteAddr }) => config.noInbound && !isCircuit(remoteAddr)
    },
    connectionManager: { ...CONNECTION_MANAGER, maxConnections: config.maxConnections },
    connectionMonitor: CONNECTION_MONITOR,
    transports: [aroundTcp(tcp()), ...ways.transports],
    connectionEncrypters: [noise()],
    streamMuxers: [boundedYamux()],
    peerDiscovery: await peerDiscovery(config),
    services: {
      identify: identify(),
      ping: ping(),
      // The overlay of that name is such a table already.
      ...(config.discovery.includes('kad') && !config.overlays.includes('kademlia')
        ? await kademliaTable(config)
        : {}),
      ...ways.services,
      ...init.services
    }
  })
}

async function peerDiscovery(config: Config) {
  const found = []
  if (config.discovery.includes('mdns')) {
    const { mdns } = await import('@libp2p/mdns')
    found.push(mdns())
  }
  if (config.discovery.includes('bootstrap') && config.bootstrap.length > 0) {
    const { bootstrap } = await import('@libp2p/bootstrap')
    found.push(bootstrap({ list: config.bootstrap, timeout: 0 }))
  }
  return found
}

/** Peer routing and discovery. Private addresses stay in it: a network may live on one LAN or one machine. */
async function kademliaTable(config: Config): Promise<Services> {
  const { kadDHT, passthroughMapper } = await import('@libp2p/kad-dht')
  const table = kadDHT({
    protocol: KAD_PROTOCOL,
    clientMode: config.noInbound,
    peerInfoMapper: passthroughMapper,
    allowQueryWithZeroPeers: true
  })
  // Among the components are libp2p's own ping and identify, which its type for services does not say.
  return { kadTable: table as unknown as Services[string] }
}
