/** The services of overlays as a node composes them, with the lab's settings in the place of its configuration. */
import type { Ed25519PrivateKey } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import type { KademliaComponents } from '@servent/kademlia'
import { type OverlayId, REAL_SETTINGS, type Settings } from '@servent/lab/backend'
import type { HostComponents, TraceStep } from '@servent/libp2p-host'
import type { Codec, Overlay } from '@servent/overlay'

export interface ServiceInit {
  readonly privateKey: Ed25519PrivateKey
  readonly settings: Settings
  readonly contacts: readonly string[]
  readonly isServer: boolean
  // biome-ignore lint/suspicious/noExplicitAny: steps of whichever machine it is
  readonly trace?: (step: TraceStep<any>) => void
}

type Build = (init: ServiceInit, components: HostComponents) => Overlay

/** How a service calls what the configuration of a node calls otherwise. */
const OF_SERVICES: Readonly<Record<string, string>> = { lookups: 'style', gossipRate: 'gossipBytesPerS' }
/** Whoever floods knows how it is said that there is nothing to say. */
const NO_GROUPS = 0

/** Loads the overlay's code. */
export async function serviceOf(overlay: OverlayId): Promise<Build> {
  switch (overlay) {
    case 'chord': {
      const { chord } = await import('@servent/chord')
      return (init, components) => chord({ ...routed(overlay, init) })(components)
    }
    case 'pastry': {
      const { pastry } = await import('@servent/pastry')
      return (init, components) => pastry({ ...routed(overlay, init) })(components)
    }
    case 'kelips': {
      const { kelips } = await import('@servent/kelips')
      return (init, components) => {
        const { groups, ...settings } = routed(overlay, init) as { groups?: number }
        return kelips({ ...settings, ...(groups === NO_GROUPS ? {} : { groups: groups! }) })(components)
      }
    }
    case 'kademlia': {
      const { kademlia } = await import('@servent/kademlia')
      return ({ privateKey, contacts, settings }, components) =>
        // Among libp2p's components are those of its own that a host does not need.
        kademlia({ privateKey, bootstrap: contacts, ...settingsOf(overlay, settings) })(
          components as KademliaComponents
        )
    }
    case 'gnutella': {
      const { gnutella } = await import('@servent/gnutella')
      return ({ privateKey, settings, trace }, components) =>
        gnutella({ privateKey, ...settingsOf(overlay, settings), ...(trace && { trace }) })(components)
    }
    case 'fasttrack': {
      const { fasttrack } = await import('@servent/fasttrack')
      return ({ privateKey, settings, trace }, components) =>
        fasttrack({ privateKey, ...settingsOf(overlay, settings), ...(trace && { trace }) })(components)
    }
    case 'napster': {
      const [{ napster }, { MemoryIndex }] = await Promise.all([
        import('@servent/napster'),
        import('@servent/keyword-index/memory')
      ])
      return ({ privateKey, settings, contacts, isServer, trace }, components) => {
        const servers = contacts.map(address => multiaddr(address))
        const usersMax = settings['users-per-server'] as number
        return napster({
          privateKey,
          ...(isServer
            ? { server: { index: new MemoryIndex(), usersMax, usersPerAddressMax: usersMax, peers: servers } }
            : { servers }),
          ...(trace && { trace })
        })(components)
      }
    }
  }
}

/** What its messages take on the wire; nothing where the overlay's wire is none of ours. */
export async function codecOf(overlay: OverlayId): Promise<Pick<Codec<never>, 'byteLength'> | undefined> {
  switch (overlay) {
    case 'chord':
      return (await import('@servent/chord/wire')).chordCodec
    case 'pastry':
      return (await import('@servent/pastry/wire')).pastryCodec
    case 'kelips':
      return (await import('@servent/kelips/wire')).kelipsCodec
    case 'gnutella':
      return (await import('@servent/gnutella/wire')).gnutellaCodec
    case 'fasttrack':
      return (await import('@servent/fasttrack/wire')).fasttrackCodec
    case 'napster':
      return (await import('@servent/napster/wire')).napsterCodec
    case 'kademlia':
      return undefined
  }
}

function routed(overlay: OverlayId, { privateKey, settings, contacts, trace }: ServiceInit) {
  return {
    privateKey,
    bootstrap: contacts,
    ...settingsOf(overlay, settings),
    ...(trace && { trace })
  }
}

/** The lab's settings that the service has, by its own names. */
function settingsOf(overlay: OverlayId, settings: Settings): Record<string, never> {
  return Object.fromEntries(
    Object.entries(REAL_SETTINGS[overlay]).map(([key, name]) => [OF_SERVICES[name] ?? name, settings[key]])
  ) as Record<string, never>
}
