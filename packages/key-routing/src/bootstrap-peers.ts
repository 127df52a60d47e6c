/** Peers of a user's choice by whom a network is joined, as texts. */
import type { PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { BootstrapPeer } from './service-types.ts'
import { BOOTSTRAP_PEERS_MAX } from './structured-constants.ts'

/**
 * Addresses of the first `BOOTSTRAP_PEERS_MAX` peers that are named, and of this peer itself.
 *
 * @throws RangeError  an address has no `/p2p`
 * @throws Error       one is no multiaddr
 */
export function bootstrapPeers(addresses: readonly string[], self: PeerId): BootstrapPeer[] {
  const all = addresses.map(bootstrapOf)
  const others = all.map(({ peerId }) => `${peerId}`).filter(name => name !== `${self}`)
  const first = [...new Set(others)].slice(0, BOOTSTRAP_PEERS_MAX)
  return all.filter(({ peerId }) => first.includes(`${peerId}`) || peerId.equals(self))
}

function bootstrapOf(text: string): BootstrapPeer {
  const address = multiaddr(text)
  const last = address.getComponents().at(-1)
  if (last?.name !== 'p2p' || last.value === undefined)
    throw new RangeError(`A bootstrap address ends in /p2p/ and a PeerId, and ${text} does not.`)
  return { peerId: peerIdFromString(last.value), address }
}
