/** Whether others can call this node, and how it is known: never more than was seen. */

import type { Libp2pEvents, TypedEventTarget } from '@libp2p/interface'
import { type HostComponents, isCircuit, isLoopback, isPublic, isRelayed } from '@servent/libp2p-host'
import type { Config } from './config.ts'
import type { NodeStatus } from './types.ts'

/** Looks out for a peer that calls from a public address: then this node can be reached from outside. */
export class OutsideCalls {
  seen = false

  constructor(
    events: Pick<TypedEventTarget<Libp2pEvents>, 'addEventListener'>,
    addresses: () => readonly string[]
  ) {
    events.addEventListener('connection:open', ({ detail }) => {
      const from = detail.remoteAddr.toString()
      if (detail.direction !== 'inbound' || isRelayed(detail) || !isPublic(from)) return
      // Another node of this machine calls from an address of this machine.
      if (!addresses().some(address => ipOf(address) === ipOf(from))) this.seen = true
    })
  }
}

const ipOf = (address: string): string => address.split('/').slice(1, 3).join('/')

/**
 * Whether others have to ask this node to call them. It is so where it takes no calls, and where it speaks with the
 * Internet from private addresses alone, which is behind a router, and nobody out there has ever called. On a private
 * network all can call each other.
 */
export function isFirewalled(
  { noInbound }: Pick<Config, 'noInbound'>,
  { addressManager, connectionManager }: Pick<HostComponents, 'addressManager' | 'connectionManager'>,
  calls: OutsideCalls
): boolean {
  if (noInbound) return true
  if (calls.seen) return false
  const own = addressManager.getAddresses()
  if (own.some(address => isPublic(address.toString()) && !isCircuit(address))) return false
  return connectionManager
    .getConnections()
    .some(connection => !isRelayed(connection) && isPublic(connection.remoteAddr.toString()))
}

export function reachability(
  config: Config,
  addresses: readonly string[],
  calledFromOutside: boolean,
  relays: readonly string[]
): NodeStatus['reachability'] {
  if (!calledFromOutside && relays.length > 0) {
    const own = config.noInbound ? 'It refuses every inbound connection (no-inbound), and is' : 'It is'
    const names = relays.map(relay => `…${relay.slice(-6)}`).join(' and ')
    return {
      kind: 'relayed',
      why: `${own} called over ${relays.length === 1 ? 'the relay' : 'the relays'} ${names}.`
    }
  }
  if (config.noInbound) {
    return {
      kind: 'refused',
      why: 'This node refuses every inbound connection (no-inbound). Others get its files by asking it to call them; with a relay among its peers, also those whom it cannot call.'
    }
  }
  if (calledFromOutside) return { kind: 'public', why: 'A peer with a public address has called this node.' }
  if (addresses.length === 0) return { kind: 'refused', why: 'This node listens on no address.' }
  if (addresses.every(address => isLoopback(address))) {
    return { kind: 'local', why: 'It listens on loopback addresses: only this machine can call it.' }
  }
  if (!addresses.some(isPublic)) {
    return {
      kind: 'private',
      why: 'Its addresses are private: peers on the same network can call it. To be reached from outside, forward its port and set announce.'
    }
  }
  return { kind: 'unknown', why: 'It has a public address, and nobody from outside has called yet.' }
}
