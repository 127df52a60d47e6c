/** Whether others can call this node, and how it is known: never more than was seen. */

import { isLoopback, isPublic } from '@servent/libp2p-host'
import type { Config } from './config.ts'
import type { NodeStatus } from './types.ts'

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
