/**
 * libp2p's memory transport under addresses of IP: overlays believe no address of another kind of a third peer, and their
 * wires have the bytes that they have between machines.
 */
import type { Listener, MultiaddrConnection, Transport, Upgrader } from '@libp2p/interface'
import { type MemoryTransportComponents, memory } from '@libp2p/memory'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { upgradingOutbound } from './delayed.ts'

const TCP = /^\/ip4\/127\.0\.0\.1\/tcp\/(\d+)/

/** Where the peer of a number listens. */
export function addressOfNumber(number: number): string {
  return `/ip4/127.0.0.1/tcp/${number + 1}`
}

/** `network` names one network of this process: another's peers are out of reach. */
export function memoryNetwork(network: string): (components: MemoryTransportComponents) => Transport {
  const nameOf = (address: Multiaddr) => multiaddr(`/memory/${network}-${portOf(address)}`)
  return components => {
    const transport = memory()(components)
    const { dial, createListener } = transport
    transport.listenFilter = addresses => addresses.filter(address => portOf(address) !== undefined)
    transport.dialFilter = transport.listenFilter
    transport.dial = (address, options) =>
      dial.call(transport, nameOf(address), {
        ...options,
        upgrader: upgradingOutbound(options.upgrader, connection => at(connection, address))
      })
    transport.createListener = options => {
      const listener = createListener.call(transport, {
        ...options,
        upgrader: upgradingInbound(options.upgrader)
      })
      return named(listener, nameOf)
    }
    return transport
  }
}

function named(listener: Listener, nameOf: (address: Multiaddr) => Multiaddr): Listener {
  const { listen } = listener
  let own: Multiaddr[] = []
  listener.listen = address => {
    own = [address]
    return listen.call(listener, nameOf(address))
  }
  listener.getAddrs = () => own
  return listener
}

/** Who calls has an address of this machine, as over TCP, and a port of no meaning. */
function upgradingInbound(upgrader: Upgrader): Upgrader {
  const upgradeInbound: Upgrader['upgradeInbound'] = (
    connection: MultiaddrConnection,
    options: Parameters<Upgrader['upgradeInbound']>[1]
  ) => upgrader.upgradeInbound(at(connection, multiaddr('/ip4/127.0.0.1/tcp/65535')), options)
  return Object.create(upgrader, { upgradeInbound: { value: upgradeInbound } })
}

function at(connection: MultiaddrConnection, address: Multiaddr): MultiaddrConnection {
  connection.remoteAddr = address
  return connection
}

function portOf(address: Multiaddr): string | undefined {
  return TCP.exec(`${address}`)?.[1]
}
