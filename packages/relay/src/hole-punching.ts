/**
 * libp2p's hole punching (DCUtR), held to what this house lets a stranger ask for. By itself it takes requests over direct
 * connections too, and dials whatever addresses a peer names, names of hosts among them, without its PeerId and without
 * end. Here it works over relayed connections alone, and dials as `CallRules` let it.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { dcutr } from '@libp2p/dcutr'
import type {
  Connection,
  PeerId,
  Startable,
  StreamHandler,
  StreamHandlerOptions,
  Topology
} from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { type HostComponents, isRelayed } from '@servent/libp2p-host'
import type { CallRules } from './call-rules.ts'
import { replaced } from './replaced.ts'

type Components = Parameters<ReturnType<typeof dcutr>>[0]

/** A service for libp2p: `services: { holePunching: holePunching(rules) }`. */
export const holePunching =
  (rules: CallRules) =>
  (components: HostComponents): Startable => {
    const { registrar, connectionManager } = components
    /** On whose behalf libp2p's code runs, across its waits. */
    const asked = new AsyncLocalStorage<Connection>()
    const ownRegistrar = replaced(registrar, {
      handle: (protocol: string, handler: StreamHandler, options?: StreamHandlerOptions) =>
        registrar.handle(
          protocol,
          (stream, connection) => {
            if (isRelayed(connection)) return asked.run(connection, () => handler(stream, connection))
            stream.abort(new Error('Holes are punched for relayed connections alone.'))
          },
          options
        ),
      register: (protocol: string, topology: Topology) =>
        registrar.register(protocol, {
          ...topology,
          onConnect: (peerId: PeerId, connection: Connection) =>
            asked.run(connection, () => topology.onConnect?.(peerId, connection))
        })
    })
    const ownConnections = replaced(connectionManager, {
      openConnection: async (to: PeerId | Multiaddr | Multiaddr[], options?: object) => {
        const relayed = asked.getStore()
        const addresses = Array.isArray(to) ? to : []
        const targets = relayed === undefined ? [] : rules.targets(relayed, addresses, connectionManager)
        if (targets.length === 0) throw new Error('No address that may be dialled for this peer.')
        return connectionManager.openConnection(targets, options)
      }
    })
    const own = replaced(components, { registrar: ownRegistrar, connectionManager: ownConnections })
    return dcutr()(own as unknown as Components) as Startable
  }
