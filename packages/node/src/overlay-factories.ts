/** How each overlay of this build is made from the configuration. What is not named is not loaded. */
import type { Ed25519PrivateKey } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import type { KademliaComponents } from '@servent/kademlia'
import type { HostComponents, TraceStep } from '@servent/libp2p-host'
import type { NapsterService } from '@servent/napster'
import type { MachineTypes, Overlay, OverlayName } from '@servent/overlay'
import type { Config } from './config.ts'
import { agentOf, type NodeDeps } from './deps.ts'
import type { Indexes } from './indexes.ts'
import { isNapsterServer } from './overlay-names.ts'
import { cap } from './rate-cap.ts'
import { isFirewalled, OutsideCalls } from './reachability.ts'
import type { NodeStore } from './store.ts'
import type { Transfers } from './transfers.ts'
import { uploadRate } from './upload-rate.ts'

/**
 * Peers of the local network are asked for at the start, and answer and are dialled within this; who has heard none
 * by then is the first there.
 */
const MDNS_MEET_MS = 3_000
/** The same of introducers: they are asked at the start, and those whom they name are called. */
const INTRODUCER_MEET_MS = 6_000

export interface OverlayFactoryInit {
  readonly config: Config
  readonly deps: NodeDeps
  readonly privateKey: Ed25519PrivateKey
  readonly store: NodeStore
  readonly indexes: Indexes
}

export async function overlayFactory(
  name: OverlayName,
  { config, deps, privateKey, store, indexes }: OverlayFactoryInit,
  transfers: Transfers
): Promise<(components: HostComponents) => Overlay> {
  const trace = traceOf(name, deps)
  switch (name) {
    case 'gnutella': {
      const { gnutella } = await import('@servent/gnutella')
      const { neighbours: places, ttl, role } = config.gnutella
      return components => {
        const factory = gnutella({
          ...trace,
          ...(places === 0 ? {} : { neighbours: places, degree: places }),
          ttl,
          role,
          agent: agentOf(deps),
          privateKey,
          store: store.machineState(name),
          servePushed: (duplex, peerId) => transfers.serve(duplex, peerId),
          firewalled: firewalledOf(config, components),
          // Rates that were seen say what was asked for, not what there is; what the user allows is known.
          bandwidth: () => ({
            ...cap('downBytesPerS', config.maxDownloadRate),
            ...cap('upBytesPerS', config.maxUploadRate)
          })
        })
        return factory(components)
      }
    }
    case 'napster': {
      const { napster } = await import('@servent/napster')
      const {
        servers,
        nick,
        linkSpeed,
        motd,
        users: usersMax,
        usersPerAddress: usersPerAddressMax
      } = config.napster
      const addresses = servers.map(address => multiaddr(address))
      let service: NapsterService | undefined
      const index = isNapsterServer(config.overlays)
        ? await indexes.napster(() => service?.announceAgain())
        : undefined
      const server =
        index === undefined
          ? undefined
          : {
              index,
              indexProblem: () => index.problem,
              motd: motd === '' ? [] : motd.split('\n'),
              usersMax,
              usersPerAddressMax,
              peers: addresses
            }
      return components => {
        const factory = napster({
          ...trace,
          ...(nick === '' ? {} : { nick }),
          ...(server === undefined ? { servers: addresses } : { server }),
          linkSpeed,
          agent: agentOf(deps),
          privateKey,
          store: store.machineState(name),
          rates: peerId => transfers.rateOf(peerId),
          servePushed: (duplex, peerId) => transfers.serve(duplex, peerId),
          firewalled: firewalledOf(config, components)
        })
        service = factory(components)
        return service
      }
    }
    case 'fasttrack': {
      const { fasttrack } = await import('@servent/fasttrack')
      const { role, ordinariesPerSupernode, rounds } = config.fasttrack
      const index = await indexes.inMemory()
      return components => {
        const factory = fasttrack({
          ...trace,
          role,
          ordinariesPerSupernode,
          rounds,
          index,
          privateKey,
          store: store.machineState(name),
          servePushed: (duplex, peerId) => transfers.serve(duplex, peerId),
          uploadKbps: uploadRate(config.maxUploadRate, () => transfers.uploadRate()),
          levelOf: peerId => transfers.levelOf(peerId) ?? 0,
          firewalled: firewalledOf(config, components)
        })
        return factory(components)
      }
    }
    case 'chord': {
      const { chord } = await import('@servent/chord')
      const { lookups: style, publishRate: publishBytesPerS, ...settings } = config.chord
      return chord({
        ...trace,
        ...settings,
        style,
        publishBytesPerS,
        privateKey,
        store: store.machineState(name),
        ...firstContacts(config)
      })
    }
    case 'pastry': {
      const { pastry } = await import('@servent/pastry')
      const { lookups: style, publishRate: publishBytesPerS, ...settings } = config.pastry
      return pastry({
        ...trace,
        ...settings,
        style,
        publishBytesPerS,
        privateKey,
        store: store.machineState(name),
        ...firstContacts(config)
      })
    }
    case 'kelips': {
      const { kelips } = await import('@servent/kelips')
      const {
        groups,
        gossipRate: gossipBytesPerS,
        publishRate: publishBytesPerS,
        ...settings
      } = config.kelips
      return kelips({
        ...trace,
        ...settings,
        ...(groups === 0 ? {} : { groups }),
        gossipBytesPerS,
        publishBytesPerS,
        privateKey,
        store: store.machineState(name),
        ...firstContacts(config)
      })
    }
    case 'kademlia': {
      const { kademlia } = await import('@servent/kademlia')
      const bootstrap = config.discovery.includes('bootstrap') ? config.bootstrap : []
      const factory = kademlia({ ...config.kademlia, privateKey, bootstrap, clientMode: config.noInbound })
      // Among libp2p's components are those of its own that a host does not need.
      return components => factory(components as KademliaComponents)
    }
    default:
      throw new Error(`There is no overlay ${name} in this version.`)
  }
}

/** Whether others have to ask this node to call them, as far as it is known whenever that is asked. */
function firewalledOf(config: Config, components: HostComponents): () => boolean {
  const own = () => components.addressManager.getAddresses().map(String)
  const calls = new OutsideCalls(components.events, own)
  return () => isFirewalled(config, components, calls)
}

/** For the init of a service. */
function traceOf(
  name: OverlayName,
  { trace }: NodeDeps
): { trace?: (step: TraceStep<MachineTypes>) => void } {
  return trace === undefined ? {} : { trace: step => trace(name, step) }
}

/** By whom a structured network is joined, and how long one waits for others who knows nobody. */
function firstContacts({ discovery, bootstrap, introducer }: Config) {
  return {
    bootstrap: discovery.includes('bootstrap') ? bootstrap : [],
    aloneAfterMs: Math.max(
      discovery.includes('mdns') ? MDNS_MEET_MS : 0,
      introducer.length > 0 ? INTRODUCER_MEET_MS : 0
    )
  }
}
